"""The program of one weightless block: thermometer, LUT layers, conditional summation, requantisation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quweit_cli.ir.nodes.base import Node
from quweit_cli.ir.nodes.bits import LutLayer, Thermometer, passing_table
from quweit_cli.ir.nodes.sums import ConditionalSummation, Requantize
from quweit_cli.ir.program import Program, Step
from quweit_cli.ir.types import INT8, INT16, TensorType


class Chain(NamedTuple):
    """The nodes of a block, in their order."""

    thermometer: Thermometer
    layers: list[LutLayer]
    summation: ConditionalSummation
    requantize: Requantize


def block_program(
    name: str,
    thermometer: Thermometer,
    layers: list[LutLayer],
    summation: ConditionalSummation,
    requantize: Requantize,
) -> Program:
    """Chain the nodes of a block; the input is one row (token) of int8 features.

    Raises:
        ValueError: shapes that do not fit one another.
    """
    chain: list[tuple[str, Node]] = [("thermometer", thermometer)]
    chain += [(f"lut_layer{index}", layer) for index, layer in enumerate(layers)]
    chain += [("summation", summation), ("y", requantize)]
    steps, source = [], "x"
    for step_name, node in chain:
        steps.append(Step(step_name, (source,), node))
        source = step_name
    return Program(name, "x", TensorType(len(thermometer.thresholds_DT), *INT8), tuple(steps))


def chain_of(program: Program) -> Chain | None:
    """What `block_program` chained; nothing where the steps are not those of a block."""
    before = (program.input_name, *(step.name for step in program.steps))
    chained = all(step.sources == (name,) for step, name in zip(program.steps, before, strict=False))
    match [step.node for step in program.steps]:
        case [
            Thermometer() as thermometer,
            *between,
            ConditionalSummation() as summation,
            Requantize() as requantize,
        ] if chained:
            layers = [layer for layer in between if isinstance(layer, LutLayer)]
            if layers and len(layers) == len(between):
                return Chain(thermometer, layers, summation, requantize)
    return None


def beside(layers: list[LutLayer], bits: int) -> list[LutLayer]:
    """The same LUT layers with the thermometer's bits carried past them, after the LUTs of the last.

    Each bit passes through tables that answer it, which are wires in hardware.
    """
    carried = []
    first = 0  # of those bits, in what a layer reads
    for layer in layers:
        pins_BL = np.repeat(np.arange(first, first + bits)[:, None], layer.fan_in, axis=1)
        tables_B = np.full(bits, passing_table(layer.fan_in))
        carried.append(
            LutLayer(np.concatenate((layer.pins_JL, pins_BL)), np.concatenate((layer.tables_J, tables_B)))
        )
        first = len(layer.tables_J)
    return carried


def residual_requantize(low: int, high: int) -> Requantize:
    """A rounding shift that brings every sum from low to high into 16 bits; shift 0 when they fit already.

    The multiplier is 1 on purpose: the scale of the output is free, so a power of two costs
    no hardware and loses less than one step of the 16-bit residual.
    """
    shift = 0
    while not (INT16[0] <= low >> shift and ((high + ((1 << shift) >> 1)) >> shift) <= INT16[1]):
        shift += 1
    return Requantize(multiplier=1, shift=shift, low=INT16[0], high=INT16[1])
