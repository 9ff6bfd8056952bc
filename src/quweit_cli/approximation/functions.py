"""Functions that are approximated: those of transformers by name, and any other as a table of samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Scaled:
    """`f(x * 2^step) = f(x) * 2^-answer_step`, so that one range of `step` bits gives all others."""

    step: int
    answer_step: int


@dataclass(frozen=True)
class Function:
    """A function of one real number, and the range on which it is approximated unless another is asked for."""

    name: str
    formula: str
    evaluate: Callable[[Reals], Reals]
    low: float
    high: float
    scaled: Scaled | None = None  # where wide inputs have their range scaled

    def at(self, x: Reals) -> Reals:
        """Its values.

        Raises:
            ValueError: it is not finite at one of them, or not known there.
        """
        with np.errstate(all="ignore"):
            y = np.asarray(self.evaluate(x), dtype=np.float64)
        if not np.isfinite(y).all():
            where = float(x[~np.isfinite(y)][0])
            raise ValueError(f"it is not finite, or not known, at {where:g}")
        return y


def sampled(name: str, x: Reals, y: Reals) -> Function:
    """The lines between samples, whose x ascend.

    Raises:
        ValueError: fewer than two samples, or x that do not ascend.
    """
    if len(x) < 2:
        raise ValueError(f"{len(x)} samples, and a line needs two")
    if not (np.diff(x) > 0).all():
        place = int(np.argmin(np.diff(x) > 0))
        raise ValueError(f"samples must ascend: {x[place]:g} stands before {x[place + 1]:g}")
    low, high = float(x[0]), float(x[-1])

    def between(points: Reals) -> Reals:
        return np.asarray(np.interp(points, x, y, left=math.nan, right=math.nan))

    return Function(name, f"lines between {len(x):,} samples", between, low, high)


def _elementwise(function: Callable[[float], float]) -> Callable[[Reals], Reals]:
    return np.vectorize(function, otypes=[np.float64])


_erf: Any = _elementwise(math.erf)


def _sigmoid(x: Reals) -> Reals:
    """Without overflow on either side."""
    small = np.exp(-np.abs(x))
    y: Reals = np.where(x >= 0, 1, small) / (1 + small)
    return y


FUNCTIONS: Mapping[str, Function] = {
    one.name: one
    for one in (
        Function("gelu", "x · (1 + erf(x / √2)) / 2", lambda x: x * (1 + _erf(x / math.sqrt(2))) / 2, -4, 4),
        Function("hswish", "x · min(max(x + 3, 0), 6) / 6", lambda x: x * np.clip(x + 3, 0, 6) / 6, -4, 4),
        Function("silu", "x / (1 + exp(-x))", lambda x: x * _sigmoid(x), -4, 4),
        Function("exp", "exp(x)", np.exp, -8, 0),
        Function("reciprocal", "1 / x", lambda x: 1 / x, 0.5, 4, Scaled(3, 3)),
        Function("reciprocal_root", "1 / √x", lambda x: 1 / np.sqrt(x), 0.25, 4, Scaled(4, 2)),
        Function("sigmoid", "1 / (1 + exp(-x))", _sigmoid, -8, 8),
        Function("tanh", "tanh(x)", np.tanh, -4, 4),
    )
}
