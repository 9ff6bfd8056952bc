"""A program: named nodes in topological order, one input tensor, one output tensor."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from quweit_cli.ir.nodes.base import Integers, Node
from quweit_cli.ir.types import TensorType

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,40}")


@dataclass(frozen=True)
class Step:
    """`name = node(source)`; `source` is the program's input or an earlier step."""

    name: str
    source: str
    node: Node


@dataclass(frozen=True)
class Program:
    """The integers of one unit of hardware; today one weightless block.

    Names are identifiers (lower case, digits, underscores), so that they can name hardware.
    """

    name: str
    input_name: str
    input_type: TensorType
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        """Raises ValueError for names that clash or are no identifiers, and for shapes that do not fit."""
        for name in (self.name, self.input_name, *(step.name for step in self.steps)):
            if not IDENTIFIER.fullmatch(name):
                raise ValueError(
                    f"{name!r} is not an identifier of at most 41 lower-case letters, digits and underscores"
                )
        if not self.steps:
            raise ValueError(f"program `{self.name}` has no steps")
        tensor_types(self)

    @property
    def output_type(self) -> TensorType:
        return tensor_types(self)[self.steps[-1].name]


def evaluate(program: Program, x_RD: np.ndarray) -> Integers:
    """Run the program on rows; int64 in the shape rows x outputs.

    Raises:
        ValueError: the rows have another width, or values outside of the input's type.
    """
    return trace(program, x_RD)[program.steps[-1].name]


def trace(program: Program, x_RD: np.ndarray) -> dict[str, Integers]:
    """Every tensor of the program by name, the input included."""
    x = np.asarray(x_RD, dtype=np.int64)
    kind = program.input_type
    if x.ndim != 2 or x.shape[1] != kind.features:
        raise ValueError(f"program `{program.name}` takes rows of {kind.features}, got shape {x.shape}")
    if x.size and (x.min() < kind.low or x.max() > kind.high):
        raise ValueError(
            f"program `{program.name}` takes {kind.low} ... {kind.high}, got {x.min()} ... {x.max()}"
        )
    tensors = {program.input_name: x}
    for step in program.steps:
        tensors[step.name] = step.node.evaluate(tensors[step.source])
    return tensors


def tensor_types(program: Program) -> dict[str, TensorType]:
    """Worst-case type of every tensor by name; ValueError where a step does not fit its source."""
    types = {program.input_name: program.input_type}
    for step in program.steps:
        if step.source not in types:
            raise ValueError(f"step `{step.name}` reads `{step.source}`, which no earlier step makes")
        if step.name in types:
            raise ValueError(f"two tensors are named `{step.name}`")
        try:
            types[step.name] = step.node.output_type(types[step.source])
        except ValueError as error:
            raise ValueError(f"step `{step.name}` of `{program.name}`: {error}") from None
    return types
