"""Golden vectors: which rows they are, and which table entries they read."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import Count, Digest, FileName, Identifier


class TableEntries(Artifact):
    """Of the tables of all rendered LUTs, on all rows of the vectors."""

    entries: Count
    read: Count = Field(description="by some row")
    observed: Count = Field(description="read by a row whose outputs another answer would change")
    unreachable: Count = Field(description="proven: no input row reads them")
    masked: Count = Field(description="proven: no row's summed bits change with them")

    @property
    def not_found(self) -> int:
        """Neither read nor proven unreachable: the search ended before."""
        return self.entries - self.read - self.unreachable


class TableEntry(Artifact):
    layer: Count
    lut: Count = Field(description="as rendered: `bits_o[lut]` of the layer's module")
    address: Count
    why: str = Field("", description="what excludes it")


class VectorCoverage(Artifact):
    """Which table entries of a block its vectors read, and which nothing reads."""

    schema_name: Literal["quweit.coverage/1"] = Field("quweit.coverage/1", alias="schema")
    block: Identifier
    tables: TableEntries
    read_by_first_rows: list[Count] = Field(
        description="entries read by the first row, the first two, and so on to all"
    )
    unreachable: list[TableEntry] = Field(description="the first 1,000")
    masked: list[TableEntry] = Field(description="the first 1,000")
    not_found: list[TableEntry] = Field(description="the first 1,000")


class GoldenRows(Artifact):
    rows: Count = Field(description="directed, then random, then golden ones of the dump")
    inputs: FileName = Field(description="$readmemh, one input beat a line, feature 0 in the low bits")
    outputs: FileName = Field(description="one output row a line, output 0 in the low bits")
    inputs_sha256: Digest
    outputs_sha256: Digest


class RtlVectors(GoldenRows):
    """Those of a block, with what they read of its tables."""

    directed_rows: Count = Field(description="found for what the others do not show")
    random_rows: Count
    tables: TableEntries = Field(description="what these rows read")
    coverage: FileName = Field(description="quweit.coverage/1")
    coverage_sha256: Digest

    @property
    def golden_rows(self) -> int:
        """Those of real activations, at the end."""
        return self.rows - self.directed_rows - self.random_rows
