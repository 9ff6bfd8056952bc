"""Nodes of sums: conditional summation, addition, and requantisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from quweit_cli.ir.cost import Cost
from quweit_cli.ir.nodes.base import (
    MOST_SOURCES,
    EvenRows,
    Integer,
    Integers,
    Row,
    StepRecord,
    integers,
    product,
    require,
    require_int64,
)
from quweit_cli.ir.types import TensorType, bits_of_range

MAX_MULTIPLIER = 2**31 - 1
MAX_SHIFT = 62
MAX_BIAS = 2**47  # so that sums of biases and int8 values, however many, are exact in int64


@dataclass(frozen=True, eq=False)
class ConditionalSummation:
    """`acc[e] = bias[e] + Σ_k (bit[k] ? value[k][e] : 0)`.

    values_KE: int64 holding int8 encoded values. bias_E: int64, at most MAX_BIAS either way.
    """

    values_KE: Integers
    bias_E: Integers

    def __post_init__(self) -> None:
        require(self.values_KE.ndim == 2, "values must be bits x outputs")
        require(self.bias_E.shape == (self.values_KE.shape[1],), "one bias an output")
        require(
            bool(np.all((self.values_KE >= -128) & (self.values_KE <= 127))), "encoded values must fit int8"
        )
        require(
            bool(np.all((self.bias_E >= -MAX_BIAS) & (self.bias_E <= MAX_BIAS))),
            "biases must lie within -2^47 ... 2^47",
        )

    def evaluate(self, x_RK: Integers) -> Integers:
        return product(x_RK, self.values_KE) + self.bias_E

    def ranges(self) -> tuple[Integers, Integers]:
        """Worst-case lowest and highest sum of each output, from the actual values."""
        low_E = self.bias_E + np.minimum(self.values_KE, 0).sum(axis=0)
        high_E = self.bias_E + np.maximum(self.values_KE, 0).sum(axis=0)
        return low_E, high_E

    def range(self) -> tuple[int, int]:
        """Lowest and highest sum over all outputs."""
        low_E, high_E = self.ranges()
        return int(low_E.min()), int(high_E.max())

    def output_type(self, x: TensorType) -> TensorType:
        bits = len(self.values_KE)
        require((x.low, x.high) == (0, 1), "a conditional summation takes bits")
        require(x.features == bits, f"values for {bits} bits, input has {x.features}")
        return TensorType(len(self.bias_E), *self.range(), x.outer)

    def cost(self, x: TensorType) -> Cost:
        """A value of zero adds nothing and is stored nowhere; the others have the bits of the widest."""
        additions = int(np.count_nonzero(self.values_KE))
        bits = bits_of_range(min(int(self.values_KE.min()), -1), max(int(self.values_KE.max()), 0))
        return Cost(additions=additions, stored_bits=additions * bits).times(x.rows)

    def record(self, **step: Any) -> ConditionalSummationRecord:
        return ConditionalSummationRecord(values=self.values_KE.tolist(), bias=self.bias_E.tolist(), **step)


class ConditionalSummationRecord(StepRecord):
    """acc[e] = bias[e] + sum over k of (bit[k] ? values[k][e] : 0)"""

    op: Literal["conditional_summation"] = "conditional_summation"
    values: EvenRows
    bias: Row

    def node(self) -> ConditionalSummation:
        return ConditionalSummation(integers(self.values), integers(self.bias))


@dataclass(frozen=True)
class Requantize:
    """`y = clamp((acc*multiplier + 2^(shift-1)) >> shift, low, high)`; with shift 0 nothing is added.

    Arithmetic shift, all in int64: the one rounding rule of the project (half towards plus infinity).
    """

    multiplier: int
    shift: int
    low: int
    high: int

    def __post_init__(self) -> None:
        require(1 <= self.multiplier <= MAX_MULTIPLIER, f"multiplier {self.multiplier} is not within 31 bits")
        require(0 <= self.shift <= MAX_SHIFT, f"shift {self.shift} is not within 0 ... {MAX_SHIFT}")
        _require_clamp(self.low, self.high)

    def evaluate(self, x_RE: Integers) -> Integers:
        return np.clip(self._scale(x_RE), self.low, self.high)

    def output_type(self, x: TensorType) -> TensorType:
        rounding = (1 << self.shift) >> 1
        require_int64(x.largest * self.multiplier + rounding, "the product of accumulator and multiplier")
        ends = self._scale(np.array([x.low, x.high], dtype=np.int64)).clip(self.low, self.high)
        return TensorType(x.features, int(ends[0]), int(ends[1]), x.outer)

    def cost(self, x: TensorType) -> Cost:
        multiplies = self.multiplier & (self.multiplier - 1)  # a power of two is a shift
        return Cost(multiplications=x.features if multiplies else 0).times(x.rows)

    def record(self, **step: Any) -> RequantizeRecord:
        return RequantizeRecord(
            multiplier=self.multiplier, shift=self.shift, low=self.low, high=self.high, **step
        )

    def _scale(self, x: Integers) -> Integers:
        return (x * self.multiplier + ((1 << self.shift) >> 1)) >> self.shift


class RequantizeRecord(StepRecord):
    """y = clamp((x*multiplier + 2^(shift-1)) >> shift, low, high); with shift 0 nothing is added"""

    op: Literal["requantize"] = "requantize"
    multiplier: Integer
    shift: Integer
    low: Integer
    high: Integer

    def node(self) -> Requantize:
        return Requantize(self.multiplier, self.shift, self.low, self.high)


@dataclass(frozen=True, eq=False)
class RequantizeFeatures:
    """`y[d] = clamp((acc[d]*multiplier + 2^(shift[d]-1)) >> shift[d], low, high)`: `Requantize` with a shift a feature.

    shifts_D: int64, one a feature. Sums of products whose weights have a scale an output come to one scale.
    """

    multiplier: int
    shifts_D: Integers
    low: int
    high: int

    def __post_init__(self) -> None:
        require(self.shifts_D.ndim == 1 and self.shifts_D.size > 0, "shifts must be one row")
        for shift in set(self.shifts_D.tolist()):
            Requantize(self.multiplier, shift, self.low, self.high)

    def evaluate(self, x_RD: Integers) -> Integers:
        return np.clip(self._scale(x_RD), self.low, self.high)

    def output_type(self, x: TensorType) -> TensorType:
        features = len(self.shifts_D)
        require(x.features == features, f"shifts of {features} features, input has {x.features}")
        rounding = (1 << int(self.shifts_D.max())) >> 1
        require_int64(x.largest * self.multiplier + rounding, "the product of accumulator and multiplier")
        ends_2D = self._scale(np.array([[x.low], [x.high]], dtype=np.int64)).clip(self.low, self.high)
        return TensorType(features, int(ends_2D.min()), int(ends_2D.max()), x.outer)

    def cost(self, x: TensorType) -> Cost:
        return Requantize(self.multiplier, 0, self.low, self.high).cost(x)

    def record(self, **step: Any) -> RequantizeFeaturesRecord:
        return RequantizeFeaturesRecord(
            multiplier=self.multiplier, shifts=self.shifts_D.tolist(), low=self.low, high=self.high, **step
        )

    def _scale(self, x_RD: Integers) -> Integers:
        half_D = (np.int64(1) << self.shifts_D) >> 1
        return (x_RD * self.multiplier + half_D) >> self.shifts_D


class RequantizeFeaturesRecord(StepRecord):
    """y[d] = clamp((x[d]*multiplier + 2^(shifts[d]-1)) >> shifts[d], low, high); with shift 0 nothing is added"""

    op: Literal["requantize_features"] = "requantize_features"
    multiplier: Integer
    shifts: Row
    low: Integer
    high: Integer

    def node(self) -> RequantizeFeatures:
        return RequantizeFeatures(self.multiplier, integers(self.shifts), self.low, self.high)


@dataclass(frozen=True)
class Addition:
    """`y = clamp(Σ_i x_i · 2^shift_i, low, high)`, element by element; rounded once, halves towards plus infinity.

    shifts: one a source, two or more, -62 ... 62. They bring terms of different scales onto that of the sum.
    """

    shifts: tuple[int, ...]
    low: int
    high: int

    def __post_init__(self) -> None:
        require(len(self.shifts) >= 2, "an addition has two sources or more")
        for shift in self.shifts:
            require(
                -MAX_SHIFT <= shift <= MAX_SHIFT, f"shift {shift} is not within {-MAX_SHIFT} ... {MAX_SHIFT}"
            )
        _require_clamp(self.low, self.high)

    def evaluate(self, *x_RD: Integers) -> Integers:
        sum_RD = np.zeros_like(x_RD[0])
        for term_RD, up in zip(x_RD, self._ups, strict=True):
            sum_RD += term_RD << up
        y_RD: Integers = np.clip((sum_RD + self._half) >> self._down, self.low, self.high)
        return y_RD

    def output_type(self, *x: TensorType) -> TensorType:
        require(len(x) == len(self.shifts), f"an addition of {len(self.shifts)} tensors is given {len(x)}")
        for other in x[1:]:
            require(other.shape == x[0].shape, f"tensors of shapes {x[0].shape} and {other.shape} are added")
        terms = list(zip(x, self._ups, strict=True))
        require_int64(sum(one.largest << up for one, up in terms) + self._half, "the sum")
        ends = (sum(one.low << up for one, up in terms), sum(one.high << up for one, up in terms))
        low, high = (min(max((end + self._half) >> self._down, self.low), self.high) for end in ends)
        return TensorType(x[0].features, low, high, x[0].outer)

    def cost(self, *x: TensorType) -> Cost:
        return Cost(additions=(len(x) - 1) * x[0].features).times(x[0].rows)

    def record(self, **step: Any) -> AdditionRecord:
        return AdditionRecord(shifts=list(self.shifts), low=self.low, high=self.high, **step)

    @property
    def _down(self) -> int:
        """Bits that the finest term has below the point."""
        return max(0, -min(self.shifts))

    @property
    def _ups(self) -> list[int]:
        """Bits by which each term is brought to the finest."""
        return [shift + self._down for shift in self.shifts]

    @property
    def _half(self) -> int:
        return (1 << self._down) >> 1


class AdditionRecord(StepRecord):
    """y = clamp(floor(1/2 + sum over i of x_i * 2^shifts[i]), low, high), element by element"""

    op: Literal["addition"] = "addition"
    shifts: Annotated[list[Integer], Field(min_length=2, max_length=MOST_SOURCES)]
    low: Integer
    high: Integer

    def node(self) -> Addition:
        return Addition(tuple(self.shifts), self.low, self.high)


def _require_clamp(low: int, high: int) -> None:
    require(low <= high, f"empty range {low} ... {high}")
    require(low != high, f"clamped to {low} alone, every output is constant")
