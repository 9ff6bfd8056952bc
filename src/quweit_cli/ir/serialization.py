"""A program as JSON and back. The format is documented in docs/formats.md; anyone can write a reader.

Tables of LUTs are hexadecimal strings (bit `a` answers address `a`), everything else is plain integers.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from quweit_cli.ir.program import GraphRecord, Program, graph_record

Schema = Literal["quweit.program/1", "quweit.program/2"]
OF_ROWS = {"thermometer", "lut_layer", "conditional_summation", "requantize"}  # all that the first format has


class ProgramRecord(GraphRecord):
    """An integer program: steps run in order; the last is the output, unless outputs are named.

    A function of one row in the four operations of a block, each of one tensor, is written as quweit.program/1; any
    other as quweit.program/2.
    """

    schema_name: Schema = Field("quweit.program/1", alias="schema")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="after")
    def _as_its_schema_says(self) -> Self:
        if self.schema_name != _schema_of(self):
            raise ValueError(f"this program is written as {_schema_of(self)}, not as {self.schema_name}")
        return self


def program_to_record(program: Program) -> ProgramRecord:
    graph = graph_record(program)
    return ProgramRecord(schema_name=_schema_of(graph), **dict(graph))


def program_from_record(record: GraphRecord) -> Program:
    """Raises ValueError where shapes or ranges do not fit one another."""
    return record.program()


def _schema_of(record: GraphRecord) -> Schema:
    """The first format that can say it."""
    of_rows = not record.input.outer and not record.outputs
    of_rows &= all(
        step.op in OF_ROWS and isinstance(step.source, str) and step.scale is None for step in record.steps
    )
    return "quweit.program/1" if of_rows else "quweit.program/2"
