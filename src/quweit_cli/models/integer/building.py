"""A program as it grows, beside the modules that compute the same in torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from torch import nn

from quweit_cli.ir import Node, Program, Requantize, RequantizeFeatures, Step, TensorType
from quweit_cli.ir.nodes.embeddings import PositionEmbedding
from quweit_cli.ir.types import INT16, INT32
from quweit_cli.models.integer.fixed_point import FixedPoint, Grid, integers
from quweit_cli.models.integer.operations import Logits, OntoResidual
from quweit_cli.weightless.block import WeightlessBlock


class Wire(NamedTuple):
    """A tensor of the program. fraction: bits below the point, one or one a feature."""

    name: str
    fraction: np.ndarray

    @property
    def bits(self) -> int:
        """Below the point of all elements alike."""
        return int(self.fraction)


class Twin(NamedTuple):
    """What computes a tensor of a program in torch, and the bits below the point of what it gives."""

    module: nn.Module
    fraction: np.ndarray


class Model(NamedTuple):
    """twins: by the tensor's path, such as `layer0/score`; of what is only moved there is none."""

    program: Program
    twins: Mapping[str, Twin]


@dataclass
class Building:
    """Steps in order."""

    source: Wire
    steps: list[Step] = field(default_factory=list)
    twins: dict[str, Twin] = field(default_factory=dict)

    def add(
        self,
        name: str,
        node: Node,
        *sources: Wire,
        fraction: int | np.ndarray,
        module: nn.Module | None = None,
    ) -> Wire:
        wire = Wire(name, np.asarray(fraction, dtype=np.int64))
        scale = 2.0**-wire.bits if wire.fraction.ndim == 0 else None
        self.steps.append(Step(name, tuple(source.name for source in sources), node, scale))
        if module is not None:
            self.twins[name] = Twin(module, wire.fraction)
        return wire

    def block(self, name: str, block: WeightlessBlock, program: str, source: Wire) -> Wire:
        """A weightless block as a step; its outputs are in steps of a power of two."""
        fraction = -int(math.log2(block.output_scale()))
        return self.add(name, block.program(program), source, fraction=fraction, module=block)

    def nest(self, model: Model, source: Wire, *, fraction: int) -> Wire:
        """A program as a step of its own name."""
        name = model.program.name
        self.twins |= {f"{name}/{path}": twin for path, twin in model.twins.items()}
        return self.add(name, model.program, source, fraction=fraction)

    def model(self, name: str, kind: TensorType, answer: str | None = None) -> Model:
        """answer: what it gives; the last step when absent.

        Raises:
            ValueError: an operation cannot take what it is given.
        """
        outputs = {} if answer is None else {answer: answer}
        return Model(Program(name, self.source.name, kind, tuple(self.steps), outputs), self.twins)


def _onto(fraction: np.ndarray, grid: int, low: int, high: int) -> Requantize | RequantizeFeatures:
    """The node that rounds numbers with `fraction` bits below the point, one or one a feature, to `grid` bits.

    A number with fewer bits than its grid is multiplied by a power of two.
    """
    right = np.asarray(fraction, dtype=np.int64) - grid
    left = max(0, -int(right.min()))
    if right.ndim == 0:
        return Requantize(1 << left, int(right) + left, low, high)
    return RequantizeFeatures(1 << left, right + left, low, high)


def onto_grid(made: Building, name: str, x: Wire, grid: Grid) -> Wire:
    fraction = int(grid.fraction())
    return made.add(name, _onto(x.fraction, fraction, grid.low, grid.high), x, fraction=fraction, module=grid)


def onto_residual(made: Building, name: str, x: Wire, residual: int, module: OntoResidual) -> Wire:
    return made.add(name, _onto(x.fraction, residual, *INT16), x, fraction=residual, module=module)


def positioned(made: Building, x: Wire, position: FixedPoint, module: nn.Module) -> Wire:
    """position: on the grid of the residual stream, for every token."""
    x = made.add(
        "position", PositionEmbedding(integers(position).numpy()), x, fraction=int(position.fraction)
    )
    return made.add("positioned", Requantize(1, 0, *INT16), x, fraction=x.fraction, module=module)


def logits(made: Building, x: Wire, module: Logits) -> Wire:
    """All of one scale, so that they can be compared with one another."""
    fraction = int(x.fraction.min())
    return made.add("logits", _onto(x.fraction, fraction, *INT32), x, fraction=fraction, module=module)
