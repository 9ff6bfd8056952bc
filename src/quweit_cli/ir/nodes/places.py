"""Where elements lie: a part of the features, and the patches of an image. In hardware these are addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from quweit_cli.ir.cost import Cost
from quweit_cli.ir.nodes.base import Integer, Integers, StepRecord, require
from quweit_cli.ir.types import TensorType


@dataclass(frozen=True)
class Select:
    """`y[d] = x[first + d]`: `count` features of each row."""

    first: int
    count: int

    def __post_init__(self) -> None:
        require(self.first >= 0 and self.count >= 1, f"{self.count} features from feature {self.first} on")

    def evaluate(self, x_RD: Integers) -> Integers:
        return x_RD[..., self.first : self.first + self.count]

    def output_type(self, x: TensorType) -> TensorType:
        last = self.first + self.count - 1
        require(last < x.features, f"features {self.first} ... {last} of rows of {x.features}")
        return TensorType(self.count, x.low, x.high, x.outer)

    def cost(self, x: TensorType) -> Cost:
        return Cost()

    def record(self, **step: Any) -> SelectRecord:
        return SelectRecord(first=self.first, count=self.count, **step)


class SelectRecord(StepRecord):
    """y[d] = x[first + d] for d = 0 ... count - 1"""

    op: Literal["select"] = "select"
    first: Integer
    count: Integer

    def node(self) -> Select:
        return Select(self.first, self.count)


@dataclass(frozen=True)
class Patches:
    """`y[t][(c*P + i)*P + j] = x[c][v*P + i][h*P + j]`, token t being the patch in row v and column h: an image of
    channels x rows x columns to tokens x features, both in reading order."""

    side: int  # P, in pixels

    def __post_init__(self) -> None:
        require(self.side >= 1, f"patches of {self.side} pixels")

    def evaluate(self, x_CYX: Integers) -> Integers:
        *axes, channels, rows, columns = x_CYX.shape
        high, wide, side = rows // self.side, columns // self.side, self.side
        parts = x_CYX.reshape(*axes, channels, high, side, wide, side)
        first = len(axes)
        order = [*range(first), first + 1, first + 3, first, first + 2, first + 4]
        return parts.transpose(order).reshape(*axes, high * wide, channels * side**2)

    def output_type(self, x: TensorType) -> TensorType:
        require(len(x.outer) >= 2, f"an image is channels x rows x columns, not of shape {x.shape}")
        *axes, channels, rows = x.outer
        fits = rows % self.side == 0 and x.features % self.side == 0
        require(fits, f"{rows} x {x.features} pixels cannot be cut into patches of {self.side}")
        tokens = (rows // self.side) * (x.features // self.side)
        return TensorType(channels * self.side**2, x.low, x.high, (*axes, tokens))

    def cost(self, x: TensorType) -> Cost:
        return Cost()

    def record(self, **step: Any) -> PatchesRecord:
        return PatchesRecord(side=self.side, **step)


class PatchesRecord(StepRecord):
    """y[t][(c*P + i)*P + j] = x[c][v*P + i][h*P + j], P being `side`, and t = v * (columns / P) + h"""

    op: Literal["patches"] = "patches"
    side: Integer

    def node(self) -> Patches:
        return Patches(self.side)
