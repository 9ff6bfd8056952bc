"""Tokens that leave a decoder early: which do, and that they keep what they have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from quweit_cli.ir.cost import Cost
from quweit_cli.ir.exits import CRITERIA, Criterion, ExitRule
from quweit_cli.ir.nodes.base import Integer, Integers, StepRecord, require
from quweit_cli.ir.types import TensorType


@dataclass(frozen=True)
class Leave:
    """`y[t] = 1` where the rule lets token t leave: by its entropy, or by its probabilities; of `fall` by its entropy and that
    of the exit before.

    prompt: tokens that stay whatever the rule says, the first ones.
    """

    criterion: Criterion
    steps: int
    prompt: int = 0

    def __post_init__(self) -> None:
        require(self.criterion in CRITERIA, f"no criterion `{self.criterion}`")
        require(self.steps >= 0 and self.prompt >= 0, f"{self.steps} steps, and a prompt of {self.prompt}")

    def evaluate(self, *sure: Integers) -> Integers:
        """Tokens x 1."""
        now, before = sure[0].max(axis=-1, keepdims=True), sure[1] if len(sure) > 1 else None
        leaves: Integers = np.asarray(ExitRule(self.criterion, self.steps).leaves(now, before, now), np.int64)
        leaves[..., : self.prompt, :] = 0
        return leaves

    def output_type(self, *sure: TensorType) -> TensorType:
        wanted = 2 if self.criterion == "fall" else 1
        require(len(sure) == wanted, f"`{self.criterion}` reads {wanted} tensors, and is given {len(sure)}")
        for kind in sure:
            require(bool(kind.outer), f"tokens x features are wanted, not shape {kind.shape}")
            require(kind.outer == sure[0].outer, f"{kind.outer} tokens, and {sure[0].outer} before")
            single = self.criterion == "probability" or kind.features == 1
            require(single, f"an entropy is one number, and {kind.features} are given")
        return TensorType(1, 0, 1, sure[0].outer)

    def cost(self, *sure: TensorType) -> Cost:
        """A comparison a number, and of a fall a subtraction more."""
        rows = sure[0].rows
        return Cost(comparisons=rows * sure[0].features, additions=rows if self.criterion == "fall" else 0)

    def record(self, **step: Any) -> LeaveRecord:
        return LeaveRecord(criterion=self.criterion, steps=self.steps, prompt=self.prompt, **step)


class LeaveRecord(StepRecord):
    """y[t] = 1 where t >= `prompt` and the condition of `criterion` holds for token t, 0 where not"""

    op: Literal["leave"] = "leave"
    criterion: Criterion
    steps: Integer
    prompt: Integer = 0

    def node(self) -> Leave:
        return Leave(self.criterion, self.steps, self.prompt)


@dataclass(frozen=True)
class Choose:
    """`y[t][d] = a[t][d]` where `left[t]` is 1, and `b[t][d]` where it is 0."""

    def evaluate(self, left_T1: Integers, a_TD: Integers, b_TD: Integers) -> Integers:
        return np.where(left_T1 == 1, a_TD, b_TD)

    def output_type(self, left: TensorType, a: TensorType, b: TensorType) -> TensorType:
        require((left.low, left.high) == (0, 1), f"a choice is 0 or 1, not {left.low} ... {left.high}")
        require(left.shape == (*a.outer, 1), f"choices of shape {left.shape} for rows of shape {a.shape}")
        require(a.shape == b.shape, f"a choice between shapes {a.shape} and {b.shape}")
        return TensorType(a.features, min(a.low, b.low), max(a.high, b.high), a.outer)

    def cost(self, left: TensorType, a: TensorType, b: TensorType) -> Cost:
        """In hardware a word that is not written."""
        return Cost()

    def record(self, **step: Any) -> ChooseRecord:
        return ChooseRecord(**step)


class ChooseRecord(StepRecord):
    """y[t][d] = a[t][d] where left[t] is 1, b[t][d] where it is 0"""

    op: Literal["choose"] = "choose"

    def node(self) -> Choose:
        return Choose()
