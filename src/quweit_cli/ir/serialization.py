"""A program as JSON and back. The format is documented in docs/formats.md; anyone can write a reader.

Tables are hexadecimal strings (bit `a` answers address `a`), everything else is plain integers.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field

from quweit_cli.ir.nodes.base import Node
from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.sums import ConditionalSummation, Requantize
from quweit_cli.ir.program import Program, Step
from quweit_cli.ir.types import TensorType

Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Integers = Annotated[list[Integer], Field(min_length=1), FailFast()]
Rows = Annotated[list[Integers], Field(min_length=1), FailFast()]
Name = Annotated[str, Field(max_length=200)]
Table = Annotated[str, Field(pattern=r"^[0-9a-f]{1,16}$")]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _even(rows: list[list[int]]) -> list[list[int]]:
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        raise ValueError(
            f"all rows must be of one length, and there are some of {lengths[0]} and of {lengths[-1]}"
        )
    return rows


EvenRows = Annotated[Rows, AfterValidator(_even)]


class ThermometerRecord(_Record):
    """bit[d*T + t] = x[d] > thresholds[d][t]"""

    op: Literal["thermometer"] = "thermometer"
    name: Name
    source: Name
    thresholds: EvenRows

    def node(self) -> Node:
        return Thermometer(_integers(self.thresholds))


class LutLayerRecord(_Record):
    """y[j] = tables[j] >> (sum over l of bit[pins[j][l]] << l) & 1"""

    op: Literal["lut_layer"] = "lut_layer"
    name: Name
    source: Name
    pins: EvenRows
    tables: Annotated[list[Table], Field(min_length=1), FailFast()]

    def node(self) -> Node:
        return LutLayer(_integers(self.pins), np.array([int(table, 16) for table in self.tables], np.uint64))


class ConditionalSummationRecord(_Record):
    """acc[e] = bias[e] + sum over k of (bit[k] ? values[k][e] : 0)"""

    op: Literal["conditional_summation"] = "conditional_summation"
    name: Name
    source: Name
    values: EvenRows
    bias: Integers

    def node(self) -> Node:
        return ConditionalSummation(_integers(self.values), _integers(self.bias))


class RequantizeRecord(_Record):
    """y = clamp((x*multiplier + 2^(shift-1)) >> shift, low, high); with shift 0 nothing is added"""

    op: Literal["requantize"] = "requantize"
    name: Name
    source: Name
    multiplier: Integer
    shift: Integer
    low: Integer
    high: Integer

    def node(self) -> Node:
        return Requantize(self.multiplier, self.shift, self.low, self.high)


NodeRecord = Annotated[
    ThermometerRecord | LutLayerRecord | ConditionalSummationRecord | RequantizeRecord,
    Field(discriminator="op"),
]


class InputRecord(_Record):
    name: Name
    features: Integer
    low: Integer
    high: Integer


class ProgramRecord(_Record):
    """An integer program: one row in, one row out; steps run in order; the last is the output."""

    schema_name: Literal["quweit.program/1"] = Field("quweit.program/1", alias="schema")
    name: Name
    input: InputRecord
    steps: list[NodeRecord] = Field(min_length=1, max_length=100)

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def program_to_record(program: Program) -> ProgramRecord:
    kind = program.input_type
    return ProgramRecord(
        name=program.name,
        input=InputRecord(name=program.input_name, features=kind.features, low=kind.low, high=kind.high),
        steps=[_to_record(step) for step in program.steps],
    )


def program_from_record(record: ProgramRecord) -> Program:
    """Raises ValueError where shapes or ranges do not fit one another."""
    steps = tuple(Step(step.name, step.source, step.node()) for step in record.steps)
    kind = TensorType(record.input.features, record.input.low, record.input.high)
    return Program(record.name, record.input.name, kind, steps)


def _to_record(step: Step) -> NodeRecord:
    node, name, source = step.node, step.name, step.source
    match node:
        case Thermometer():
            return ThermometerRecord(name=name, source=source, thresholds=node.thresholds_DT.tolist())
        case LutLayer():
            digits = max(1, 2**node.fan_in // 4)
            return LutLayerRecord(
                name=name,
                source=source,
                pins=node.pins_JL.tolist(),
                tables=[f"{int(table):0{digits}x}" for table in node.tables_J],
            )
        case ConditionalSummation():
            return ConditionalSummationRecord(
                name=name, source=source, values=node.values_KE.tolist(), bias=node.bias_E.tolist()
            )
        case Requantize():
            return RequantizeRecord(
                name=name,
                source=source,
                multiplier=node.multiplier,
                shift=node.shift,
                low=node.low,
                high=node.high,
            )
    raise TypeError(f"no record for {type(node).__name__}")


def _integers(values: object) -> np.ndarray:
    return np.array(values, dtype=np.int64)
