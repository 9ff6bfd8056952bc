"""The type of a tensor between nodes: how many elements a row has, and which integers they can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

INT8 = (-128, 127)
INT16 = (-32768, 32767)

Narrow = TypeVar("Narrow", np.int8, np.int16)


@dataclass(frozen=True)
class TensorType:
    """A row of `features` integers, each within `low ... high` in the worst case."""

    features: int
    low: int
    high: int

    def __post_init__(self) -> None:
        """Raises ValueError for a row of nothing, and where no integer is in the range."""
        if self.features < 1:
            raise ValueError(f"a row of {self.features} elements")
        if self.low > self.high:
            raise ValueError(f"empty range {self.low} ... {self.high}")

    @property
    def signed(self) -> bool:
        return self.low < 0

    @property
    def bits(self) -> int:
        """Fewest bits that hold every value: two's complement when `low` is negative."""
        return bits_of_range(self.low, self.high)


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
