"""What is worth a look: that which nothing else beats. Foldings of a block, and trials of a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from quweit_cli.documents import FrontPoint

Anything = TypeVar("Anything")


def undominated(points: Sequence[FrontPoint]) -> list[FrontPoint]:
    """Those to which no other is equal or better in LUTs and in cycles; fewest cycles first."""
    return front(points, lambda point: (point.sample_cycles, point.luts))


def front(points: Sequence[Anything], figures: Callable[[Anything], tuple[float, ...]]) -> list[Anything]:
    """Those to which no other is equal or better in every figure; of equal ones the first. The least of the first figure comes first.

    figures: of a point, each the better the smaller.
    """
    best: list[Anything] = []
    for point in sorted(points, key=figures):  # what beats a point comes before it
        if not any(_as_good(figures(other), figures(point)) for other in best):
            best.append(point)
    return best


def _as_good(these: tuple[float, ...], those: tuple[float, ...]) -> bool:
    return all(this <= that for this, that in zip(these, those, strict=True))
