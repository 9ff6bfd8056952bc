"""`dump.json`: the blocks of a model as integers, their golden rows, and what was checked."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import Count, Digest, FileName, Identifier, Positive, PositiveAmount
from quweit_cli.documents.model import ModelShape


class DumpedBlock(Artifact):
    name: Identifier
    layer: Count
    program: FileName = Field(description="integer program, quweit.program/1")
    inputs: FileName = Field(description="golden input rows, .npy int8 rows x features")
    outputs: FileName = Field(description="golden output rows, .npy int16 rows x features")
    rows: Positive = Field(description="of either file")
    input_scale: PositiveAmount = Field(description="real value of one step of the input")
    output_scale: PositiveAmount = Field(description="real value of one step of the output")


class DumpChecks(Artifact):
    """PyTorch in eval mode against the integer program; a dump exists only when all agree."""

    samples: Count
    rows_compared: Count = Field(description="for each block; every one equal")
    logits_equal: bool


class DumpManifest(Artifact):
    schema_name: Literal["quweit.dump/1"] = Field("quweit.dump/1", alias="schema")
    name: Identifier
    checkpoint: Digest
    data: str
    model: ModelShape
    blocks: list[DumpedBlock] = Field(min_length=1, max_length=10_000)
    checks: DumpChecks
    digest: Digest = Field(
        description="of the programs and golden rows: identifies the specification; docs/formats.md says how it is made"
    )

    @model_validator(mode="after")
    def _nothing_stands_twice(self) -> DumpManifest:
        for kind, found in (("name", [one.name for one in self.blocks]), ("file", self.file_names())):
            if twice := sorted({one for one in found if found.count(one) > 1}):
                raise ValueError(f"the {kind} `{twice[0]}` stands twice in it")
        return self

    def file_names(self) -> list[str]:
        """Of the programs and golden rows, in the order of the blocks."""
        return [name for block in self.blocks for name in (block.program, block.inputs, block.outputs)]
