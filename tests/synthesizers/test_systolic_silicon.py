"""Systolic arrays in library cells: pipelined and bit-exact, late or not by name, with power from real operands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cell_library
from arrays import project_with_arrays
from experiments import tiny_digits, tiny_gpt
from quweit_cli import toolbox
from quweit_cli.artifacts import load, open_project
from quweit_cli.config import Baseline, Synth
from quweit_cli.documents import ArraySilicon, BaselineManifest, BaselineSynthesis, ModuleSilicon
from quweit_cli.errors import Mismatch, ToolFailed, UnsupportedModel
from quweit_cli.export import operands
from quweit_cli.hdl.array.design import PIPELINE_STAGES
from quweit_cli.hdl.array.streams import Matrices, read_matrices, shares, streams
from quweit_cli.ir.nodes.products import golden
from quweit_cli.progress import SILENT
from quweit_cli.report.baseline_tables import cells_of_arrays
from quweit_cli.simulators import arrays as simulation
from quweit_cli.stages import baseline, train
from quweit_cli.synthesizers.library import modules as systolic_silicon
from quweit_cli.synthesizers.library import replay as systolic_activity
from quweit_cli.synthesizers.library.activity import Activity
from quweit_cli.synthesizers.library.mapping import LIBRARY, target_of

CELL, COLUMN = "quweit_systolic_cell", "quweit_systolic_column"
needs_tools = pytest.mark.requires("yosys", "opensta", "icarus")


def run_array(project: Path, *, pipelined: bool) -> dict[str, int]:
    """Cycles of every product on one array; raises Mismatch as the stage does."""
    options = Baseline.model_validate({"simulators": ("icarus",), "rendering": "behavioural"})
    manifest = load(BaselineManifest, project / "rtl" / "manifest.json")
    if pipelined:
        manifest = manifest.model_copy(update={"arrays": manifest.pipelined})
    folder = project / f"sim_{pipelined}"
    folder.mkdir()
    (run,) = simulation.run_arrays(project / "rtl", manifest, options, folder, SILENT)
    baseline.verdict(run)
    return run.cycles


@pytest.mark.requires("icarus")
def test_the_pipelined_array_is_bit_exact_and_three_cycles_behind_the_other(tmp_path: Path) -> None:
    project = project_with_arrays(tmp_path / "p", 8)
    plain, pipelined = (run_array(project, pipelined=which) for which in (False, True))
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
        run_array(project_with_arrays(tmp_path / "p", 8, change=change), pipelined=True)


@pytest.mark.requires("verilator")
def test_verilator_lints_the_pipelined_array_without_a_warning(tmp_path: Path) -> None:
    output = toolbox.run(
        [*toolbox.find(toolbox.VERILATOR).command, "--lint-only", "-Wall", "--top-module",
         "systolic_16_pipelined", "-f", "filelists/systolic_16_pipelined.f"],
        cwd=project_with_arrays(tmp_path / "p", 16) / "rtl",
        log=tmp_path / "lint.log",
        name="verilator",
    )  # fmt: skip
    assert "%Warning" not in output


# ---------------------------------------------------------------- activity


def layer_of(tmp_path: Path, *, scale: int = 1) -> tuple[Path, BaselineManifest, list[Matrices]]:
    """A rendered package, and its matrices; with scale 0 all operands are zero."""
    package = project_with_arrays(tmp_path / "p", 8) / "rtl"
    manifest = load(BaselineManifest, package / "manifest.json")
    layer = [
        one._replace(a_MK=scale * one.a_MK, b_KN=scale * one.b_KN, y_MN=scale * one.y_MN)
        for one in read_matrices(package, manifest)
    ]
    return package, manifest, layer


def measured_cell(tmp_path: Path, *, scale: int = 1, fault: tuple[str, str] | None = None) -> float:
    """Power of the cell in mW; `fault` changes the RTL behind the back of the netlist."""
    package, manifest, layer = layer_of(tmp_path, scale=scale)
    target = target_of(Synth(liberty=cell_library.write(tmp_path), clock_mhz=100, activity="measured"))
    (array,), work = manifest.pipelined, tmp_path / "work"
    work.mkdir()
    (work / LIBRARY).write_text(target.library.text(target.library.cells))
    part = systolic_silicon.parts(8)[0]
    netlist = systolic_silicon.map_module(package, array, part, target, work)
    if fault is not None:
        source = work / f"{part.name}.sv"
        assert fault[0] in source.read_text()
        source.write_text(source.read_text().replace(*fault))
    mapped = systolic_silicon.analyse_module(netlist, array, part, layer, target, work)
    assert mapped.cycles > 0
    assert mapped.figures.measured_mw is not None
    return mapped.figures.measured_mw


@needs_tools
def test_power_follows_the_operands(tmp_path: Path) -> None:
    for name in ("zero", "random"):
        (tmp_path / name).mkdir()
    assert 0 < measured_cell(tmp_path / "zero", scale=0) < 0.95 * measured_cell(tmp_path / "random")


@needs_tools
def test_a_netlist_that_is_not_its_rtl_has_no_activity(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match="quweit_systolic_cell"):
        measured_cell(tmp_path, fault=("start_o ? 32'd0", "start_o ? 32'd1"))


def test_a_column_is_shown_the_finished_sums_with_its_token(tmp_path: Path) -> None:
    """Every sum of the product that a token stands on is one of the exact product, and zero in the first cycles."""
    _, _, layer = layer_of(tmp_path)
    for matrices, stream in zip(layer, streams(COLUMN, 8, layer), strict=True):
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
    products = [one.product for one in layer_of(tmp_path)[2]]  # 16; 4 tiles of 12; 1 of 8; 2 of 8
    assert shares(products, 8) == [16 / 88, 48 / 88, 8 / 88, 16 / 88]


def test_activities_are_averaged_by_share() -> None:
    parts = [(0.5, Activity(1, 10, {2: 1.0}, {2: 0.4})), (1.5, Activity(1, 30, {2: 0.2}, {2: 0.8}))]
    made = systolic_activity.weighted(parts)
    assert made.cycles == 40
    assert made.toggles[2] == pytest.approx(0.4)
    assert made.duty[2] == pytest.approx(0.7)


# ---------------------------------------------------------------- figures


def silicon(slack_ns: float, measured_mw: float | None) -> ArraySilicon:
    module = ModuleSilicon(
        module=CELL, count=64, area_um2=1, vectorless_mw=1, measured_mw=measured_mw, slack_ns=slack_ns
    )
    return ArraySilicon(
        array="systolic_8_pipelined", side=8, library="tiny", library_sha256="0" * 64, clock_mhz=1000, area_mm2=1,
        cell_area_mm2=1, vectorless_mw=64, cell_vectorless_mw=64, slack_ns=slack_ns, modules=[module], method="m",
        seconds=0,
    )  # fmt: skip


def test_a_module_that_misses_its_clock_is_named() -> None:
    late, met = (
        cells_of_arrays(BaselineSynthesis(rtl="0" * 64, arrays=[], silicon=[silicon(slack, None)]))[-1]
        for slack in (-0.125, 0.001)
    )
    assert "late at 1000 MHz: quweit_systolic_cell by 0.125 ns" in late.notes[0]
    assert not any("late" in note for note in met.notes)


def test_power_that_was_not_measured_is_absent_and_not_zero() -> None:
    assert systolic_silicon.sum_of_all([(64, 0.5), (8, None)]) is None
    assert systolic_silicon.sum_of_all([(64, 0.5), (8, 1.0)]) == 40.0
    assert silicon(0.0, None).measured_mw is None


# ---------------------------------------------------------------- operands of a checkpoint


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = open_project(tmp_path_factory.mktemp("dense") / "p")
    train.run(tiny_digits("model.mlp=dense"), project)
    return project / "train" / "ckpt.pt"


def test_operands_of_a_checkpoint_are_those_of_its_layer(trained: Path) -> None:
    """Quantized, the score of the attention is the softmax's input up to a scale, and rows of weights have one sum."""
    products, heads, said = operands.layer_operands(trained)
    assert heads == []  # an encoder
    name, shape = baseline.model_of(Baseline(checkpoint=trained))
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
    products, heads, _ = operands.layer_operands(checkpoint)
    by_name = {one.name: one for one in products}
    assert len(heads) == by_name["qk"].copies
    assert np.array_equal(heads[0].q_TD, by_name["qk"].a_MK)
    assert np.array_equal(heads[0].p_TT, by_name["av"].a_MK)
    for head in heads:
        assert np.array_equal(head.p_TT, np.tril(head.p_TT)) and head.p_TT.max() > 0
    assert not np.array_equal(heads[0].q_TD, heads[1].q_TD)
    manifest = baseline.render(open_project(tmp_path / "q"), Baseline(checkpoint=checkpoint, arrays=(8,)))
    played = [one.name for one in manifest.arrays[0].causal]
    assert played[0] == "qk_0" and played[-1].startswith("av_")


def test_a_checkpoint_without_dense_layers_is_refused(tmp_path: Path) -> None:
    train.run(tiny_digits("training.steps=1"), open_project(tmp_path / "p"))
    with pytest.raises(UnsupportedModel, match="weightless blocks"):
        operands.layer_operands(tmp_path / "p" / "train" / "ckpt.pt")


def test_the_package_says_where_its_operands_come_from(trained: Path, tmp_path: Path) -> None:
    options = Baseline(checkpoint=trained, arrays=(8,))
    manifest = baseline.render(open_project(tmp_path / "p"), options)
    assert "checkpoint `tiny_digits`" in manifest.operands
    random = Baseline(model="tiny=1,8,1,8,16", arrays=(8,))
    assert "seed 0" in baseline.render(open_project(tmp_path / "q"), random).operands
