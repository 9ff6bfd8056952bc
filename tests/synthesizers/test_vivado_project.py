"""The Vivado project is complete wherever it is written, and Vivado is called as it must be.

Vivado itself is played by a stand-in that checks its command line and writes reports of the real form.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import packages
from quweit_cli import config
from quweit_cli.documents import SynthesisReport
from quweit_cli.energy import power
from quweit_cli.energy.rows import build
from quweit_cli.errors import ConfigError, ConstraintMissed, ToolFailed, ToolNotFound
from quweit_cli.hdl.array.design import render_arrays
from quweit_cli.hdl.units.design import render_units, units_of
from quweit_cli.stages import synth

REPORTS = Path(__file__).parent / "data" / "vivado"

# Reads the script that it is given as Vivado would, far enough to know that its files are there.
STAND_IN = """\
#!{python}
import pathlib, re, sys
if sys.argv[1:] == ["-version"]:
    print("Vivado v2022.1 (64-bit)\\nSW Build 3526262 on Mon Apr 18 15:47:01 MDT 2022")
    sys.exit(0)
mode, batch, *flags, source, script = sys.argv[1:]
assert (mode, batch, flags, source) == ("-mode", "batch", ["-nojournal", "-nolog"], "-source"), sys.argv
text = pathlib.Path(script).read_text()
for name in re.findall(r"^read_(?:verilog -sv|xdc -mode out_of_context) (\\S+)$", text, re.M):
    assert pathlib.Path(name).is_file(), name
top = re.search(r"-top (\\S+)", text)[1]
for kind in ("utilization", "timing_summary", "power"):
    target = re.search(rf"^report_{{kind}} -file (\\S+)$", text, re.M)[1]
    report = pathlib.Path({reports!r}, f"{{kind}}.rpt").read_text().replace("top_0", top)
    {sabotage}
    pathlib.Path(target).write_text(report)
