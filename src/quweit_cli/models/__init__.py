"""Model families. Each is one file, read top to bottom; a registry line makes it known."""

from __future__ import annotations

from typing import Any

from torch import nn

from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.models.gpt import Gpt
from quweit_cli.models.resnet import ResNet
from quweit_cli.models.vit import Vit
from quweit_cli.weightless import WeightlessBlock

Network = Vit | Gpt | ResNet

FAMILIES: dict[str, type[Vit] | type[Gpt] | type[ResNet]] = {"vit": Vit, "gpt": Gpt, "resnet": ResNet}


def build(settings: config.Model, meta: dict[str, Any]) -> Network:
    """A model with fresh weights, drawn from torch's global generator.

    meta: what the dataset says of itself (training/datasets): kind, shape, classes or vocabulary.

    Raises:
        ConfigError: unknown family, or settings that do not fit the dataset.
    """
    if settings.family not in FAMILIES:
        raise ConfigError(
            f"no model family `{settings.family}`",
            hint=f"`model.family` is one of: {', '.join(FAMILIES)}",
        )
    return FAMILIES[settings.family](settings, meta)


def blocks_of(model: nn.Module) -> dict[str, WeightlessBlock]:
    """The weightless blocks by name, `block0` in the first layer; none in a dense model."""
    found = [module for module in model.modules() if isinstance(module, WeightlessBlock)]
    return {f"block{layer}": block for layer, block in enumerate(found)}


def parameter_count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


__all__ = ["FAMILIES", "Gpt", "Network", "ResNet", "Vit", "blocks_of", "build", "parameter_count"]
