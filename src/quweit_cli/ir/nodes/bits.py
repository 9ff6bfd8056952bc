"""Nodes of bits: thermometer and LUT layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import FailFast, Field

from quweit_cli.ir.cost import Cost
from quweit_cli.ir.nodes.base import EvenRows, Integers, StepRecord, integers, require
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
        require(self.thresholds_DT.ndim == 2, "thresholds must be features x thresholds")

    def evaluate(self, x_RD: Integers) -> Integers:
        bits_RDT = x_RD[..., None] > self.thresholds_DT
        return bits_RDT.reshape(*x_RD.shape[:-1], self.thresholds_DT.size).astype(np.int64)

    def output_type(self, x: TensorType) -> TensorType:
        features = len(self.thresholds_DT)
        require(x.features == features, f"thresholds for {features} features, input has {x.features}")
        return TensorType(self.thresholds_DT.size, 0, 1, x.outer)

    def cost(self, x: TensorType) -> Cost:
        size = self.thresholds_DT.size
        return Cost(comparisons=size, stored_bits=size * x.bits).times(x.rows)

    def record(self, **step: Any) -> ThermometerRecord:
        return ThermometerRecord(thresholds=self.thresholds_DT.tolist(), **step)


class ThermometerRecord(StepRecord):
    """bit[d*T + t] = x[d] > thresholds[d][t]"""

    op: Literal["thermometer"] = "thermometer"
    thresholds: EvenRows

    def node(self) -> Thermometer:
        return Thermometer(integers(self.thresholds))


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
        require(self.pins_JL.ndim == 2, "pins must be LUTs x fan-in")
        require(1 <= self.fan_in <= MAX_FAN_IN, f"fan-in {self.fan_in} is not within 1 ... {MAX_FAN_IN}")
        require(self.tables_J.shape == (len(self.pins_JL),), "one table a LUT")
        require(self.tables_J.dtype == np.uint64, "tables must be uint64")
        width = 2**self.fan_in
        require(
            width == 64 or not np.any(self.tables_J >> np.uint64(width)),
            f"a table has bits at or above {width}",
        )

    @property
    def fan_in(self) -> int:
        return int(self.pins_JL.shape[1])

    @property
    def entries(self) -> NDArray[np.uint8]:
        """What each table answers at each address, [J, A]."""
        address_A = np.arange(2**self.fan_in, dtype=np.uint64)
        return ((self.tables_J[:, None] >> address_A) & np.uint64(1)).astype(np.uint8)

    @property
    def passing(self) -> NDArray[np.bool_]:
        """[J], true for tables that answer their first pin as it is: wires."""
        return np.equal(self.tables_J, passing_table(self.fan_in))

    def evaluate(self, x_RI: Integers) -> Integers:
        # pins gather rows of bytes, which is three times faster than columns of words; some LUTs at a time, whose rows
        # stay in the cache, another four times
        bit_IR = np.ascontiguousarray(x_RI.reshape(-1, x_RI.shape[-1]).T, dtype=np.uint8)
        answer_JR = np.empty((len(self.pins_JL), bit_IR.shape[1]), dtype=np.int64)
        for first in range(0, len(answer_JR), LUTS_AT_ONCE):
            some = slice(first, first + LUTS_AT_ONCE)
            address_JR = np.zeros(answer_JR[some].shape, dtype=np.uint8)
            for pin in range(self.fan_in):
                address_JR |= bit_IR[self.pins_JL[some, pin]] << np.uint8(pin)
            answer_JR[some] = (self.tables_J[some, None] >> address_JR) & np.uint64(1)
        return answer_JR.T.reshape(*x_RI.shape[:-1], len(answer_JR))

    def output_type(self, x: TensorType) -> TensorType:
        require((x.low, x.high) == (0, 1), "a LUT layer takes bits")
        require(
            bool(np.all((self.pins_JL >= 0) & (self.pins_JL < x.features))),
            f"a pin points outside of the {x.features} input bits",
        )
        return TensorType(len(self.pins_JL), 0, 1, x.outer)

    def cost(self, x: TensorType) -> Cost:
        tables = int((~self.passing).sum())
        return Cost(lut_reads=tables, stored_bits=tables * 2**self.fan_in).times(x.rows)

    def record(self, **step: Any) -> LutLayerRecord:
        digits = max(1, 2**self.fan_in // 4)
        tables = [f"{int(table):0{digits}x}" for table in self.tables_J]
        return LutLayerRecord(pins=self.pins_JL.tolist(), tables=tables, **step)


Table = Annotated[str, Field(pattern=r"^[0-9a-f]{1,16}$")]


class LutLayerRecord(StepRecord):
    """y[j] = tables[j] >> (sum over l of bit[pins[j][l]] << l) & 1"""

    op: Literal["lut_layer"] = "lut_layer"
    pins: EvenRows
    tables: Annotated[list[Table], Field(min_length=1), FailFast()]

    def node(self) -> LutLayer:
        return LutLayer(integers(self.pins), np.array([int(table, 16) for table in self.tables], np.uint64))
