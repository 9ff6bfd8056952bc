"""Which trials of a front come first when only a few can be measured."""

from __future__ import annotations

import math
from collections.abc import Sequence

from quweit_cli.documents import SearchTrial


def nearest_to_ideal(front: Sequence[SearchTrial]) -> list[SearchTrial]:
    """The same trials, those first that give up least for all three figures together.

    The ideal has the least loss, LUTs and energy of the front. A figure counts from 0 there to 1 at the greatest of the
    front; LUTs and energy by their logarithms, as they differ by powers.
    """
    points = [_point(trial) for trial in front]
    low, high = ([end(values) for values in zip(*points, strict=True)] for end in (min, max))
    far = {
        trial.number: sum(
            ((value - least) / (most - least)) ** 2
            for value, least, most in zip(point, low, high, strict=True)
            if most > least
        )
        for trial, point in zip(front, points, strict=True)
    }
    return sorted(front, key=lambda trial: (far[trial.number], trial.number))


def _point(trial: SearchTrial) -> tuple[float, float, float]:
    loss, luts, energy_uj = trial.figures
    return loss, math.log(luts), math.log(energy_uj)
