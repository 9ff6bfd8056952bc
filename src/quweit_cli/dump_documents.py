"""The document of a dump: a model's shape, its blocks, and what was checked. Used by documents.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from quweit_cli.artifacts import Artifact
from quweit_cli.quantities import Count, Digest, FileName, Identifier, Positive, PositiveAmount, Size


class ModelShape(Artifact):
    """What energy accounting needs to know of the transformer."""

    family: str = Field(description="gpt and decoder attend causally")
    layers: Size
    dim: Size
    heads: Annotated[int, Field(ge=0, le=10**6)] = Field(
        description="of the attention; 0 where there is none"
    )
    tokens: Size = Field(description="tokens of one sample (rows that a block takes for it)")
    mlp_hidden: Size = Field(description="hidden width of the dense MLP that a block replaces")
    neighbours: bool = Field(
        False, description="whether blocks read features of the tokens around as well: rows of 2 · dim"
    )

    @property
    def attends(self) -> bool:
        """Whether tokens see one another: a single one has no other."""
        return self.heads > 0 and self.tokens > 1

    @model_validator(mode="after")
    def _heads_have_features(self) -> ModelShape:
        if self.heads > self.dim:
            raise ValueError(f"{self.heads} heads share {self.dim} features")
        return self

    @property
    def causal(self) -> bool:
        """Whether a token attends to itself and to those before it alone."""
        return self.family in ("gpt", "decoder")


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
