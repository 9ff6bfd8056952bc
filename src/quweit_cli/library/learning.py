"""What a training loop owes the weightless blocks of a model: rates of their own, and a word after every step."""

from __future__ import annotations

from typing import Any

from torch import nn

from quweit_cli.errors import ConfigError, UnsupportedModel
from quweit_cli.models import blocks_of
from quweit_cli.training import optimizer
from quweit_cli.weightless.block import WeightlessBlock


def parameter_groups(
    model: nn.Module, *, learning_rate: float, weight_decay: float = 0.0
) -> list[dict[str, Any]]:
    """Groups for an optimiser of `torch.optim`: every parameter that learns, in exactly one.

    Tables and wiring learn at a multiple of the base rate and never decay, encoded values at a fraction of it, as the
    settings of each block say. Matrices decay, vectors do not. A scheduler of rates keeps these ratios.

    Raises:
        UnsupportedModel: the model has no weightless block.
        ConfigError: a rate or a decay that is none.
    """
    if not learning_rate > 0 or not weight_decay >= 0:
        raise ConfigError(
            f"a learning rate is above 0 and weight decay at least 0, not {learning_rate} and {weight_decay}",
            hint="1e-3 and 0.05 are a beginning for AdamW",
        )
    blocks(model)
    return [
        {
            "params": group["params"],
            "lr": learning_rate * group["multiple"],
            "weight_decay": group["weight_decay"],
        }
        for group in optimizer.parameter_groups(model, weight_decay=weight_decay)
    ]


def after_step(model: nn.Module, done: float) -> None:
    """Call it after every step of the optimiser: parameters stay where they have a meaning, schedules move on.

    done: share of all steps that are done, 0 … 1: `(step + 1) / steps`.

    Raises:
        UnsupportedModel: the model has no weightless block.
        ConfigError: a share that is none.
    """
    if not 0 <= done <= 1:
        raise ConfigError(
            f"{done} is no share of all steps", hint="`after_step(model, (step + 1) / steps)`, from 0 to 1"
        )
    for block in blocks(model).values():
        block.constrain()
        block.anneal(done)
        if block.mapping_is_due(done):
            block.freeze_mapping()


def blocks(model: nn.Module) -> dict[str, WeightlessBlock]:
    """By the names that an export gives them. Raises UnsupportedModel where there is none."""
    found = blocks_of(model)
    if not found:
        raise UnsupportedModel(
            f"{type(model).__name__} has no weightless block",
            hint="`replace_mlps(model, luts=...)` puts them in, in place",
        )
    return found
