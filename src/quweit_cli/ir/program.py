"""A program: a graph of named nodes in topological order, from one input tensor to named outputs.

A program is itself a node, so that a block can stand inside of a layer. Its record is here, as that of every node is
beside it; the document that holds one is in `serialization`.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from quweit_cli.ir.cost import Cost
from quweit_cli.ir.nodes.attention import ScoreProductRecord, ValueProductRecord
from quweit_cli.ir.nodes.base import (
    Integer,
    Integers,
    Name,
    Node,
    Record,
    StepRecord,
    is_absent,
)
from quweit_cli.ir.nodes.bits import LutLayerRecord, ThermometerRecord
from quweit_cli.ir.nodes.embeddings import EmbeddingRecord, PositionEmbeddingRecord
from quweit_cli.ir.nodes.functions import LayerNormalisationRecord, SoftmaxRecord, TableRecord
from quweit_cli.ir.nodes.leaving import ChooseRecord, Leave, LeaveRecord
from quweit_cli.ir.nodes.piecewise import PiecewiseLinearRecord
from quweit_cli.ir.nodes.places import PatchesRecord, SelectRecord
from quweit_cli.ir.nodes.pooling import PoolRecord
from quweit_cli.ir.nodes.products import ElementwiseProductRecord, MatrixProductRecord
from quweit_cli.ir.nodes.sums import (
    AdditionRecord,
    ConditionalSummationRecord,
    RequantizeFeaturesRecord,
    RequantizeRecord,
)
from quweit_cli.ir.nodes.tokens import TokensAroundRecord
from quweit_cli.ir.types import TensorType

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,40}")
MOST_STEPS = 100
MOST_AXES = 8  # of the input, before its features
DEEPEST = 8  # programs within one another: their JSON then has brackets 26 deep, and its reader takes 32


@dataclass(frozen=True)
class Step:
    """`name = node(*sources)`; a source is the program's input or an earlier step.

    scale: the real value of one integer step, for who reads along; nothing is computed with it.
    """

    name: str
    sources: tuple[str, ...]
    node: Node
    scale: float | None = None


@dataclass(frozen=True)
class Program:
    """The integers of one unit of hardware, or of a whole model.

    Names are identifiers (lower case, digits, underscores), so that they can name hardware.

    outputs: name -> tensor; the first is what the program answers as a node. Without any it is the last step.
    """

    name: str
    input_name: str
    input_type: TensorType
    steps: tuple[Step, ...]
    outputs: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Raises ValueError for names that clash, that are no identifiers or name nothing, and for shapes that do not fit."""
        if not self.steps:
            raise ValueError(f"program `{self.name}` has no steps")
        if not self.outputs:
            object.__setattr__(self, "outputs", {self.steps[-1].name: self.steps[-1].name})
        for name in (self.name, self.input_name, *(step.name for step in self.steps), *self.outputs):
            if not IDENTIFIER.fullmatch(name):
                raise ValueError(
                    f"{name!r} is not an identifier of at most 41 lower-case letters, digits and underscores"
                )
        if self.depth > DEEPEST:
            raise ValueError(f"program `{self.name}` holds programs more than {DEEPEST} deep")
        types = tensor_types(self)
        for name, tensor in self.outputs.items():
            if tensor not in types:
                raise ValueError(f"output `{name}` of `{self.name}` is `{tensor}`, which no step makes")

    @property
    def depth(self) -> int:
        """Programs within one another, this one included."""
        inner = (step.node.depth for step in self.steps if isinstance(step.node, Program))
        return 1 + max(inner, default=0)

    @property
    def answer(self) -> str:
        """The tensor of the first output."""
        return next(iter(self.outputs.values()))

    def evaluate(self, x: Integers) -> Integers:
        """The first output. Axes before those of the input are a batch."""
        return evaluate(self, x)

    def output_type(self, x: TensorType | None = None) -> TensorType:
        """Of the first output. x: what is read in place of an input of exactly its type."""
        answer = tensor_types(self)[self.answer]
        batch = () if x is None else self._batch(x)
        return TensorType(answer.features, answer.low, answer.high, (*batch, *answer.outer))

    def cost(self, x: TensorType | None = None) -> Cost:
        """That of all steps."""
        types = tensor_types(self)
        total = Cost()
        for step in self.steps:
            total += step.node.cost(*(types[source] for source in step.sources))
        return total.times(1 if x is None else math.prod(self._batch(x)))

    def record(self, **step: Any) -> NestedProgramRecord:
        return NestedProgramRecord(program=graph_record(self), **step)

    def _batch(self, x: TensorType) -> tuple[int, ...]:
        """The axes of `x` before those of the input; ValueError where it does not fit."""
        wanted = self.input_type
        axes = len(x.outer) - len(wanted.outer)
        if axes < 0 or x.shape[axes:] != wanted.shape or x.low < wanted.low or x.high > wanted.high:
            raise ValueError(
                f"program `{self.name}` takes {wanted.low} ... {wanted.high} in shape {wanted.shape},"
                f" and is given {x.low} ... {x.high} in shape {x.shape}"
            )
        return x.outer[:axes]


