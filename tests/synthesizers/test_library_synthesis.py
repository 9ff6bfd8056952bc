"""Blocks in cells of a library: area, timing and power of a netlist that was compared with the golden rows."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import cell_library
import packages
import programs
from conftest import Outcome
from quweit_cli import config
from quweit_cli.documents import EnergyTable, Implementation, LibraryFigures, SynthesisReport
from quweit_cli.energy import power
from quweit_cli.energy.rows import build
from quweit_cli.errors import ArtifactError, ConstraintMissed, ToolFailed
from quweit_cli.stages import keys, rtl, synth
from quweit_cli.synthesizers.library import mapping
from quweit_cli.synthesizers.library.clock_tree import FANOUT
from quweit_cli.synthesizers.library.liberty import read_libraries
from quweit_cli.synthesizers.library.netlist import verilog

needs_tools = pytest.mark.requires("yosys", "opensta", "icarus")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SynthesisReport]:
    """A project with a synthesized block, and its report."""
    folder = tmp_path_factory.mktemp("asic")
    program = programs.random_block(0, features=4, thresholds=2, layers=(6,))
    project = programs.project_with_dump(folder / "project", program, rows=20)
    rtl.run(project, config.Rtl())
    return project, synth.run(project, options(folder))


def options(folder: Path, **changes: object) -> config.Synth:
    liberty = changes.pop("liberty", None) or cell_library.write(folder)
    return config.Synth.model_validate({"liberty": liberty, "clock_mhz": 100, **changes})


def figures(report: SynthesisReport) -> LibraryFigures:
    assert report.blocks[0].asic is not None
    return report.blocks[0].asic


@needs_tools
def test_area_is_the_sum_of_the_cells_and_every_figure_is_there(
    made: tuple[Path, SynthesisReport], tmp_path: Path
) -> None:
    project, report = made
    found, library = figures(report), read_libraries([cell_library.write(tmp_path)])
    areas = {name: library.cell(name).area_um2 * count for name, count in found.cells_by_type.items()}
    assert found.area_mm2 == pytest.approx(sum(areas.values()) / 1e6)
    assert found.cells == sum(found.cells_by_type.values())
    assert report.blocks[0].ffs == found.cells_by_type["DFF"] + found.cells_by_type["DFFR"]
    assert report.blocks[0].luts is None and report.blocks[0].dsps is None
    assert found.library == "tiny" and found.library_sha256 == library.sha256
    assert found.cells_left_out == []
    assert not {"TRAP_lpflow", "DELAY"} & set(found.cells_by_type)
    netlist = (project / "synth" / str(report.blocks[0].netlist)).read_text()
    assert {
        name: len(re.findall(rf"^  {name} \w+ \(", netlist, re.MULTILINE)) for name in found.cells_by_type
    } == (found.cells_by_type)


@needs_tools
def test_logic_of_a_block_is_mapped_against_the_share_of_the_period_that_wires_leave(
    made: tuple[Path, SynthesisReport],
) -> None:
    script = (made[0] / "synth/asic/block0.ys").read_text()
    assert f" -D {round(10_000 * mapping.ABC_SHARE_BLOCK)} " in script  # ps, of the 10 ns asked for
    assert mapping.ABC_SHARE_BLOCK < mapping.ABC_SHARE


@needs_tools
def test_power_says_its_activity_and_every_net_was_counted(made: tuple[Path, SynthesisReport]) -> None:
    found = figures(made[1])
    assert found.nets_annotated == found.nets > 300
    assert (found.activity_rows, found.activity_cycles) == (4, 16)
    assert f"{found.nets:,} of {found.nets:,} nets counted in simulation" in str(found.measured_method)
    assert "12.5 % activity on every net" in found.vectorless_method
    assert made[1].blocks[0].power_mw == found.measured_mw
    assert 0 < found.leakage_mw < float(found.measured_mw or 0) < float(found.measured_ungated_mw or 0)


@needs_tools
def test_the_shortest_period_is_met_and_a_shorter_one_is_not(
    made: tuple[Path, SynthesisReport], tmp_path: Path
) -> None:
    project, report = made
    met = figures(report).highest_clock_mhz
    assert report.blocks[0].slack_ns == pytest.approx(10 - 10 / (met / 100), abs=8)
    script = (project / "synth/asic/block0.sta.tcl").read_text()
    assert "create_clock" in script and str(project) not in script
    vectorless = {"activity": "vectorless"}
    fast = options(tmp_path, clock_mhz=1.25 * met, **vectorless)
    with pytest.raises(ConstraintMissed, match=r"1 of 1 designs miss .* block0 with -0\.\d+ ns"):
        synth.run(copy_of(project, tmp_path), fast)
    allowed = synth.run(tmp_path / "copy", fast.model_copy(update={"allow_negative_slack": True}))
    assert float(allowed.blocks[0].slack_ns or 0) < 0
    assert allowed.blocks[0].power_mw == figures(allowed).vectorless_mw
    assert figures(allowed).measured_mw is None


@needs_tools
def test_without_clock_gates_in_the_library_there_are_none(
    made: tuple[Path, SynthesisReport], tmp_path: Path
) -> None:
    report = synth.run(
        copy_of(made[0], tmp_path), options(tmp_path, liberty=cell_library.write(tmp_path, without=("GATE",)))
    )
    found = figures(report)
    assert found.clock_gates == 0 < figures(made[1]).clock_gates
    assert found.measured_mw == pytest.approx(found.measured_ungated_mw)
    assert found.area_mm2 > figures(made[1]).area_mm2


@needs_tools
def test_no_driver_of_a_clock_has_more_than_its_share_of_flip_flops(
    made: tuple[Path, SynthesisReport], tmp_path: Path
) -> None:
    netlist = (made[0] / "synth" / str(made[1].blocks[0].netlist)).read_text()
    clocks = re.findall(r"\.CK\((\S+?)\)", netlist)
    assert all(clocks.count(clock) <= FANOUT for clock in set(clocks))
    assert "clk_i" not in clocks  # the root has a buffer, too, or its load would be counted nowhere


@needs_tools
def test_a_wrong_netlist_has_no_activity(
    made: tuple[Path, SynthesisReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The activity of a netlist that is not the specification would be that of something else."""
    monkeypatch.setattr(mapping, "verilog", lambda *given: verilog(*given).replace("  XOR2 ", "  NOR2 ", 1))
    with pytest.raises(ToolFailed, match="a row differs"):
        synth.run(copy_of(made[0], tmp_path), options(tmp_path))


