"""Nodes of bits: thermometer and LUT layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quweit_cli.ir.nodes.base import Integers, _require
from quweit_cli.ir.types import TensorType

MAX_FAN_IN = 6


LUTS_AT_ONCE = 32  # read by `LutLayer.evaluate`: the addresses of some thousand rows then lie in the cache


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
