"""The units between the products of a layer: which module, with which parameters, and what it promises.

One lane each: an element a cycle and pass. A layer needs more lanes where it must keep pace with its array;
power grows and cycles fall with the lanes alike, so that one lane states the energy.
"""

from __future__ import annotations

from typing import NamedTuple

from quweit_cli.documents import ModelShape
from quweit_cli.hdl import literals
from quweit_cli.ir.nodes.functions import gelu_table, octaves

SCALE = 1 / 16  # of scores, and of what goes into and comes out of the GELU
FOLDER = "units"
SOURCES = (
    "quweit_divider.sv",
    "quweit_root.sv",
    "quweit_gelu.sv",
    "quweit_softmax.sv",
    "quweit_layer_norm.sv",
)


# Rendered once more for library cells at a fast clock, with registers between all steps of an element.
PIPELINED = (
    "quweit_divider.sv",
    "quweit_root.sv",
    "quweit_gelu.sv",
    "pipelined/quweit_row_store.sv",
    "pipelined/quweit_multiplier.sv",
    "pipelined/quweit_spread.sv",
    "pipelined/quweit_softmax.sv",
    "pipelined/quweit_layer_norm.sv",
)


class Unit(NamedTuple):
    """One lane. What it promises is how many cycles at most lie between rows; how many there are, simulation says."""

    name: str
    module: str
    parameters: dict[str, str]
    elements: int  # of a row
    bits: int  # of an element that it takes; it gives int8
    rows: int  # of one layer and sample
    most_cycles: int  # from a row to the next
    most_cycles_pipelined: int
    dense_only: bool  # whether a weightless block takes it away with the MLP


def units_of(shape: ModelShape) -> list[Unit]:
    """GELU of the hidden features, softmax of every head and token, normalisation before attention and MLP."""
    tokens, width = shape.tokens, shape.dim
    table = sum((entry & 0xFF) << 8 * place for place, entry in enumerate(gelu_table(SCALE, SCALE)))
    gelu = {"Table": literals.unsigned(table, 2048)}
    softmax = {"Elements": str(tokens), "Multiplier": str(octaves(SCALE))}
    norm = {"Elements": str(width)}

    return [
        Unit("GELU", "quweit_gelu", gelu, 1, 8, tokens * shape.mlp_hidden, 1, 1, dense_only=True),
        Unit(
            "softmax",
            "quweit_softmax",
            softmax,
            tokens,
            8,
            tokens * shape.heads,
            softmax_cycles(tokens),
            softmax_cycles(tokens, pipelined=True),
            dense_only=False,
        ),
        Unit(
            "layer normalisation, twice",
            "quweit_layer_norm",
            norm,
            width,
            16,
            2 * tokens,
            layer_norm_cycles(width),
            layer_norm_cycles(width, pipelined=True),
            dense_only=False,
        ),
    ]


def softmax_cycles(elements: int, pipelined: bool = False) -> int:
    """First element taken to last given: three passes, the division (32) and its start and end."""
    return 3 * elements + 34 + (15 if pipelined else 0)


def layer_norm_cycles(elements: int, pipelined: bool = False) -> int:
    """At most, for a constant row: two passes, square root, alignment of the root, reciprocal, their changes.

    Pipelined, the spread takes a cycle a bit of the root as well.
    """
    root_bits = 16 + max(1, (elements - 1).bit_length())
    more = root_bits + 19 if pipelined else 0
    return 2 * elements + root_bits + root_bits + (root_bits + 17) + 3 + more
