"""Blocks on a Lattice ECP5: cells are counted, netlists compared bit for bit, and what is of AMD alone is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import packages
from conftest import Outcome
from measurements import BLOCK as MEASURED_BLOCK
from measurements import measured
from programs import project_with_dump, random_block
from quweit_cli import config
from quweit_cli.artifacts import StageRecord, file_digests, load, save
from quweit_cli.documents import SynthesisReport
from quweit_cli.energy import power, published
from quweit_cli.energy.paper import table4
from quweit_cli.energy.paper.measured import Measured
from quweit_cli.energy.rows import build
from quweit_cli.errors import ArtifactError, ConfigError, Mismatch, ToolFailed
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.report.findings import Findings
from quweit_cli.report.sections import sections
from quweit_cli.stages import front, later, pipeline, rtl, sim, synth
from quweit_cli.synthesizers.cells import cell_counts
from quweit_cli.technologies import ECP5
from quweit_cli.templating import template_root

PART = ECP5.example
# One table of six inputs, the handshake, and registers of valid, last and one data bit; nothing of AMD.
BLOCK = re.sub(r"  LUT6 .*?;\n", "  assign bit_o = (address_i == 6'd0) | (address_i == 6'd63);\n", packages.BLOCK, flags=re.DOTALL)  # fmt: skip


@pytest.mark.requires("yosys")
def test_the_cells_of_a_block_are_counted(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    packages.write_rtl(tmp_path / "p", source=BLOCK)
    outcome = quweit("synth", tmp_path / "p", "--tool", "yosys", "--device", PART, "--json")
    assert outcome.code == 0, outcome.stderr
    (block,) = SynthesisReport.model_validate_json(outcome.stdout).blocks
    assert block.device == PART and block.ffs == 3
    # A table of six inputs takes four LUT4s and three multiplexers, or two as an AND and a NOR of six; x_ready_o one.
    assert block.luts is not None and 3 <= block.luts <= 6
    assert (block.carries, block.brams, block.dsps) == (0, 0, 0)
    netlist = (tmp_path / "p/synth/yosys/block_0.netlist.v").read_text()
    assert "TRELLIS_FF #(" in netlist and "LUT6" not in netlist and "FDRE" not in netlist
    text = quweit("synth", tmp_path / "p", "--device", PART).stdout
    assert "LUTs" in text and "FFs" in text and "carries" in text and PART in text


@pytest.mark.requires("yosys")
def test_a_cell_of_another_vendor_in_the_rtl_is_an_error(tmp_path: Path) -> None:
    packages.write_rtl(tmp_path / "p")  # which has a LUT6
    with pytest.raises(ToolFailed, match="LUT6"):
        synth.run(tmp_path / "p", config.Synth(device=PART))


@pytest.mark.requires("yosys")
def test_a_latch_is_an_error(tmp_path: Path) -> None:
    latch = "logic held; always @* if (x_valid_i) held = hit; assign x_ready_o = held;"
    source = BLOCK.replace("assign x_ready_o = y_ready_i | ~y_valid_o;", latch)
    assert latch in source
    packages.write_rtl(tmp_path / "p", source=source)
    with pytest.raises(ToolFailed, match="Latch inferred for signal"):
        synth.run(tmp_path / "p", config.Synth(device=PART))


def test_no_template_asks_for_a_latch_which_yosys_would_make_of_luts() -> None:
    templates = [path for path in template_root().rglob("*") if path.name.endswith((".sv", ".v", ".mako"))]
    assert len(templates) > 20
    assert [path.name for path in templates if "always_latch" in path.read_text()] == []


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A block with wide multiplexers and carry chains, synthesized for an ECP5."""
    program = random_block(31, features=6, layers=(24,), outputs=12)
    path = project_with_dump(tmp_path_factory.mktemp("ecp5") / "p", program, rows=6)
    rtl.run(path, config.Rtl(outputs_per_cycle=2, random_rows=4, directed_rows=0))
    synth.run(path, config.Synth(device=PART))
    return path


