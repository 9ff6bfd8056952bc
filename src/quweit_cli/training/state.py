"""The state of an unfinished training: all that the next step depends on.

Apart from the checkpoint, since it is three times as large and of no use when training is over. What
a step draws at random depends on the seed and its number alone (randomness.py), so no generator is here.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quweit_cli.errors import ArtifactError
from quweit_cli.training.checkpoint import write_whole

FORMAT, VERSION = "quweit.training_state", 3


@dataclass(frozen=True)
class State:
    step: int  # steps done
    steps: int  # in all
    seconds: float  # that they took
    weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    averages: list[Tensor]
    curve: list[dict[str, float]]
    loss_sum: Tensor  # since the last evaluation, over `loss_steps`
    loss_steps: int
    best_loss: float
    best_weights: dict[str, Tensor] | None


def save(state: State, path: Path) -> None:
    """Write the file whole or not at all."""
    fields = {field.name: getattr(state, field.name) for field in dataclasses.fields(State)}
    write_whole({"format": FORMAT, "version": VERSION, **fields}, path)


def load(path: Path) -> State:
    """Read with torch's safe loader, onto the CPU.

    Raises:
        ArtifactError: damaged, or of another kind or version.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if (content.pop("format"), content.pop("version")) != (FORMAT, VERSION):
            raise ValueError("it is of another kind or version")
        return State(**content)
    except Exception as error:  # torch, zipfile and pickle raise a dozen types on bytes that are not theirs
        first_line = str(error).strip().partition("\n")[0]
        raise ArtifactError(
            f"the state of training `{path}` cannot be read: {first_line}",
            hint="remove the file, and the same command starts anew",
        ) from None
