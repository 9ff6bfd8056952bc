"""Which foldings of a block are worth a look: those that no other beats."""

from __future__ import annotations

from collections.abc import Sequence

from quweit_cli.documents import FrontPoint


def undominated(points: Sequence[FrontPoint]) -> list[FrontPoint]:
    """Those to which no other is equal or better in LUTs and in cycles, and better in one; fewest cycles first."""
    best: list[FrontPoint] = []
    for point in sorted(points, key=lambda one: (one.sample_cycles, one.luts)):
        if not best or point.luts < best[-1].luts:
            best.append(point)
    return best
