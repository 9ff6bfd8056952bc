"""Encoder of text in integers, from tokens to logits: the weights of the float one.

Shape suffixes: as in models/encoder.py.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from quweit_cli import config
from quweit_cli.ir import TensorType
from quweit_cli.ir.nodes.embeddings import Embedding as EmbeddingNode
from quweit_cli.models.encoder import Encoder
from quweit_cli.models.integer.building import Building, Wire
from quweit_cli.models.integer.classifier import IntegerClassifier
from quweit_cli.models.integer.fixed_point import FixedPoint, integers
from quweit_cli.models.integer.operations import Embedding


class IntegerEncoder(IntegerClassifier, Encoder):
    """Tokens as the float model takes them."""

    source = "tokens"

    def __init__(self, settings: config.Model, meta: dict[str, Any]) -> None:
        super().__init__(settings, meta)
        self.embedding = Embedding()

    def token_vectors(self, token_BN: Tensor) -> Tensor:
        """On the grid of the residual stream."""
        x: FixedPoint = self.embedding(token_BN, self.onto(self.embed.weight, self.residual))
        return x.value

    def codes(self, token_BN: Tensor) -> Tensor:
        return token_BN.long()

    @property
    def reads(self) -> TensorType:
        return TensorType(self.tokens, 0, self.embed.num_embeddings - 1)

    def build_vectors(self, made: Building, residual: int) -> Wire:
        rows = integers(self.onto(self.embed.weight, self.residual)).numpy()
        return made.add(
            "embedded", EmbeddingNode(rows), made.source, fraction=residual, module=self.embedding
        )
