"""One block as SystemVerilog: the files of its design in both renderings, and its bench."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from quweit_cli.documents import RtlBlock
from quweit_cli.hdl import literals
from quweit_cli.hdl.render import render
from quweit_cli.hdl.structure import Comparison, Lut, Structure

STATIC = (
    "static/quweit_row_buffer.sv",
    "static/quweit_pipe_stage.sv",
    "static/quweit_summation.sv",
    "static/quweit_requantize.sv",
    "static/quweit_row_serializer.sv",
)


WORD_BITS = 4096  # of one literal: Verilator stops at 65,536 bits, Icarus slows down long before


class _Wire(Protocol):
    def __call__(self, inputs: tuple[str, ...], table: int) -> str: ...


class RenderedLut(NamedTuple):
    pins: tuple[int, ...]
    literal: str


class RenderedCell(NamedTuple):
    inputs: tuple[str, ...]
    literal: str


@dataclass(frozen=True)
class ValueWord:
    """The encoded values of a few outputs, one literal a time slot: place 0 of the first in the low bits."""

    outputs: range
    bits: int
    slots: list[str]


@dataclass(frozen=True)
class ValueCells:
    """LUT cells of the value table, equal ones once, and what each bit of each partial sum is."""

    instances: list[RenderedCell]
    partial_bits: list[str]


def render_design(block: RtlBlock, structure: Structure, header: str) -> dict[str, str]:
    """Name -> text of the generated modules; names are relative to the package."""
    top = literals.identifier(block.top)
    names: dict[str, object] = {"header": header, "structure": structure}
    files = {
        f"rtl/{top}.sv": render("block.sv.mako", block=block, **_with_biases(names, structure)),
        f"rtl/{top}_thermometer.sv": _render_thermometer(f"{top}_thermometer", structure, header),
    }
    inputs = structure.thresholds
    for index, layer in enumerate(structure.layers):
        module = f"{top}_lut_layer{index}"
        luts = [_rendered_lut(lut) for lut in layer.table]
        for folder, template in (("rtl", "lut_layer.sv.mako"), ("rtl/xilinx", "xilinx/lut_layer.sv.mako")):
            files[f"{folder}/{module}.sv"] = render(
                template, module=module, inputs=inputs, luts=luts, header=header
            )
        inputs = layer.luts
    module = f"{top}_value_table"
    files[f"rtl/{module}.sv"] = render(
        "value_table.sv.mako", module=module, words=value_words(structure), **names
    )
    files[f"rtl/xilinx/{module}.sv"] = render(
        "xilinx/value_table.sv.mako", module=module, cells=value_cells(structure), **names
    )
    return files


def value_words(structure: Structure) -> list[ValueWord]:
    folding = structure.folding
    slots_TPE = structure.values_KE.reshape(folding.cycles, folding.bits_per_cycle, -1)
    a_word = max(1, WORD_BITS // (8 * folding.bits_per_cycle))
    words = []
    for first in range(0, structure.outputs, a_word):
        outputs = range(first, min(first + a_word, structure.outputs))
        bytes_TN = (slots_TPE[:, :, outputs.start : outputs.stop] & 0xFF).transpose(0, 2, 1)
        bits = 8 * folding.bits_per_cycle * len(outputs)
        slots = [
            literals.unsigned(int.from_bytes(slot.astype("u1").tobytes(), "little"), bits)
            for slot in bytes_TN
        ]
        words.append(ValueWord(outputs, bits, slots))
    return words


def value_cells(structure: Structure) -> ValueCells:
    """The value table as LUT cells: time slot in the low inputs, bits of the group above them."""
    instances: dict[tuple[tuple[str, ...], int], int] = {}
    partial_bits: list[str] = []

    def wire(inputs: tuple[str, ...], table: int) -> str:
        if table == 0:
            return "1'b0"
        index = instances.setdefault((inputs, table), len(instances))
        return f"table_bits[{index}]"

    folding = structure.folding
    slots_TPE = structure.values_KE.reshape(folding.cycles, folding.bits_per_cycle, -1)
    gated_after = folding.table_inputs > 6
    for output in range(structure.outputs):
        for places in folding.places_of_groups:
            group_TP = slots_TPE[:, places.start : places.stop, output]
            for bit in range(structure.partial_bits):
                if gated_after:
                    bits = [(int(value) >> bit) & 1 for value in group_TP[:, 0]]
                    partial_bits.append(_gated_chunks(bits, places.start, folding.time_inputs, wire))
                else:
                    inputs = (
                        *(f"time_i[{index}]" for index in range(folding.time_inputs)),
                        *(f"bits_i[{place}]" for place in places),
                    )
                    partial_bits.append(
                        wire(inputs, _partial_table(group_TP.tolist(), bit, folding.time_inputs))
                    )
    cells = [RenderedCell(inputs, literals.unsigned(table, 2 ** len(inputs))) for inputs, table in instances]
    return ValueCells(cells, partial_bits)


def _partial_table(group_TP: list[list[int]], bit: int, time_inputs: int) -> int:
    """Truth table of one bit of a group's partial sum over (time, bits of the group)."""
    table = 0
    places = len(group_TP[0])
    for selected in range(2**places):
        for time, values_P in enumerate(group_TP):
            partial = sum(value for place, value in enumerate(values_P) if selected >> place & 1)
            table |= (partial >> bit & 1) << (selected << time_inputs | time)
    return table


def _gated_chunks(bits_T: list[int], place: int, time_inputs: int, wire: _Wire) -> str:
    """64 slots a cell, chosen by the upper time bits, gated by the slot's bit."""
    low_inputs = tuple(f"time_i[{index}]" for index in range(min(6, time_inputs)))
    chunks = []
    for first in range(0, len(bits_T), 64):
        table = sum(bit << slot for slot, bit in enumerate(bits_T[first : first + 64]))
        chunks.append(wire(low_inputs, table))
    if set(chunks) == {"1'b0"}:
        return "1'b0"
    for level in range(6, time_inputs):
        pairs = [chunks[index : index + 2] for index in range(0, len(chunks), 2)]
        chunks = [
            pair[0] if len(pair) == 1 or pair[0] == pair[1] else f"(time_i[{level}] ? {pair[1]} : {pair[0]})"
            for pair in pairs
        ]
    return f"bits_i[{place}] & {chunks[0]}"


def _rendered_lut(lut: Lut) -> RenderedLut:
    return RenderedLut(lut.pins, literals.unsigned(lut.table, 2 ** len(lut.pins)))


def _render_thermometer(module: str, structure: Structure, header: str) -> str:
    read = {comparison.feature for comparison in structure.comparisons if not _constant(comparison)}
    return render(
        "thermometer.sv.mako",
        module=module,
        features=structure.features,
        comparisons=[_comparison(comparison) for comparison in structure.comparisons],
        unread=[feature for feature in range(structure.features) if feature not in read],
        header=header,
    )


def _constant(comparison: Comparison) -> bool:
    return not -128 <= comparison.threshold < 127


def _comparison(comparison: Comparison) -> str:
    if _constant(comparison):
        return "1'b1" if comparison.threshold < 0 else "1'b0"
    return f"(x{comparison.feature} > {literals.signed_decimal(comparison.threshold, 8)})"


def _with_biases(names: dict[str, object], structure: Structure) -> dict[str, object]:
    biases = [literals.twos_complement(bias, structure.sum_bits) for bias in structure.biases]
    return {**names, "biases": biases}
