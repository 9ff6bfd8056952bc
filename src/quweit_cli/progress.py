"""How a stage tells what it is doing, without knowing a terminal: silent here, drawn by console.py."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class Task:
    """A piece of work with a known or unknown number of steps."""

    def advance(self, steps: int = 1, **figures: float) -> None:
        """`figures` are shown beside the bar, such as loss=1.47."""


class Progress:
    """The silent one; stages take it as their default."""

    @contextlib.contextmanager
    def task(self, name: str, total: int | None = None) -> Iterator[Task]:
        yield Task()

    def note(self, message: str) -> None:
        """One line that stays on the terminal."""


SILENT = Progress()
