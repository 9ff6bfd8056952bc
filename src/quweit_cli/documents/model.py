"""The shape of a model, as energy accounting and hardware need it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import Size
from quweit_cli.config import MatrixWeights, Mlp, Weights


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
    mlp: Mlp = Field(
        "dense", description="what follows attention; a learn-forget network has two branches of that width"
    )
    mlp_weights: MatrixWeights = Field("float", description="weights of its matrices, where it has some")
    qkv: Weights = Field("float", description="weights of queries, keys and values")
    projection: Weights = Field("float", description="weights of what joins the residual stream")
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
