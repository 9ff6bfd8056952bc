"""A package is used without reading our code: interfaces, constraints, file lists, names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import cell_library
import slang
from conftest import Outcome
from programs import project_with_dump, random_block
from quweit_cli import config, toolbox
from quweit_cli.artifacts import digest_of_file
from quweit_cli.documents import RtlManifest
from quweit_cli.errors import UnsupportedModel
from quweit_cli.hdl.block.pipeline import registered_steps
from quweit_cli.stages import rtl, sim


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return project_with_dump(
        tmp_path / "p", random_block(3), random_block(4, name="block1", outputs=3), rows=12
    )


def test_every_name_in_the_lists_and_the_core_is_a_file_and_relative(project: Path) -> None:
    manifest = rtl.run(project, config.Rtl(bus_bytes=2))
    root = project / "rtl"
    core = yaml.safe_load((root / "toy.core").read_text().removeprefix("CAPI=2:\n"))
    named = [
        next(iter(one)) if isinstance(one, dict) else one
        for s in core["filesets"].values()
        for one in s["files"]
    ]
    for path in root.glob("filelists/*.f"):
        named += path.read_text().split()
    assert len(named) > 100 and all((root / name).is_file() for name in named)
    for target in core["targets"].values():
        assert set(target["filesets"]) <= set(core["filesets"])
    listed = set(manifest.files) | {"manifest.json", "stage.json"}
    assert {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} == listed


def test_vectors_are_as_hashed(project: Path) -> None:
    for block in rtl.run(project, config.Rtl(bus_bytes=4)).blocks:
        vectors, axis = block.vectors, block.axis
        assert axis.inputs != vectors.inputs
        for name, digest in (
            (vectors.inputs, vectors.inputs_sha256),
            (vectors.outputs, vectors.outputs_sha256),
            (axis.inputs, axis.inputs_sha256),
        ):
            assert digest_of_file(project / "rtl" / name) == digest


def test_vivado_learns_interfaces_widths_and_clock_from_the_wrapper(project: Path) -> None:
    manifest = rtl.run(project, config.Rtl(bus_bytes=8))
    text = (project / "rtl" / manifest.blocks[0].axis.sources[1]).read_text()
    for bus in ("s_axis", "m_axis"):
        for signal in ("TDATA", "TVALID", "TREADY", "TLAST"):
            assert f'X_INTERFACE_INFO = "xilinx.com:interface:axis:1.0 {bus} {signal}"' in text
        assert re.search(rf'"XIL_INTERFACENAME {bus}, TDATA_NUM_BYTES 8, HAS_TREADY 1, HAS_TLAST 1', text)
    assert "ASSOCIATED_BUSIF s_axis:m_axis, ASSOCIATED_RESET aresetn" in text
    assert "POLARITY ACTIVE_LOW" in text and "[63:0] s_axis_tdata" in text
    assert not re.search(r"\b(logic|always_ff|genvar)\b", text)


def test_modules_take_the_name_given(project: Path, quweit: Callable[..., Outcome]) -> None:
    outcome = quweit("rtl", project, "--out", project, "--top-name", "engine", "--bus-bytes", "2")
    assert outcome.code == 0, outcome.stderr
    manifest = RtlManifest.model_validate_json((project / "rtl/manifest.json").read_text())
    assert [block.top for block in manifest.blocks] == ["engine_block0", "engine_block1"]
    assert (project / "rtl/engine.core").is_file() and "toy_block" not in " ".join(manifest.files)
    assert "module engine_block0_axis (" in (project / "rtl/rtl/wrapper/engine_block0_axis.v").read_text()


@pytest.mark.parametrize("name", ["1st", "a b", "a;b", "../x", "ä", ""])
def test_a_name_that_is_no_identifier_is_refused(
    project: Path, quweit: Callable[..., Outcome], name: str
) -> None:
    outcome = quweit("rtl", project, "--out", project, "--top-name", name)
    assert outcome.code == 2 and "top_name" in outcome.stderr
    assert not (project / "rtl").exists()


@pytest.mark.parametrize("width", ["0", "129", "wide"])
def test_a_bus_of_no_bytes_or_too_many_is_refused(
    project: Path, quweit: Callable[..., Outcome], width: str
) -> None:
    outcome = quweit("rtl", project, "--out", project, "--bus-bytes", width)
    assert outcome.code == 2 and "bus_bytes" in outcome.stderr


@pytest.mark.requires("icarus", "verilator")
@pytest.mark.parametrize(
    ("least", "shape"), [(1, {}), pytest.param(2, {"layers": (12,), "outputs": 66}, marks=pytest.mark.slow)]
)
def test_every_pipeline_depth_is_legal_and_gives_the_golden_rows_at_its_own_latency(
    tmp_path: Path, least: int, shape: dict[str, Any]
) -> None:
    """A block of few outputs can do with the output register alone, one whose terms are gated cannot."""
    deepest = (
        rtl.run(
            project_with_dump(tmp_path / "p", random_block(6, **shape), rows=6),
            config.Rtl(pipeline_depth="deepest"),
        )
        .blocks[0]
        .latency_cycles
    )
    latencies = []
    for depth in range(least, 20):
        project = project_with_dump(tmp_path / str(depth), random_block(6, **shape), rows=6)
        block = rtl.run(project, config.Rtl(pipeline_depth=depth, random_rows=4, directed_rows=0)).blocks[0]
        sources = (project / f"rtl/filelists/{block.check}.f").read_text().split()
        assert slang.complaints([project / "rtl" / name for name in sources], block.check) == ""
        lint = [*toolbox.find(toolbox.VERILATOR).command, "--lint-only", "-Wall", "--top-module", block.top]
        lint += ["-f", f"filelists/{block.top}.f"]
        assert "%" not in toolbox.run(lint, cwd=project / "rtl", log=tmp_path / "log", name="verilator")
        assert sim.run(project, config.Sim(simulators=("icarus",))).bit_exact
        latencies.append(block.latency_cycles)
        if block.latency_cycles == deepest:
            break
    assert latencies == list(range(latencies[0], deepest + 1)) and len(latencies) >= 3


def test_a_depth_that_the_block_has_no_places_for_is_refused(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(6, layers=(30,), outputs=70), rows=6)
    for depth in (1, 6):
        with pytest.raises(UnsupportedModel, match=rf"pipeline_depth is {depth}, .* 2 to 5 registers"):
            rtl.run(project, config.Rtl(pipeline_depth=depth))


def test_registers_are_spread_evenly() -> None:
    assert registered_steps(5, gated=True, depth=4) == [True, False, True, False, True]
    assert registered_steps(5, gated=False, depth=3) == [False, True, False, True, False]
    for levels in range(1, 9):
        for gated in (False, True):
            for depth in range(1 + gated, levels + 2):
                steps = registered_steps(levels, gated=gated, depth=depth)
                assert len(steps) == levels and sum(steps) == depth - 1
            assert all(registered_steps(levels, gated=gated, depth="deepest"))


@pytest.mark.requires("opensta")
def test_the_constraints_are_understood(project: Path, tmp_path: Path) -> None:
    """The same SDC, on a netlist of nothing but the ports."""
    axis = rtl.run(project, config.Rtl()).blocks[0].axis
    ports = "aclk, aresetn, s_axis_tdata, s_axis_tvalid, s_axis_tready, s_axis_tlast, "
    ports += "m_axis_tdata, m_axis_tvalid, m_axis_tready, m_axis_tlast"
    inputs = "aclk, aresetn, s_axis_tvalid, s_axis_tlast, m_axis_tready"
    (tmp_path / "n.v").write_text(
        f"module {axis.top} ({ports});\n input {inputs};\n input [7:0] s_axis_tdata;\n"
        " output [15:0] m_axis_tdata;\n output s_axis_tready, m_axis_tvalid, m_axis_tlast;\nendmodule\n"
    )
    library = cell_library.write(tmp_path)
    sdc = project / "rtl/constraints" / f"{axis.top}.sdc"
    (tmp_path / "s.tcl").write_text(
        f"read_liberty {library}\nread_verilog n.v\nlink_design {axis.top}\nread_sdc {sdc}\nputs done\n"
    )
    command = [*toolbox.find(toolbox.OPENSTA).command, "-no_splash", "-exit", "s.tcl"]
    output = toolbox.run(command, cwd=tmp_path, log=tmp_path / "log", name="sta")
    assert output.strip() == "done"
