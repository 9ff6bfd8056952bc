"""What every operation of a program is: a node, which has its record beside it.

A node says what it computes, the worst-case type of what comes out, its cost, and how it is written as JSON. A record
is that JSON: its docstring is the operation's equation.

A node reads tensors whose last axis are features. Axes before those that it knows are a batch: it does the same for
each. Shape suffixes: R rows, D features, T thresholds a feature or tokens, J LUTs, L pins (fan-in), K bits summed,
I inputs, O and E elements of the output, H heads, C width of a head, S keys, N elements of a row, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field

from quweit_cli.ir.cost import Cost
from quweit_cli.ir.types import TensorType

Integers = NDArray[np.int64]
MOST_SOURCES = 100


class Node(Protocol):
    """One operation: as many tensors of int64 in as `evaluate` takes, one out. All four take as many."""

    @property
    def evaluate(self) -> Callable[..., Integers]:
        """The tensor that comes of these."""
        ...

    @property
    def output_type(self) -> Callable[..., TensorType]:
        """Its type; ValueError when types do not fit, or an integer on the way could be beyond int64."""
        ...

    @property
    def cost(self) -> Callable[..., Cost]:
        """That of one evaluation on tensors of these types."""
        ...

    def record(self, **step: Any) -> StepRecord:
        """step: the fields of a StepRecord."""
        ...


# ---------------------------------------------------------------- records

Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Row = Annotated[list[Integer], Field(min_length=1), FailFast()]
Rows = Annotated[list[Row], Field(min_length=1), FailFast()]
Name = Annotated[str, Field(max_length=200)]
Scale = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def _even(rows: list[list[int]]) -> list[list[int]]:
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        raise ValueError(
            f"all rows must be of one length, and there are some of {lengths[0]} and of {lengths[-1]}"
        )
    return rows


EvenRows = Annotated[Rows, AfterValidator(_even)]


def is_absent(value: object) -> bool:
    """Whether a key of this value is left out where a record is written."""
    return value is None or value == []


class Record(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StepRecord(Record):
    """What every step has; `source` is a list where there are several."""

    op: str
    name: Name
    source: Name | Annotated[list[Name], Field(min_length=2, max_length=MOST_SOURCES)]
    scale: Scale | None = Field(None, exclude_if=is_absent)

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,) if isinstance(self.source, str) else tuple(self.source)

    def node(self) -> Node:
        """Raises ValueError where what was written makes no node."""
        raise TypeError(f"a step of no operation: {self.op}")


# ---------------------------------------------------------------- what nodes share


def require(condition: bool, message: str) -> None:
    """Raises ValueError with the message unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_int64(largest: int, what: str) -> None:
    """Raises ValueError where a magnitude does not fit."""
    require(largest < 2**63, f"{what} does not fit int64")


def integers(values: object) -> Integers:
    """An array of what a record lists."""
    return np.array(values, dtype=np.int64)


def product(a: Integers, b: Integers) -> Integers:
    """`a @ b`, exact where the sums of magnitudes fit int64.

    In floating point where that holds every sum (below 2^24 in float32, 2^53 in float64): numpy multiplies integers
    without BLAS, 30 times slower.
    """
    largest = _largest(a) * _largest(b) * a.shape[-1]
    if largest >= 2**53:
        exact_sums: Integers = a @ b
        return exact_sums
    exact: type[np.floating] = np.float32 if largest < 2**24 else np.float64
    inexact: NDArray[np.floating] = a.astype(exact) @ b.astype(exact)
    return inexact.astype(np.int64)


def products_range(a: TensorType, b: TensorType, count: int) -> tuple[int, int]:
    """Lowest and highest sum of `count` products of an element of each.

    Raises:
        ValueError: the sum of their magnitudes does not fit int64.
    """
    require_int64(a.largest * b.largest * count, f"a sum of {count} products")
    ends = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    return min(ends) * count, max(ends) * count


def _largest(values: Integers) -> int:
    return max(-int(values.min(initial=0)), int(values.max(initial=0)))
