"""What of a block is rendered: live thresholds and LUTs only, renumbered, with every width.

This is the last step that looks at the integer program; templates see this and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from quweit_cli import config
from quweit_cli.errors import UnsupportedModel
from quweit_cli.hdl.block.folding import Folding, cheapest
from quweit_cli.ir.block import Chain, chain_of
from quweit_cli.ir.liveness import live_bits, read_pins, without_constant_thresholds
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.bits import LutLayer
from quweit_cli.ir.nodes.sums import Requantize
from quweit_cli.ir.program import Program
from quweit_cli.ir.types import INT8, INT16, bits_of_range

_ANY = (-(2**62), 2**62)  # a range that clamps nothing


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
    """A block as hardware: thresholds, LUT layers, the folded summation and the requantisation.

    Values and biases are padded with zeros to whole beats of outputs. `lanes_QN` holds the bits that each output of a
    slot adds: all of them, or those that reach its outputs, equally many in every lane. Where nothing is multiplied, what
    the shift adds to round stands in the biases (`rounds` is then false); `clamps` says whether any
    sum can leave the output's range.
    """

    features: int
    thresholds_DT: Integers
    layers: tuple[Layer, ...]
    values_KE: Integers
    biases_E: Integers
    requantize: Requantize
    rounds: bool
    clamps: bool
    folding: Folding
    lanes_QN: Integers
    sum_bits: int

    @property
    def bits(self) -> int:
        """Bits that the last LUT layer gives."""
        return len(self.values_KE)

    @property
    def lanes_alike(self) -> bool:
        """Whether every lane adds the same bits."""
        return bool((self.lanes_QN == self.lanes_QN[0]).all())

    @property
    def outputs(self) -> int:
        return self.folding.outputs

    @property
    def thresholds(self) -> int:
        """Thresholds that a LUT reads."""
        return len({pin for lut in self.layers[0].table for pin in lut.pins})


def structure_of(program: Program, options: config.Fold) -> Structure:
    """Prune, renumber and fold a block's program.

    Raises:
        UnsupportedModel: the steps are not those of a weightless block, nothing in it matters, or its
            numbers do not fit the bus.
    """
    _chain(program)
    _check_bus(program)
    program = without_constant_thresholds(program)
    thermometer, layers, summation, requantize = _chain(program)
    live = [mask for _, mask in sorted(live_bits(program).items(), key=_position_in(program))]
    if not all(mask.any() for mask in live):
        raise UnsupportedModel(
            f"block `{program.name}` does not depend on its input: its tables or values are constant",
            hint="train it further, or leave the block out",
        )
    rendered = [_renumbered(layers[0], None, live[1])]
    rendered += [
        _renumbered(layer, before, after)
        for layer, before, after in zip(layers[1:], live[1:], live[2:], strict=False)
    ]
    values_KE = summation.values_KE[live[-1]]
    folding = _fold(program.name, len(values_KE), len(summation.bias_E), options)
    padding = folding.cycles * folding.outputs_per_cycle - folding.outputs
    values_KE = np.pad(values_KE, ((0, 0), (0, padding)))
    lanes_QN = _lanes(values_KE, folding)
    rounding = (1 << requantize.shift) >> 1
    rounds = rounding > 0 and requantize.multiplier > 1
    biases_E = summation.bias_E + (0 if rounds else rounding)
    low_E, high_E = summation.ranges()
    low, high = int(low_E.min()), int(high_E.max())
    scaled = Requantize(requantize.multiplier, requantize.shift, *_ANY).evaluate(np.array([[low, high]]))
    return Structure(
        features=program.input_type.features,
        thresholds_DT=thermometer.thresholds_DT,
        layers=tuple(rendered),
        values_KE=values_KE,
        biases_E=np.pad(biases_E, (0, padding)),
        # What fits the bus is never beyond its range, so a clamp outside of it clamps nothing.
        requantize=replace(
            requantize, low=max(requantize.low, INT16[0]), high=min(requantize.high, INT16[1])
        ),
        rounds=rounds,
        clamps=bool(scaled.min() < requantize.low or scaled.max() > requantize.high),
        folding=replace(folding, bits=lanes_QN.shape[1]),
        lanes_QN=lanes_QN,
        sum_bits=bits_of_range(min(low, -1), high + (0 if rounds else rounding)),
    )


def _chain(program: Program) -> Chain:
    """Raises UnsupportedModel where the steps are not those of a weightless block."""
    chain = chain_of(program)
    if chain is None:
        raise UnsupportedModel(
            f"program `{program.name}` is not a weightless block",
            hint="a block is a chain of thermometer, LUT layers, conditional summation and requantisation",
        )
    return chain


def _check_bus(program: Program) -> None:
    """Raises UnsupportedModel for a range that the bus would cut, and for an output that never changes."""
    read, given = program.input_type, program.output_type()
    for what, kind, (low, high), change in (
        ("input", read, INT8, "quantise its input to 8 bits"),
        ("output", given, INT16, "clamp it to 16 bits in its requantisation, or shift it further"),
    ):
        if kind.low < low or kind.high > high:
            raise UnsupportedModel(
                f"the {what} of block `{program.name}` ranges over {kind.low} ... {kind.high}, "
                f"and its bus holds {low} ... {high}",
                hint=change,
            )
        if kind.low >= kind.high:
            raise UnsupportedModel(
                f"block `{program.name}` does not depend on its input: the range of its {what} is "
                f"{kind.low} ... {kind.high}",
                hint="leave the block out",
            )


def _position_in(program: Program) -> Callable[[tuple[str, NDArray[np.bool_]]], int]:
    order = {step.name: position for position, step in enumerate(program.steps)}
    return lambda named: order[named[0]]


def _renumbered(layer: LutLayer, live_inputs: np.ndarray | None, live_outputs: np.ndarray) -> Layer:
    """Live LUTs over the pins that they depend on; thresholds keep their numbers, other bits are renumbered."""
    reads_JL = read_pins(layer)
    number = None if live_inputs is None else np.cumsum(live_inputs) - 1
    luts = []
    for lut in np.flatnonzero(live_outputs):
        kept = np.flatnonzero(reads_JL[lut])
        sources = layer.pins_JL[lut, kept]
        pins = tuple(int(pin) for pin in (sources if number is None else number[sources]))
        luts.append(Lut(pins, _table_over(int(layer.tables_J[lut]), tuple(kept.tolist()))))
    return Layer(tuple(luts))


def _table_over(table: int, kept: tuple[int, ...]) -> int:
    """The same function as a table over the kept pins; the others are held at 0."""
    smaller = 0
    for address, full in enumerate(_addresses(kept)):
        smaller |= (table >> full & 1) << address
    return smaller


@lru_cache(maxsize=1024)
def _addresses(kept: tuple[int, ...]) -> tuple[int, ...]:
    """For every address of the kept pins, that of all pins with the others at 0."""
    return tuple(
        sum((address >> place & 1) << pin for place, pin in enumerate(kept))
        for address in range(2 ** len(kept))
    )


def _lanes(values_KE: Integers, folding: Folding) -> Integers:
    """The bits that each lane adds: those with a value in one of its slots, and others of no value up to equally many.

    All bits where that leaves out less than a tenth: wires that lanes share and tables that repeat are worth more.
    """
    lanes = folding.outputs_per_cycle
    reached_KQ = (values_KE.reshape(-1, folding.cycles, lanes) != 0).any(axis=1)
    most = int(reached_KQ.sum(axis=0).max())
    if most > 0.9 * len(values_KE):
        return np.tile(np.arange(len(values_KE)), (lanes, 1))
    order_KQ = np.argsort(~reached_KQ, axis=0, kind="stable")
    return np.sort(order_KQ[:most].T, axis=1)


def _fold(name: str, bits: int, outputs: int, options: config.Fold) -> Folding:
    """As many outputs a cycle as asked for, or as few as keep to the work, or the least logic within the cycles."""
    if options.cycles_per_row is not None:
        return cheapest(bits, outputs, options.cycles_per_row)
    if options.outputs_per_cycle == "auto":
        raise UnsupportedModel(f"nothing tells the pace of block `{name}`", hint="give cycles_per_row")
    if options.bits_per_cycle is not None:
        share = bits if options.bits_per_cycle == "all" else min(options.bits_per_cycle, bits)
        return Folding(bits, outputs, -(-share * outputs // bits))
    wanted = outputs if options.outputs_per_cycle == "all" else options.outputs_per_cycle
    if wanted > outputs:
        raise UnsupportedModel(
            f"outputs_per_cycle is {wanted}, and block `{name}` has only {outputs} outputs",
            hint=f"choose outputs_per_cycle of at most {outputs}, or `all`",
        )
    return Folding(bits, outputs, wanted)