def report_of(project: Path) -> SynthesisReport:
    return load(SynthesisReport, project / "synth/synth.json")


@pytest.mark.requires("yosys")
def test_the_behavioural_rendering_is_taken_and_no_count_of_amds_stands_beside(project: Path) -> None:
    (block,) = report_of(project).blocks
    assert block.luts and block.ffs and block.carries and block.muxes
    assert load(packages.documents.RtlManifest, project / "rtl/manifest.json").blocks[0].estimate is not None
    assert block.estimate is None and block.over_estimate() == (None, None)
    script = (project / "synth/yosys/block0.ys").read_text()
    assert "\nsynth_ecp5 -top toy_block0 -nodsp -nobram\n" in script and "xilinx" not in script


@pytest.mark.requires("yosys")
def test_there_is_no_project_for_vivado_and_the_report_names_none(project: Path) -> None:
    report = report_of(project)
    assert report.vivado_project is None and not (project / "synth/vivado").exists()
    (section,) = (one for one in sections(Findings(synth=report)) if one.title == "Synthesis")
    assert "neither timing nor power" in section.method and "Vivado" not in section.method


@pytest.mark.slow
@pytest.mark.requires("yosys", "icarus", "verilator")
def test_the_netlist_equals_the_program_and_a_changed_cell_is_found(project: Path) -> None:
    both = config.Sim(rows={"verilator": 10, "icarus": 10})
    result = sim.run(project, both, netlist=True)
    assert result.bit_exact and [len(one.runs) for one in result.simulators] == [1, 1]
    text = (project / "netlist/icarus/block0/netlist.v").read_text()
    assert "module CCU2C(" in text and "module LUT2(" in text and "TRELLIS_DPR16X4" not in text

    netlist = project / "synth/yosys/block0.netlist.v"
    changed, count = re.subn(r"(\.INIT0\(16'h)96aa", r"\g<1>96ab", netlist.read_text())
    assert count > 0
    netlist.write_text(changed)
    record = load(StageRecord, project / "synth/stage.json")
    outputs = file_digests(project / "synth")
    save(record.model_copy(update={"outputs": outputs}), project / "synth/stage.json")
    with pytest.raises(Mismatch, match="block `block0`"):
        sim.run(project, config.Sim(simulators=("icarus",), rows={"icarus": 10}), netlist=True)


@pytest.mark.requires("yosys", "icarus")
def test_a_memory_in_luts_is_counted_and_its_netlist_equals(tmp_path: Path) -> None:
    """The memory in front of a block that reads the tokens around."""
    program = random_block(31, features=16, layers=(8,), outputs=8, thresholds=1)
    project = project_with_dump(tmp_path / "p", program, rows=32, around=Neighbourhood(16, causal=False))
    rtl.run(project, config.Rtl(cycles_per_row=8, random_rows=0, directed_rows=0))
    (block,) = synth.run(project, config.Synth(device=PART)).blocks
    counts = cell_counts(project / "synth/yosys/block0.stat.json")
    memories = counts["TRELLIS_DPR16X4"]
    assert memories > 0 and block.brams == 0
    assert block.luts == counts["LUT4"] + 2 * counts.get("CCU2C", 0) + 6 * memories
    assert sim.run(project, config.Sim(simulators=("icarus",), rows={"icarus": 20}), netlist=True).bit_exact


