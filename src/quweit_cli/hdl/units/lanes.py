"""Lanes of normalisation and softmax: which module computes a node, with which parameters and files, in how many cycles."""

from __future__ import annotations

from typing import Literal, NamedTuple

from quweit_cli.hdl.units.cycles import layer_norm_cycles, softmax_cycles
from quweit_cli.hdl.units.pieces import LINE, exponential_parameters, scaled_parameters
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear

SCALED = ("quweit_window.sv", "quweit_scaled_line.sv")
PRODUCT = "quweit_product.sv"
Rendering = Literal["plain", "xilinx", "library"]
RENDERED: dict[Rendering, dict[str, tuple[str, ...]]] = {  # otherwise, by what it is for
    "xilinx": {PRODUCT: ("xilinx/quweit_product_row.sv", f"xilinx/{PRODUCT}")},
    "library": {PRODUCT: (f"pipelined/{PRODUCT}",)},
}
NORM = (PRODUCT, "quweit_divider.sv", "quweit_root.sv", "quweit_root_factor.sv", "quweit_layer_norm.sv")
NORM_IN_PIECES = (PRODUCT, *LINE, *SCALED, "quweit_root_factor_pieces.sv", "quweit_layer_norm.sv")
SOFTMAX = (PRODUCT, "quweit_divider.sv", "quweit_softmax_rows.sv")
SOFTMAX_IN_PIECES = (
    PRODUCT,
    "quweit_divider.sv",
    *LINE,
    *SCALED,
    "quweit_piece_exponential.sv",
    "quweit_softmax_rows.sv",
)


class Lane(NamedTuple):
    module: str
    parameters: dict[str, str]
    sources: tuple[str, ...]
    cycles: int  # of a row, at most


def norm_lane(elements: int, root: PiecewiseLinear | None = None) -> Lane:
    """Raises ValueError for a root of a single piece."""
    of_row = {"Elements": str(elements)}
    if root is None:
        return Lane("quweit_layer_norm", of_row, NORM, layer_norm_cycles(elements))
    of_row |= {"SearchedRoot": "1"} | scaled_parameters(root)
    return Lane("quweit_layer_norm", of_row, NORM_IN_PIECES, layer_norm_cycles(elements, pieces=True))


def softmax_lane(
    elements: int, exponential: PiecewiseLinear | None = None, reciprocal: PiecewiseLinear | None = None
) -> Lane:
    """Raises ValueError for a function of a single piece."""
    of_row = {"Elements": str(elements)}
    if exponential is None and reciprocal is None:
        return Lane("quweit_softmax_rows", of_row, SOFTMAX, softmax_cycles(elements))
    if exponential is not None:
        of_row |= {"SearchedExponential": "1"} | exponential_parameters(exponential)
    if reciprocal is not None:
        of_row |= {"SearchedReciprocal": "1"} | scaled_parameters(reciprocal)
    cycles = softmax_cycles(elements, reciprocal=reciprocal is not None)
    return Lane("quweit_softmax_rows", of_row, SOFTMAX_IN_PIECES, cycles)
