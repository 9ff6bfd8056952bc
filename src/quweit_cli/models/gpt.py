"""Decoder-only transformer in the manner of nanoGPT: pre-norm, no biases, tied embedding and head.

Shape suffixes: B samples, N tokens, D width, V vocabulary.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.models.layer import Answer, TransformerLayer


class Gpt(nn.Module):
    """Tokens [B, N], N at most `model.context`, to logits of the token that follows each, [B, N, V]."""

    def __init__(self, settings: config.Model, meta: dict[str, Any]) -> None:
        super().__init__()
        if meta.get("kind") != "text":
            raise ConfigError(
                f"the family `gpt` learns from text, and this dataset is of {meta.get('kind')}",
                hint="use `model.family: vit` for images",
            )
        self.tokens = settings.context
        self.embed = nn.Embedding(len(meta["vocabulary"]), settings.dim)
        self.position = nn.Embedding(settings.context, settings.dim)
        self.dropout = nn.Dropout(settings.dropout)
        self.layers = nn.ModuleList(self.make_layer(settings, layer) for layer in range(settings.depth))
        self.norm = nn.LayerNorm(settings.dim, bias=False)
        self.head = nn.Linear(settings.dim, len(meta["vocabulary"]), bias=False)
        self.head.weight = self.embed.weight
        self._initialise(settings.depth)

    def make_layer(self, settings: config.Model, layer: int) -> nn.Module:
        return TransformerLayer(settings, layer, causal=True, bias=False)

    def forward(self, token_BN: Tensor, *, states: bool = False) -> Tensor | Answer:
        """states: give the residual stream after each layer as well."""
        x_BND = self.embedded(token_BN)
        after_BND = []
        for layer in self.layers:
            x_BND = layer(x_BND)
            if states:
                after_BND.append(x_BND)
        logits_BNV = self.logits_of(x_BND)
        return (logits_BNV, after_BND) if states else logits_BNV

    def embedded(self, token_BN: Tensor) -> Tensor:
        """What the first layer reads, [B, N, D]."""
        position_N = torch.arange(token_BN.shape[1], device=token_BN.device)
        x_BND: Tensor = self.dropout(self.embed(token_BN) + self.position(position_N))
        return x_BND

    def logits_of(self, x_BND: Tensor) -> Tensor:
        """x_BND: what the last layer gives."""
        logits_BNV: Tensor = self.head(self.norm(x_BND))
        return logits_BNV

    def _initialise(self, depth: int) -> None:
        """GPT-2's: N(0, 0.02), and smaller where a layer adds to the residual; of two factors one is smaller."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                smaller = name.endswith("project") and not name.endswith("forget.project")
                std = 0.02 / math.sqrt(2 * depth) if smaller else 0.02
                nn.init.normal_(module.weight, std=std)
