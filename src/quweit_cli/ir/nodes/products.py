"""Products of matrices: operands, exact results, and what a layer multiplies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.sums import Requantize
from quweit_cli.ir.types import INT8


class Gemm(NamedTuple):
    """`copies` products [rows, inner] x [inner, columns] of one sample; `weights` when the right side is learned."""

    name: str
    rows: int
    inner: int
    columns: int
    copies: int = 1
    weights: bool = True

    @property
    def macs(self) -> int:
        return self.rows * self.inner * self.columns * self.copies


def systolic_cycles(gemms: Iterable[Gemm], side: int) -> int:
    """Steady state of an output-stationary array of side S: ceil(M/S) · ceil(N/S) · K cycles a product.

    Filling and draining overlap with the neighbouring tiles. Gives the published 921,600, 239,616,
    64,512 and 18,432 cycles of the I-ViT-T MLP exactly.
    """
    return sum(-(-gemm.rows // side) * -(-gemm.columns // side) * gemm.inner * gemm.copies for gemm in gemms)


class Head(NamedTuple):
    """int8 operands of one head's attention, T tokens, D features; `p_TT` is zero above its diagonal."""

    q_TD: Integers
    k_DT: Integers
    p_TT: Integers
    v_TD: Integers


SCALES = (64, 127)  # of a multiplier with seven bits, normalised


RESULT_STD = 40.0  # of the int8 results: a few in a thousand saturate


class Operands(NamedTuple):
    """One product to be played: `a_MK` times `b_KN`, int8 values.

    With `tile_rows`, which is the side of the array, every row of tiles has a right side of its own, and `b_KN` holds them
    below one another.
    """

    name: str
    a_MK: Integers
    b_KN: Integers
    copies: int = 1
    tile_rows: int | None = None

    @property
    def inner(self) -> int:
        return int(self.a_MK.shape[1])

    def product(self) -> Integers:
        """The exact product, in int64."""
        a_MK, b_KN = self.a_MK.astype(np.int64), self.b_KN.astype(np.int64)
        rows = self.tile_rows or len(a_MK)
        rights = np.split(b_KN, len(b_KN) // self.inner)
        lefts = (a_MK[first : first + rows] for first in range(0, len(a_MK), rows))
        return np.concatenate([a @ b for a, b in zip(lefts, rights, strict=True)])


class Golden(NamedTuple):
    operands: Operands
    requantize: Requantize
    y_MN: Integers


def golden(operands: Operands) -> Golden:
    """The exact result, at a scale that spreads it over int8.

    Raises:
        ValueError: operands outside of int8, or sums outside of int32.
    """
    for matrix in (operands.a_MK, operands.b_KN):
        if matrix.min() < INT8[0] or matrix.max() > INT8[1]:
            raise ValueError(f"operands of `{operands.name}` do not fit int8")
    sums_MN = operands.product()
    if np.abs(sums_MN).max() >= 2**31:
        raise ValueError(f"sums of `{operands.name}` do not fit int32")
    requantize = requantize_to(float(sums_MN.std()))
    return Golden(operands, requantize, requantize.evaluate(sums_MN))


def requantize_to(std: float) -> Requantize:
    """A seven-bit multiplier and a shift that bring sums of this deviation to RESULT_STD."""
    wanted = RESULT_STD / max(std, 1e-9)
    shift = 0
    while wanted * 2**shift < SCALES[0] and shift < 31:
        shift += 1
    return Requantize(int(np.clip(round(wanted * 2**shift), 1, SCALES[1])), shift, *INT8)
