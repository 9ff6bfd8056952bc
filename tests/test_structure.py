"""What is rendered computes what the program computes: pruning, folding and table cells change nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest

from programs import random_block, random_rows
from quweit_cli.hdl.block import value_cells, value_words
from quweit_cli.hdl.folding import Folding, fewest_per_beat
from quweit_cli.hdl.structure import Structure, structure_of, table_coverage
from quweit_cli.ir import ConditionalSummation, LutLayer, Thermometer, evaluate
from quweit_cli.ir.block import block_program, residual_requantize

FOLDINGS = [1, 2, 3, 4, 7, "all"]


@pytest.mark.parametrize("bits_per_cycle", FOLDINGS)
@pytest.mark.parametrize("layers", [(17,), (20, 11), (70,)])
def test_the_pruned_and_folded_structure_answers_as_the_program(
    layers: tuple[int, ...], bits_per_cycle: int | str
) -> None:
    program = random_block(5, features=9, thresholds=4, layers=layers)
    structure = structure_of(program, bits_per_cycle)
    rows = random_rows(program, 60)
    assert np.array_equal(_run(structure, rows), evaluate(program, rows))


@pytest.mark.parametrize("bits_per_cycle", FOLDINGS)
def test_the_cells_of_the_value_table_hold_the_partial_sums(bits_per_cycle: int | str) -> None:
    structure = structure_of(random_block(6, layers=(70,), outputs=3), bits_per_cycle)
    folding = structure.folding
    cells = value_cells(structure)
    rng = np.random.default_rng(0)
    for _ in range(40):
        time = int(rng.integers(folding.cycles))
        bits = [int(bit) for bit in rng.integers(0, 2, folding.bits_per_cycle)]
        names = {f"time_i[{i}]": time >> i & 1 for i in range(folding.time_bits)}
        names |= {f"bits_i[{i}]": bit for i, bit in enumerate(bits)}
        for index, cell in enumerate(cells.instances):
            address = sum(names[wire] << place for place, wire in enumerate(cell.inputs))
            names[f"table_bits[{index}]"] = int(cell.literal.split("'h")[1], 16) >> address & 1
        answer = [_value_of(expression, names) for expression in cells.partial_bits]
        assert _signed(answer, structure.partial_bits) == _partial_sums(structure, time, bits)


def test_the_words_of_the_value_table_hold_every_value() -> None:
    structure = structure_of(random_block(6, layers=(40,), outputs=700), 3)
    words = value_words(structure)
    assert [output for word in words for output in word.outputs] == list(range(700))
    slots_TPE = structure.values_KE.reshape(structure.folding.cycles, 3, -1)
    for word in words:
        for time, literal in enumerate(word.slots):
            packed = int(literal.split("'h")[1], 16)
            for place_of_output, output in enumerate(word.outputs):
                for place in range(3):
                    value = packed >> 8 * (place_of_output * 3 + place) & 0xFF
                    assert value == int(slots_TPE[time, place, output]) % 256


def test_nothing_that_no_one_reads_is_rendered() -> None:
    structure = structure_of(random_block(5, features=9, thresholds=40, layers=(20, 4)), 1)
    pins = {pin for lut in structure.layers[0].table for pin in lut.pins}
    assert pins == set(range(structure.thresholds))
    assert structure.thresholds < 9 * 40


def test_coverage_counts_the_table_entries_that_rows_read() -> None:
    exclusive_or = LutLayer(np.array([[0, 1]]), np.array([0b0110], dtype=np.uint64))
    summation = ConditionalSummation(np.array([[1]]), np.array([0]))
    thermometer = Thermometer(np.array([[10], [-10]]))
    program = block_program("b", thermometer, [exclusive_or], summation, residual_requantize(summation))
    structure = structure_of(program, 1)
    assert table_coverage(structure, np.array([[0, 0], [5, 5]])) == 1 / 4
    assert table_coverage(structure, np.array([[0, 0], [20, 0], [20, -20]])) == 3 / 4


def test_slots_and_groups_cover_every_bit_once() -> None:
    for bits in (1, 2, 31, 64, 192):
        for per_cycle in range(1, bits + 1):
            folding = Folding(bits, per_cycle)
            places = [place for group in folding.places_of_groups for place in group]
            assert places == list(range(per_cycle))
            assert folding.cycles * per_cycle >= bits > (folding.cycles - 1) * per_cycle
            assert folding.table_inputs <= 6 or folding.group_size == 1


def test_a_beat_is_as_narrow_as_the_cycles_allow() -> None:
    assert fewest_per_beat(192, 192) == 1
    assert fewest_per_beat(192, 191) == 2
    assert fewest_per_beat(192, 1) == 256


def _run(structure: Structure, rows_RD: np.ndarray) -> np.ndarray:
    """The structure as the RTL means it, bit by bit."""
    answers = []
    for row in rows_RD.astype(int):
        bits = [int(row[one.feature] > one.threshold) for one in structure.comparisons]
        for layer in structure.layers:
            bits = [
                lut.table >> sum(bits[pin] << place for place, pin in enumerate(lut.pins)) & 1
                for lut in layer.table
            ]
        bits += [0] * (structure.folding.padded_bits - len(bits))
        sums = np.array(structure.biases) + np.array(bits) @ structure.values_KE
        answers.append(structure.requantize.evaluate(sums[None])[0])
    return np.array(answers)


def _partial_sums(structure: Structure, time: int, bits: list[int]) -> list[int]:
    slot_PE = structure.values_KE.reshape(structure.folding.cycles, len(bits), -1)[time]
    return [
        sum(int(slot_PE[place, output]) * bits[place] for place in places)
        for output in range(structure.outputs)
        for places in structure.folding.places_of_groups
    ]


def _value_of(expression: str, names: dict[str, int]) -> int:
    """The few operators that the generator writes, read by Python."""
    python = re.sub(r"\w+\[\d+\]", lambda match: str(names[match[0]]), expression).replace("1'b0", "0")
    while "?" in python:
        python = re.sub(
            r"\(([01]) \? ([01]) : ([01])\)", lambda match: match[2] if match[1] == "1" else match[3], python
        )
    left, _, right = python.partition(" & ")
    return int(left) & int(right or 1)


def _signed(bits: list[int], width: int) -> list[int]:
    values = []
    for first in range(0, len(bits), width):
        value = sum(bit << place for place, bit in enumerate(bits[first : first + width]))
        values.append(value - 2**width if value >> (width - 1) else value)
    return values
