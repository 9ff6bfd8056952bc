"""Encoder of text: a vector a token, learned positions, pre-norm layers in which all tokens see all, mean pooling.

Shape suffixes: B samples, N tokens, D width.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.models.classifier import Classifier


class Encoder(Classifier):
    """Reads passages of text as tokens [B, N], N as `model.context` says."""

    def make_input(self, settings: config.Model, meta: dict[str, Any]) -> None:
        if meta.get("kind") != "passages":
            raise ConfigError(
                f"the family `{settings.family}` learns from passages of text with classes, and this dataset is of"
                f" {meta.get('kind')}",
                hint="use `model.family: vit` for images, and `gpt` for text without classes",
            )
        self.tokens = settings.context
        self.embed = nn.Embedding(len(meta["vocabulary"]), settings.dim)

    def token_vectors(self, token_BN: Tensor) -> Tensor:
        x_BND: Tensor = self.embed(token_BN)
        return x_BND
