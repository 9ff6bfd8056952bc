"""Which bits anything reads: what nothing reads is not rendered to hardware."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quweit_cli.ir.nodes.bits import LutLayer
from quweit_cli.ir.nodes.sums import ConditionalSummation
from quweit_cli.ir.program import Program, tensor_types


def read_pins(layer: LutLayer) -> NDArray[np.bool_]:
    """pins x LUTs mask (J, L): true where the table's answer depends on the pin."""
    address = np.arange(2**layer.fan_in, dtype=np.uint64)
    table_JA = (layer.tables_J[:, None] >> address) & np.uint64(1)
    depends = [
        (table_JA != table_JA[:, (address ^ np.uint64(1 << pin)).astype(np.int64)]).any(axis=1)
        for pin in range(layer.fan_in)
    ]
    return np.stack(depends, axis=1)


def live_bits(program: Program) -> dict[str, NDArray[np.bool_]]:
    """For every tensor of bits that a LUT layer or a summation reads: which of its bits matter.

    A bit of the last layer matters when one of its encoded values is not zero; a bit before a
    LUT layer matters when a LUT that matters depends on it.
    """
    types = tensor_types(program)
    live: dict[str, NDArray[np.bool_]] = {}
    for step in reversed(program.steps):
        source = step.sources[0]
        if isinstance(step.node, ConditionalSummation):
            live[source] = (step.node.values_KE != 0).any(axis=1)
        elif isinstance(step.node, LutLayer):
            reads_JL = read_pins(step.node) & live[step.name][:, None]
            mask = np.zeros(types[source].features, dtype=bool)
            mask[step.node.pins_JL[reads_JL]] = True
            live[source] = mask
    return live
