"""Model families. Each is one file, read top to bottom; a registry line makes it known."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from torch import nn

from quweit_cli import config
from quweit_cli.config import extensions
from quweit_cli.documents import Role
from quweit_cli.errors import ConfigError, QuweitError
from quweit_cli.models.classifier import Classifier
from quweit_cli.models.encoder import Encoder
from quweit_cli.models.gpt import Gpt
from quweit_cli.models.integer.classifier import IntegerClassifier
from quweit_cli.models.integer.encoder import IntegerEncoder
from quweit_cli.models.integer.fixed_point import Grid
from quweit_cli.models.integer.gpt import IntegerGpt
from quweit_cli.models.integer.vit import IntegerVit
from quweit_cli.models.resnet import ResNet
from quweit_cli.models.vit import Vit
from quweit_cli.weightless.block import WeightlessBlock

Network = Classifier | Gpt | ResNet
IntegerNetwork = IntegerClassifier | IntegerGpt
MOST_WEIGHTS = 2 * 10**9  # 8 GB, and in training four times as much

FAMILIES: dict[str, Callable[[config.Model, dict[str, Any]], Network]] = {
    "vit": Vit,
    "encoder": Encoder,
    "gpt": Gpt,
    "resnet": ResNet,
}
IN_INTEGERS: dict[str, Callable[[config.Model, dict[str, Any]], IntegerNetwork]] = {
    "vit": IntegerVit,
    "encoder": IntegerEncoder,
    "gpt": IntegerGpt,
}


def least_weights(settings: config.Model, meta: dict[str, Any]) -> int:
    """Fewer numbers than a model of these settings holds, counted before memory is taken for it; 0 where it is of another
    package, which alone knows.

    Raises:
        ConfigError: unknown family.
    """
    if extension_of(settings) is not None:
        return 0
    dim, block = settings.dim, settings.block
    if settings.family == "resnet":  # of the last stage alone, all but its first convolution
        return (2 * settings.depth - 1) * 9 * (8 * dim) ** 2
    tokens = settings.context
    if settings.family == "vit":
        tokens = ((settings.image or meta.get("side", 1)) // settings.patch) ** 2
    mlp = 2 * settings.mlp_ratio * dim**2
    if settings.mlp == "learn_forget":
        mlp *= 2
    if settings.mlp == "weightless":
        mlp = sum(block.lut_layers) * 2**block.fan_in + block.lut_layers[-1] * (dim // block.groups)
    return settings.depth * (4 * dim**2 + mlp) + tokens * dim


def extension_of(settings: config.Model) -> extensions.Extension | None:
    """Where the family is of another package.

    Raises:
        ConfigError: unknown family, or `options` for one of our own.
    """
    extension = extensions.named(extensions.FAMILIES, settings.family)
    if extension is None and settings.family not in FAMILIES:
        raise extensions.unknown(extensions.FAMILIES, settings.family)
    if extension is None and settings.options:
        raise ConfigError(
            f"`model.options` are for families of other packages, and `{settings.family}` is quweit's",
            hint="leave them out",
        )
    return extension


def build(settings: config.Model, meta: dict[str, Any]) -> Network:
    """A model with fresh weights, drawn from torch's global generator.

    meta: what the dataset says of itself (training/datasets): kind, shape, classes or vocabulary.

    Raises:
        ConfigError: unknown family, settings that do not fit the dataset, or a model larger than can be built.
    """
    check_size(settings, meta)
    extension = extension_of(settings)
    if extension is not None:
        return _of_another_package(extension, settings, meta)
    if settings.arithmetic == "integer":
        return IN_INTEGERS[settings.family](settings, meta)
    return FAMILIES[settings.family](settings, meta)


def _of_another_package(
    extension: extensions.Extension, settings: config.Model, meta: dict[str, Any]
) -> Network:
    """Raises ConfigError where it cannot be built, or is not what a family has to be."""
    family = extension.load()
    try:
        model = family(settings, meta)
    except QuweitError:
        raise
    except Exception as error:  # whatever the code of others raises
        raise extension.fails("cannot be built", error) from error
    tokens, layers = getattr(model, "tokens", None), getattr(model, "layers", None)
    if not isinstance(model, nn.Module) or not isinstance(layers, nn.ModuleList) or not len(layers):
        raise extension.fails(
            "is no family", TypeError("a torch.nn.Module with `layers`, a ModuleList, is wanted")
        )
    if not isinstance(tokens, int) or tokens < 1:
        raise extension.fails("is no family", TypeError("`tokens` says how many rows a sample gives a block"))
    return cast("Network", model)


def check_size(settings: config.Model, meta: dict[str, Any]) -> None:
    """Raises ConfigError for an unknown family, one that has no integers, and more weights than can be built."""
    extension_of(settings)
    if settings.arithmetic == "integer" and settings.family not in IN_INTEGERS:
        raise ConfigError(
            f"the family `{settings.family}` computes in floating point alone",
            hint=f"`model.arithmetic: integer` is for {', '.join(IN_INTEGERS)}",
        )
    if (least := least_weights(settings, meta)) > MOST_WEIGHTS:
        raise ConfigError(
            f"a model of these settings has {least:,} weights and more, {MOST_WEIGHTS:,} at most can be built",
            hint="lower `model.dim`, `model.depth`, `model.context` or `model.block.lut_layers`",
        )


ROLES: dict[str, Role] = {"attention.qkv": "qkv", "attention.project": "projection", "mlp": "block"}
PLACE = re.compile(rf"layers\.(?P<layer>\d+)\.(?P<place>{'|'.join(map(re.escape, ROLES))})")


class Placed(NamedTuple):
    """A weightless block where it stands."""

    block: WeightlessBlock
    layer: int
    role: Role


def placed_blocks(model: nn.Module) -> dict[str, Placed]:
    """The weightless blocks by name, in the order in which a row meets them; none in a dense model.

    `block0` is the MLP of the first layer, `qkv0` makes its queries, keys and values, `projection0` projects its attention. In
    models of others each is numbered as it comes.
    """
    blocks = {path: one for path, one in model.named_modules() if isinstance(one, WeightlessBlock)}
    found = {}
    for path, block in blocks.items():
        if not (at := PLACE.fullmatch(path)):
            return {f"block{n}": Placed(one, n, "block") for n, one in enumerate(blocks.values())}
        role = ROLES[at["place"]]
        found[f"{role}{at['layer']}"] = Placed(block, int(at["layer"]), role)
    return found


def blocks_of(model: nn.Module) -> dict[str, WeightlessBlock]:
    """As `placed_blocks` has them, without their places."""
    return {name: placed.block for name, placed in placed_blocks(model).items()}


def grids_of(model: nn.Module) -> list[Grid]:
    """Those of a model in integers; none in one in floating point."""
    return [module for module in model.modules() if isinstance(module, Grid)]


def parameter_count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


__all__ = [
    "FAMILIES",
    "ROLES",
    "Classifier",
    "Gpt",
    "IntegerClassifier",
    "IntegerGpt",
    "IntegerNetwork",
    "IntegerVit",
    "Network",
    "Placed",
    "ResNet",
    "Vit",
    "blocks_of",
    "build",
    "check_size",
    "extension_of",
    "grids_of",
    "least_weights",
    "parameter_count",
    "placed_blocks",
]
