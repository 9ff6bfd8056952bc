"""Which bits anything reads: what nothing reads is not rendered to hardware."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.sums import ConditionalSummation
from quweit_cli.ir.program import Program, tensor_types


def flips(layer: LutLayer) -> NDArray[np.bool_]:
    """[J, L, A]: true where the table answers address A otherwise with the pin the other way round."""
    table_JA, address_A = layer.entries, np.arange(2**layer.fan_in)
    return np.stack([table_JA != table_JA[:, address_A ^ (1 << pin)] for pin in range(layer.fan_in)], axis=1)


def read_pins(layer: LutLayer) -> NDArray[np.bool_]:
    """pins x LUTs mask (J, L): true where the table's answer depends on the pin."""
    depends_JL: NDArray[np.bool_] = np.asarray(flips(layer).any(axis=2))
    return depends_JL


def without_constant_thresholds(program: Program) -> Program:
    """The same block with tables that do not depend on thresholds outside of int8, whose bits never change."""
    first, second, *rest = program.steps
    assert isinstance(first.node, Thermometer) and isinstance(second.node, LutLayer)
    threshold_I = first.node.thresholds_DT.reshape(-1)
    layer = second.node
    tables = []
    for pins_L, table in zip(layer.pins_JL, layer.tables_J, strict=True):
        held = {
            place: int(threshold_I[pin] < -128)
            for place, pin in enumerate(pins_L)
            if not -128 <= threshold_I[pin] < 127
        }
        tables.append(_with_held_pins(int(table), layer.fan_in, held))
    simpler = LutLayer(layer.pins_JL, np.array(tables, dtype=np.uint64))
    return replace(program, steps=(first, replace(second, node=simpler), *rest))


def _with_held_pins(table: int, fan_in: int, held: dict[int, int]) -> int:
    """The table that answers at every address as `table` does with the held pins at their constant."""
    if not held:
        return table
    answer = 0
    for address in range(2**fan_in):
        source = address
        for place, value in held.items():
            source = source & ~(1 << place) | value << place
        answer |= (table >> source & 1) << address
    return answer


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
