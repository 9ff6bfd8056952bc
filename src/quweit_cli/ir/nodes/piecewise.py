"""A function of one number in pieces: on each a slope and an intercept, all integers; and ranges scaled for wide inputs.

What the pieces are is searched elsewhere (approximation/); here is what they compute.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from quweit_cli.ir.cost import Cost
from quweit_cli.ir.nodes.base import (
    Integer,
    Integers,
    Record,
    Row,
    StepRecord,
    integers,
    is_absent,
    require,
    require_int64,
)
from quweit_cli.ir.types import TensorType, bits_of_range

MOST_PIECES = 256
MOST_SHIFT = 62
Few = Annotated[list[Integer], Field(max_length=MOST_PIECES - 1)]


@dataclass(frozen=True)
class RangeScaling:
    """For functions of which `f(x * 2^-step) = f(x) * 2^answer_step`, such as 1/x and 1/sqrt(x).

    An input has e whole `step`s below its leading one. It is brought to `window` bits, of which the leading one is among
    the highest `step`, and what the pieces answer is shifted down by e times `answer_step`.
    """

    window: int
    step: int
    answer_step: int

    def __post_init__(self) -> None:
        require(
            1 <= self.step <= self.window <= 31, f"steps of {self.step} bits in a window of {self.window}"
        )
        require(0 <= self.answer_step <= self.step, f"an answer of {self.answer_step} bits a step")

    def steps(self, x: Integers) -> Integers:
        """Of each input; one below 1 counts as 1."""
        above = np.maximum(x, 1)
        high = above >> 31  # floating point is exact below 2^53
        bits = np.where(
            high > 0, np.frexp(high.astype(np.float64))[1] + 31, np.frexp(above.astype(np.float64))[1]
        )
        exponents: Integers = (bits.astype(np.int64) - 1) // self.step
        return exponents

    def brought(self, x: Integers) -> Integers:
        """Each input in the window."""
        down = self.step * self.steps(x) - (self.window - self.step)
        scaled: Integers = (np.maximum(x, 1) << np.maximum(-down, 0)) >> np.maximum(down, 0)
        return scaled

    def most_steps(self, high: int) -> int:
        return (max(high, 1).bit_length() - 1) // self.step


@dataclass(frozen=True, eq=False)
class PiecewiseLinear:
    """Each element by itself: `slope * x + intercept * 2^align` of its piece, shifted with rounding, clamped.

    A shift above 0 is down, one below 0 up.

    breakpoints_M: int64, ascending; each is the first input of a piece. slopes_N, intercepts_N: of N = M + 1 pieces.
    scaling: of wide inputs; pieces and breakpoints are those of the window then.
    """

    breakpoints_M: Integers
    slopes_N: Integers
    intercepts_N: Integers
    align: int
    shift: int
    low: int
    high: int
    scaling: RangeScaling | None = None

    def __post_init__(self) -> None:
        pieces = len(self.slopes_N)
        require(1 <= pieces <= MOST_PIECES, f"1 ... {MOST_PIECES} pieces, not {pieces}")
        counts = (len(self.breakpoints_M), len(self.intercepts_N))
        require(counts == (pieces - 1, pieces), "a slope and an intercept a piece, a breakpoint between two")
        require(bool((np.diff(self.breakpoints_M) > 0).all()), "breakpoints must ascend")
        for name, shift, least in (("align", self.align, 0), ("shift", self.shift, -MOST_SHIFT)):
            require(least <= shift <= MOST_SHIFT, f"{name} {shift} is not within {least} ... {MOST_SHIFT}")
        require(self.low < self.high, f"every output is constant: {self.low} ... {self.high}")

    @property
    def word_bits(self) -> int:
        """Of a slope or an intercept, whichever needs more, signed."""
        both = np.concatenate([self.slopes_N, self.intercepts_N])
        return bits_of_range(min(int(both.min()), -1), int(both.max()))

    def evaluate(self, x_RD: Integers) -> Integers:
        return self.rounded(*self.sums(x_RD))

    def sums(self, x_RD: Integers) -> tuple[Integers, Integers]:
        """Slope times input and intercept, and the shift of each."""
        shift_RD = np.full_like(x_RD, self.shift)
        if self.scaling is not None:
            shift_RD += self.scaling.answer_step * self.scaling.steps(x_RD)
            x_RD = self.scaling.brought(x_RD)
        piece_RD = self.pieces(x_RD)
        return self.slopes_N[piece_RD] * x_RD + (self.intercepts_N[piece_RD] << self.align), shift_RD

    def rounded(self, sum_RD: Integers, shift_RD: Integers) -> Integers:
        """Sums as answers: shifted with rounding, and clamped."""
        up_RD, down_RD = np.maximum(-shift_RD, 0), np.maximum(shift_RD, 0)
        half_RD = (np.int64(1) << down_RD) >> 1
        clamped_RD: Integers = np.clip(((sum_RD << up_RD) + half_RD) >> down_RD, self.low, self.high)
        return clamped_RD

    def pieces(self, x: Integers | np.int64) -> Integers:
        """Which piece answers each input, of the window where ranges are scaled."""
        found: Integers = np.searchsorted(self.breakpoints_M, x, side="right")
        return found

    def output_type(self, x: TensorType) -> TensorType:
        answers = []
        for low, high, stride, shift in self._ranges(x):
            up, down = max(-shift, 0), max(shift, 0)
            half = 1 << down >> 1
            for first, last, slope, intercept in self._ends(low, high, stride):
                largest = (abs(slope) * max(-first, last) + abs(intercept) << up) + half
                require_int64(largest, "a sum of slope and intercept")
                answers += [((slope * end + intercept << up) + half) >> down for end in (first, last)]
        clamped = [min(max(one, self.low), self.high) for one in answers]
        return TensorType(x.features, min(clamped), max(clamped), x.outer)

    def _ranges(self, x: TensorType) -> Iterator[tuple[int, int, int, int]]:
        """What the pieces read: lowest, highest, distance between two, and the shift of their answers."""
        scaling = self.scaling
        if scaling is None:
            yield x.low, x.high, 1, self.shift
            return
        require(x.high < 2**31, f"ranges are scaled of inputs below 2^31, not of {x.high}")
        low, high = max(x.low, 1), max(x.high, 1)
        for steps in range(scaling.most_steps(low), scaling.most_steps(high) + 1):
            lowest, highest = (
                max(low, 1 << scaling.step * steps),
                min(high, (2 << scaling.step * steps + scaling.step - 1) - 1),
            )
            up, down = scaling.window - scaling.step, scaling.step * steps
            shift = self.shift + scaling.answer_step * steps
            require(shift <= MOST_SHIFT, f"a shift of {shift}, more than {MOST_SHIFT}")
            yield lowest << up >> down, highest << up >> down, 1 << max(up - down, 0), shift

    def _ends(self, low: int, high: int, stride: int) -> Iterator[tuple[int, int, int, int]]:
        """Of each piece that is read: its first and last input, its slope and its intercept."""
        limits = [low, *(one for one in self.breakpoints_M.tolist() if low < one <= high), high + 1]
        for start, after in itertools.pairwise(limits):
            piece = int(self.pieces(np.int64(start)))
            first = low + -(-(start - low) // stride) * stride
            last = low + (after - 1 - low) // stride * stride
            if first <= last:
                yield first, last, int(self.slopes_N[piece]), int(self.intercepts_N[piece]) << self.align

    def cost(self, x: TensorType) -> Cost:
        """A comparison a breakpoint, a product and a sum an element."""
        rows = (self.breakpoints_M, self.slopes_N, self.intercepts_N)
        stored = sum(row.size * bits_of_range(int(row.min()), int(row.max())) for row in rows if row.size)
        return Cost(
            comparisons=len(self.breakpoints_M) * x.features,
            additions=x.features,
            multiplications=x.features,
            stored_bits=stored,
        ).times(x.rows)

    def record(self, **step: Any) -> PiecewiseLinearRecord:
        return PiecewiseLinearRecord(**self.as_part().model_dump(), **step)

    def as_part(self) -> PiecesRecord:
        """As a part of another node."""
        scaling = self.scaling
        return PiecesRecord(
            breakpoints=self.breakpoints_M.tolist(),
            slopes=self.slopes_N.tolist(),
            intercepts=self.intercepts_N.tolist(),
            align=self.align,
            shift=self.shift,
            low=self.low,
            high=self.high,
            scaling=scaling
            and RangeScalingRecord(window=scaling.window, step=scaling.step, answer_step=scaling.answer_step),
        )


class RangeScalingRecord(Record):
    window: Integer
    step: Integer
    answer_step: Integer


class PiecesRecord(Record):
    """A function in pieces, where another operation has it as a part."""

    breakpoints: Few
    slopes: Row
    intercepts: Row
    align: Integer
    shift: Integer
    low: Integer
    high: Integer
    scaling: RangeScalingRecord | None = Field(None, exclude_if=is_absent)

    def pieces(self) -> PiecewiseLinear:
        """Raises ValueError where what was written makes none."""
        scaling = None if self.scaling is None else RangeScaling(**self.scaling.model_dump())
        return PiecewiseLinear(
            integers(self.breakpoints),
            integers(self.slopes),
            integers(self.intercepts),
            self.align,
            self.shift,
            self.low,
            self.high,
            scaling,
        )


class PiecewiseLinearRecord(PiecesRecord, StepRecord):
    """Each element by itself; without `scaling`, z = x and e = 0:

    e = floor(log2(max(x, 1)) / step).
    z = (max(x, 1) * 2^(window-step)) >> step*e.
    n = number of breakpoints at most z.
    s = slopes[n]*z + intercepts[n] * 2^align.
    t = shift + answer_step*e.
    y = clamp((s + 2^(t-1)) >> t, low, high); with t at most 0, clamp(s * 2^-t, low, high).
    """

    op: Literal["piecewise_linear"] = "piecewise_linear"

    def node(self) -> PiecewiseLinear:
        return self.pieces()
