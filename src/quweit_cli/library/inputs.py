"""Samples as a model of somebody else's takes them, and the tensors in what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from quweit_cli.errors import ConfigError

Inputs = Tensor | Sequence[Any] | Mapping[str, Any]
DEPTH = 8  # of an answer's dictionaries and tuples within one another


class Arguments(NamedTuple):
    """Of a model's call; the first axis of every tensor counts samples."""

    positional: tuple[Any, ...]
    named: dict[str, Any]

    def tensors(self) -> dict[str, Tensor]:
        every = {f"argument {place}": one for place, one in enumerate(self.positional)} | self.named
        return {name: one for name, one in every.items() if isinstance(one, Tensor)}

    def part(self, part: slice, device: torch.device) -> Arguments:
        """Of some samples, where the model lies; what is no tensor goes to every call."""

        def cut(one: Any) -> Any:
            return one[part].to(device) if isinstance(one, Tensor) else one

        return Arguments(
            tuple(map(cut, self.positional)), {name: cut(one) for name, one in self.named.items()}
        )

    def call(self, model: nn.Module) -> list[Tensor]:
        return list(_tensors(model(*self.positional, **self.named)))


def arguments(inputs: Inputs) -> tuple[Arguments, int]:
    """Those of a call on all samples, and how many samples there are.

    inputs: a tensor; a sequence of positional arguments; or named ones, such as Hugging Face's tokenizers give.

    Raises:
        ConfigError: no tensor among them, no sample, or tensors of unlike many.
    """
    made = Arguments((), {})
    if isinstance(inputs, Tensor):
        made = Arguments((inputs,), {})
    elif isinstance(inputs, Mapping):
        made = Arguments((), dict(inputs))
    elif isinstance(inputs, Sequence) and not isinstance(inputs, str | bytes):
        made = Arguments(tuple(inputs), {})
    hint = (
        "give a tensor, a tuple of arguments or a dictionary of named ones, all samples along the first axis"
    )
    counts = {name: len(one) if one.ndim else 0 for name, one in made.tensors().items()}
    if not counts:
        raise ConfigError(f"there is no tensor in inputs of type {type(inputs).__name__}", hint=hint)
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{name} of {count:,}" for name, count in counts.items())
        raise ConfigError(f"inputs hold different numbers of samples: {said}", hint=hint)
    (count,) = set(counts.values())
    if count == 0:
        raise ConfigError("there is no sample in the inputs", hint=hint)
    return made, count


def _tensors(answer: Any, depth: int = 0) -> Iterator[Tensor]:
    """In an answer, whichever way it is put together; what is neither tensor nor container is left out."""
    if isinstance(answer, Tensor):
        yield answer
    elif depth < DEPTH and isinstance(answer, Mapping):
        for one in answer.values():
            yield from _tensors(one, depth + 1)
    elif depth < DEPTH and isinstance(answer, list | tuple):
        for one in answer:
            yield from _tensors(one, depth + 1)
