"""Vision transformer: patches, learned positions, pre-norm layers, mean pooling.

Shape suffixes: B samples, N tokens, D width, X colour channels, P pixels along a patch, O classes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.models.exits import Certainty, ExitHead
from quweit_cli.models.layer import Answer, AnswerWithExits, TransformerLayer


class Vit(nn.Module):
    """Images [B, X, side, side], already normalised, or rows of a table that are laid out so, to logits [B, O]."""

    def __init__(self, settings: config.Model, meta: dict[str, Any]) -> None:
        super().__init__()
        side, channels, classes = image_shape(meta, settings.family, ("images", "table"))
        self.side = side = settings.image or side
        if meta["kind"] == "table":
            _check_table(settings, meta)
        if side % settings.patch:
            raise ConfigError(
                f"images of {side} x {side} pixels cannot be cut into patches of {settings.patch}",
                hint="choose `model.patch` so that it divides the side of the images, or enlarge them by `model.image`",
            )
        self.patch = settings.patch
        self.tokens = (side // settings.patch) ** 2
        self.embed = nn.Linear(channels * settings.patch**2, settings.dim)
        self.position_ND = nn.Parameter(settings.position_std * torch.randn(self.tokens, settings.dim))
        self.dropout = nn.Dropout(settings.dropout)
        self.layers = nn.ModuleList(self.make_layer(settings, layer) for layer in range(settings.depth))
        self.norm = nn.LayerNorm(settings.dim)
        self.head = nn.Linear(settings.dim, classes)
        self.exit_settings = settings.exits
        self.exits = nn.ModuleList(self.make_exit(settings, classes, layer) for layer in settings.exits.after)

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

    def resized(self, image_BXSS: Tensor) -> Tensor:
        """Images of the side that is cut."""
        if image_BXSS.shape[-1] == self.side:
            return image_BXSS
        return nn.functional.interpolate(image_BXSS, size=self.side, mode="bilinear")

    def forward(
        self, image_BXSS: Tensor, *, states: bool = False, exits: bool = False
    ) -> Tensor | Answer | AnswerWithExits:
        """states: give the residual stream after each layer as well. exits: and the logits of every exit."""
        x_BND = self.embedded(image_BXSS)
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

    def embedded(self, image_BXSS: Tensor) -> Tensor:
        """What the first layer reads, [B, N, D]."""
        patch_BN = cut(self.resized(image_BXSS), self.patch)
        x_BND: Tensor = self.dropout(self.embed(patch_BN) + self.position_ND)
        return x_BND

    def logits_of(self, x_BND: Tensor) -> Tensor:
        """x_BND: what the last layer gives."""
        logits_BO: Tensor = self.head(self.norm(x_BND).mean(dim=1))
        return logits_BO


def cut(image_BXSS: Tensor, patch: int) -> Tensor:
    """Patches in reading order as flat pixels, [B, N, X*P*P]."""
    B, X, S, _ = image_BXSS.shape
    cut = image_BXSS.reshape(B, X, S // patch, patch, S // patch, patch)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(B, (S // patch) ** 2, X * patch**2)


def image_shape(
    meta: dict[str, Any], family: str, kinds: tuple[str, ...] = ("images",)
) -> tuple[int, int, int]:
    """Side, channels and classes of a dataset; of a table as it is laid out.

    Raises:
        ConfigError: it is of none of those kinds.
    """
    if (kind := meta.get("kind")) not in kinds:
        raise ConfigError(
            f"the family `{family}` learns from {' or a '.join(kinds)}, and this dataset is of {kind}",
            hint=f"use `model.family: {'gpt` for text' if kind == 'text' else 'vit` for a table'}",
        )
    return meta["side"], meta["channels"], len(meta["classes"])


def _check_table(settings: config.Model, meta: dict[str, Any]) -> None:
    side, columns = meta["side"], len(meta["columns"])
    if settings.image is not None:
        raise ConfigError("`model.image` enlarges images, and this dataset is a table", hint="leave it out")
    if side % settings.patch:
        raise ConfigError(
            f"{columns} columns lie on {side} x {side} places, which cannot be cut into patches of {settings.patch}",
            hint="set `model.patch: 1`, which makes every column a token",
        )