@needs_tools
@pytest.mark.parametrize(
    ("script", "said"),
    [(mapping.ABC_SCRIPT, "mapped for speed"), ("strash;no_such_command", "`map` of ABC refused it")],
)
def test_a_block_that_is_mapped_for_speed_says_so_or_what_took_its_place(
    made: tuple[Path, SynthesisReport],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    said: str,
) -> None:
    """`map` refuses the library of the tests, so another script stands for one that is accepted."""
    monkeypatch.setattr(mapping, "ABC_SCRIPT_FAST", script)
    found = figures(synth.run(copy_of(made[0], tmp_path), options(tmp_path, mapping="speed")))
    assert said in found.vectorless_method and said in str(found.measured_method)
    assert "mapped" not in figures(made[1]).vectorless_method


@needs_tools
def test_figures_that_a_tool_leaves_out_are_errors(
    made: tuple[Path, SynthesisReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tmp_path / "sta"
    monkeypatch.setenv("QUWEIT_OPENSTA", str(stand_in))
    for line, message in (
        ("echo slack_ns", "OpenSTA reported no"),
        ("echo 'Error: x.tcl, 3 something'", "Error: x.tcl, 3 something"),
    ):
        stand_in.write_text(f"#!/bin/sh\nif [ $1 = -version ]; then echo 2.0.17; else {line}; fi\n")
        stand_in.chmod(0o755)
        with pytest.raises(ToolFailed, match=message):
            synth.run(copy_of(made[0], tmp_path), options(tmp_path, activity="vectorless"))


@needs_tools
def test_a_library_without_energies_has_no_power(made: tuple[Path, SynthesisReport], tmp_path: Path) -> None:
    path = cell_library.write(tmp_path)
    path.write_text(
        re.sub(r"internal_power \(\) \{.*?\} \}", "", path.read_text()).replace(
            "voltage : 1.1", "voltage : 0"
        )
    )
    with pytest.raises(ToolFailed, match="vectorless power is leakage alone"):
        synth.run(copy_of(made[0], tmp_path), options(tmp_path, liberty=path, activity="vectorless"))


@needs_tools
@pytest.mark.parametrize("missing", ["DFFR", "NAND2"])
def test_a_library_that_lacks_a_cell_is_refused(
    made: tuple[Path, SynthesisReport], tmp_path: Path, missing: str
) -> None:
    without = ("DFFR",) if missing == "DFFR" else ("NAND2", "NOR2", "AOI21")
    path = cell_library.write(tmp_path, without=without)
    with pytest.raises(ToolFailed):
        synth.run(copy_of(made[0], tmp_path), options(tmp_path, liberty=path, activity="vectorless"))


@needs_tools
def test_nothing_of_the_library_or_of_this_machine_stays(made: tuple[Path, SynthesisReport]) -> None:
    folder = made[0] / "synth" / "asic"
    assert not list(folder.glob("*.lib")) and not list(folder.glob("*.vcd"))
    for path in folder.iterdir():
        if path.suffix in (".ys", ".tcl", ".v", ".constr"):
            assert str(made[0].parent) not in path.read_text(), path.name


def test_a_library_counts_by_its_content(made_rtl: Path, tmp_path: Path) -> None:
    one = keys.synth(made_rtl, options(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    assert keys.synth(made_rtl, options(tmp_path / "elsewhere")) == one
    (tmp_path / "tiny.lib").write_text(cell_library.text(without=("DELAY",)))
    changed = config.Synth(liberty=tmp_path / "tiny.lib", clock_mhz=100)
    assert keys.synth(made_rtl, changed).inputs != one.inputs
    with pytest.raises(ArtifactError, match="cannot read the cell library"):
        keys.synth(made_rtl, config.Synth(liberty=tmp_path / "nowhere.lib"))


def test_the_command_refuses_what_it_cannot_use(
    made_rtl: Path, tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    library = cell_library.write(tmp_path)
    for arguments, message in (
        (("--tool", "vivado"), "liberty is for the tool yosys"),
        (("--set", "driving_cell=BUF3"), "did you mean `BUF"),
        (("--set", "dont_use=[a; exec]"), "dont_use"),
        (("--set", "clock_gate=no"), "clock_gate"),
        (("--set", "clock_gating"), "not of the form key=value"),
        (("--clock-ghz", "0"), "clock_mhz"),
    ):
        outcome = quweit("synth", made_rtl, "--liberty", library, *arguments)
        assert outcome.code == 2 and message in outcome.stderr, outcome.stderr


def test_the_energy_of_library_cells_stands_alone_at_its_own_clock() -> None:
    table = energy_of(packages.library_block("tiny"))
    assert table.ratios == [] and {row.implementation for row in table.rows} == {"weightless block"}
    measured = next(row for row in table.rows if (row.scope, row.accounting) == ("block", "measured"))
    assert measured.value == pytest.approx(2.0 * 196 * 192 / 1000 / 1000)
    assert (measured.clock_mhz, measured.devices, measured.area_mm2) == (1000, ["tiny"], 0.07)
    assert "counted in simulation" in measured.power_sources[0] and "scaled" not in measured.power_sources[0]


def test_two_libraries_never_meet_in_one_table() -> None:
    with pytest.raises(ArtifactError, match="different targets in one table: other, tiny"):
        energy_of(packages.library_block("tiny"), packages.library_block("other", 1))


def energy_of(*blocks: Implementation) -> EnergyTable:
    shape = packages.I_VIT_T.model_copy(update={"layers": len(blocks)})
    model = power.calibrated()
    rows, ratios = build(
        packages.dump_manifest(shape),
        packages.sim_result(len(blocks)),
        packages.synthesis_report(*blocks),
        [],
        config.Energy(),
        model,
    )
    return EnergyTable(
        name="tiny", synth=packages.DIGEST, sim=packages.DIGEST, rows=rows, ratios=ratios,
        multiplications_replaced=0.5, weights_replaced=0.5, power_model=model,
    )  # fmt: skip


@pytest.fixture
def made_rtl(tmp_path: Path) -> Path:
    packages.write_rtl(tmp_path / "project")
    return tmp_path / "project"


def copy_of(project: Path, folder: Path) -> Path:
    """Its dump and RTL, for another synthesis."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("synth*"))
    return copy
