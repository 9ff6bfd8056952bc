"""Nodes of sums: conditional summation and requantisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quweit_cli.ir.nodes.base import Integers, _require
from quweit_cli.ir.types import TensorType

MAX_MULTIPLIER = 2**31 - 1


MAX_BIAS = 2**47  # so that sums of biases and int8 values, however many, are exact in int64


@dataclass(frozen=True, eq=False)
class ConditionalSummation:
    """`acc[e] = bias[e] + Σ_k (bit[k] ? value[k][e] : 0)`.

    values_KE: int64 holding int8 encoded values. bias_E: int64, at most MAX_BIAS either way.
    """

    values_KE: Integers
    bias_E: Integers

    def __post_init__(self) -> None:
        _require(self.values_KE.ndim == 2, "values must be bits x outputs")
        _require(self.bias_E.shape == (self.values_KE.shape[1],), "one bias an output")
        _require(
            bool(np.all((self.values_KE >= -128) & (self.values_KE <= 127))), "encoded values must fit int8"
        )
        _require(
            bool(np.all((self.bias_E >= -MAX_BIAS) & (self.bias_E <= MAX_BIAS))),
            "biases must lie within -2^47 ... 2^47",
        )

    def evaluate(self, x_RK: Integers) -> Integers:
        # in floating point, which holds every sum of int8 values exactly below 2^24 (float32) or 2^53: numpy multiplies
        # integers without BLAS, 30 times slower
        exact: type[np.floating] = np.float32 if 128 * len(self.values_KE) < 2**24 else np.float64
        product_RE: NDArray[np.floating] = x_RK.astype(exact) @ self.values_KE.astype(exact)
        return product_RE.astype(np.int64) + self.bias_E

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
        _require((x.low, x.high) == (0, 1), "a conditional summation takes bits")
        _require(x.features == bits, f"values for {bits} bits, input has {x.features}")
        return TensorType(len(self.bias_E), *self.range())


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
        _require(
            1 <= self.multiplier <= MAX_MULTIPLIER, f"multiplier {self.multiplier} is not within 31 bits"
        )
        _require(0 <= self.shift <= 62, f"shift {self.shift} is not within 0 ... 62")
        _require(self.low <= self.high, f"empty range {self.low} ... {self.high}")
        _require(self.low != self.high, f"clamped to {self.low} alone, every output is constant")

    def evaluate(self, x_RE: Integers) -> Integers:
        return np.clip(self._scale(x_RE), self.low, self.high)

    def output_type(self, x: TensorType) -> TensorType:
        rounding = (1 << self.shift) >> 1
        _require(
            max(-x.low, x.high) * self.multiplier + rounding < 2**63,
            "the product of accumulator and multiplier does not fit int64",
        )
        ends = self._scale(np.array([x.low, x.high], dtype=np.int64)).clip(self.low, self.high)
        return TensorType(x.features, int(ends[0]), int(ends[1]))

    def _scale(self, x: Integers) -> Integers:
        return (x * self.multiplier + ((1 << self.shift) >> 1)) >> self.shift
