"""Decoder-only transformer in the manner of nanoGPT: pre-norm, no biases, tied embedding and head.

Exits have no weights of their own: the last normalisation and the head read the residual stream after chosen layers as
they read it after the last. So a token that leaves keeps its state, and what the end makes of that state are the logits of its exit.
Shape suffixes: B samples, N tokens, D width, V vocabulary.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.ir.exits import ExitRule
from quweit_cli.models.exits import Certainty, certainty_of
from quweit_cli.models.layer import Answer, AnswerWithExits, TransformerLayer


class Decoded(NamedTuple):
    """layers_BN: that each token went through."""

    logits_BNV: Tensor
    layers_BN: Tensor


class Gpt(nn.Module):
    """Tokens [B, N], N at most `model.context`, to logits of the token that follows each, [B, N, V]."""

    def __init__(self, settings: config.Model, meta: dict[str, Any]) -> None:
        super().__init__()
        if meta.get("kind") != "text":
            raise ConfigError(
                f"the family `gpt` learns from text, and this dataset is of {meta.get('kind')}",
                hint="use `model.family: vit` for images and tables",
            )
        self.tokens = settings.context
        self.embed = nn.Embedding(len(meta["vocabulary"]), settings.dim)
        self.position = nn.Embedding(settings.context, settings.dim)
        self.dropout = nn.Dropout(settings.dropout)
        self.layers = nn.ModuleList(self.make_layer(settings, layer) for layer in range(settings.depth))
        self.norm = nn.LayerNorm(settings.dim, bias=False)
        self.head = nn.Linear(settings.dim, len(meta["vocabulary"]), bias=False)
        self.head.weight = self.embed.weight
        self.exit_settings = settings.exits
        self._initialise(settings.depth)

    def make_layer(self, settings: config.Model, layer: int) -> nn.Module:
        return TransformerLayer(settings, layer, causal=True, bias=False)

    def forward(
        self, token_BN: Tensor, *, states: bool = False, exits: bool = False
    ) -> Tensor | Answer | AnswerWithExits:
        """All tokens go through all layers.

        states: give the residual stream after each layer as well. exits: and the logits of every exit.
        """
        x_BND = self.embedded(token_BN)
        after_BND = []
        for layer in self.layers:
            x_BND = layer(x_BND)
            if states or exits:
                after_BND.append(x_BND)
        logits_BNV = self.logits_of(x_BND)
        if exits:
            early = enumerate(self.exit_settings.after)
            return logits_BNV, after_BND, [self.exit_logits(k, after_BND[layer - 1]) for k, layer in early]
        return (logits_BNV, after_BND) if states else logits_BNV

    def decoded(self, token_BN: Tensor, rule: ExitRule, prompt: int = 0) -> Decoded:
        """What comes of tokens that leave by a rule: the same as if they came one after the other.

        A token that leaves keeps its state. Layers after its exit make their keys and values of that state, which later tokens
        attend to; the rest of such a layer changes nothing of it.

        prompt: tokens that come together, before those that go on: these go through all layers.
        """
        x_BND, before = self.embedded(token_BN), None
        left_BN = torch.zeros(token_BN.shape, dtype=torch.bool, device=token_BN.device)
        layers_BN = torch.full(token_BN.shape, len(self.layers), device=token_BN.device)
        for number, layer in enumerate(self.layers, start=1):
            x_BND = torch.where(left_BN[..., None], x_BND, layer(x_BND))
            if number in self.exit_settings.after:
                now = self.certainty(self.exit_settings.after.index(number), x_BND)
                leaves_BN = rule.leaves(now.entropy_B, before, now.largest_B) & ~left_BN
                leaves_BN[:, :prompt] = False
                layers_BN[leaves_BN] = number
                left_BN, before = left_BN | leaves_BN, now.entropy_B
        return Decoded(self.logits_of(x_BND), layers_BN)

    def exit_logits(self, place: int, x_BND: Tensor) -> Tensor:
        """Of exit `place`, [B, N, V]."""
        return self.logits_of(x_BND)

    def certainty(self, place: int, x_BND: Tensor) -> Certainty:
        """Of exit `place`, whose entropies and largest probabilities are [B, N]."""
        return certainty_of(self.exit_logits(place, x_BND))

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
