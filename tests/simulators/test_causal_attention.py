"""A decoder's attention without masked tiles: exactly the lower triangle, played on the array, on both sides alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from arrays import array_run as simulated_run
from arrays import project_with_arrays
from measurements import BLOCK, FILL, array_design, array_run, on_fpga
from packages import I_VIT_T
from quweit_cli import config
from quweit_cli.artifacts import open_project
from quweit_cli.config import Baseline
from quweit_cli.documents import ModelShape
from quweit_cli.energy import power, workload
from quweit_cli.energy.paper import comparison, table3, table4
from quweit_cli.energy.paper.measured import Measured
from quweit_cli.energy.shapes import parse_shape, shape_named
from quweit_cli.errors import ArtifactError, Mismatch
from quweit_cli.hdl.array.causal import causal_products
from quweit_cli.ir.nodes.products import Head, systolic_cycles
from quweit_cli.stages import reference, rtl, sim

NANOGPT = shape_named("nanogpt_baby")
RAGGED = parse_shape("tiny=2,16,2,21,32,causal")[1]  # three rows of tiles of side 8, the last of five tokens


def random_heads(count: int, tokens: int, width: int) -> list[Head]:
    random = np.random.default_rng(5)

    def drawn(rows: int, columns: int) -> np.ndarray:
        return random.integers(-128, 127, (rows, columns), endpoint=True)

    return [
        Head(drawn(tokens, width), drawn(width, tokens), np.tril(drawn(tokens, tokens)), drawn(tokens, width))
        for _ in range(count)
    ]


def test_at_side_32_nanogpt_baby_keeps_36_of_64_tiles() -> None:
    square = {gemm.name: systolic_cycles([gemm], 32) for gemm in workload.attention_gemms(NANOGPT)}
    for name, gemms in workload.causal_gemms(NANOGPT, 32).items():
        assert systolic_cycles(gemms, 32) == square[name] * 36 // 64 == 13_824


@pytest.mark.parametrize(("shape", "side"), [(NANOGPT, 8), (NANOGPT, 64), (RAGGED, 8), (RAGGED, 16)])
def test_the_products_cover_the_lower_triangle_of_tiles_and_nothing_else(
    shape: ModelShape, side: int
) -> None:
    made = workload.causal_gemms(shape, side)
    rows = -(-shape.tokens // side)
    scores = [
        (row, column) for row, gemm in enumerate(made["qk"]) for column in range(-(-gemm.columns // side))
    ]
    assert scores == [(row, column) for row in range(rows) for column in range(row + 1)]
    assert [gemm.inner for gemm in made["av"]] == [gemm.columns for gemm in made["qk"]]
    last = made["qk"][-1]
    assert last.columns == shape.tokens
    assert last.rows == (shape.heads - 1) * side + shape.tokens - side * (rows - 1)


@pytest.mark.parametrize("side", [8, 16])
def test_the_operands_are_those_products_and_give_the_lower_triangle_of_every_head(side: int) -> None:
    shape, heads = RAGGED, random_heads(RAGGED.heads, RAGGED.tokens, 8)
    products = causal_products(heads, side)
    gemms = [gemm for gemms in workload.causal_gemms(shape, side).values() for gemm in gemms]
    assert [(one.name, *one.a_MK.shape, one.product().shape[1]) for one in products] == [
        (gemm.name, gemm.rows, gemm.inner, gemm.columns) for gemm in gemms
    ]
    by_name = {one.name: one.product() for one in products}
    for place, first in enumerate(range(0, shape.tokens, side)):
        keys = min(first + side, shape.tokens)
        for number, head in enumerate(heads):
            rows = slice(number * side, number * side + keys - first)
            scores = head.q_TD[first:keys] @ head.k_DT
            assert (by_name[f"qk_{place}"][rows] == scores[:, :keys]).all()
            # what is left out would have been multiplied by zeros
            assert (by_name[f"av_{place}"][rows] == (head.p_TT @ head.v_TD)[first:keys]).all()


@pytest.mark.slow
@pytest.mark.requires("verilator")
def test_a_small_decoder_is_bit_exact_on_its_array(tmp_path: Path) -> None:
    project = open_project(tmp_path / "p")
    reference.write_dump(project, Baseline(model="tiny=2,16,2,21,32,causal", cycles_per_row=None))
    (array,) = rtl.run(project, config.Rtl(arrays=(8,))).arrays
    options = config.Sim(simulators=("verilator",), array_forms=("xilinx",))
    run = sim.run(project, options, only=[array.name]).array_run(8)
    assert [one.name for one in array.causal] == ["qk_0", "qk_1", "qk_2", "av_0", "av_1", "av_2"]
    assert run.bit_exact
    assert run.compared == 2 * sum(one.rows * one.columns for one in [*array.products, *array.causal])
    # Side cycles and those of the last tile's rows to leave the array, six in registers.
    extra = {one.name: 8 + ((one.rows - 1) % 8 + 1) + 6 for one in array.causal}
    assert {name: run.fill_and_drain[name] for name in extra} == extra


@pytest.mark.requires("icarus")
def test_a_head_that_meets_the_keys_of_another_is_found(tmp_path: Path) -> None:
    change = ("tb/quweit_product_source.sv", "(row_q / Side) * jobs[8*job_q+7]", "0")
    project = project_with_arrays(tmp_path / "p", 8, [], change, heads=random_heads(2, 9, 8))
    with pytest.raises(Mismatch, match="product qk_0, row 8, column 0,"):
        simulated_run(project, "icarus")


def measured(shape: ModelShape = NANOGPT, name: str = "nanogpt_baby", *, causal: bool = True) -> Measured:
    """A 32 x 32 array as large as the published one, with a block of 16 cycles a row."""
    run = array_run(array_design(), shape, causal=causal and shape.causal)
    block = replace(BLOCK, luts=60_000, ffs=20_000)
    return Measured(name, shape, on_fpga(run, shape), None, block)


def test_a_decoder_is_counted_in_both_ways_and_an_encoder_in_one() -> None:
    square, causal = measured().countings()
    assert (square.attention, causal.attention) == ("square", "causal")
    assert [one.attention for one in measured(I_VIT_T, "i_vit_t").countings()] == ["square"]
    assert reference.operands_of(I_VIT_T)  # encoders have no products beyond these
    assert not I_VIT_T.causal and not parse_shape("tiny=2,16,2,21,32")[1].causal


def test_masked_tiles_are_left_out_on_both_sides_and_the_bound_rises_to_2_68() -> None:
    square, causal = measured().countings()
    assert comparison.bound(square, 32, "counted") == pytest.approx(2.5)
    attention = 110_592 + 36_864 + 2 * 13_824
    assert comparison.bound(causal, 32, "counted") == pytest.approx((294_912 + attention) / attention)
    # eight products of each kind for all heads, filled and drained once each
    cycles = causal.product_cycles(32, "measured")
    assert cycles["qk"] == cycles["av"] == 13_824 + 8 * FILL
    assert square.product_cycles(32, "measured")["qk"] == 6 * (4_096 + FILL)
    model = power.calibrated()
    gains = [comparison.gain(one, 32, "measured", model) or 0 for one in (square, causal)]
    assert 2.4 < gains[0] < 2.5 < gains[1] < comparison.bound(causal, 32, "measured")


def test_each_table_says_how_attention_is_counted_and_both_verdicts() -> None:
    model = power.calibrated()
    square, causal = (table4.table4(one, model) for one in measured().countings())
    assert (square.key, causal.key) == ("table4_nanogpt_baby", "table4_nanogpt_baby_causal")
    assert square.title.endswith("attention as the full square")
    assert causal.title.endswith("attention without masked tiles")
    for table in (square, causal):
        notes = "\n".join(table.notes)
        assert "does not hold with attention as the full square: ours is 2.4" in notes
        assert "holds with attention without masked tiles: ours is 2.6" in notes
    assert not any(", paper" in column and "ours" not in column for column in causal.columns)
    (encoder,) = (table4.table4(one, model) for one in measured(I_VIT_T, "i_vit_t").countings())
    assert not any("attention" in note for note in [encoder.title, *encoder.notes])


def test_the_mlp_of_table_3_does_not_depend_on_it() -> None:
    model = power.calibrated()
    square, causal = (table3.table3(one, model) for one in measured().countings())
    assert square == causal


def test_products_that_were_not_simulated_have_no_cycles() -> None:
    causal = measured(causal=False).countings()[1]
    with pytest.raises(ArtifactError, match="not simulated on av_0"):
        causal.product_cycles(32, "measured")
