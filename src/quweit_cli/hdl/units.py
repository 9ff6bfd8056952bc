"""The units between the products of a layer: which module, with which parameters, and its cycles a sample.

One lane each: an element a cycle and pass. A layer needs more lanes where it must keep pace with its array;
power grows and cycles fall with the lanes alike, so that one lane states the energy.
"""

from __future__ import annotations

from typing import NamedTuple

from quweit_cli.documents import ModelShape
from quweit_cli.hdl import literals
from quweit_cli.ir.units import gelu_table, octaves

SCALE = 1 / 16  # of scores, and of what goes into and comes out of the GELU
FOLDER = "units"
SOURCES = (
    "quweit_divider.sv",
    "quweit_root.sv",
    "quweit_gelu.sv",
    "quweit_softmax.sv",
    "quweit_layer_norm.sv",
)


class Unit(NamedTuple):
    """`cycles` are those of one layer and sample."""

    name: str
    module: str
    parameters: dict[str, str]
    cycles: int
    dense_only: bool  # whether a weightless block takes it away with the MLP


def units_of(shape: ModelShape) -> list[Unit]:
    """GELU of the hidden features, softmax of every head and token, normalisation before attention and MLP."""
    tokens, rows = shape.tokens, shape.tokens * shape.heads
    table = sum((entry & 0xFF) << 8 * place for place, entry in enumerate(gelu_table(SCALE, SCALE)))
    softmax = {"Elements": str(tokens), "Multiplier": str(octaves(SCALE))}
    return [
        Unit(
            "GELU", "quweit_gelu", {"Table": literals.unsigned(table, 2048)}, tokens * shape.mlp_hidden, True
        ),
        Unit("softmax", "quweit_softmax", softmax, rows * softmax_cycles(tokens), False),
        Unit(
            "layer normalisation, twice",
            "quweit_layer_norm",
            {"Elements": str(shape.dim)},
            2 * tokens * layer_norm_cycles(shape.dim),
            False,
        ),
    ]


def softmax_cycles(elements: int) -> int:
    """First element taken to last given: three passes, the division (32) and its start and end."""
    return 3 * elements + 34


def layer_norm_cycles(elements: int) -> int:
    """At most, for a constant row: two passes, square root, alignment of the root, reciprocal, their changes."""
    root_bits = 16 + max(1, (elements - 1).bit_length())
    return 2 * elements + root_bits + root_bits + (root_bits + 17) + 3
