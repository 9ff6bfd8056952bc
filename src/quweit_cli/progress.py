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
    def task(
        self,
        name: str,
        total: int | None = None,
        done: int = 0,
        *,
        seconds: float | None = None,
        passing: bool = False,
    ) -> Iterator[Task]:
        """done: steps of `total` that an earlier run did. seconds: after which it ends, whatever is done by then.

        passing: nothing is left of it when it is over.
        """
        yield Task()

    def note(self, message: str) -> None:
        """One line that stays on the terminal."""


SILENT = Progress()


class Passing(Progress):
    """Tells of something while it is at work, such as each of many trainings, and leaves nothing of it behind."""

    def __init__(self, whole: Progress) -> None:
        self.whole = whole

    @contextlib.contextmanager
    def task(
        self,
        name: str,
        total: int | None = None,
        done: int = 0,
        *,
        seconds: float | None = None,
        passing: bool = True,
    ) -> Iterator[Task]:
        with self.whole.task(name, total, done, seconds=seconds, passing=True) as task:
            yield task


class Lines(Progress):
    """For a log: a line when a task is done, and one when nothing was told for half a minute.

    write: takes a line.
    """

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.write, self.clock = write, clock
        self.tasks: list[Counted] = []
        self.started = self.told_at = clock()

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
        counted = Counted(name, total, done, self.clock(), seconds)
        self.tasks.append(counted)
        try:
            yield counted
        finally:
            self.tasks.remove(counted)
        if not passing:
            self.note(f"  {name} ({self.clock() - counted.started:.1f} s)")

    def note(self, message: str) -> None:
        self.told_at = self.clock()
        self.write(message)

    def look(self) -> None:
        """Tell how far each task within another is, if it is time."""
        now = self.clock()
        if now - self.told_at >= TELL_SECONDS:
            open_tasks = list(self.tasks)
            told = "; ".join(task.line(now) for task in open_tasks)
            self.note(f"  {told or f'at work, {_minutes(now - self.started)} gone'}")

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


class Counted(Task):
    """A task whose steps are counted. started: by the clock that `now` is of."""

    def __init__(
        self, name: str, total: int | None, done: int, started: float, seconds: float | None = None
    ) -> None:
        self.name, self.total, self.started, self.seconds = name, total, started, seconds
        self.begun = self.done = done
        self.figures: dict[str, float] = {}

    def advance(self, steps: int = 1, **figures: float) -> None:
        self.done += steps
        self.figures |= figures

    def line(self, now: float) -> str:
        """Such as `train dense: 120 of 500, loss 1.471, 4 a second, 0:30 gone, 1:35 left`."""
        known = f"{self.done:,} of {self.total:,}" if self.total is not None else f"{self.done:,} done"
        parts = [known] if self.total is not None or self.done else []
        parts += [shown(name, value) for name, value in self.figures.items()]
        parts += [self.rate(now), f"{_minutes(now - self.started)} gone", self.left(now)]
        return f"{self.name}: {', '.join(part for part in parts if part)}"

    def rate(self, now: float) -> str:
        """Of all steps so far, as those of a search take minutes each; nothing before the first."""
        seconds, steps = self._course(now)
        if not steps:
            return ""
        return f"{steps / seconds:,.3g} a second" if steps > seconds else f"{seconds / steps:,.3g} s each"

    def left(self, now: float) -> str:
        """How long still, where that is known."""
        seconds, steps = self._course(now)
        known = [] if self.seconds is None else [max(self.seconds - seconds, 0.0)]
        if steps and self.total is not None:
            known.append(max(self.total - self.done, 0) * seconds / steps)
        return f"{_minutes(min(known))} left" if known else ""

    def _course(self, now: float) -> tuple[float, int]:
        return max(now - self.started, 1e-9), self.done - self.begun


def shown(name: str, value: float) -> str:
    """A figure of a task, such as `loss 1.471`."""
    return f"{name} {value:,.0f}" if value >= 1000 else f"{name} {value:.4g}"


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
