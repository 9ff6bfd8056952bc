"""How many bits the numbers of a model take."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import Amount, Count

Format = Literal["float32", "int32", "int16", "int8", "few bits", "ternary", "binary", "index", "none"]


class SizePart(Artifact):
    """Numbers of one kind in one part of the model."""

    part: str = Field(description="embedding, attention, MLPs, exits, or head")
    what: str
    format: Format = Field(
        description="`few bits`: values of 3 or 4; `index`: of a bit that a LUT reads; `none`: part of other numbers"
    )
    parameters: Count = Field(description="trained numbers; 0 of what follows from them or was drawn")
    bits: Count


class ModelSize(Artifact):
    """A model as it is stored, and by BEExformer's accounting (arXiv 2412.05225)."""

    parts: list[SizePart]
    parameters: Count
    bits: Count = Field(description="of all parts: with scales of weights, biases, and the wiring of LUTs")
    bits_of_parameters: Count = Field(
        description="by BEExformer's accounting: parameters of at most eight bits in these bits, all others in 32; no scales, no wiring"
    )
    dense_parameters: Count | None = Field(
        description="of the same model with dense MLPs, all in float32; none is known of a family of another package"
    )
    times_smaller: Amount = Field(description="than its own parameters in float32, as it is stored")
    times_smaller_by_parameters: Amount = Field(description="the same, by BEExformer's accounting")
    times_smaller_than_dense: Amount | None = Field(
        description="than the dense model in float32, as it is stored"
    )
