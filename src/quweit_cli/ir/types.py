"""The type of a tensor between nodes: its shape, and which integers its elements can be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

INT8 = (-128, 127)
INT16 = (-32768, 32767)
INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)

Narrow = TypeVar("Narrow", np.int8, np.int16)


@dataclass(frozen=True)
class TensorType:
    """Rows of `features` integers, each within `low ... high` in the worst case.

    outer: the axes before the features, such as tokens, or heads and tokens; of one row alone none.
    """

    features: int
    low: int
    high: int
    outer: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for an axis of nothing, and where no integer is in the range or one is beyond int64."""
        if self.features < 1:
            raise ValueError(f"a row of {self.features} elements")
        if any(axis < 1 for axis in self.outer):
            raise ValueError(f"a tensor of shape {self.shape}")
        if self.low > self.high:
            raise ValueError(f"empty range {self.low} ... {self.high}")
        if self.low < INT64[0] or self.high > INT64[1]:
            raise ValueError(f"the range {self.low} ... {self.high} does not fit int64")

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self.outer, self.features)

    @property
    def rows(self) -> int:
        return math.prod(self.outer)

    @property
    def signed(self) -> bool:
        return self.low < 0

    @property
    def bits(self) -> int:
        """Fewest bits that hold every value: two's complement when `low` is negative."""
        return bits_of_range(self.low, self.high)

    @property
    def largest(self) -> int:
        """Of all magnitudes."""
        return max(-self.low, self.high)


def bits_of_range(low: int, high: int) -> int:
    """Fewest bits for `low ... high`; two's complement when `low` is negative, at least one bit."""
    if low > high:
        raise ValueError(f"empty range {low} ... {high}")
    if low >= 0:
        return max(1, high.bit_length())
    return max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1


def exactly(values: NDArray[np.int64], kind: type[Narrow]) -> NDArray[Narrow]:
    """The same integers in a narrower type; OverflowError where one does not fit, since numpy would cut it."""
    narrow = values.astype(kind)
    if not np.array_equal(narrow, values):
        raise OverflowError(f"{values.min()} ... {values.max()} does not fit {np.dtype(kind).name}")
    return narrow
