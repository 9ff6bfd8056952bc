"""How a stage tells what it is doing, without knowing a terminal: silent, or in lines; console.py draws bars."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

TELL_SECONDS = 30.0  # the longest silence in a log
LOOK_SECONDS = 1.0


class Task:
    """A piece of work with a known or unknown number of steps."""

    def advance(self, steps: int = 1, **figures: float) -> None:
        """`figures` are shown beside the bar, such as loss=1.47."""


class Progress:
    """The silent one; stages take it as their default."""

    @contextlib.contextmanager
    def task(self, name: str, total: int | None = None, done: int = 0) -> Iterator[Task]:
        """done: steps of `total` that an earlier run did."""
        yield Task()

    def note(self, message: str) -> None:
        """One line that stays on the terminal."""


SILENT = Progress()


class Lines(Progress):
    """For a log: a line when a task is done, and one when nothing was told for half a minute.

    write: takes a line.
    """

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.write, self.clock = write, clock
        self.tasks: list[_Counted] = []
        self.started = self.told_at = clock()

    @contextlib.contextmanager
    def task(self, name: str, total: int | None = None, done: int = 0) -> Iterator[Task]:
        counted = _Counted(name, total, done, self.clock())
        self.tasks.append(counted)
        try:
            yield counted
        finally:
            self.tasks.remove(counted)
        self.note(f"  {name} ({self.clock() - counted.started:.1f} s)")

    def note(self, message: str) -> None:
        self.told_at = self.clock()
        self.write(message)

    def look(self) -> None:
        """Tell how far the innermost task is, if it is time."""
        now = self.clock()
        if now - self.told_at >= TELL_SECONDS:
            open_tasks = list(self.tasks)
            self.note(
                open_tasks[-1].line(now) if open_tasks else f"  at work, {_minutes(now - self.started)} gone"
            )

    @contextlib.contextmanager
    def watched(self, every: float = LOOK_SECONDS) -> Iterator[None]:
        """Within: `look`ed at by a thread, since what takes long may tell nothing itself."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(every):
                self.look()

        thread = threading.Thread(target=watch, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


class _Counted(Task):
    def __init__(self, name: str, total: int | None, done: int, started: float) -> None:
        self.name, self.total, self.started = name, total, started
        self.begun = self.done = done
        self.figures: dict[str, float] = {}

    def advance(self, steps: int = 1, **figures: float) -> None:
        self.done += steps
        self.figures |= figures

    def line(self, now: float) -> str:
        """Such as `  train dense: 120 of 500, loss 1.471, 4 a second, 0:30 gone, 1:35 left`."""
        seconds, steps = max(now - self.started, 1e-9), self.done - self.begun
        parts = [] if self.total is None else [f"{self.done:,} of {self.total:,}"]
        parts += [shown(name, value) for name, value in self.figures.items()]
        if steps:
            parts.append(
                f"{steps / seconds:,.3g} a second" if steps > seconds else f"{seconds / steps:,.3g} s each"
            )
        parts.append(f"{_minutes(seconds)} gone")
        if steps and self.total is not None:
            parts.append(f"{_minutes((self.total - self.done) * seconds / steps)} left")
        return f"  {self.name}: {', '.join(parts)}"


def shown(name: str, value: float) -> str:
    """A figure of a task, such as `loss 1.471`."""
    return f"{name} {value:,.0f}" if value >= 1000 else f"{name} {value:.4g}"


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
