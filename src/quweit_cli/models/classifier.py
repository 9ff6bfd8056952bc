"""An encoder that answers once a sample: learned positions, pre-norm layers, exits, mean pooling. Families say what it reads.

Shape suffixes: B samples, N tokens, D width, O classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.models.exits import Certainty, ExitHead
from quweit_cli.models.layer import Answer, AnswerWithExits, TransformerLayer


class Classifier(nn.Module, ABC):
    """Samples [B, ...] to logits [B, O]."""

    tokens: int
    position_ND: nn.Parameter

    def __init__(self, settings: config.Model, meta: dict[str, Any]) -> None:
        super().__init__()
        self.make_input(settings, meta)
        classes = len(meta["classes"])
        self.position_ND = nn.Parameter(settings.position_std * torch.randn(self.tokens, settings.dim))
        self.dropout = nn.Dropout(settings.dropout)
        self.layers = nn.ModuleList(self.make_layer(settings, layer) for layer in range(settings.depth))
        self.norm = nn.LayerNorm(settings.dim)
        self.head = nn.Linear(settings.dim, classes)
        self.exit_settings = settings.exits
        self.exits = nn.ModuleList(self.make_exit(settings, classes, layer) for layer in settings.exits.after)

    @abstractmethod
    def make_input(self, settings: config.Model, meta: dict[str, Any]) -> None:
        """Set `tokens`, and what makes vectors of a sample.

        Raises:
            ConfigError: a dataset of another kind, or settings that do not fit it.
        """

    @abstractmethod
    def token_vectors(self, sample: Tensor) -> Tensor:
        """Of a batch of samples, without positions, [B, N, D]."""

    def make_exit(self, settings: config.Model, classes: int, layer: int) -> ExitHead:
        """Of the residual stream after so many layers."""
        return ExitHead(settings.dim, classes)

    def exit_logits(self, after_BND: list[Tensor]) -> list[Tensor]:
        """Of every exit, [B, O] each. after_BND: the residual stream after each layer."""
        return [
            head(after_BND[layer - 1])
            for head, layer in zip(self.exits, self.exit_settings.after, strict=True)
        ]

    def certainties(self, exit_logits: list[Tensor]) -> list[Certainty]:
        """Of every exit, by its logits."""
        return [head.certainty(logits) for head, logits in zip(self.exit_heads, exit_logits, strict=True)]

    @property
    def exit_heads(self) -> list[ExitHead]:
        return [head for head in self.exits if isinstance(head, ExitHead)]

    def make_layer(self, settings: config.Model, layer: int) -> nn.Module:
        return TransformerLayer(settings, layer, causal=False, bias=True)

    def forward(
        self, sample: Tensor, *, states: bool = False, exits: bool = False
    ) -> Tensor | Answer | AnswerWithExits:
        """states: give the residual stream after each layer as well. exits: and the logits of every exit."""
        x_BND = self.embedded(sample)
        after_BND = []
        for layer in self.layers:
            x_BND = layer(x_BND)
            if states or self.exit_heads:
                after_BND.append(x_BND)
        logits_BO = self.logits_of(x_BND)
        # in evaluation always: what is compared with the program has them
        of_exits = self.exit_logits(after_BND) if exits or not self.training else []
        if exits:
            return logits_BO, after_BND, of_exits
        return (logits_BO, after_BND) if states else logits_BO

    def embedded(self, sample: Tensor) -> Tensor:
        """What the first layer reads, [B, N, D]."""
        x_BND: Tensor = self.dropout(self.token_vectors(sample) + self.position_ND)
        return x_BND

    def logits_of(self, x_BND: Tensor) -> Tensor:
        """x_BND: what the last layer gives."""
        logits_BO: Tensor = self.head(self.norm(x_BND).mean(dim=1))
        return logits_BO
