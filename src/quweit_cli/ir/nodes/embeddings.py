"""What a layer knows of a token beside its neighbours: a row for its code, and one for its position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from quweit_cli.ir.cost import Cost
from quweit_cli.ir.nodes.base import EvenRows, Integers, StepRecord, integers, require, require_int64
from quweit_cli.ir.nodes.sums import MAX_BIAS
from quweit_cli.ir.types import TensorType, bits_of_range


@dataclass(frozen=True, eq=False)
class Embedding:
    """`y[t][d] = vector[x[t]][d]`: a row of codes, one a token, to tokens x features.

    vectors_VD: int64, one row a code.
    """

    vectors_VD: Integers

    def __post_init__(self) -> None:
        _require_vectors(self.vectors_VD)

    def evaluate(self, x_T: Integers) -> Integers:
        return self.vectors_VD[x_T]

    def output_type(self, x: TensorType) -> TensorType:
        codes, features = self.vectors_VD.shape
        require(x.low >= 0 and x.high < codes, f"codes are 0 ... {codes - 1}, not {x.low} ... {x.high}")
        read_VD = self.vectors_VD[x.low : x.high + 1]
        return TensorType(features, int(read_VD.min()), int(read_VD.max()), x.shape)

    def cost(self, x: TensorType) -> Cost:
        reads = x.features * self.vectors_VD.shape[1]
        return Cost(lut_reads=reads, stored_bits=_stored_bits(self.vectors_VD)).times(x.rows)

    def record(self, **step: Any) -> EmbeddingRecord:
        return EmbeddingRecord(vectors=self.vectors_VD.tolist(), **step)


class EmbeddingRecord(StepRecord):
    """y[t][d] = vectors[x[t]][d]"""

    op: Literal["embedding"] = "embedding"
    vectors: EvenRows

    def node(self) -> Embedding:
        return Embedding(integers(self.vectors))


@dataclass(frozen=True, eq=False)
class PositionEmbedding:
    """`y[t][d] = x[t][d] + vector[t][d]`: tokens x features to the same.

    vectors_TD: int64, at most MAX_BIAS either way, for as many tokens as there are, or more.
    """

    vectors_TD: Integers

    def __post_init__(self) -> None:
        _require_vectors(self.vectors_TD)
        require(
            bool(np.all((self.vectors_TD >= -MAX_BIAS) & (self.vectors_TD <= MAX_BIAS))),
            "vectors of positions must lie within -2^47 ... 2^47",
        )

    def evaluate(self, x_TD: Integers) -> Integers:
        return x_TD + self.vectors_TD[: x_TD.shape[-2]]

    def output_type(self, x: TensorType) -> TensorType:
        tokens, features = self.vectors_TD.shape
        fits = bool(x.outer) and x.outer[-1] <= tokens and x.features == features
        require(fits, f"positions of {tokens} tokens x {features} features, input of shape {x.shape}")
        added_TD = self.vectors_TD[: x.outer[-1]]
        require_int64(x.largest + int(np.abs(added_TD).max()), "the sum")
        return TensorType(features, x.low + int(added_TD.min()), x.high + int(added_TD.max()), x.outer)

    def cost(self, x: TensorType) -> Cost:
        return Cost(additions=x.features, stored_bits=_stored_bits(self.vectors_TD)).times(x.rows)

    def record(self, **step: Any) -> PositionEmbeddingRecord:
        return PositionEmbeddingRecord(vectors=self.vectors_TD.tolist(), **step)


class PositionEmbeddingRecord(StepRecord):
    """y[t][d] = x[t][d] + vectors[t][d]"""

    op: Literal["position_embedding"] = "position_embedding"
    vectors: EvenRows

    def node(self) -> PositionEmbedding:
        return PositionEmbedding(integers(self.vectors))


def _require_vectors(vectors: Integers) -> None:
    require(vectors.ndim == 2 and vectors.size > 0, "vectors must be rows of features")


def _stored_bits(vectors: Integers) -> int:
    return vectors.size * bits_of_range(int(vectors.min()), int(vectors.max()))
