"""One block as SystemVerilog: the files of its design in both renderings."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from quweit_cli.documents import BlockDesign
from quweit_cli.hdl import literals
from quweit_cli.hdl.block.folding import Folding
from quweit_cli.hdl.block.structure import Layer, Structure
from quweit_cli.hdl.block.terms import Terms, Tree, values_of_slots
from quweit_cli.hdl.cells import CellPlan, tables_of_bits
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.technologies.amd import LUT_INPUTS
from quweit_cli.templating import render

STATIC = ("quweit_bit_store.sv", "quweit_sequencer.sv", "quweit_requantize.sv")
# Written for both renderings, or for one of them.
STATIC_BEHAVIOURAL = ("quweit_gated_terms.sv",)
STATIC_XILINX = (
    "xilinx/quweit_gated_terms.sv",
    "xilinx/quweit_greater.sv",
    "xilinx/quweit_ternary_adder.sv",
)
WORD_BITS = 4096  # of one literal: Verilator stops at 65,536 bits, Icarus slows down long before
INPUT_BITS = 8
NEVER = 127  # a threshold that no int8 exceeds


class RenderedLut(NamedTuple):
    pins: tuple[int, ...]
    literal: str


class Word(NamedTuple):
    """A table of wide words, one a time slot."""

    bits: int
    slots: list[str]

    @property
    def constant(self) -> bool:
        """Whether it is the same in every slot, so that nothing selects it."""
        return len(set(self.slots)) == 1


class Beats(NamedTuple):
    """How a row comes in."""

    input_beats: int
    features_per_beat: int


def render_design(
    block: BlockDesign, structure: Structure, terms: Terms, tree: Tree, header: str
) -> dict[str, str]:
    """Name -> text of the generated modules; names are relative to the package."""
    top = literals.identifier(block.top)
    common: dict[str, object] = {"header": header, "block": block, "structure": structure}
    files = {
        f"rtl/{top}.sv": render("block/block.sv.mako", terms=terms, tree=tree, idle=_idle(terms), **common)
    }
    files |= _render_encoder(block, structure, common)
    files |= _render_layers(block, structure, header)
    files |= _render_value_table(block, structure, terms, common)
    for folder, template in (("rtl", ""), ("rtl/xilinx", "xilinx/")):
        files[f"{folder}/{top}_adder_tree.sv"] = render(
            f"block/{template}adder_tree.sv.mako",
            module=f"{top}_adder_tree",
            terms=terms,
            tree=tree,
            **common,
        )
    return files


def thresholds_of_beats(block: Beats, structure: Structure) -> Integers:
    """Thresholds of every beat: beats x features of a beat x thresholds, within int8."""
    padding = block.input_beats * block.features_per_beat - structure.features
    padded = np.pad(structure.thresholds_DT, ((0, padding), (0, 0)), constant_values=NEVER)
    # Thresholds outside of int8 are held constant in the tables already; any value does here.
    return padded.clip(-128, NEVER).reshape(block.input_beats, block.features_per_beat, -1)


def _idle(terms: Terms) -> str:
    """The idle terms in a row, term 0 in the low bits."""
    words = [word.slots[0] for word in _words(terms.idle_N[None], terms.bits)]
    return words[0] if len(words) == 1 else f"{{{', '.join(reversed(words))}}}"


def _render_encoder(block: BlockDesign, structure: Structure, common: dict[str, object]) -> dict[str, str]:
    module = f"{block.top}_encoder"
    beats = Beats(block.row_beats, block.features_per_beat)
    beats_BN = thresholds_of_beats(beats, structure).reshape(block.row_beats, -1)
    plan, comparisons = plan_of_encoder(beats, structure)
    names = {"module": module, "thresholds": structure.thresholds_DT.shape[1], **common}
    words = _words(beats_BN & 0xFF, 8)
    read = literals.unsigned(
        sum(1 << place for place in _read_places(beats_BN, structure)), beats_BN.shape[1]
    )
    return {
        f"rtl/{module}.sv": render("block/encoder.sv.mako", words=words, read=read, **names),
        f"rtl/xilinx/{module}.sv": render(
            "block/xilinx/encoder.sv.mako", plan=plan, comparisons=comparisons, **names
        ),
    }


def _read_places(beats_BN: Integers, structure: Structure) -> set[int]:
    """Comparisons of a beat whose bit a LUT reads in some beat."""
    return {pin % beats_BN.shape[1] for lut in structure.layers[0].table for pin in lut.pins}


class Comparison(NamedTuple):
    """`answer` is a wire that is the comparison itself; else `threshold` are the wires of its threshold."""

    answer: str
    threshold: list[str]


def plan_of_encoder(block: Beats, structure: Structure) -> tuple[CellPlan, list[Comparison]]:
    """The table cells of the comparisons of a beat; bits that no LUT reads are left out."""
    plan = CellPlan()
    beats_BN = thresholds_of_beats(block, structure).reshape(block.input_beats, -1)
    read = _read_places(beats_BN, structure)
    thresholds = structure.thresholds_DT.shape[1]
    time = tuple(f"slot_i[{index}]" for index in range((block.input_beats - 1).bit_length()))
    comparisons = []
    for place, numbers in enumerate(beats_BN.T.tolist()):
        x = tuple(f"x_i[{place // thresholds * INPUT_BITS + bit}]" for bit in range(INPUT_BITS))
        if place not in read:
            comparisons.append(Comparison("1'b0", []))
        elif len(set(numbers)) == 1:
            comparisons.append(Comparison(plan.greater(x, numbers[0]), []))
        else:
            tables = tables_of_bits(np.array(numbers), INPUT_BITS)
            wires = [plan.over_time(time, table) for table in tables]
            comparisons.append(Comparison("", wires))
    return plan, comparisons


def plan_of_layer(layer: Layer) -> tuple[CellPlan, list[str]]:
    """The table cells of a LUT layer, and the wire of each LUT."""
    plan = CellPlan()
    return plan, [plan.lut(tuple(f"bits_i[{pin}]" for pin in lut.pins), lut.table) for lut in layer.table]


def _render_layers(block: BlockDesign, structure: Structure, header: str) -> dict[str, str]:
    files = {}
    inputs = block.row_beats * block.features_per_beat * structure.thresholds_DT.shape[1]
    for index, layer in enumerate(structure.layers):
        module = f"{block.top}_lut_layer{index}"
        luts = [
            RenderedLut(lut.pins, literals.unsigned(lut.table, 2 ** len(lut.pins))) for lut in layer.table
        ]
        read = {pin for lut in layer.table for pin in lut.pins}
        names = {"module": module, "inputs": inputs, "luts": luts, "header": header}
        names["unread"] = [bit for bit in range(inputs) if bit not in read]
        files[f"rtl/{module}.sv"] = render("block/lut_layer.sv.mako", **names)
        plan, wires = plan_of_layer(layer)
        files[f"rtl/xilinx/{module}.sv"] = render(
            "block/xilinx/lut_layer.sv.mako", plan=plan, wires=wires, **names
        )
        inputs = layer.luts
    return files


def _render_value_table(
    block: BlockDesign, structure: Structure, terms: Terms, common: dict[str, object]
) -> dict[str, str]:
    module = f"{block.top}_value_table"
    names = {"module": module, "terms": terms, **common}
    bias_words = _words(terms.bias_TQ, structure.sum_bits)
    plan, wires = plan_of_values(terms)
    behavioural = render(
        "block/value_table.sv.mako", words=_value_words(terms), bias_words=bias_words, **names
    )
    cells = render("block/xilinx/value_table.sv.mako", plan=plan, lanes=wires, **names)
    return {f"rtl/{module}.sv": behavioural, f"rtl/xilinx/{module}.sv": cells}


class LaneWires(NamedTuple):
    """What drives the terms and the bias of one lane, bit by bit."""

    terms: list[list[str]]
    bias: list[str]


@functools.lru_cache(maxsize=1)  # a package counts the cells of a block, then renders them
def plan_of_values(terms: Terms) -> tuple[CellPlan, list[LaneWires]]:
    """The table cells of the terms and biases, and the wires of each lane."""
    plan = CellPlan()
    return plan, [
        plan_of_lane(plan, terms, lane) for lane in range(terms.structure.folding.outputs_per_cycle)
    ]


def plan_of_lane(plan: CellPlan, terms: Terms, lane: int) -> LaneWires:
    """The table cells of one output of a slot."""
    structure, folding = terms.structure, terms.structure.folding
    v_KT, bits_N = values_of_slots(structure)[:, :, lane], structure.lanes_QN[lane].tolist()
    time = tuple(f"time_i[{index}]" for index in range(folding.time_inputs))

    if folding.gated:
        tables = tables_of_bits(v_KT + terms.idle_N[:, None], terms.bits)
        wires = [[plan.over_time(time, table) for table in one] for one in tables]
    elif folding.time_inputs < LUT_INPUTS:
        wires = []
        tables = tables_of_bits(_sums_by_address(v_KT, folding), terms.bits)
        for group, one in zip(folding.groups, tables, strict=True):
            inputs = (*time, *(f"bits_i[{bits_N[place]}]" for place in group))
            addresses = (1 << (1 << len(inputs))) - 1
            wires.append([plan.lut(inputs, table & addresses) for (table,) in one])
    else:  # time fills a cell: magnitude and sign of a value, and the magnitude passes where bit and sign differ
        wires = []
        signs = tables_of_bits((v_KT < 0).astype(int), 1)
        magnitudes = tables_of_bits(np.abs(v_KT), terms.bits)
        for k, ((of_sign,), of_magnitude) in enumerate(zip(signs, magnitudes, strict=True)):
            sign = plan.over_time(time, of_sign)
            magnitude = [plan.over_time(time, table) for table in of_magnitude]
            wires.append([_passed(plan, wire, f"bits_i[{bits_N[k]}]", sign) for wire in magnitude])
    bias = [
        plan.over_time(time, table) for table in tables_of_bits(terms.bias_TQ[:, lane], structure.sum_bits)
    ]
    return LaneWires(wires, bias)


def _passed(plan: CellPlan, wire: str, bit: str, sign: str) -> str:
    """`wire & (bit ^ sign)`, where `wire` and `sign` may be constants."""
    constants = {"1'b0": 0, "1'b1": 1}
    names = tuple(name for name in (wire, bit, sign) if name not in constants)
    table = 0
    for address in range(2 ** len(names)):
        state = constants | {name: address >> place & 1 for place, name in enumerate(names)}
        table |= (state[wire] & (state[bit] ^ state[sign])) << address
    return plan.lut(names, table)


def _sums_by_address(v_KT: Integers, folding: Folding) -> Integers:
    """Every group's term at every address, time in the low bits, the bits of the group above: [groups, addresses].

    The last group may have fewer bits: it is as if they were there and added nothing.
    """
    groups, size = len(folding.groups), len(folding.groups[0])
    v_NGT = np.pad(v_KT, ((0, groups * size - len(v_KT)), (0, 0))).reshape(groups, size, -1)
    one_AG = np.arange(2**size)[:, None] >> np.arange(size) & 1
    sums_NAT = one_AG @ np.maximum(v_NGT, 0) + (1 - one_AG) @ np.maximum(-v_NGT, 0)
    unused = 2**folding.time_inputs - v_NGT.shape[2]
    return np.pad(sums_NAT, ((0, 0), (0, 0), (0, unused))).reshape(groups, -1)


def _value_words(terms: Terms) -> list[Word]:
    """Behavioural: with gated registers the terms themselves, else sign and magnitude of every value."""
    v_KTQ = values_of_slots(terms.structure)
    if terms.structure.folding.gated:
        numbers_TQK = (v_KTQ + terms.idle_N[:, None, None]).transpose(1, 2, 0)
        return _words(numbers_TQK.reshape(len(numbers_TQK), -1), terms.bits)
    numbers_TQK = (np.abs(v_KTQ) | (v_KTQ < 0) << 8).transpose(1, 2, 0)
    return _words(numbers_TQK.reshape(len(numbers_TQK), -1), 9)


def _words(numbers_TN: Integers, bits: int) -> list[Word]:
    """N numbers of `bits` each, number 0 in the low bits, cut into words of whole numbers."""
    a_word = max(1, WORD_BITS // bits)
    words = []
    for first in range(0, numbers_TN.shape[1], a_word):
        part_TN = numbers_TN[:, first : first + a_word].tolist()
        width = bits * len(part_TN[0])
        slots = [
            literals.unsigned(sum(number << bits * place for place, number in enumerate(part)), width)
            for part in part_TN
        ]
        words.append(Word(width, slots))
    return words