def evaluate(program: Program, x: np.ndarray) -> Integers:
    """Run the program on its input, or on a batch of them; int64 in the shape of the first output.

    Raises:
        ValueError: the input has another shape, or values outside of its type.
    """
    return trace(program, x)[program.answer]


def evaluate_outputs(program: Program, x: np.ndarray) -> dict[str, Integers]:
    """Like `evaluate`: every output by name."""
    tensors = trace(program, x)
    return {name: tensors[tensor] for name, tensor in program.outputs.items()}


def trace(program: Program, x: np.ndarray, *, nested: bool = False) -> dict[str, Integers]:
    """Every tensor of the program by name, the input included.

    nested: those of programs within as well, such as `layer0/score`.
    """
    x = np.asarray(x, dtype=np.int64)
    kind = program.input_type
    if x.shape[max(0, x.ndim - len(kind.shape)) :] != kind.shape:
        wanted = f"tensors of shape {kind.shape}" if kind.outer else f"rows of {kind.features}"
        raise ValueError(f"program `{program.name}` takes {wanted}, got shape {x.shape}")
    if x.size and (x.min() < kind.low or x.max() > kind.high):
        raise ValueError(
            f"program `{program.name}` takes {kind.low} ... {kind.high}, got {x.min()} ... {x.max()}"
        )
    tensors = {program.input_name: x}
    for step in program.steps:
        sources = [tensors[source] for source in step.sources]
        if nested and isinstance(step.node, Program):
            inner = trace(step.node, *sources, nested=True)
            tensors[step.name] = inner[step.node.answer]
            del inner[step.node.input_name]
            tensors |= {f"{step.name}/{name}": tensor for name, tensor in inner.items()}
        else:
            tensors[step.name] = step.node.evaluate(*sources)
    return tensors


def tensor_types(program: Program, *, nested: bool = False) -> dict[str, TensorType]:
    """Worst-case type of every tensor by name; ValueError where a step does not fit its sources.

    nested: those of programs within as well, for an input of exactly their type.
    """
    types = {program.input_name: program.input_type}
    for step in program.steps:
        for source in step.sources:
            if source not in types:
                raise ValueError(f"step `{step.name}` reads `{source}`, which no earlier step makes")
        if step.name in types:
            raise ValueError(f"two tensors are named `{step.name}`")
        try:
            types[step.name] = _type_of(step.node, [types[source] for source in step.sources])
        except ValueError as error:
            raise ValueError(f"step `{step.name}` of `{program.name}`: {error}") from None
        if nested and isinstance(step.node, Program):
            inner = tensor_types(step.node, nested=True)
            del inner[step.node.input_name]
            types |= {f"{step.name}/{name}": kind for name, kind in inner.items()}
    return types


