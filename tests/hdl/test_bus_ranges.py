"""A block whose numbers do not fit the bus is refused, and any other equals its program at the edge of its widths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cases import few
from programs import project_with_dump, random_block
from quweit_cli import config
from quweit_cli.errors import UnsupportedModel
from quweit_cli.hdl.block.design import foretell
from quweit_cli.hdl.vectors import packed
from quweit_cli.ir.block import block_program
from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.sums import MAX_BIAS, MAX_MULTIPLIER, ConditionalSummation, Requantize
from quweit_cli.ir.program import Program
from quweit_cli.ir.types import INT16, TensorType, exactly
from quweit_cli.stages import rtl, sim

ICARUS = config.Sim(simulators=("icarus",), rows={"icarus": 60})


def one_lut(requantize: Requantize, *, bias: int = 0, values: tuple[int, int] = (100, 127)) -> Program:
    """One feature, one threshold, one LUT that answers its bit, two outputs."""
    return block_program(
        "block0",
        Thermometer(np.array([[0]])),
        [LutLayer(np.array([[0]]), np.array([2], dtype=np.uint64))],
        ConditionalSummation(np.array([values]), np.array([bias, -bias])),
        requantize,
    )


EDGES = {
    "one bit of output": one_lut(Requantize(1, 0, 99, 100)),
    "clamped far outside of the bus": one_lut(Requantize(300, 8, -(10**12), 10**12)),
    "clamped on one side alone": one_lut(Requantize(1, 0, -(10**12), 101)),
    "largest multiplier": one_lut(Requantize(MAX_MULTIPLIER, 31, *INT16), values=(127, -128)),
    "largest multiplier, clamped": one_lut(Requantize(MAX_MULTIPLIER, 0, *INT16), values=(127, -128)),
    "largest multiplier and shift": one_lut(
        Requantize(MAX_MULTIPLIER, 62, *INT16), bias=2**31 - 64, values=(127, -128)
    ),
    "largest bias": one_lut(Requantize(1, 0, *INT16), bias=MAX_BIAS - 1),
    "largest bias, shifted": one_lut(Requantize(1, 48, *INT16), bias=MAX_BIAS - 100, values=(127, -128)),
    "large bias, multiplied": one_lut(Requantize(2**22 - 1, 62, *INT16), bias=2**40, values=(127, -128)),
    "shifted further than its sums": one_lut(Requantize(3, 9, *INT16), values=(-128, -128)),
    **{f"fan-in {fan_in}": random_block(3, layers=(3,), fan_in=fan_in) for fan_in in range(1, 7)},
    "narrow input": replace(random_block(4, layers=(8,)), input_type=TensorType(6, -3, 5)),
}


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("name", few(EDGES, 9))
def test_a_block_at_the_edge_of_its_widths_equals_its_program(name: str, tmp_path: Path) -> None:
    program = EDGES[name]
    kind = program.input_type
    golden = np.random.default_rng(1).integers(kind.low, kind.high, (40, kind.features), endpoint=True)
    project = project_with_dump(tmp_path / "p", program, inputs=golden.astype(np.int8))
    rtl.run(project, config.Rtl(random_rows=20))
    assert sim.run(project, ICARUS).bit_exact


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (one_lut(Requantize(400, 0, -(10**6), 10**6)), "output of block `block0` ranges over 0 ... 50800"),
        (one_lut(Requantize(1, 0, -(10**6), 10**6), bias=40_000), "output .* ranges over -40000 ... 40100"),
        (
            replace(one_lut(Requantize(1, 0, *INT16)), input_type=TensorType(1, -200, 200)),
            "input of block `block0` ranges over -200 ... 200, and its bus holds -128 ... 127",
        ),
        (
            replace(one_lut(Requantize(1, 0, *INT16)), input_type=TensorType(1, 0, 128)),
            "input .* ranges over 0 ... 128",
        ),
        (
            replace(one_lut(Requantize(1, 0, *INT16)), input_type=TensorType(1, 5, 5)),
            "range of its input is 5 ... 5",
        ),
        (one_lut(Requantize(1, 0, 7_000, 8_000)), "range of its output is 7000 ... 7000"),
    ],
)
def test_what_the_bus_would_cut_is_refused_before_anything_is_rendered(program: Program, words: str) -> None:
    for fold in (config.Fold(), config.Fold(cycles_per_row=1)):
        with pytest.raises(UnsupportedModel, match=words) as refused:
            foretell(program, fold, config.Rtl())
        assert refused.value.exit_code == 2
        assert refused.value.hint


def test_a_bias_beyond_the_sums_of_hardware_is_no_program() -> None:
    for bias in (MAX_BIAS + 1, 2**63 - 1):
        with pytest.raises(ValueError, match="biases must lie within"):
            one_lut(Requantize(1, 0, *INT16), bias=bias)


def test_an_empty_range_is_no_type() -> None:
    with pytest.raises(ValueError, match="empty range 6"):
        TensorType(1, 6, 5)


def test_a_lane_of_a_vector_is_never_cut() -> None:
    assert packed([-128, 127], 8) == "7f80"
    for lane in (128, -129):
        with pytest.raises(OverflowError, match="8 bits a lane"):
            packed([0, lane], 8)


def test_a_golden_row_is_never_cut_to_its_file() -> None:
    assert exactly(np.array([-128, 127]), np.int8).dtype == np.int8
    with pytest.raises(OverflowError, match="-128 ... 128 does not fit int8"):
        exactly(np.array([-128, 128]), np.int8)
