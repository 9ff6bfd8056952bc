"""Lanes of normalisation and softmax: which module computes a node, with which parameters and files, in how many cycles."""

from __future__ import annotations

from typing import NamedTuple

from quweit_cli.hdl.units.cycles import layer_norm_cycles, softmax_cycles
from quweit_cli.hdl.units.pieces import LINE, root_parameters
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear

WINDOW = "quweit_window.sv"


class Lane(NamedTuple):
    module: str
    parameters: dict[str, str]
    sources: tuple[str, ...]
    cycles: int  # of a row, at most


def norm_lane(elements: int, root: PiecewiseLinear | None = None) -> Lane:
    """Raises ValueError for a root of a single piece."""
    of_row = {"Elements": str(elements)}
    if root is None:
        sources = ("quweit_divider.sv", "quweit_root.sv", "quweit_layer_norm.sv")
        return Lane("quweit_layer_norm", of_row, sources, layer_norm_cycles(elements))
    return Lane(
        "quweit_layer_norm_pieces",
        of_row | root_parameters(root),
        (*LINE, WINDOW, "quweit_layer_norm_pieces.sv"),
        layer_norm_cycles(elements, pieces=True),
    )


def softmax_lane(elements: int) -> Lane:
    sources = ("quweit_divider.sv", "quweit_softmax_rows.sv")
    return Lane("quweit_softmax_rows", {"Elements": str(elements)}, sources, softmax_cycles(elements))
