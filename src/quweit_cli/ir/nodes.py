"""The integer operations. Each says what it computes, and the worst-case range of what comes out.

Shape suffixes: R rows, D features, T thresholds a feature, J LUTs, L pins (fan-in), K bits summed,
E elements of the output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from quweit_cli.ir.types import TensorType

Integers = NDArray[np.int64]

MAX_FAN_IN = 6
LUTS_AT_ONCE = 32  # read by `LutLayer.evaluate`: the addresses of some thousand rows then lie in the cache
MAX_MULTIPLIER = 2**31 - 1
MAX_BIAS = 2**47  # sums then fit 48 bits, and nothing below overflows int64


class Node(Protocol):
    """One operation on rows: int64 in, int64 out."""

    def evaluate(self, x_RI: Integers) -> Integers: ...

    def output_type(self, x: TensorType) -> TensorType:
        """Type of the output, or ValueError when `x` does not fit."""
        ...


@dataclass(frozen=True, eq=False)
class Thermometer:
    """`bit[d*T + t] = x[d] > threshold[d][t]` (strict, as in DWN).

    thresholds_DT: int64, any order within a feature.
    """

    thresholds_DT: Integers

    def __post_init__(self) -> None:
        _require(self.thresholds_DT.ndim == 2, "thresholds must be features x thresholds")

    def evaluate(self, x_RD: Integers) -> Integers:
        bits_RDT = x_RD[:, :, None] > self.thresholds_DT[None]
        return bits_RDT.reshape(len(x_RD), self.thresholds_DT.size).astype(np.int64)

    def output_type(self, x: TensorType) -> TensorType:
        features = len(self.thresholds_DT)
        _require(x.features == features, f"thresholds for {features} features, input has {x.features}")
        return TensorType(self.thresholds_DT.size, 0, 1)


def passing_table(fan_in: int) -> np.uint64:
    """Answers its first pin, whatever the others are."""
    return np.uint64(sum(1 << address for address in range(1, 1 << fan_in, 2)))


@dataclass(frozen=True, eq=False)
class LutLayer:
    """`y[j] = table[j] >> (Σ_l bit[pin[j][l]] << l) & 1`.

    pins_JL: int64 indices into the input bits, fan-in L of 1 to 6.
    tables_J: uint64, bit `a` answers address `a`, no bit at or above 2^L.
    """

    pins_JL: Integers
    tables_J: NDArray[np.uint64]

    def __post_init__(self) -> None:
        _require(self.pins_JL.ndim == 2, "pins must be LUTs x fan-in")
        _require(1 <= self.fan_in <= MAX_FAN_IN, f"fan-in {self.fan_in} is not within 1 ... {MAX_FAN_IN}")
        _require(self.tables_J.shape == (len(self.pins_JL),), "one table a LUT")
        _require(self.tables_J.dtype == np.uint64, "tables must be uint64")
        width = 2**self.fan_in
        _require(
            width == 64 or not np.any(self.tables_J >> np.uint64(width)),
            f"a table has bits at or above {width}",
        )

    @property
    def fan_in(self) -> int:
        return int(self.pins_JL.shape[1])

    @property
    def passing(self) -> NDArray[np.bool_]:
        """[J], true for tables that answer their first pin as it is: wires."""
        return np.equal(self.tables_J, passing_table(self.fan_in))

    def evaluate(self, x_RI: Integers) -> Integers:
        # pins gather rows of bytes, which is three times faster than columns of words; some LUTs at a time, whose rows
        # stay in the cache, another four times
        bit_IR = np.ascontiguousarray(x_RI.T, dtype=np.uint8)
        answer_JR = np.empty((len(self.pins_JL), len(x_RI)), dtype=np.int64)
        for first in range(0, len(answer_JR), LUTS_AT_ONCE):
            some = slice(first, first + LUTS_AT_ONCE)
            address_JR = np.zeros(answer_JR[some].shape, dtype=np.uint8)
            for pin in range(self.fan_in):
                address_JR |= bit_IR[self.pins_JL[some, pin]] << np.uint8(pin)
            answer_JR[some] = (self.tables_J[some, None] >> address_JR) & np.uint64(1)
        return answer_JR.T

    def output_type(self, x: TensorType) -> TensorType:
        _require((x.low, x.high) == (0, 1), "a LUT layer takes bits")
        _require(
            bool(np.all((self.pins_JL >= 0) & (self.pins_JL < x.features))),
            f"a pin points outside of the {x.features} input bits",
        )
        return TensorType(len(self.pins_JL), 0, 1)


@dataclass(frozen=True, eq=False)
class ConditionalSummation:
    """`acc[e] = bias[e] + Σ_k (bit[k] ? value[k][e] : 0)`.

    values_KE: int64 holding int8 encoded values. bias_E: int64 below 2^47.
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
            bool(np.all((self.bias_E > -MAX_BIAS) & (self.bias_E < MAX_BIAS))), "biases must fit 48 bits"
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
        _require(self.low < self.high, f"empty range {self.low} ... {self.high}")

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


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
