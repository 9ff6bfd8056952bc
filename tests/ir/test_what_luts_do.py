"""Which LUTs of a block are rendered, constant or repeated, and what they answer on rows: against plain counting."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from programs import SHAPES, random_block, random_rows
from quweit_cli import config
from quweit_cli.hdl.block.structure import structure_of
from quweit_cli.ir.block import block_program, chain_of, residual_requantize
from quweit_cli.ir.census import LayerCensus, census
from quweit_cli.ir.nodes.bits import LutLayer, Thermometer, passing_table
from quweit_cli.ir.nodes.sums import ConditionalSummation
from quweit_cli.ir.program import Program, Step, trace
from quweit_cli.ir.responses import entries_read, response

FULL = 2**8 - 1


def block(
    pins: list[list[int]], tables: list[int], values: list[int], thresholds: list[list[int]]
) -> Program:
    layer = LutLayer(np.array(pins), np.array(tables, dtype=np.uint64))
    summation = ConditionalSummation(np.array(values)[:, None], np.zeros(1, dtype=np.int64))
    return block_program(
        "block0",
        Thermometer(np.array(thresholds)),
        [layer],
        summation,
        residual_requantize(*summation.range()),
    )


def counted(pins: list[list[int]], tables: list[int]) -> LayerCensus:
    program = block(pins, tables, [1] * len(tables), [[0, 10, 10], [5, 6, 200]])
    (layer,) = census(program)
    return layer


@pytest.mark.parametrize("name", SHAPES)
def test_as_many_luts_are_counted_as_are_rendered(name: str) -> None:
    program = random_block(**SHAPES[name][0])
    rendered = structure_of(program, config.Fold()).layers
    assert [int(layer.rendered_J.sum()) for layer in census(program)] == [layer.luts for layer in rendered]


def test_a_lut_that_adds_nothing_is_pruned() -> None:
    program = block([[0, 1, 2], [2, 3, 4]], [0x6A, 0x6A], [3, 0], [[0, 10, 20], [5, 6, 7]])
    assert census(program)[0].rendered_J.tolist() == [True, False]


def test_the_same_function_is_found_whatever_the_order_of_its_pins() -> None:
    majority, xor3 = 0b11101000, 0b10010110
    first_and_third = sum(1 << address for address in range(8) if address & 5 == 5)
    first_and_second = sum(1 << address for address in range(8) if address & 3 == 3)
    layer = counted(
        [[0, 3, 4], [4, 0, 3], [0, 3, 4], [0, 1, 3], [0, 3, 1]],
        [majority, majority, xor3, first_and_third, first_and_second],
    )
    assert layer.first_J.tolist() == [0, 0, 2, 3, 3]
    assert layer.duplicates.tolist() == [False, True, False, False, True]


def test_bits_of_equal_thresholds_are_one_bit() -> None:
    pass_first = int(passing_table(3))
    layer = counted([[1, 0, 0], [2, 3, 4], [0, 1, 2]], [pass_first] * 3)
    assert layer.first_J.tolist() == [0, 0, 2]
    assert layer.passing_J.all()


def test_a_bit_on_three_pins_counts_once() -> None:
    """What a table would answer where they differ is never read."""
    rng = np.random.default_rng(0)
    tables = [int(table) & ~(1 << 7 | 1) | 1 << 7 for table in rng.integers(0, 256, 6)]
    layer = counted([[4, 4, 4]] * 6, tables)
    assert layer.first_J.tolist() == [0] * 6
    assert not layer.constant_J.any()


def test_a_table_that_never_changes_is_constant_and_no_duplicate() -> None:
    never = 0b01111110  # of one bit on all pins, which reads the first and the last entry alone
    layer = counted([[0, 1, 3], [3, 4, 0], [3, 3, 3], [5, 5, 5]], [0, FULL, never, int(passing_table(3))])
    assert layer.constant_J.tolist() == [True, True, True, True]  # feature 1 is never above 200
    assert not layer.duplicates.any()


def test_luts_are_the_same_exactly_where_their_answers_are() -> None:
    """Over all values of four bits, among functions of few pins that often coincide."""
    rng = np.random.default_rng(3)
    pins, tables = rng.integers(0, 4, (60, 2)), rng.integers(0, 16, 60, dtype=np.uint64)
    thermometer = Thermometer(np.zeros((4, 1), dtype=np.int64))
    summation = ConditionalSummation(np.ones((60, 1), dtype=np.int64), np.zeros(1, dtype=np.int64))
    program = block_program(
        "block0", thermometer, [LutLayer(pins, tables)], summation, residual_requantize(0, 60)
    )
    rows = np.array(list(product((0, 1), repeat=4)))
    answer_JR = trace(program, rows)["lut_layer0"].T.tolist()
    (layer,) = census(program)
    assert layer.first_J.tolist() == [answer_JR.index(answers) for answers in answer_JR]
    assert layer.constant_J.tolist() == [len(set(answers)) == 1 for answers in answer_JR]


@pytest.mark.parametrize("name", ["one_layer", "three_layers", "single"])
def test_responses_are_what_the_program_answers_on_rows(name: str) -> None:
    program = random_block(**SHAPES[name][0])
    chain = chain_of(program)
    assert chain is not None
    tensors = trace(program, random_rows(program, 50))
    source = "thermometer"
    for number, layer in enumerate(chain.layers):
        bits_RI = tensors[source]
        in_parts = entries_read(layer, bits_RI[:20]) + entries_read(layer, bits_RI[20:])
        found = response(layer, in_parts)
        answers_RJ = tensors[f"lut_layer{number}"]
        assert found.ones_J.tolist() == answers_RJ.sum(axis=0).tolist()
        assert found.rows == 50 and (found.reads_JA.sum(axis=1) == 50).all()
        for lut, pins in enumerate(layer.pins_JL):
            address_R = sum(tensors[source][:, pin] << place for place, pin in enumerate(pins))
            for place in range(layer.fan_in):
                table = int(layer.tables_J[lut])
                changed = [table >> int(a) & 1 != table >> int(a ^ (1 << place)) & 1 for a in address_R]
                assert found.swayed_JL[lut, place] == sum(changed)
                entries = range(2**layer.fan_in)
                other = [table >> a & 1 != table >> (a ^ (1 << place)) & 1 for a in entries]
                assert found.swayed_entries_JL[lut, place] == sum(other)
        source = f"lut_layer{number}"


def test_what_is_no_chain_of_a_block_has_no_census() -> None:
    program = random_block()
    assert chain_of(program) is not None
    thermometer, first, *rest = program.steps
    beside = Step("another", ("thermometer",), first.node)
    with pytest.raises(ValueError, match="not a weightless block"):
        census(Program("block0", program.input_name, program.input_type, (thermometer, first, beside, *rest)))
    with pytest.raises(ValueError, match="not a weightless block"):
        census(Program("block0", program.input_name, program.input_type, (thermometer, first)))
