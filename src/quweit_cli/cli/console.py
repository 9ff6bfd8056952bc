"""What a person sees: progress bars and notes on stderr, tables on stdout, errors in plain words.

Data goes to stdout and nothing else does, so that every command can be piped. Colour is an
ornament: all is readable without it, and NO_COLOR switches it off.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Iterable, Iterator

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bars
from rich.progress import Task as Row
from rich.table import Column, Table
from rich.text import Text

from quweit_cli.errors import QuweitError
from quweit_cli.interrupts import Terminated
from quweit_cli.progress import SILENT, Counted, Lines, Progress, Task, shown
from quweit_cli.report.numbers import text
from quweit_cli.report.table_layout import laid_out
from quweit_cli.training import ranks

EXIT_FILES = 2  # as ArtifactError
EXIT_MACHINE = 3  # a resource of this machine, as a tool is
EXIT_BUG = 70  # EX_SOFTWARE of sysexits.h
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells count
EXIT_TERMINATED = 143  # 128 + SIGTERM
ABSENT = "-"
WIDTH_OF_PIPES = 200
WHOLE = "every artefact is whole, or absent"
AGAIN = "run the same command again for what is missing"


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn what the body raises into a message on stderr and an exit code."""
    try:
        yield
    except (SystemExit, BrokenPipeError):
        raise
    except BaseException as error:
        if os.environ.get("QUWEIT_TRACEBACK"):
            traceback.print_exc()
        message, hint, code = _explain(error)
        if isinstance(error, KeyboardInterrupt) and not ranks.first():
            raise SystemExit(code) from None  # torchrun's first process tells it
        if code == EXIT_BUG and not os.environ.get("QUWEIT_TRACEBACK"):
            hint = "this is a bug in quweit; run again with QUWEIT_TRACEBACK=1 to see where, and report it"
        print_error(message, hint)
        raise SystemExit(code) from None


def print_error(message: str, hint: str | None = None) -> None:
    """`error: ...`, and the hint on a line of its own after a blank one."""
    stderr = _stderr()
    stderr.print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)
    if hint:
        stderr.print()
        stderr.print(Text.assemble(("hint: ", "bold cyan"), hint), soft_wrap=True)


def print_json(text: str) -> None:
    sys.stdout.write(text + "\n")


def print_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table on stdout; numbers to the right, a figure that is absent as a dash.

    Columns that do not fit beside one another follow below, after the first one again.
    """
    headings = list(columns)
    cells = [[text(value, absent=ABSENT) for value in row] for row in rows]
    stdout = _stdout()
    if title:
        stdout.print(Text(title, style="bold"))
    for places, widths in laid_out(headings, cells, stdout.width):
        table = Table(
            box=box.SIMPLE_HEAD, header_style="bold", show_edge=False, pad_edge=False, padding=(0, 1, 0, 0)
        )
        for place, width in zip(places, widths, strict=True):
            numeric = all(_is_numeric(row[place]) for row in cells)
            table.add_column(
                headings[place], justify="right" if numeric else "left", overflow="fold", width=width
            )
        for row in cells:
            table.add_row(*(row[place] for place in places))
        stdout.print()
        stdout.print(table)
    stdout.print()


def print_note(mark: str, note: str) -> None:
    """A sentence under a table, its further lines indented."""
    indent = " " * (len(mark) + 1)
    for line in textwrap.wrap(note, max(_stdout().width - len(indent), 20), break_on_hyphens=False):
        _stdout().print(f"{mark} {line}", soft_wrap=True)
        mark = indent[:-1]


def print_line(line: str) -> None:
    _stdout().print(line, soft_wrap=True)


@contextlib.contextmanager
def telling(*, quiet: bool) -> Iterator[Progress]:
    """How a command tells its progress on stderr: not at all, in bars, or in lines where there is no terminal."""
    if quiet:
        yield SILENT
        return
    progress = TerminalProgress()
    if progress.lines is None:
        yield progress
        return
    with progress.lines.watched():
        yield progress


class TerminalProgress(Progress):
    """Bars while something runs on a terminal; lines elsewhere, as in a CI log."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = _stderr(), clock
        self.lines = None if self._console.is_terminal else Lines(self._print, clock)
        self._bars: Bars | None = None
        self._depth = 0

    @contextlib.contextmanager
    def task(
        self,
        name: str,
        total: int | None = None,
        done: int = 0,
        *,
        seconds: float | None = None,
        passing: bool = False,
    ) -> Iterator[Task]:
        if self.lines is not None:
            with self.lines.task(name, total, done, seconds=seconds, passing=passing) as counted:
                yield counted
            return
        bars = self._open()
        bar = _Bar(bars, name, total, done, self._clock(), seconds)
        try:
            yield bar
        finally:
            bars.remove_task(bar.identity)
            self._close()

    def note(self, message: str) -> None:
        (self._print if self.lines is None else self.lines.note)(message)

    def _print(self, message: str) -> None:
        self._console.print(message, soft_wrap=True)

    def _open(self) -> Bars:
        """Tasks may nest; one live display serves them all."""
        if self._bars is None:
            whole = functools.partial(
                Column, no_wrap=True
            )  # where there is little room, bar and figures give way
            self._bars = Bars(
                TextColumn("{task.description}", table_column=whole()),
                BarColumn(),
                MofNCompleteColumn(table_column=whole()),
                TimeElapsedColumn(table_column=whole()),
                _Pace(self._clock),
                _Figures(),
                console=self._console,
                get_time=self._clock,
                transient=True,
            )
            self._bars.start()
        self._depth += 1
        return self._bars

    def _close(self) -> None:
        self._depth -= 1
        if self._depth == 0 and self._bars is not None:
            self._bars.stop()
            self._bars = None


