"""The state of an unfinished training: all that the next step depends on.

Apart from the checkpoint, since it is three times as large and of no use when training is over. What
a step draws at random depends on the seed and its number alone (randomness.py), so no generator is here.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from torch import Tensor

from quweit_cli.boundary.readers import Unreadable, problems
from quweit_cli.errors import ArtifactError
from quweit_cli.training.checkpoint import read_tensors, sound_tensor, write_whole

FORMAT, VERSION = "quweit.training_state", 3
ANEW = "remove the file, and the same command starts anew"
Steps = Annotated[int, Field(ge=0, le=10**9)]


@dataclass(frozen=True)
class State:
    __pydantic_config__ = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    step: Steps  # done
    steps: Steps  # in all
    seconds: Annotated[float, Field(ge=0, lt=1e12)]  # that they took
    weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    averages: list[Tensor]
    curve: list[dict[str, float]]
    loss_sum: Tensor  # since the last evaluation, over `loss_steps`
    loss_steps: Steps
    best_loss: float
    best_weights: dict[str, Tensor] | None


_STATE = TypeAdapter(State)


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
        content = read_tensors(path)
        if not isinstance(content, dict) or (content.pop("format", None), content.pop("version", None)) != (
            FORMAT,
            VERSION,
        ):
            raise Unreadable("it is of another kind or version")
        return _sound(_STATE.validate_python(content))
    except (Unreadable, ValidationError) as error:
        why = problems(error) if isinstance(error, ValidationError) else error
        raise ArtifactError(f"the state of training `{path}` cannot be read: {why}", hint=ANEW) from None


def _sound(state: State) -> State:
    """Raises Unreadable where a tensor is larger than what the file holds of it, or not finite."""
    named = {"loss": state.loss_sum, **state.weights, **(state.best_weights or {})}
    named |= {f"average {number}": one for number, one in enumerate(state.averages)}
    for name, tensor in named.items():
        sound_tensor(tensor, f"`{name}`")
    return state