def test_vivado_refuses_the_part_before_it_is_looked_for(
    tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    packages.write_rtl(tmp_path / "p", source=BLOCK)
    outcome = quweit("synth", tmp_path / "p", "--tool", "vivado", "--device", PART)
    assert outcome.code == 2
    assert f"Vivado does not know ECP5, the family of `{PART}`" in outcome.stderr
    assert "hint: `--tool yosys` counts its cells" in outcome.stderr


def test_energy_is_refused_of_cells_that_the_power_model_was_not_fitted_to(
    tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    blocks = [packages.synthesized_block(layer, device=PART) for layer in range(packages.I_VIT_T.layers)]
    packages.write_project(tmp_path / "p", synth=packages.synthesis_report(*blocks))
    outcome = quweit("energy", tmp_path / "p")
    assert outcome.code == 2
    assert f"fitted to counts of LUT6 of AMD ({published.DEVICE}), and `{PART}` has LUT4" in outcome.stderr
    assert "hint: synthesize for a part with those cells" in outcome.stderr


@pytest.mark.parametrize("device", ["xc7z020clg400-1", "xcku040-ffva1156-2-e", published.DEVICE])
def test_energy_is_stated_of_every_family_with_the_same_cells(device: str) -> None:
    block = packages.synthesized_block(device=device)
    inputs = (packages.dump_manifest(), packages.sim_result(), packages.synthesis_report(block))
    rows, _ = build(*inputs, [], config.Energy(), power.calibrated())
    assert any(row.modelled and row.devices == [device] for row in rows)


def test_a_power_that_a_tool_reports_needs_no_model() -> None:
    with pytest.raises(ArtifactError, match="power model"):
        power.estimate(power.calibrated(), luts=5000, ffs=600, clock_mhz=200, device=PART)
    block = packages.synthesized_block(device=PART, power_mw=100.0, power_method="measured on a board")
    inputs = (packages.dump_manifest(), packages.sim_result(), packages.synthesis_report(block))
    rows, _ = build(*inputs, [], config.Energy(), power.calibrated())
    assert any(row.devices == [PART] and not row.modelled for row in rows)


def test_no_paper_table_has_a_block_or_an_array_of_other_cells() -> None:
    model = power.calibrated()
    made = measured(MEASURED_BLOCK)

    def of_other_cells(kind: str) -> Measured:
        designs = [
            one.model_copy(update={"device": PART}) if one.kind == kind else one
            for one in made.fpga.synth.designs
        ]
        synth = made.fpga.synth.model_copy(update={"designs": designs})
        return replace(made, fpga=made.fpga._replace(synth=synth))

    block = replace(made, block=replace(MEASURED_BLOCK, device=PART))
    for other in (block, of_other_cells("array"), of_other_cells("unit")):
        with pytest.raises(ArtifactError, match="LUT4 of Lattice"):
            table4.table4(other, model)
    table4.table4(made, model)


@pytest.mark.usefixtures("stand_in_tools")
def test_a_flow_that_would_end_without_energy_is_refused_before_training(
    stand_in_stages: list[str], experiment_file: Path, tmp_path: Path
) -> None:
    experiment = config.with_overrides(config.load_experiment(experiment_file), [f"synth.device={PART}"])
    with pytest.raises(ConfigError, match="knows nothing of LUT4 of Lattice"):
        pipeline.run(experiment, tmp_path / "project")
    assert stand_in_stages == []
    later.check(config.with_overrides(experiment, ["synth.device=xc7z020clg400-1"]))


def test_a_front_of_cells_of_amd_has_no_point_of_another_vendor(tmp_path: Path) -> None:
    def points(folder: str, device: str) -> list[str]:
        project = project_with_dump(tmp_path / folder, random_block(9, name="block_0"), rows=4)
        packages.write_rtl(project)
        packages.write_document(project, "sim", packages.sim_result(), made_from=("rtl",))
        report = packages.synthesis_report(packages.synthesized_block(device=device))
        packages.write_document(project, "synth", report, made_from=("rtl",))
        return [point.source for point in front.run(project).points if point.source == "measured"]

    assert points("amd", published.DEVICE) == ["measured"]
    assert points("lattice", PART) == []


def test_the_document_has_null_where_there_is_no_project_for_vivado() -> None:
    report = packages.synthesis_report().model_copy(update={"vivado_project": None})
    assert json.loads(report.model_dump_json(by_alias=True))["vivado_project"] is None
    assert SynthesisReport.model_validate_json(report.model_dump_json(by_alias=True)) == report