def _type_of(node: Node, sources: list[TensorType]) -> TensorType:
    """Raises ValueError for sources that the node does not take, or not so many."""
    parameters = inspect.signature(node.evaluate).parameters.values()
    any_number = any(one.kind is one.VAR_POSITIONAL for one in parameters)
    if not any_number and len(sources) != len(parameters):
        raise ValueError(f"it reads {len(sources)} tensors, and its operation takes {len(parameters)}")
    return node.output_type(*sources)


def decides(program: Program) -> bool:
    """Whether it says itself who leaves early, as that of a decoder does, whose tokens read what others have left."""
    return any(isinstance(step.node, Leave) for step in program.steps)


def after_prompt(program: Program, tokens: int) -> Program:
    """That of a decoder whose first `tokens` come together, as a prompt: none of them leaves early."""
    steps = (
        replace(step, node=replace(step.node, prompt=tokens)) if isinstance(step.node, Leave) else step
        for step in program.steps
    )
    return replace(program, steps=tuple(steps))


# ---------------------------------------------------------------- records


class InputRecord(Record):
    name: Name
    outer: list[Integer] = Field([], max_length=MOST_AXES, exclude_if=is_absent)
    features: Integer
    low: Integer
    high: Integer


class OutputRecord(Record):
    """The tensor `source`, under a name of its own."""

    name: Name
    source: Name


class GraphRecord(Record):
    """Steps run in order; without outputs the last step is the output."""

    name: Name
    input: InputRecord
    steps: list[NodeRecord] = Field(min_length=1, max_length=MOST_STEPS)
    outputs: list[OutputRecord] = Field([], max_length=MOST_STEPS, exclude_if=is_absent)

    def program(self) -> Program:
        """Raises ValueError where shapes or ranges do not fit one another."""
        kind = TensorType(self.input.features, self.input.low, self.input.high, tuple(self.input.outer))
        steps = tuple(Step(step.name, step.sources, step.node(), step.scale) for step in self.steps)
        outputs = {one.name: one.source for one in self.outputs}
        if len(outputs) != len(self.outputs):
            raise ValueError(f"two outputs of `{self.name}` have one name")
        return Program(self.name, self.input.name, kind, steps, outputs)


class NestedProgramRecord(StepRecord):
    """y = the first output of `program`, which reads x"""

    op: Literal["program"] = "program"
    program: GraphRecord

    def node(self) -> Program:
        return self.program.program()


NodeRecord = Annotated[
    ThermometerRecord
    | LutLayerRecord
    | ConditionalSummationRecord
    | RequantizeRecord
    | RequantizeFeaturesRecord
    | AdditionRecord
    | MatrixProductRecord
    | ElementwiseProductRecord
    | ScoreProductRecord
    | ValueProductRecord
    | TableRecord
    | PiecewiseLinearRecord
    | SoftmaxRecord
    | LayerNormalisationRecord
    | EmbeddingRecord
    | PositionEmbeddingRecord
    | TokensAroundRecord
    | PoolRecord
    | SelectRecord
    | PatchesRecord
    | LeaveRecord
    | ChooseRecord
    | NestedProgramRecord,
    Field(discriminator="op"),
]

GraphRecord.model_rebuild()
NestedProgramRecord.model_rebuild()


def graph_record(program: Program) -> GraphRecord:
    """With no outputs where they are what a reader fills in."""
    kind, last = program.input_type, program.steps[-1].name
    outputs = [OutputRecord(name=name, source=tensor) for name, tensor in program.outputs.items()]
    return GraphRecord(
        name=program.name,
        input=InputRecord(
            name=program.input_name,
            outer=list(kind.outer),
            features=kind.features,
            low=kind.low,
            high=kind.high,
        ),
        steps=[
            step.node.record(
                name=step.name,
                source=step.sources[0] if len(step.sources) == 1 else list(step.sources),
                scale=step.scale,
            )
            for step in program.steps
        ],
        outputs=[] if program.outputs == {last: last} else outputs,
    )
