"""Which of the processes that torchrun started this one is; known without torch."""

from __future__ import annotations

import os


def rank() -> int:
    return int(os.environ.get("RANK", "0"))


def first() -> bool:
    """The first process alone writes files and prints; a process on its own is the first."""
    return rank() == 0
