"""The best pieces of all, by dynamic programming over where they start.

For every stretch of codes the best slope and intercept are found among all integers that the format has, by the error of
what the hardware answers, rounded as it rounds. Stretches are then joined, at most as many as asked for. A stretch that is
worse than a bound by itself is in no answer within that bound, so that few pairs are looked at; where a bound has no
answer, one of twice the error is tried. So nothing is left out, and no answer is better.

Shape suffixes: C cells, A pairs of slope and intercept, N pieces.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from quweit_cli.approximation.functions import Reals
from quweit_cli.approximation.problem import Problem
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear

Objective = Literal["squared", "magnitude", "largest"]
POWERS = {"squared": 2, "magnitude": 1}  # of errors that are summed


class _Stretches(NamedTuple):
    """Of the cells from the first to the last, both counted; infinite where none is within the bound."""

    cost_CC: Reals
    slope_CC: Integers
    intercept_CC: Integers


def search(problem: Problem, segments: int, objective: Objective = "squared") -> PiecewiseLinear:
    """At most `segments` pieces of the least sum of errors; or of least largest error, and of these of least squares.

    Raises:
        ValueError: more segments than there are codes to start with.
    """
    if segments > problem.cells:
        raise ValueError(f"{segments} segments, and only {problem.cells} codes to start one with")
    if objective != "largest":
        return _least(problem, segments, np.inf, POWERS[objective])
    bound = problem.format.step / 8
    while (largest := _largest(problem, segments, bound)) is None:
        bound *= 2
    return _least(problem, segments, largest * (1 + 1e-12), POWERS["squared"])


def _least(problem: Problem, segments: int, each: float, power: int) -> PiecewiseLinear:
    """The least sum of powers of errors where no point has an error above `each`."""
    bound = len(problem.points_P) * (problem.format.step / 8) ** power
    while True:
        stretches = _stretches(problem, each, bound, power)
        found = _joined(stretches.cost_CC, segments, np.add)
        if found is not None and found[0] <= bound:
            return _node(problem, stretches, found[1])
        bound *= 2**power


def _largest(problem: Problem, segments: int, bound: float) -> float | None:
    """The least largest error, where it is within the bound."""
    stretches = _stretches(problem, bound, np.inf, None)
    found = _joined(stretches.cost_CC, segments, np.maximum)
    return None if found is None else found[0]


def _stretches(problem: Problem, each: float, bound: float, power: int | None) -> _Stretches:
    """The best pair of every stretch, by the sum of powers of errors, or without a power by the largest error."""
    cells, form = problem.cells, problem.format
    cost_CC = np.full((cells, cells), np.inf)
    slope_CC, intercept_CC = np.zeros((2, cells, cells), dtype=np.int64)
    ends = [*problem.starts_C[1:].tolist(), len(problem.points_P)]
    for first, start in enumerate(problem.starts_C.tolist()):
        slope_A, intercept_A = _pairs(problem, start, min(each, bound ** (1 / (power or 1))))
        aligned_A = intercept_A * 2.0**form.scale_bits
        cost_A: Reals = np.zeros(len(slope_A))
        for last in range(first, cells):
            kept_A = np.ones(len(slope_A), dtype=np.bool_)
            for place in range(int(problem.starts_C[last]), ends[last]):
                sums_A = slope_A * problem.points_P[place] + aligned_A
                error_A = np.abs(form.answers(sums_A) - problem.targets_P[place])
                cost_A = np.maximum(cost_A, error_A) if power is None else cost_A + error_A**power
                kept_A &= error_A <= each
            kept_A &= cost_A <= bound
            slope_A, intercept_A = slope_A[kept_A], intercept_A[kept_A]
            aligned_A, cost_A = aligned_A[kept_A], cost_A[kept_A]
            if not len(cost_A):
                break
            best = int(np.argmin(cost_A))
            cost_CC[first, last] = cost_A[best]
            slope_CC[first, last], intercept_CC[first, last] = slope_A[best], intercept_A[best]
    return _Stretches(cost_CC, slope_CC, intercept_CC)


def _pairs(problem: Problem, place: int, error: float) -> tuple[Integers, Integers]:
    """All slopes, each with every intercept whose answer to this point is within the error, and perhaps a few more."""
    form = problem.format
    least, most = form.coefficients
    target = problem.targets_P[place]
    low, high = target - error - form.step / 2, target + error + form.step / 2
    if form.answer_bits is not None:  # beyond a clamp all sums answer the same
        low = -np.inf if form.answer_range[0] * form.step >= low else low
        high = np.inf if form.answer_range[1] * form.step <= high else high
    slope_S = np.arange(least, most + 1)
    rest_S = slope_S * problem.points_P[place]
    first_S, last_S = (
        np.clip(rounded((end * 2.0**form.sum_bits - rest_S) * 2.0**-form.scale_bits), least - 1, most + 1)
        for end, rounded in ((low, np.ceil), (high, np.floor))
    )
    first_S, last_S = np.maximum(first_S, least).astype(np.int64), np.minimum(last_S, most).astype(np.int64)
    count_S = np.maximum(last_S - first_S + 1, 0)
    slope_A = np.repeat(slope_S, count_S)
    offset_A = np.arange(len(slope_A)) - np.repeat(np.cumsum(count_S) - count_S, count_S)
    return slope_A, np.repeat(first_S, count_S) + offset_A


def _joined(cost_CC: Reals, segments: int, join: np.ufunc) -> tuple[float, list[int]] | None:
    """The least cost of at most so many stretches that cover all cells, and the first cell of each; None where none do."""
    cells = len(cost_CC)
    reached_C = np.full(cells + 1, np.inf)  # cost of the cells before
    reached_C[0] = 0.0
    came_from, totals = [], []
    for _ in range(segments):
        through_CC = join(reached_C[:-1, None], cost_CC)
        came_from.append(np.argmin(through_CC, axis=0))
        reached_C = np.concatenate([[np.inf], through_CC.min(axis=0)])
        totals.append(reached_C[-1])
    if not np.isfinite(min(totals)):
        return None
    count = int(np.argmin(totals))  # the fewest that are as good
    firsts: list[int] = []
    last = cells - 1
    for step in reversed(range(count + 1)):
        first = int(came_from[step][last])
        firsts.insert(0, first)
        last = first - 1
    return float(totals[count]), firsts


def _node(problem: Problem, stretches: _Stretches, firsts: list[int]) -> PiecewiseLinear:
    lasts = [*(first - 1 for first in firsts[1:]), problem.cells - 1]
    return problem.node(
        firsts,
        [int(stretches.slope_CC[one]) for one in zip(firsts, lasts, strict=True)],
        [int(stretches.intercept_CC[one]) for one in zip(firsts, lasts, strict=True)],
    )
