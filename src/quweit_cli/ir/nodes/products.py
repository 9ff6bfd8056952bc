"""Products of matrices: activations times weights, what a layer multiplies, operands and their exact results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from quweit_cli.ir.cost import Cost
from quweit_cli.ir.nodes.base import (
    EvenRows,
    Integers,
    Row,
    StepRecord,
    integers,
    product,
    products_range,
    require,
    require_int64,
)
from quweit_cli.ir.nodes.sums import MAX_BIAS, Requantize
from quweit_cli.ir.types import INT8, INT32, TensorType, bits_of_range


@dataclass(frozen=True, eq=False)
class MatrixProduct:
    """`acc[o] = bias[o] + Σ_i x[i] · weight[i][o]`.

    weights_IO: int64 holding values of 32 bits, mostly int8. bias_O: int64, at most MAX_BIAS either way.
    """

    weights_IO: Integers
    bias_O: Integers

    def __post_init__(self) -> None:
        require(self.weights_IO.ndim == 2, "weights must be inputs x outputs")
        require(self.bias_O.shape == (self.weights_IO.shape[1],), "one bias an output")
        require(
            bool(np.all((self.weights_IO >= INT32[0]) & (self.weights_IO <= INT32[1]))),
            "weights must fit int32",
        )
        require(
            bool(np.all((self.bias_O >= -MAX_BIAS) & (self.bias_O <= MAX_BIAS))),
            "biases must lie within -2^47 ... 2^47",
        )

    def evaluate(self, x_RI: Integers) -> Integers:
        return product(x_RI, self.weights_IO) + self.bias_O

    def output_type(self, x: TensorType) -> TensorType:
        inputs, outputs = self.weights_IO.shape
        require(x.features == inputs, f"weights for {inputs} inputs, input has {x.features}")
        up_O = np.maximum(self.weights_IO, 0).sum(axis=0)
        down_O = np.minimum(self.weights_IO, 0).sum(axis=0)
        sums = zip((up_O - down_O).tolist(), np.abs(self.bias_O).tolist(), strict=True)
        require_int64(max(total * x.largest + bias for total, bias in sums), "an accumulator")
        low_O = self.bias_O + up_O * x.low + down_O * x.high
        high_O = self.bias_O + up_O * x.high + down_O * x.low
        return TensorType(outputs, int(low_O.min()), int(high_O.max()), x.outer)

    def cost(self, x: TensorType) -> Cost:
        weights = self.weights_IO
        bits = bits_of_range(int(weights.min()), int(weights.max()))
        return Cost(
            additions=weights.size, multiplications=weights.size, stored_bits=weights.size * bits
        ).times(x.rows)

    def record(self, **step: Any) -> MatrixProductRecord:
        return MatrixProductRecord(weights=self.weights_IO.tolist(), bias=self.bias_O.tolist(), **step)


class MatrixProductRecord(StepRecord):
    """acc[o] = bias[o] + sum over i of x[i] * weights[i][o]"""

    op: Literal["matrix_product"] = "matrix_product"
    weights: EvenRows
    bias: Row

    def node(self) -> MatrixProduct:
        return MatrixProduct(integers(self.weights), integers(self.bias))


@dataclass(frozen=True)
class ElementwiseProduct:
    """`y = a · b`, element by element, of two tensors of one shape."""

    def evaluate(self, a_RD: Integers, b_RD: Integers) -> Integers:
        return a_RD * b_RD

    def output_type(self, a: TensorType, b: TensorType) -> TensorType:
        require(a.shape == b.shape, f"tensors of shapes {a.shape} and {b.shape} are multiplied")
        require_int64(a.largest * b.largest, "a product")
        return TensorType(a.features, *products_range(a, b, 1), a.outer)

    def cost(self, a: TensorType, b: TensorType) -> Cost:
        return Cost(multiplications=a.features).times(a.rows)

    def record(self, **step: Any) -> ElementwiseProductRecord:
        return ElementwiseProductRecord(**step)


class ElementwiseProductRecord(StepRecord):
    """y = a * b, element by element"""

    op: Literal["elementwise_product"] = "elementwise_product"

    def node(self) -> ElementwiseProduct:
        return ElementwiseProduct()


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


class LayerOperands(NamedTuple):
    """What arrays multiply for one layer: its products, the heads of its attention where that is causal, and where all come from.

    projections: those with weights of -1, 0 and 1 on the left, which an array without multipliers computes.
    """

    products: list[Operands]
    heads: list[Head]
    source: str
    projections: Sequence[Operands] = ()


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
