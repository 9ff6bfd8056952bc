"""Tables as users bring them: two classes that two columns of numbers and one of categories tell apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

NAMES = ("width", "height", "colour", "shelf", "kind")
Change = Callable[[list[list[str]]], None]  # of the lines, the first of which has the names


def lines(each: int = 12) -> list[list[str]]:
    """Names, then of each class so many rows, in turn."""
    rng = np.random.default_rng(0)
    rows = [
        [
            f"{rng.normal(10 + 4 * label, 1):.2f}",
            f"{rng.normal(-3 * label, 1):.3g}",
            "red" if rng.random() < 0.2 + 0.6 * label else "blue",
            str(rng.integers(3)),
            ("plum", "apple")[label],
        ]
        for label in np.arange(2 * each) % 2
    ]
    return [list(NAMES), *rows]


def write(path: Path, change: Change = lambda found: None, *, each: int = 12, separator: str = ",") -> Path:
    found = lines(each)
    change(found)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(separator.join(line) + "\n" for line in found))
    return path
