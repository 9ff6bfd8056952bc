"""The integer operations. Each says what it computes, and the worst-case range of what comes out.

Shape suffixes: R rows, D features, T thresholds a feature, J LUTs, L pins (fan-in), K bits summed,
E elements of the output.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from quweit_cli.ir.types import TensorType

Integers = NDArray[np.int64]


class Node(Protocol):
    """One operation on rows: int64 in, int64 out."""

    def evaluate(self, x_RI: Integers) -> Integers: ...

    def output_type(self, x: TensorType) -> TensorType:
        """Type of the output, or ValueError when `x` does not fit."""
        ...


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