class _Bar(Counted):
    """A task, and its row among the bars."""

    def __init__(
        self, bars: Bars, name: str, total: int | None, done: int, started: float, seconds: float | None
    ) -> None:
        super().__init__(name, total, done, started, seconds)
        self._bars = bars
        self.identity: TaskID = bars.add_task(name, total=total, completed=done, counted=self)

    def advance(self, steps: int = 1, **figures: float) -> None:
        super().advance(steps, **figures)
        self._bars.update(self.identity, completed=self.done)


class _Figures(ProgressColumn):
    """Such as the loss, on one line."""

    def render(self, task: Row) -> Text:
        counted: Counted = task.fields["counted"]
        said = "  ".join(shown(*one) for one in counted.figures.items())
        return Text(said, no_wrap=True, overflow="ellipsis")


class _Pace(ProgressColumn):
    """Rate and time left, as a log tells them: rich counts the last half minute, in which a search takes no step."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(Column(no_wrap=True))
        self._clock = clock

    def render(self, task: Row) -> Text:
        counted: Counted = task.fields["counted"]
        now = self._clock()
        return Text(", ".join(part for part in (counted.rate(now), counted.left(now)) if part))


def _explain(error: BaseException) -> tuple[str, str | None, int]:
    """Message, hint and exit code."""
    match error:
        case QuweitError():
            return error.message, error.hint, error.exit_code
        case KeyboardInterrupt():
            said = "; ".join(getattr(error, "__notes__", [AGAIN]))  # by the stage that knows what is saved
            if isinstance(error, Terminated):
                return "terminated", f"{WHOLE}; {said}", EXIT_TERMINATED
            return "interrupted", f"{WHOLE}; {said}", EXIT_INTERRUPTED
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            place = f" while writing `{error.filename}`" if error.filename else ""
            return f"the disk is full{place}", f"free some space; {WHOLE}; {AGAIN}", EXIT_FILES
        case OSError(filename=str() as name, strerror=str() as reason):
            return f"`{name}`: {reason}", None, EXIT_FILES
        case _:
            return _explain_unforeseen(error)


def _explain_unforeseen(error: BaseException) -> tuple[str, str | None, int]:
    # torch raises its own OutOfMemoryError; it cannot be named here without importing torch
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory", "a smaller `training.batch_size` needs less of it", EXIT_MACHINE
    return f"{type(error).__name__}: {error}", None, EXIT_BUG


def _stderr() -> Console:
    return Console(stderr=True, highlight=False, markup=False)


def _stdout() -> Console:
    """A pipe has no width to fit into, unless COLUMNS says one."""
    stdout = Console(highlight=False, markup=False)
    if not stdout.is_terminal and "COLUMNS" not in os.environ:
        stdout.width = WIDTH_OF_PIPES
    return stdout


def _is_numeric(cell: str) -> bool:
    return cell == ABSENT or re.fullmatch(r"-?[\d,.]+ ?[x%]?", cell) is not None
