"""One row of many tokens, for the head of a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from quweit_cli.ir.cost import Cost
from quweit_cli.ir.nodes.base import Integers, StepRecord, require, require_int64
from quweit_cli.ir.types import TensorType

Take = Literal["sum", "last"]


@dataclass(frozen=True)
class Pool:
    """`y[d] = Σ_t x[t][d]`, or that of the last token: tokens x features to one row.

    The mean is a sum and a requantisation after it.
    """

    take: Take

    def evaluate(self, x_TD: Integers) -> Integers:
        pooled_D: Integers = x_TD.sum(axis=-2) if self.take == "sum" else x_TD[..., -1, :]
        return pooled_D

    def output_type(self, x: TensorType) -> TensorType:
        require(bool(x.outer), f"pooling takes tokens x features, not shape {x.shape}")
        count = x.outer[-1] if self.take == "sum" else 1
        require_int64(count * x.largest, f"a sum over {count} tokens")
        return TensorType(x.features, count * x.low, count * x.high, x.outer[:-1])

    def cost(self, x: TensorType) -> Cost:
        if self.take == "last":
            return Cost()
        return Cost(additions=(x.rows - x.rows // x.outer[-1]) * x.features)

    def record(self, **step: Any) -> PoolRecord:
        return PoolRecord(take=self.take, **step)


class PoolRecord(StepRecord):
    """y[d] = sum over t of x[t][d] where `take` is `sum`, y[d] = x[T-1][d] where it is `last`"""

    op: Literal["pool"] = "pool"
    take: Take

    def node(self) -> Pool:
        return Pool(self.take)
