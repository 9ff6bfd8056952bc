"""Yosys counts the cells of every block, and what it cannot count is an error."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import get_args

import pytest

import packages
from quweit_cli import config, toolbox
from quweit_cli.documents import Implementation, SynthesisReport
from quweit_cli.errors import ArtifactError, ConfigError, StaleArtifact, ToolFailed
from quweit_cli.hdl.units.design import render_units, units_of
from quweit_cli.stages import synth
from quweit_cli.synthesizers import SYNTHESIZERS, synthesizer
from quweit_cli.synthesizers.cells import cell_counts, resources
from quweit_cli.technologies import ULTRASCALE_PLUS, technology_of


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("synthesized") / "project"
    packages.write_rtl(path, layers=2)
    synth.run(path, config.Synth())
    return path


@pytest.mark.requires("yosys")
def test_every_block_is_counted_with_its_provenance(project: Path) -> None:
    report = SynthesisReport.model_validate_json((project / "synth" / "synth.json").read_text())
    assert [block.design for block in report.blocks] == ["block_0", "block_1"]
    for block in report.blocks:
        # One LUT6 given, an inverter or LUT for the handshake; valid, last and one data bit.
        assert (block.ffs, block.carries, block.brams, block.dsps) == (3, 0, 0, 0)
        assert block.luts in (2, 3)
        assert (block.tool, block.stage, block.slack_ns, block.power_mw) == ("yosys", "synthesis", None, None)
        assert block.version.startswith("Yosys 0.")
        assert (project / "synth" / block.log).is_file()


@pytest.mark.requires("yosys")
def test_a_unit_is_counted_with_its_parameters(tmp_path: Path) -> None:
    """A GELU without its table, which is a parameter, would be nothing at all."""
    files, units = render_units(units_of(packages.I_VIT_T)[:1])
    packages.write_package(tmp_path, files, *units)
    (gelu,) = synth.run(tmp_path, config.Synth()).units
    assert (gelu.design, gelu.kind, gelu.ffs, gelu.modules, gelu.netlist) == ("gelu", "unit", 9, [], None)
    assert gelu.luts is not None and 8 < gelu.luts < 100


@pytest.mark.requires("yosys")
def test_the_netlist_and_the_script_are_kept_and_name_no_absolute_path(project: Path) -> None:
    netlist = (project / "synth" / "yosys" / "block_0.netlist.v").read_text()
    assert "module top_0(" in netlist
    assert "LUT6" in netlist
    assert "64'h8000000000000001" in netlist
    # One scalar wire a net: vectors are for ports alone.
    vectors = set(re.findall(r"^  wire \[.*\] (\S+);$", netlist, re.MULTILINE))
    assert vectors <= set(re.findall(r"^  (?:input|output) \[.*\] (\S+);$", netlist, re.MULTILINE))
    assert "../rtl/block_0.sv" in (project / "synth" / "yosys" / "block_0.ys").read_text()
    for path in (project / "synth" / "yosys").iterdir():
        assert str(project.parent) not in path.read_text()


@pytest.mark.requires("yosys")
def test_an_unchanged_package_is_not_synthesized_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolbox, "run", None)
    assert len(synth.run(project, config.Synth(), reuse=True).blocks) == 2


@pytest.mark.requires("yosys")
def test_a_design_that_yosys_refuses_is_an_error_and_its_log_is_kept(tmp_path: Path) -> None:
    project = tmp_path / "project"
    packages.write_rtl(project, source=packages.BLOCK.replace("u_lut", "u_lut ;;"))
    with pytest.raises(ToolFailed, match="yosys on block block_0") as caught:
        synth.run(project, config.Synth())
    assert "ERROR" in caught.value.message
    assert not (project / "synth").exists()
    assert "ERROR" in (project / "synth.incomplete" / "yosys" / "block_0.log").read_text()
    assert "synth.incomplete" in str(caught.value.hint)


@pytest.mark.requires("yosys")
def test_a_latch_is_an_error(tmp_path: Path) -> None:
    project = tmp_path / "project"
    latch = packages.BLOCK.replace(
        "assign x_ready_o = y_ready_i | ~y_valid_o;",
        "logic held; always_latch if (x_valid_i) held = hit; assign x_ready_o = held;",
    )
    packages.write_rtl(project, source=latch)
    with pytest.raises(ToolFailed, match="LD"):
        synth.run(project, config.Synth())


def test_a_package_that_was_changed_by_hand_is_refused(tmp_path: Path) -> None:
    project = tmp_path / "project"
    packages.write_rtl(project)
    (project / "rtl" / "block_0.sv").write_text("module top_0; endmodule\n")
    with pytest.raises(StaleArtifact, match=r"block_0\.sv"):
        synth.run(project, config.Synth())


def test_without_a_package_the_error_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        synth.run(tmp_path, config.Synth())
    assert "quweit rtl" in str(caught.value.hint)


def test_an_unknown_cell_is_never_dropped() -> None:
    counted = resources(
        {"LUT3": 2, "LUT6": 5, "FDRE": 7, "RAMB18E2": 1, "RAM32M": 1, "MUXF7": 3, "CARRY4": 4},
        ULTRASCALE_PLUS,
    )
    assert counted == {"luts": 11, "ffs": 7, "carries": 4, "muxes": 3, "brams": 0.5, "dsps": 0, "urams": 0}
    with pytest.raises(ToolFailed, match="BUFGCE"):
        resources({"LUT6": 5, "BUFGCE": 1}, ULTRASCALE_PLUS)


@pytest.mark.parametrize(
    "content",
    [
        {"modules": {"top": {"num_cells_by_type": {"LUT6": 1}}}},
        {"design": {"num_cells": 3}},
        {"design": {"num_cells_by_type": {}}},
        [],
    ],
)
def test_missing_counts_are_an_error(tmp_path: Path, content: object) -> None:
    path = tmp_path / "block.stat.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ToolFailed):
        cell_counts(path)


def test_counts_that_were_not_written_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match="no cell counts"):
        cell_counts(tmp_path / "block.stat.json")


@pytest.mark.parametrize(
    ("device", "family"),
    [
        ("xcvu9p-flgb2104-2-i", "xcup"),
        ("xczu7ev-ffvc1156-2-e", "xcup"),
        ("xcu280-fsvh2892-2L-e", "xcup"),
        ("xck26-sfvc784-2LV-c", "xcup"),
        ("xcku040-ffva1156-2-e", "xcu"),
        ("xc7z020clg400-1", "xc7"),
        ("lfe5u-25f", None),
    ],
)
def test_the_family_comes_from_the_part(device: str, family: str | None) -> None:
    if family is None:
        with pytest.raises(ConfigError, match=device):
            technology_of(device)
    else:
        assert technology_of(device).command == f"synth_xilinx -family {family}"


def test_the_registry_is_complete_and_its_error_lists_it() -> None:
    with pytest.raises(ConfigError, match="unknown synthesizer `quartus`; known: yosys, vivado, nextpnr"):
        synthesizer("quartus")
    for name, one in SYNTHESIZERS.items():
        device = "up5k" if name == "nextpnr" else "xcvu9p-flgb2104-2-i"
        own = (toolbox.YOSYS, toolbox.NEXTPNR_ICE40) if name == "nextpnr" else (toolbox.TOOLS[name],)
        assert one.tools(config.Synth(tool=name, device=device)) == own
        assert synthesizer(name) is one
    assert set(get_args(Implementation.model_fields["stage"].annotation)) >= {"synthesis", "route"}


FAILING_AND_SLOW = """\
#!/bin/sh
case "$1" in
  -V) echo "Yosys 0.70" ;;
  *block_0*) sleep 0.3; echo "ERROR: refused"; exit 1 ;;
  *) sleep 600; touch "$0.finished" ;;
esac
"""


def test_the_first_failure_ends_the_other_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = tmp_path / "yosys"
    stand_in.write_text(FAILING_AND_SLOW)
    stand_in.chmod(0o755)
    monkeypatch.setenv("QUWEIT_YOSYS", str(stand_in))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    packages.write_rtl(tmp_path / "project", layers=3)
    with pytest.raises(ToolFailed, match="ERROR: refused"):
        synth.run(tmp_path / "project", config.Synth(cache=False))
    assert not (tmp_path / "yosys.finished").exists(), "it was waited for"


@pytest.mark.requires("yosys")
@pytest.mark.parametrize("arguments", [[], ["--help"], ["one.ys", "two.ys"], ["missing.ys"]])
def test_the_packaged_yosys_refuses_what_it_cannot_run(tmp_path: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "quweit_cli.synthesizers.packaged_yosys", *arguments]
    with pytest.raises(ToolFailed):
        toolbox.run(command, cwd=tmp_path, log=tmp_path / "log", name="yosys")
