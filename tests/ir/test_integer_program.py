"""A program runs its steps in order, survives the disk, and knows which of its bits matter."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from programs import random_block, random_rows
from quweit_cli.ir.liveness import live_bits, read_pins
from quweit_cli.ir.nodes.bits import LutLayer
from quweit_cli.ir.nodes.sums import ConditionalSummation
from quweit_cli.ir.program import Program, Step, evaluate, tensor_types, trace
from quweit_cli.ir.serialization import ProgramRecord, program_from_record, program_to_record
from quweit_cli.ir.types import TensorType


@pytest.mark.parametrize("seed", range(5))
def test_a_program_read_back_from_json_answers_the_same(seed: int) -> None:
    program = random_block(seed, layers=(9, 7), fan_in=2 + seed % 5)
    text = program_to_record(program).model_dump_json(by_alias=True)
    again = program_from_record(ProgramRecord.model_validate_json(text))
    rows = random_rows(program, 50)
    assert np.array_equal(evaluate(program, rows), evaluate(again, rows))
    assert program_to_record(again).model_dump_json(by_alias=True) == text


def test_every_tensor_stays_within_its_worst_case_type() -> None:
    program = random_block(3, layers=(12,))
    for name, tensor in trace(program, random_rows(program, 300)).items():
        kind = tensor_types(program)[name]
        assert tensor.shape[1] == kind.features
        assert kind.low <= tensor.min() and tensor.max() <= kind.high


def test_bits_that_are_not_live_change_no_output() -> None:
    program = random_block(4, features=8, thresholds=6, layers=(6, 5))
    rows = random_rows(program, 100)
    live = live_bits(program)
    assert not live["thermometer"].all(), "the example must have something to prune"
    tensors = trace(program, rows)
    for name, mask in live.items():
        position = next(index for index, step in enumerate(program.steps) if step.name == name)
        changed = tensors[name] ^ ~mask  # flip every bit that does not matter
        for step in program.steps[position + 1 :]:
            changed = step.node.evaluate(changed)
        assert np.array_equal(changed, tensors["y"])


def test_a_pin_counts_as_read_only_when_the_table_depends_on_it() -> None:
    only_pin_1 = LutLayer(np.array([[0, 1]]), np.array([0b1100], dtype=np.uint64))
    assert read_pins(only_pin_1).tolist() == [[False, True]]
    constant = LutLayer(np.array([[0, 1]]), np.array([0b1111], dtype=np.uint64))
    assert read_pins(constant).tolist() == [[False, False]]


def test_the_cost_counts_every_operation_of_a_row() -> None:
    counted = random_block(features=6, thresholds=3, layers=(10, 7)).cost()
    assert (counted.comparisons, counted.lut_reads, counted.additions) == (18, 17, 42)
    assert counted.stored_bits == 18 * 8 + 17 * 64 + 42 * 8


def test_bits_that_pass_by_the_luts_cost_nothing_there() -> None:
    counted = random_block(features=6, thresholds=3, layers=(10, 7), summed=True).cost()
    values = 42 + 18 * 6 - 1  # one of them is zero
    assert (counted.lut_reads, counted.additions) == (17, values)
    assert counted.stored_bits == 18 * 8 + 17 * 64 + values * 8


def test_lut_layers_of_any_size_answer_as_their_tables_say() -> None:
    rng = np.random.default_rng(0)
    for luts in (1, 31, 32, 33, 100):  # read some at a time
        layer = LutLayer(rng.integers(0, 20, (luts, 6)), rng.integers(0, 2**64, luts, dtype=np.uint64))
        bit_RI = rng.integers(0, 2, (7, 20))
        address_RJ = (bit_RI[:, layer.pins_JL] << np.arange(6)).sum(axis=2)
        table = [int(one) for one in layer.tables_J]
        expected = [[table[j] >> int(a) & 1 for j, a in enumerate(row)] for row in address_RJ]
        assert layer.evaluate(bit_RI).tolist() == expected


def test_sums_are_exact_beyond_what_float32_holds() -> None:
    values = np.full((140_000, 1), -127)
    values[0] = -126  # an odd unit beyond 2^24
    node = ConditionalSummation(values, np.zeros(1, dtype=np.int64))
    assert node.evaluate(np.ones((1, len(values)), dtype=np.int64)).tolist() == [[int(values.sum())]]
    assert int(np.float32(values.sum())) != int(values.sum()), "float32 would do"


def test_rows_of_another_width_or_range_are_refused() -> None:
    program = random_block()
    with pytest.raises(ValueError, match="rows of 6"):
        evaluate(program, np.zeros((1, 5), dtype=np.int64))
    with pytest.raises(ValueError, match="takes -128 ... 127"):
        evaluate(program, np.full((1, 6), 128))


def test_a_program_with_a_broken_chain_is_refused() -> None:
    block = random_block()
    with pytest.raises(ValueError, match="no earlier step"):
        Program("p", "x", block.input_type, (Step("t", ("nowhere",), block.steps[0].node),))
    with pytest.raises(ValueError, match="not an identifier"):
        Program("p; rm", "x", TensorType(6, -128, 127), block.steps)
    with pytest.raises(ValueError, match="two tensors"):
        Program("p", "x", block.input_type, (block.steps[0], Step("x", ("x",), block.steps[0].node)))


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw["steps"][1].update(op="xor"),
        lambda raw: raw["steps"][1]["tables"].__setitem__(0, "0x1"),
        lambda raw: raw["steps"][1]["tables"].__setitem__(0, "1" * 17),
        lambda raw: raw.update(schema="quweit.program/2"),
        lambda raw: raw.update(extra=1),
        lambda raw: raw["steps"][0].pop("thresholds"),
    ],
)
def test_a_record_that_is_not_a_program_is_refused(change) -> None:  # type: ignore[no-untyped-def]
    raw = program_to_record(random_block()).model_dump(mode="json", by_alias=True)
    change(raw)
    with pytest.raises(ValidationError):
        ProgramRecord.model_validate(raw)
