"""What stands between the products of a transformer layer, in integers: GELU, softmax, layer normalisation.

All in int64, every intermediate within it, every division a floor. After the algorithms of I-ViT (arXiv
2207.01405), with the semantics our own: I-ViT carries its integers in float32, which is wrong above 2^24,
and its Newton iteration for the square root, started at 2^16 and stopped after ten steps, for small sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from quweit_cli.ir.cost import Cost
from quweit_cli.ir.nodes.base import (
    Integer,
    Integers,
    Row,
    StepRecord,
    integers,
    is_absent,
    require,
    require_int64,
)
from quweit_cli.ir.nodes.piecewise import MOST_SHIFT, PiecesRecord, PiecewiseLinear
from quweit_cli.ir.types import INT8, INT16, TensorType, bits_of_range

FRACTION = 8  # bits of an octave below the point
WEIGHT_BITS = 16  # of 2^-0
FARTHEST = 255  # codes below the maximum that pieces of an exponential know
SOFTMAX_ONE = 128  # a probability of one, but for its clamp to 127
NORM_STEPS = 32  # of int8 for a standard deviation
RECIPROCAL_BITS = 16
MOST_PART_BITS = 16  # of a function in pieces that is a part


def gelu(x: float) -> float:
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def sigmoid(x: float) -> float:
    return 0.5 + 0.5 * math.tanh(x / 2)


def code_table(function: Callable[[float], float], input_scale: float, output_scale: float) -> list[int]:
    """The exact answers of a function for every int8 code, rounded half up and clamped: entry i is of code i - 128.

    A table of 256 bytes takes 32 LUTs and their multiplexers a lane, less than any shift algorithm, which
    needs an exponential and a division; and it is exact to half a step.
    """
    codes = range(INT8[0], INT8[1] + 1)
    steps = (math.floor(function(code * input_scale) / output_scale + 0.5) for code in codes)
    return [min(max(step, INT8[0]), INT8[1]) for step in steps]


def gelu_table(input_scale: float, output_scale: float) -> list[int]:
    return code_table(gelu, input_scale, output_scale)


def check_gelu(pieces: PiecewiseLinear) -> None:
    """Raises ValueError for pieces that are no GELU of an MLP: of codes with `align` bits below the point, to whole numbers."""
    _require_small(pieces)
    require(pieces.scaling is None, "hidden features are no wide numbers, and the GELU scales ranges")
    require((pieces.low, pieces.high) == INT8, "an MLP goes on in int8, and the GELU clamps otherwise")
    require(pieces.shift >= pieces.align, f"answers have {pieces.shift - pieces.align} bits below the point")


def gelu_pieces(pieces: PiecewiseLinear, fraction: int, output_fraction: int) -> PiecewiseLinear:
    """The same function of codes with so many bits below the point. On coarser codes nothing changes but which are there.

    Raises:
        ValueError: a fraction below 0.
    """
    require(fraction >= 0, f"codes of GELU have {fraction} bits below the point")
    finer = fraction - pieces.align
    up, down = max(finer, 0), max(-finer, 0)
    begins_M = -((-pieces.breakpoints_M << up) >> down)  # the first code that is not before it
    # of pieces that begin at one code the last
    kept_N = np.concatenate([[True], begins_M[1:] > begins_M[:-1], [True]])[: begins_M.size + 1]
    return PiecewiseLinear(
        begins_M[kept_N[1:]],
        pieces.slopes_N[kept_N],
        pieces.intercepts_N[kept_N],
        fraction,
        pieces.shift + finer - output_fraction,
        *INT8,
    )


def octaves(score_scale: float) -> int:
    """The multiplier of `shiftmax` for scores of this scale: log2(e) · scale in steps of 2^-8.

    Raises:
        ValueError: it does not fit eight bits.
    """
    multiplier = round(score_scale * math.log2(math.e) * (1 << FRACTION))
    if not 1 <= multiplier <= 255:
        raise ValueError(
            f"scores of scale {score_scale} need a multiplier of {multiplier}, not within 1 ... 255"
        )
    return multiplier


def shiftmax(
    scores_RN: Integers,
    multiplier: int,
    among_RN: NDArray[np.bool_] | None = None,
    exponential: PiecewiseLinear | None = None,
    reciprocal: PiecewiseLinear | None = None,
) -> Integers:
    """Softmax of int8 scores as int8 probabilities, 128 steps to one (one itself is 127).

    exp(-d) as a power of two whose fraction is taken linearly, 2^-f = 1 - f/2: shifts alone. One
    reciprocal a row.

    among_RN: true for the scores that count, at least one a row; the others are given 0.
    exponential, reciprocal: what stands for them in pieces; the sums of a reciprocal are multiplied before they are shifted.
    """
    if among_RN is not None:
        scores_RN = np.where(among_RN, scores_RN, INT8[0])
    distance_RN = (scores_RN.max(axis=-1, keepdims=True) - scores_RN) * multiplier
    if exponential is None:
        whole_RN, part_RN = distance_RN >> FRACTION, distance_RN & (2**FRACTION - 1)
        weight_RN = (((2 << FRACTION) - part_RN) << (WEIGHT_BITS - FRACTION - 1)) >> np.minimum(whole_RN, 31)
    else:
        weight_RN = exponential.evaluate(-np.minimum(distance_RN, FARTHEST))
    if among_RN is not None:
        weight_RN *= among_RN
    if reciprocal is not None:
        sum_R1, shift_R1 = reciprocal.sums(weight_RN.sum(axis=-1, keepdims=True))
        return reciprocal.rounded(weight_RN * sum_R1, shift_R1)
    reciprocal_R1 = (1 << 2 * WEIGHT_BITS - 1) // weight_RN.sum(axis=-1, keepdims=True)
    scaled_RN = (weight_RN * reciprocal_R1 + (1 << 23)) >> 24
    probability_RN: Integers = np.minimum(scaled_RN, INT8[1])
    return probability_RN


def layer_norm(rows_RD: Integers, root: PiecewiseLinear | None = None) -> Integers:
    """(x - mean) / deviation of int16 rows as int8, 32 steps to a deviation; half rounds up.

    D·x - Σx and D·Σx² - (Σx)² hold mean and variance without a division; one floor square root and
    one reciprocal of 17 bits a row. A constant row is all zeros.

    root: what stands for 1/√ in pieces; its sums are multiplied before they are shifted, so that nothing is rounded twice.
    """
    width = rows_RD.shape[-1]
    _require_width(width)
    sum_R1 = rows_RD.sum(axis=-1, keepdims=True)
    spread_R1 = width * (rows_RD**2).sum(axis=-1, keepdims=True) - sum_R1**2
    if root is not None:
        reciprocal_R1, shift_R1 = root.sums(spread_R1)
        return root.rounded((width * rows_RD - sum_R1) * reciprocal_R1, shift_R1)
    root_R1 = np.maximum(_floor_root(spread_R1), 1)
    bits_R1 = np.frexp(root_R1.astype(np.float64))[1].astype(np.int64)  # exact: roots have at most 31 bits
    reciprocal_R1 = (1 << (bits_R1 + RECIPROCAL_BITS)) // root_R1
    shift_R1 = bits_R1 + RECIPROCAL_BITS - NORM_STEPS.bit_length() + 1
    scaled_RD = ((width * rows_RD - sum_R1) * reciprocal_R1 + (1 << (shift_R1 - 1))) >> shift_R1
    clamped_RD: Integers = np.clip(scaled_RD, *INT8)
    return clamped_RD


def _require_width(width: int) -> None:
    require(width * 2**30 * width < 2**62, f"rows of {width} elements do not fit int64")


def _floor_root(values: Integers) -> Integers:
    roots = [math.isqrt(int(value)) for value in values.ravel()]
    return np.array(roots, dtype=np.int64).reshape(values.shape)


# ---------------------------------------------------------------- as nodes


@dataclass(frozen=True, eq=False)
class Table:
    """`y = entry[x - low]`, each element by itself: a function of few input values, such as GELU.

    entries_N: int64, the answers to low, low + 1 and so on.
    """

    low: int
    entries_N: Integers

    def __post_init__(self) -> None:
        require(self.entries_N.ndim == 1 and self.entries_N.size > 0, "entries must be one row")

    @property
    def high(self) -> int:
        """The last input that has an entry."""
        return self.low + len(self.entries_N) - 1

    def evaluate(self, x_RD: Integers) -> Integers:
        return self.entries_N[x_RD - self.low]

    def output_type(self, x: TensorType) -> TensorType:
        require(
            self.low <= x.low and x.high <= self.high,
            f"the table answers {self.low} ... {self.high}, the input is {x.low} ... {x.high}",
        )
        read = self.entries_N[x.low - self.low : x.high - self.low + 1]
        return TensorType(x.features, int(read.min()), int(read.max()), x.outer)

    def cost(self, x: TensorType) -> Cost:
        bits = bits_of_range(int(self.entries_N.min()), int(self.entries_N.max()))
        return Cost(lut_reads=x.features, stored_bits=self.entries_N.size * bits).times(x.rows)

    def record(self, **step: Any) -> TableRecord:
        return TableRecord(low=self.low, entries=self.entries_N.tolist(), **step)


class TableRecord(StepRecord):
    """y = entries[x - low], each element by itself"""

    op: Literal["table"] = "table"
    low: Integer
    entries: Row

    def node(self) -> Table:
        return Table(self.low, integers(self.entries))


@dataclass(frozen=True)
class Softmax:
    """`shiftmax` over the last axis: a row of int8 scores to int8 probabilities.

    multiplier: what `octaves` gives for the scale of the scores. Causal: row t of the axis before it counts elements
    0 ... t, and gives the others 0.

    exponential: pieces of exp, of 2^16 for one; the multiplier then brings a distance to their codes.
    reciprocal: pieces of 1/x, whose range is scaled.
    """

    multiplier: int
    causal: bool
    exponential: PiecewiseLinear | None = None
    reciprocal: PiecewiseLinear | None = None

    def __post_init__(self) -> None:
        require(1 <= self.multiplier <= 255, f"multiplier {self.multiplier} is not within 1 ... 255")
        if self.exponential is not None:
            check_exponential(self.exponential)
            fits = self.multiplier in (1, 2, 4, 8, 16)
            require(
                fits,
                f"a multiplier of {self.multiplier}, and codes of an exponential want a power of two up to 16",
            )
        if self.reciprocal is not None:
            check_reciprocal(self.reciprocal)

    def evaluate(self, x_RN: Integers) -> Integers:
        among = np.tri(x_RN.shape[-1], dtype=np.bool_) if self.causal else None
        return shiftmax(x_RN, self.multiplier, among, self.exponential, self.reciprocal)

    def output_type(self, x: TensorType) -> TensorType:
        require(INT8[0] <= x.low and x.high <= INT8[1], f"softmax takes int8, not {x.low} ... {x.high}")
        require_int64(x.features << WEIGHT_BITS, "the sum of weights")
        if self.reciprocal is not None:
            _require_shifts(self.reciprocal, x.features << WEIGHT_BITS)
            require_int64(window_sums(self.reciprocal)[1] << WEIGHT_BITS + 1, "a weight times the reciprocal")
        if self.causal:
            square = x.outer[-1:] == (x.features,)
            require(square, f"a causal softmax takes tokens x tokens, not shape {x.shape}")
        return TensorType(x.features, 0, INT8[1], x.outer)

    def cost(self, x: TensorType) -> Cost:
        read = x.features * x.rows
        if self.causal:
            read = (x.features + 1) * x.rows // 2
        cost = Cost(
            comparisons=read - x.rows,
            additions=2 * read - x.rows,
            multiplications=2 * read,
            divisions=0 if self.reciprocal else x.rows,
        )
        if self.exponential is not None:  # its product is in place of that with the multiplier
            line = self.exponential.cost(TensorType(1, 0, 1))
            cost += Cost(comparisons=line.comparisons, additions=1).times(read) + Cost(
                stored_bits=line.stored_bits
            )
        if self.reciprocal is not None:
            cost += self.reciprocal.cost(TensorType(1, 0, 1, (x.rows,)))
        return cost

    def record(self, **step: Any) -> SoftmaxRecord:
        return SoftmaxRecord(
            multiplier=self.multiplier,
            causal=self.causal,
            exponential=self.exponential and self.exponential.as_part(),
            reciprocal=self.reciprocal and self.reciprocal.as_part(),
            **step,
        )


def check_exponential(pieces: PiecewiseLinear) -> None:
    """Raises ValueError for pieces that are no exponential of a softmax."""
    _require_small(pieces)
    require(pieces.scaling is None, "scores are no wide numbers, and the exponential scales ranges")
    require((pieces.low, pieces.high) == (0, 1 << WEIGHT_BITS), f"weights are 0 ... {1 << WEIGHT_BITS}")
    require(-MOST_PART_BITS <= pieces.shift <= 0, f"weights are shifted up, not down by {pieces.shift}")
    one = int(pieces.evaluate(np.zeros(1, dtype=np.int64))[0])
    require(one > 1 << WEIGHT_BITS - 1, f"the weight of the largest score is {one}, no more than a half")


def check_reciprocal(pieces: PiecewiseLinear) -> None:
    """Raises ValueError for pieces that are no reciprocal of a softmax."""
    _require_small(pieces)
    require(
        pieces.scaling is not None, "the sum of weights is a wide number, and the reciprocal scales no ranges"
    )
    assert pieces.scaling is not None
    same = pieces.scaling.step == pieces.scaling.answer_step
    require(same, "the reciprocal of 2^step is not 2^-answer_step, as that of a reciprocal must be")
    require((pieces.low, pieces.high) == (0, INT8[1]), f"probabilities are 0 ... {INT8[1]}")
    require(pieces.shift >= 1, f"a softmax shifts down with rounding, not by {pieces.shift}")
    least, _ = window_sums(pieces)
    require(least > 0, f"a reciprocal is above 0, and the pieces answer {least}")


class SoftmaxRecord(StepRecord):
    """Over the last axis; where causal, row t over the elements 0 ... t alone, and the others are 0:

    d[n] = (max(x) - x[n]) * multiplier.
    w[n] = ((512 - d[n] mod 256) * 2^7) >> min(d[n] >> 8, 31).
    r = floor(2^31 / sum over n of w[n]).
    y[n] = min((w[n]*r + 2^23) >> 24, 127).

    With `exponential`, w[n] is what its pieces answer to -min(d[n], 255).
    With `reciprocal`, of which p is the sum for an input of the sum over n of w[n], and t the shift:

    y[n] = min((w[n]*p + 2^(t-1)) >> t, 127).
    """

    op: Literal["softmax"] = "softmax"
    multiplier: Integer
    causal: bool
    exponential: PiecesRecord | None = Field(None, exclude_if=is_absent)
    reciprocal: PiecesRecord | None = Field(None, exclude_if=is_absent)

    def node(self) -> Softmax:
        parts = (None if one is None else one.pieces() for one in (self.exponential, self.reciprocal))
        return Softmax(self.multiplier, self.causal, *parts)


@dataclass(frozen=True)
class LayerNormalisation:
    """`layer_norm` over the last axis: int16 to int8, 32 steps to a deviation, without gain and bias.

    root: pieces of 1/√, whose range is scaled; exact where there are none.
    """

    root: PiecewiseLinear | None = None

    def __post_init__(self) -> None:
        if self.root is None:
            return
        scaling = self.root.scaling
        require(scaling is not None, "the spread of a row is a wide number, and the root scales no ranges")
        assert scaling is not None
        _require_small(self.root)
        same = scaling.step == 2 * scaling.answer_step
        require(same, "the root of 2^step is not 2^answer_step, as that of a root must be")
        require(
            (self.root.low, self.root.high) == INT8,
            "a normalisation answers in int8, and the root clamps otherwise",
        )
        require(self.root.shift >= 1, f"a normalisation shifts down with rounding, not by {self.root.shift}")
        least, _ = window_sums(self.root)
        require(least > 0, f"a root is above 0, and the pieces answer {least}")

    def evaluate(self, x_RD: Integers) -> Integers:
        return layer_norm(x_RD, self.root)

    def output_type(self, x: TensorType) -> TensorType:
        fits = INT16[0] <= x.low and x.high <= INT16[1]
        require(fits, f"layer normalisation takes int16, not {x.low} ... {x.high}")
        _require_width(x.features)
        if self.root is not None:
            _, most = window_sums(self.root)
            require_int64((x.features << 17) * most, "a distance from the mean times the root")
            _require_shifts(self.root, x.features**2 << 30)
        return TensorType(x.features, *INT8, x.outer)

    def cost(self, x: TensorType) -> Cost:
        of_row = Cost(additions=3 * x.features - 1, multiplications=3 * x.features + 2, divisions=2)
        if self.root is None:
            return of_row.times(x.rows)
        line = self.root.cost(TensorType(1, 0, 1))
        plain = Cost(
            additions=3 * x.features, multiplications=3 * x.features + 3, comparisons=line.comparisons
        )
        return plain.times(x.rows) + Cost(stored_bits=line.stored_bits)

    def record(self, **step: Any) -> LayerNormalisationRecord:
        return LayerNormalisationRecord(root=self.root and self.root.as_part(), **step)


def _require_small(pieces: PiecewiseLinear) -> None:
    """What a part of another operation is at most, so that its sums can be looked at one by one."""
    window = 0 if pieces.scaling is None else pieces.scaling.window
    for what, bits in (
        ("window", window),
        ("slope or an intercept", pieces.word_bits),
        ("shift of intercepts", pieces.align),
    ):
        require(bits <= MOST_PART_BITS, f"a {what} of {bits} bits, and {MOST_PART_BITS} at most")


def _require_shifts(pieces: PiecewiseLinear, largest: int) -> None:
    """largest: input."""
    assert pieces.scaling is not None
    shift = pieces.shift + pieces.scaling.answer_step * pieces.scaling.most_steps(largest)
    require(shift <= MOST_SHIFT, f"a shift of {shift}, more than {MOST_SHIFT}")


def window_sums(pieces: PiecewiseLinear) -> tuple[int, int]:
    """The least and the greatest sum of slope and intercept over all inputs of the window."""
    scaling = pieces.scaling
    assert scaling is not None
    window = np.arange(1 << scaling.window - scaling.step, 1 << scaling.window)
    piece = pieces.pieces(window)
    sums = pieces.slopes_N[piece] * window + (pieces.intercepts_N[piece] << pieces.align)
    return int(sums.min()), int(sums.max())


class LayerNormalisationRecord(StepRecord):
    """Over the last axis, of D elements:

    s = sum over d of x[d].
    v = D * (sum over d of x[d]^2) - s^2.
    r = max(floor(square root of v), 1).
    b = bits of r, so that 2^(b-1) <= r < 2^b.
    y[d] = clamp(((D*x[d] - s) * floor(2^(b+16) / r) + 2^(b+10)) >> (b+11), -128, 127).

    With `root`, of which p is the sum for an input of v and t the shift:

    y[d] = clamp(((D*x[d] - s) * p + 2^(t-1)) >> t, -128, 127).
    """

    op: Literal["layer_normalisation"] = "layer_normalisation"
    root: PiecesRecord | None = Field(None, exclude_if=is_absent)

    def node(self) -> LayerNormalisation:
        return LayerNormalisation(None if self.root is None else self.root.pieces())
