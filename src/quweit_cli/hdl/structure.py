"""What of a block is rendered: live thresholds and LUTs only, renumbered, with every width.

This is the last step that looks at the integer program; templates see this and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quweit_cli.errors import UnsupportedModel
from quweit_cli.hdl.folding import Folding
from quweit_cli.ir import ConditionalSummation, LutLayer, Program, Requantize, Thermometer
from quweit_cli.ir.liveness import live_bits, read_pins
from quweit_cli.ir.nodes import Integers
from quweit_cli.ir.types import bits_of_range


@dataclass(frozen=True)
class Comparison:
    """bit = x[feature] > threshold."""

    feature: int
    threshold: int


@dataclass(frozen=True)
class Lut:
    """A table over the pins that it depends on; `pins` index the rendered bits of the layer before."""

    pins: tuple[int, ...]
    table: int


@dataclass(frozen=True)
class Layer:
    table: tuple[Lut, ...]

    @property
    def luts(self) -> int:
        return len(self.table)


@dataclass(frozen=True, eq=False)
class Structure:
    """A block as hardware: comparisons, layers, the folded summation and the requantisation."""

    features: int
    comparisons: tuple[Comparison, ...]
    layers: tuple[Layer, ...]
    values_KE: Integers  # of the rendered bits, padded with zeros to folding.padded_bits
    biases: tuple[int, ...]
    requantize: Requantize
    folding: Folding
    partial_bits: int
    sum_bits: int

    @property
    def outputs(self) -> int:
        return len(self.biases)

    @property
    def thresholds(self) -> int:
        return len(self.comparisons)


def structure_of(program: Program, bits_per_cycle: int | str) -> Structure:
    """Prune, renumber and fold a block's program.

    Raises:
        UnsupportedModel: the steps are not those of a weightless block, or nothing in it matters.
    """
    thermometer, layers, summation, requantize = _steps_of_block(program)
    live = live_bits(program)
    if not all(mask.any() for mask in live.values()):
        raise UnsupportedModel(
            f"block `{program.name}` does not depend on its input: its tables or values are constant",
            hint="train it further, or leave the block out",
        )
    comparisons = _live_comparisons(thermometer, live[program.steps[0].name])
    rendered = [
        _live_layer(layer, live[source], live[name]) for name, source, layer in _named_layers(program, layers)
    ]
    values_KE = summation.values_KE[live[program.steps[-3].name]]
    folding = _fold(program.name, len(values_KE), bits_per_cycle)
    padded_KE = np.zeros((folding.padded_bits, values_KE.shape[1]), dtype=np.int64)
    padded_KE[: len(values_KE)] = values_KE
    return Structure(
        features=program.input_type.features,
        comparisons=comparisons,
        layers=tuple(rendered),
        values_KE=padded_KE,
        biases=tuple(int(bias) for bias in summation.bias_E),
        requantize=requantize,
        folding=folding,
        partial_bits=_partial_bits(padded_KE, folding),
        sum_bits=_sum_bits(summation),
    )


def table_coverage(structure: Structure, rows_RD: Integers) -> float:
    """Share of all table entries that these rows read: a wrong entry that no row reads stays hidden."""
    bits_RI = np.stack(
        [rows_RD[:, one.feature] > one.threshold for one in structure.comparisons], axis=1
    ).astype(np.int64)
    read = entries = 0
    for layer in structure.layers:
        answers = []
        for lut in layer.table:
            address_R = np.zeros(len(rows_RD), dtype=np.int64)
            for place, pin in enumerate(lut.pins):
                address_R |= bits_RI[:, pin] << place
            read += len(np.unique(address_R))
            entries += 2 ** len(lut.pins)
            table = np.array([lut.table >> a & 1 for a in range(2 ** len(lut.pins))])
            answers.append(table[address_R])
        bits_RI = np.stack(answers, axis=1)
    return read / entries


def _steps_of_block(
    program: Program,
) -> tuple[Thermometer, list[LutLayer], ConditionalSummation, Requantize]:
    chained = all(
        step.source == before
        for step, before in zip(
            program.steps, (program.input_name, *(step.name for step in program.steps)), strict=False
        )
    )
    match [step.node for step in program.steps]:
        case [
            Thermometer() as thermometer,
            *layers,
            ConditionalSummation() as summation,
            Requantize() as requantize,
        ] if layers and all(isinstance(layer, LutLayer) for layer in layers) and chained:
            return (
                thermometer,
                [layer for layer in layers if isinstance(layer, LutLayer)],
                summation,
                requantize,
            )
    raise UnsupportedModel(
        f"program `{program.name}` is not a weightless block",
        hint="a block is a chain of thermometer, LUT layers, conditional summation and requantisation",
    )


def _named_layers(program: Program, layers: list[LutLayer]) -> list[tuple[str, str, LutLayer]]:
    return [(step.name, step.source, layer) for step, layer in zip(program.steps[1:], layers, strict=False)]


def _live_comparisons(thermometer: Thermometer, live: np.ndarray) -> tuple[Comparison, ...]:
    per_feature = thermometer.thresholds_DT.shape[1]
    flat = thermometer.thresholds_DT.reshape(-1)
    return tuple(Comparison(int(bit) // per_feature, int(flat[bit])) for bit in np.flatnonzero(live))


def _live_layer(layer: LutLayer, live_inputs: np.ndarray, live_outputs: np.ndarray) -> Layer:
    renumbered = np.cumsum(live_inputs) - 1
    reads_JL = read_pins(layer)
    luts = []
    for lut in np.flatnonzero(live_outputs):
        kept = np.flatnonzero(reads_JL[lut])
        pins = tuple(int(renumbered[layer.pins_JL[lut, pin]]) for pin in kept)
        luts.append(Lut(pins, _table_over(int(layer.tables_J[lut]), kept)))
    return Layer(tuple(luts))


def _table_over(table: int, kept: np.ndarray) -> int:
    """The same function as a table over the kept pins; the others are held at 0."""
    smaller = 0
    for address in range(2 ** len(kept)):
        full = sum((address >> place & 1) << int(pin) for place, pin in enumerate(kept))
        smaller |= (table >> full & 1) << address
    return smaller


def _fold(name: str, bits: int, bits_per_cycle: int | str) -> Folding:
    wanted = bits if bits_per_cycle == "all" else int(bits_per_cycle)
    if wanted > bits:
        raise UnsupportedModel(
            f"block `{name}` sums {bits} bits a row, so {wanted} bits a cycle are too many",
            hint=f"choose bits_per_cycle of at most {bits}, or `all`",
        )
    return Folding(bits, wanted)


def _partial_bits(values_KE: Integers, folding: Folding) -> int:
    """Width of the widest partial sum, from the actual values."""
    slots_TPE = values_KE.reshape(folding.cycles, folding.bits_per_cycle, -1)
    low = high = 0
    for places in folding.places_of_groups:
        group = slots_TPE[:, places.start : places.stop]
        low = min(low, int(np.minimum(group, 0).sum(axis=1).min()))
        high = max(high, int(np.maximum(group, 0).sum(axis=1).max()))
    return bits_of_range(min(low, -1), high)


def _sum_bits(summation: ConditionalSummation) -> int:
    """Width that holds every prefix of every sum: each lies between the worst cases."""
    low_E, high_E = summation.ranges()
    return bits_of_range(min(int(low_E.min()), -1), int(high_E.max()))
