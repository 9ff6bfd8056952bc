"""What is rendered computes what the program computes: pruning, folding, terms and table cells change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from programs import random_block, random_rows
from quweit_cli import config
from quweit_cli.hdl.block.folding import Folding
from quweit_cli.hdl.block.modules import plan_of_lane, plan_of_values
from quweit_cli.hdl.block.structure import Structure, structure_of
from quweit_cli.hdl.block.terms import terms_of, tree_of
from quweit_cli.hdl.cells import CellPlan, tables_of_bits
from quweit_cli.ir.block import block_program, residual_requantize
from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.sums import ConditionalSummation
from quweit_cli.ir.program import evaluate

ONE = config.Rtl()
# Outputs and outputs a cycle: tables gated behind one, two, three and five cells a bit; groups of 1 to 6 bits.
FOLDINGS = [(40, 1), (70, 1), (150, 1), (300, 1), (40, 2), (20, 2), (9, 2), (9, 3), (9, 5), (9, 9)]


@pytest.mark.parametrize(("outputs", "outputs_per_cycle"), FOLDINGS)
@pytest.mark.parametrize("layers", [(17,), (20, 11)])
def test_cells_terms_and_tree_answer_as_the_program(
    layers: tuple[int, ...], outputs: int, outputs_per_cycle: int
) -> None:
    program = random_block(5, features=9, thresholds=4, layers=layers, outputs=outputs)
    structure = structure_of(program, config.Rtl(outputs_per_cycle=outputs_per_cycle))
    rows = random_rows(program, 12 if outputs < 100 else 4)
    assert np.array_equal(_run(structure, rows), evaluate(program, rows))


def test_constant_thresholds_and_unread_bits_are_not_rendered() -> None:
    never_always = np.array([[127, -129, 0], [500, -500, 5]])
    rng = np.random.default_rng(3)
    layers = [
        LutLayer(rng.integers(0, 6, (20, 4)), rng.integers(0, 2**16, 20, dtype=np.uint64)),
        LutLayer(rng.integers(0, 20, (3, 4)), rng.integers(0, 2**16, 3, dtype=np.uint64)),
    ]
    summation = ConditionalSummation(rng.integers(-128, 128, (3, 5)), rng.integers(-9, 9, 5))
    program = block_program(
        "b", Thermometer(never_always), layers, summation, residual_requantize(*summation.range())
    )
    structure = structure_of(program, ONE)
    rows = np.array([[x, y] for x in range(-128, 128, 5) for y in (-128, 4, 5, 6, 127)])
    assert np.array_equal(_run(structure, rows), evaluate(program, rows))
    assert structure.thresholds == 2
    assert structure.layers[0].luts < 20


@pytest.mark.parametrize(("outputs", "outputs_per_cycle"), FOLDINGS)
def test_every_sum_of_the_tree_fits_its_width(outputs: int, outputs_per_cycle: int) -> None:
    program = random_block(5, layers=(40,), outputs=outputs)
    terms = terms_of(structure_of(program, config.Rtl(outputs_per_cycle=outputs_per_cycle)))
    largest = {f"term{n}": int(value) for n, value in enumerate(terms.largest_N)}
    largest["bias"] = 2**terms.structure.sum_bits - 1
    used: list[str] = []
    for level in tree_of(terms).levels:
        for one in level.sums:
            largest[one.name] = sum(largest[term] for term in one.terms)
            assert one.bits == min(largest[one.name].bit_length(), terms.structure.sum_bits)
            used += one.terms
    assert len(set(used)) == len(used), "a term is added twice"
    assert {f"term{n}" for n, value in enumerate(terms.largest_N) if value} <= set(used)


def test_a_table_over_time_takes_a_wide_multiplexer_only_where_its_inputs_are_complete() -> None:
    rng = np.random.default_rng(0)
    for slots, kinds in (
        (64, {"LUT6": 1}),
        (128, {"LUT6": 2, "MUXF7": 1}),
        (192, {"LUT6": 3, "MUXF7": 1, "LUT3": 1}),
        (256, {"LUT6": 4, "MUXF7": 2, "MUXF8": 1}),
    ):
        plan = CellPlan()
        time = tuple(f"time_i[{index}]" for index in range((slots - 1).bit_length()))
        bits = rng.integers(0, 2, slots).tolist()
        (tables,) = tables_of_bits(np.array(bits), 1)
        wire = plan.over_time(time, tables)
        found = [cell.kind for cell in plan.cells]
        assert {kind: found.count(kind) for kind in set(found)} == kinds
        for slot, bit in enumerate(bits):
            names = {name: slot >> index & 1 for index, name in enumerate(time)}
            assert _wires(plan, names)[wire] == bit


def test_a_cell_keeps_only_the_inputs_that_matter_and_stands_once() -> None:
    plan = CellPlan()
    assert plan.lut(("a", "b"), 0b0000) == "1'b0"
    assert plan.lut(("a", "b"), 0b1111) == "1'b1"
    assert plan.lut(("a", "b", "c"), 0b1100_1100) == "b"
    first = plan.lut(("a", "b", "c"), 0b0110_0110)
    assert plan.lut(("a", "b"), 0b0110) == first
    assert [cell.kind for cell in plan.cells] == ["LUT2"]


def test_luts_are_counted_as_they_are_placed() -> None:
    pairs = 0
    for cycles in (2, 40, 150):
        structure = structure_of(random_block(5, outputs=150), config.Fold(cycles_per_row=cycles))
        plan, _ = plan_of_values(terms_of(structure))
        placed = [cell.kind for cell in plan.placed() if not cell.kind.startswith("MUXF")]
        assert plan.luts() == len(placed)
        pairs += placed.count("LUT6_2")
    assert pairs


def test_slots_and_groups_cover_every_output_and_bit_once() -> None:
    for outputs in (1, 2, 31, 64, 192):
        for per_cycle in range(1, outputs + 1):
            folding = Folding(20, outputs, per_cycle)
            assert [bit for group in folding.groups for bit in group] == list(range(20))
            assert folding.cycles * per_cycle >= outputs > (folding.cycles - 1) * per_cycle
            assert len(folding.groups[0]) == 1 or folding.time_inputs + len(folding.groups[0]) <= 6


def _run(structure: Structure, rows_RD: np.ndarray) -> np.ndarray:
    """The structure as the RTL means it, bit by bit: comparisons, LUTs, table cells, tree."""
    terms = terms_of(structure)
    tree = tree_of(terms)
    plan = CellPlan()
    lanes = [plan_of_lane(plan, terms, lane) for lane in range(structure.folding.outputs_per_cycle)]
    answers = []
    for row in rows_RD.astype(int):
        bits = (row[:, None] > structure.thresholds_DT).reshape(-1).astype(int).tolist()
        for layer in structure.layers:
            bits = [
                lut.table >> sum(bits[pin] << place for place, pin in enumerate(lut.pins)) & 1
                for lut in layer.table
            ]
        outputs: list[int] = []
        requantize = structure.requantize
        rounding = (1 << requantize.shift) >> 1  # stands in the biases unless it is added at the end
        for time in range(structure.folding.cycles):
            names = {f"time_i[{index}]": time >> index & 1 for index in range(8 + 1)}
            names |= {f"bits_i[{index}]": bit for index, bit in enumerate(bits)}
            wires = _wires(plan, names)
            for lane in lanes:
                numbers = {f"term{n}": _number(term, wires) for n, term in enumerate(lane.terms)}
                if structure.folding.gated:
                    for n, bit in enumerate(bits):
                        numbers[f"term{n}"] = numbers[f"term{n}"] if bit else int(terms.idle_N[n])
                numbers["bias"] = _number(lane.bias, wires)
                for level in tree.levels:
                    for one in level.sums:
                        numbers[one.name] = sum(numbers[term] for term in one.terms) % 2**one.bits
                total = numbers[tree.levels[-1].sums[0].name]
                width = structure.sum_bits
                signed = total - 2**width if total >> (width - 1) else total
                scaled = (signed * requantize.multiplier + rounding * structure.rounds) >> requantize.shift
                clamped = min(max(scaled, requantize.low), requantize.high)
                assert structure.clamps or clamped == scaled
                outputs.append(clamped)
        answers.append(outputs[: structure.outputs])
    return np.array(answers)


def _wires(plan: CellPlan, names: dict[str, int]) -> dict[str, int]:
    """Every cell's answer, in order, with the inputs given."""
    wires = {**names, "1'b0": 0, "1'b1": 1}
    for index, cell in enumerate(plan.cells):
        inputs = [wires[wire] for wire in cell.inputs]
        if cell.kind.startswith("LUT"):
            address = sum(bit << place for place, bit in enumerate(inputs))
            wires[f"cell_out[{index}]"] = cell.table >> address & 1
        else:
            wires[f"cell_out[{index}]"] = inputs[1] if inputs[2] else inputs[0]
    return wires


def _number(bits: list[str], wires: dict[str, int]) -> int:
    return sum(wires[wire] << place for place, wire in enumerate(bits))


def test_tables_of_single_bits_do_not_depend_on_how_numbers_lie_in_memory() -> None:
    numbers = np.random.default_rng(0).integers(0, 2, (5, 64))
    assert tables_of_bits(np.asfortranarray(numbers), 1) == tables_of_bits(numbers, 1)
