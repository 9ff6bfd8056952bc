"""The project's own verdict on a mutant: what `quweit sim` says of a package with that change."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from mutation.mutant import Mutant
from mutation.schema import combined
from quweit_cli import config
from quweit_cli.errors import CheckFailed, ToolFailed
from quweit_cli.simulators import SIMULATORS, Bench, Simulator
from quweit_cli.stages import sim
from quweit_cli.toolbox import Found

FEW_ROWS = 24  # compared first: most mutants differ in one of them, and then in all rows, too


class Verdict(Enum):
    FOUND = "found"
    EQUAL = "equal"
    REFUSED = "does not compile"
    UNTOLD = "the bench could not tell"


@dataclass
class Watched:
    """A simulator that remembers whether it refused to build, and builds a bench once where `once` is given."""

    inner: Simulator
    name: str
    number: int | None = None
    once: Path | None = None
    refused: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.tool = self.inner.tool

    def build(self, found: Found, bench: Bench, folder: Path) -> None:
        try:
            if self.once is None:
                self.inner.build(found, bench, folder)
                return
            with self.lock:
                place = self._place(bench)
                if not place.is_dir():
                    place.mkdir(parents=True)
                    self.inner.build(found, bench, place)
        except ToolFailed:
            self.refused = True
            raise

    def command(self, bench: Bench, folder: Path) -> list[str]:
        words = self.inner.command(bench, folder if self.once is None else self._place(bench))
        return words if self.number is None else [*words, f"+mutant={self.number}"]

    def _place(self, bench: Bench) -> Path:
        assert self.once is not None
        return self.once / bench.top


def judge(
    project: Path, block: str, tool: Watched, *, all_rows: int | None = None
) -> Verdict:
    """Few rows first; all of them, or as many as `all_rows`, when those are equal."""
    SIMULATORS[tool.name] = tool
    for rows in (FEW_ROWS, all_rows):
        chosen = config.Sim(simulators=(tool.name,), rows={} if rows is None else {tool.name: rows})
        try:
            sim.run(project, chosen, only=(block,))
        except CheckFailed:  # a Mismatch is one
            return Verdict.FOUND
        except ToolFailed:
            return Verdict.REFUSED if tool.refused else Verdict.UNTOLD
    return Verdict.EQUAL


def judge_alone(
    project: Path, block: str, mutant: Mutant, simulator: str, scratch: Path, all_rows: int | None = None
) -> Verdict:
    """One mutant in a copy of the project, built for itself."""
    with copy_of(project, scratch / f"alone-{threading.get_ident()}") as copy:
        rewrite(copy / "rtl" / mutant.file, mutant.apply((copy / "rtl" / mutant.file).read_text()))
        tool = Watched(SIMULATORS[simulator], f"{simulator}-{threading.get_ident()}")
        return judge(copy, block, tool, all_rows=all_rows)


class Together:
    """Mutants of one block in one build of Verilator; each is judged by its number."""

    def __init__(self, project: Path, block: str, mutants: list[Mutant], scratch: Path) -> None:
        self.block, self.mutants, self.scratch = block, mutants, scratch
        self.project = scratch / "together"
        shutil.copytree(project, self.project, copy_function=os.link)
        files = {mutant.file for mutant in mutants}
        for name in files:
            path = self.project / "rtl" / name
            numbered = [(n, one) for n, one in enumerate(mutants, 1) if one.file == name]
            rewrite(path, QUIET + combined(path.read_text(), numbered))
        self.lock = threading.Lock()

    def judge(self, number: int) -> Verdict:
        """Mutant `number`, from 1; 0 is the original."""
        tool = Watched(
            SIMULATORS["verilator"], f"verilator-{self.scratch.name}-{number}", number, self.scratch / "builds", lock=self.lock
        )
        with copy_of(self.project, self.scratch / f"copy-{number}") as copy:
            return judge(copy, self.block, tool)


# Of a choice of expressions Verilator has much to say; that it says nothing of the original is another test.
QUIET = "/* verilator lint_off WIDTH */ /* verilator lint_off UNUSED */ /* verilator lint_off UNDRIVEN */\n"


@contextmanager
def copy_of(project: Path, place: Path) -> Iterator[Path]:
    """A project whose files are those of another; a file that is rewritten becomes one of its own."""
    shutil.copytree(project, place, copy_function=os.link)
    try:
        yield place
    finally:
        shutil.rmtree(place)


def rewrite(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)