print("INFO: [Common 17-206] Exiting Vivado")
"""
VIVADO = config.Synth(tool="vivado")


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, sabotage: str = "pass") -> None:
    path = folder / "vivado"
    path.write_text(STAND_IN.format(python=sys.executable, reports=str(REPORTS), sabotage=sabotage))
    path.chmod(0o755)
    monkeypatch.setenv("QUWEIT_VIVADO", str(path))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    packages.write_rtl(path, layers=2)
    return path


@pytest.fixture
def without_vivado(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUWEIT_VIVADO", raising=False)
    monkeypatch.setenv("PATH", "/nonexistent")


def test_vivado_is_run_a_block_at_a_time_and_its_reports_are_read(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch)
    report = synth.run(project, VIVADO)
    assert [block.design for block in report.blocks] == ["block_0", "block_1"]
    for block in report.blocks:
        assert (block.luts, block.ffs, block.carries, block.muxes) == (23_984, 6_654, 1_152, 5_000)
        assert (block.brams, block.dsps, block.slack_ns, block.power_mw) == (2.5, 0, 0.421, 153.0)
        assert (block.stage, block.version) == ("route", "Vivado v2022.1")
        assert "12.5 %" in str(block.power_method)
        assert (project / "synth" / block.log).is_file()


def test_units_and_arrays_are_run_as_well_with_their_parameters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch)
    of_units, units = render_units(units_of(packages.I_VIT_T)[1:])
    of_arrays, arrays = render_arrays("tiny", [], [8])
    packages.write_package(tmp_path / "p", of_units | of_arrays, *units, *arrays)
    report = synth.run(tmp_path / "p", VIVADO)
    made = [(one.design, one.kind, one.luts) for one in report.designs]
    assert made == [
        ("softmax", "unit", 23_984),
        ("layer_norm", "unit", 23_984),
        ("systolic_8", "array", 23_984),
    ]
    scripts = [(tmp_path / "p/synth/vivado" / f"{name}.tcl").read_text() for name, *_ in made]
    assert [re.findall(r" -generic (\S+)", text) for text in scripts] == [
        ["Elements=196", "Multiplier=23"], ["Elements=192"], []
    ]  # fmt: skip


def test_a_power_of_0_000_w_is_absent_and_energy_takes_that_of_the_model(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, 'report = report.replace(" 0.153 ", " 0.000 ")')
    report = synth.run(project, VIVADO)
    block = report.blocks[0]
    assert block.power_mw is None and "less than the 1 mW that it prints" in str(block.power_method)
    dump = packages.dump_manifest()
    rows, ratios = build(
        dump, packages.sim_result(), packages.synthesis_report(block), [], config.Energy(), power.calibrated()
    )
    assert ratios and all(row.modelled for row in rows if row.tools == [block.version])


def test_a_part_whose_reports_are_unknown_is_refused_before_vivado_runs(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, "sys.exit('it ran')")
    with pytest.raises(ConfigError, match="xcvc1902-vsva2197-2MP-e-S.* UltraScale"):
        synth.run(project, VIVADO.model_copy(update={"device": "xcvc1902-vsva2197-2MP-e-S"}))


@pytest.mark.parametrize("spelled", ["Vivado v2025.1", "vivado v2025.1"])
def test_the_version_is_as_vivado_spells_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelled: str
) -> None:
    stand_in(tmp_path, monkeypatch)
    path = tmp_path / "vivado"
    path.write_text(path.read_text().replace("Vivado v2022.1", spelled))
    assert synth.run(project, VIVADO).blocks[0].version == spelled


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_reports_of_another_encoding_are_read(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    written = (
        f"pathlib.Path(target).write_bytes(report.replace('\\n', '\\r\\n').encode('{encoding}')); continue"
    )
    stand_in(tmp_path, monkeypatch, written)
    assert synth.run(project, VIVADO).blocks[0].luts == 23_984


def test_without_vivado_the_error_says_where_the_project_is(project: Path, without_vivado: None) -> None:
    with pytest.raises(ToolNotFound) as caught:
        synth.run(project, VIVADO)
    batch = project / "synth.incomplete" / "vivado"
    assert str(batch.parent) in str(caught.value.hint)
    assert "-source run_all.tcl` in `vivado`" in str(caught.value.hint)
    assert (batch / "run_all.tcl").is_file()
    assert not (project / "synth").exists()


def test_the_project_holds_everything_that_its_scripts_name(project: Path, without_vivado: None) -> None:
    with pytest.raises(ToolNotFound):
        synth.run(project, VIVADO)
    batch = project / "synth.incomplete" / "vivado"
    sourced = re.findall(r"^source (\S+)$", (batch / "run_all.tcl").read_text(), re.MULTILINE)
    assert sourced == ["block_0.tcl", "block_1.tcl"]
    for layer, name in enumerate(sourced):
        text = (batch / name).read_text()
        assert f"synth_design -mode out_of_context -top top_{layer} " in text
        for setting in ("-part xcvu9p-flgb2104-2-i", "-max_dsp 0", "-default_toggle_rate 12.5"):
            assert setting in text
        for source in re.findall(r"^read_verilog -sv (\S+)$", text, re.MULTILINE):
            assert (batch / source).read_text() == (project / "rtl" / Path(source).name).read_text()
        assert str(project) not in text
    assert "create_clock -period 5.000 -name clk [get_ports clk_i]" in (batch / "constraints.xdc").read_text()


@pytest.mark.requires("yosys")
def test_yosys_writes_the_same_project_beside_its_own_figures(project: Path) -> None:
    report = synth.run(project, config.Synth(clock_mhz=250, device="xczu7ev-ffvc1156-2-e"))
    assert (project / "synth" / str(report.vivado_project)).is_file()
    batch = project / "synth" / "vivado"
    assert "-period 4.000" in (batch / "constraints.xdc").read_text()
    assert "-part xczu7ev-ffvc1156-2-e" in (batch / "block_0.tcl").read_text()


def test_negative_slack_fails_after_the_figures_were_written(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(tmp_path, monkeypatch, 'report = report.replace(" 0.421 ", "-0.137 ")')
    for reuse in (False, True):
        with pytest.raises(ConstraintMissed, match=r"2 of 2 designs miss 200 MHz.*-0\.137 ns"):
            synth.run(project, VIVADO, reuse=reuse)
        written = SynthesisReport.model_validate_json((project / "synth" / "synth.json").read_text())
        assert written.blocks[0].slack_ns == -0.137
    allowed = synth.run(project, VIVADO.model_copy(update={"allow_negative_slack": True}))
    assert allowed.blocks[0].slack_ns == -0.137


@pytest.mark.parametrize(
    ("sabotage", "message"),
    [
        ("sys.exit('ERROR: [Synth 8-439] module top_0 not found')", "Synth 8-439"),
        ("report = report.replace('CLB LUTs', 'Slices')", "CLB LUTs"),
        ("report = report.replace('Dynamic (W)', 'Warmth (W)')", "Dynamic"),
        ("report = report.replace(top, 'something_else')", "something_else"),
        ("if kind == 'power': continue", "left no report"),
    ],
)
def test_a_failing_run_or_a_missing_figure_is_an_error_and_everything_is_kept(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sabotage: str, message: str
) -> None:
    stand_in(tmp_path, monkeypatch, sabotage)
    with pytest.raises(ToolFailed, match=message) as caught:
        synth.run(project, VIVADO)
    assert not (project / "synth").exists()
    assert (project / "synth.incomplete" / "vivado" / "logs" / "block_0.log").is_file()
    assert "synth.incomplete" in str(caught.value.hint)


def test_a_failed_run_leaves_the_earlier_figures_alone(project: Path, without_vivado: None) -> None:
    packages.write_document(project, "synth", packages.synthesis_report(packages.synthesized_block()))
    before = (project / "synth" / "synth.json").read_bytes()
    with pytest.raises(ToolNotFound):
        synth.run(project, VIVADO)
    assert (project / "synth" / "synth.json").read_bytes() == before
