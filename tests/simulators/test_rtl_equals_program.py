"""The RTL equals the integer program bit for bit, and every way of breaking it is found and named."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from programs import SHAPES, project_with_dump, random_block
from quweit_cli import config
from quweit_cli.artifacts import StageRecord, file_digests, load, save
from quweit_cli.documents import SimResult
from quweit_cli.errors import ArtifactError, CheckFailed, ConfigError, Mismatch, StaleArtifact, ToolFailed
from quweit_cli.stages import rtl, sim, synth

ICARUS = config.Sim(simulators=("icarus",), rows={"icarus": 25})


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_and_folding_equals_the_program_on_icarus(shape: str, tmp_path: Path) -> None:
    arguments, outputs_per_cycle = SHAPES[shape]
    project = project_with_dump(tmp_path / "p", random_block(21, **arguments))  # type: ignore[arg-type]
    manifest = rtl.run(project, config.Rtl(outputs_per_cycle=outputs_per_cycle))  # type: ignore[arg-type]
    run = sim.run(project, ICARUS).simulators[0].runs[0]
    assert run.bit_exact
    assert run.scenarios.pop("reset") > 25
    assert run.scenarios == {"steady": 25, "gaps": 25, "backpressure": 25, "gaps_and_backpressure": 25}
    assert run.latency_cycles == manifest.blocks[0].latency_cycles
    assert run.initiation_interval_cycles == manifest.blocks[0].initiation_interval_cycles


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("features_per_beat", [1, 2, 4, 16])
def test_every_bus_width_equals_the_program(features_per_beat: int, tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(22, features=7, layers=(11,), outputs=5))
    rtl.run(project, config.Rtl(outputs_per_cycle=4, features_per_beat=features_per_beat))
    assert sim.run(project, ICARUS).bit_exact


@pytest.mark.requires("verilator")
def test_two_blocks_equal_the_program_on_verilator(tmp_path: Path) -> None:
    blocks = [random_block(23, layers=(20,)), random_block(24, name="block1", layers=(14, 9))]
    project = project_with_dump(tmp_path / "p", *blocks, rows=200)
    rtl.run(project, config.Rtl(outputs_per_cycle=3))
    result = sim.run(project, config.Sim(simulators=("verilator",), rows={"verilator": 200}))
    assert [run.compared - run.scenarios["reset"] for run in result.simulators[0].runs] == [800, 800]
    assert result.bit_exact


@pytest.mark.slow
@pytest.mark.requires("icarus")
def test_one_block_of_two_is_compared_and_the_other_named(tmp_path: Path) -> None:
    blocks = [random_block(25, thresholds=2), random_block(24, name="block1", layers=(14, 9))]
    project = project_with_dump(tmp_path / "p", *blocks)
    rtl.run(project, config.Rtl())
    _flip_table_bit(project / "rtl")
    result = sim.run(project, ICARUS, only=("block1",))
    assert [run.design for run in result.simulators[0].runs] == ["block1"]
    assert result.bit_exact and result.not_compared == ["block0"]
    with pytest.raises(Mismatch, match="block `block0`"):
        sim.run(project, ICARUS, reuse=True)  # that the other is equal says nothing of all
    with pytest.raises(Mismatch, match="block `block0`"):
        sim.run(project, ICARUS, only=("block0",))
    with pytest.raises(ConfigError, match="no block `block2`") as caught:
        sim.run(project, ICARUS, only=("block2", "block0"))
    assert caught.value.hint == "its blocks: block0, block1"


@pytest.mark.requires("icarus")
def test_one_block_of_two_is_rendered_and_the_other_named(tmp_path: Path) -> None:
    blocks = [random_block(25, thresholds=2), random_block(24, name="block1", layers=(14, 9))]
    project = project_with_dump(tmp_path / "p", *blocks)
    whole = rtl.run(project, config.Rtl())
    some = rtl.run(project, config.Rtl(), only=("block1",), reuse=True)
    assert [block.name for block in some.blocks] == ["block1"] and some.not_rendered == ["block0"]
    assert some.blocks == whole.blocks[1:] and whole.not_rendered == []
    assert not any("block0" in name for name in some.files)
    mine = {name: digest for name, digest in whole.files.items() if "block1" in name}
    assert mine and mine.items() <= some.files.items()
    result = sim.run(project, ICARUS)
    assert result.bit_exact and result.not_compared == ["block0"]
    with pytest.raises(ConfigError, match="block `block0` was not rendered"):
        sim.run(project, ICARUS, only=("block0",))
    with pytest.raises(ConfigError, match="--block names `block2`"):
        rtl.run(project, config.Rtl(), only=("block2",))
    assert rtl.run(project, config.Rtl(), reuse=True).not_rendered == [], "one block is not all of them"


def _flip_table_bit(folder: Path) -> None:
    """Flip table bits of one LUT at addresses 0 to 31, of which the rows read some."""
    _xor(folder / "rtl/toy_block0_lut_layer0.sv", r"(Table\d+ = \d+'h)([0-9a-f]{8,16})", 2**32 - 1)


def _change_value(folder: Path) -> None:
    """Change the value of bit 0 for output 0."""
    _xor(folder / "rtl/toy_block0_value_table.sv", r"(3'd0: values0 = \d+'h)([0-9a-f]+)", 5)


def _move_threshold(folder: Path) -> None:
    """Move the first threshold of feature 2 by half of its range."""
    _xor(folder / "rtl/toy_block0_encoder.sv", r"(3'd2: thresholds0 = \d+'h)([0-9a-f]+)", 0x40)


def _swap_pins(folder: Path) -> None:
    def swap(match: re.Match[str]) -> str:
        return match[0].replace(match[1], "@").replace(match[2], match[1]).replace("@", match[2])

    path = folder / "rtl/toy_block0_lut_layer0.sv"
    changed, count = re.subn(r"Table\d+\[\{(bits_i\[\d+\]), (bits_i\[\d+\])", swap, path.read_text())
    assert count
    path.write_text(changed)


def _change_bias(folder: Path) -> None:
    _xor(folder / "rtl/toy_block0_value_table.sv", r"(3'd1: bias0 = \d+'h)([0-9a-f]+)", 1)


MUTATIONS = {
    "a flipped table bit": _flip_table_bit,
    "a changed encoded value": _change_value,
    "a moved threshold": _move_threshold,
    "swapped pins": _swap_pins,
    "a changed bias": _change_bias,
}


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_change_of_the_rtl_is_found_and_named(mutation: str, tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(25, thresholds=2))
    rtl.run(project, config.Rtl())
    MUTATIONS[mutation](project / "rtl")
    with pytest.raises(Mismatch) as caught:
        sim.run(project, ICARUS)
    first = load(SimResult, project / "sim/sim.json").simulators[0].runs[0].differences[0]
    assert first.design == "block0" and first.expected != first.got and first.cycle > 0
    for part in (
        f"row {first.row}",
        f"output {first.output}",
        f"cycle {first.cycle}",
        f"expected {first.expected}",
        f"got {first.got}",
    ):
        assert part in caught.value.message
    assert caught.value.exit_code == 1


@pytest.mark.requires("icarus")
def test_a_verdict_of_no_is_not_forgotten_when_the_result_is_reused(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(25, thresholds=2))
    rtl.run(project, config.Rtl())
    _flip_table_bit(project / "rtl")
    for _ in range(2):
        with pytest.raises(Mismatch):
            sim.run(project, ICARUS, reuse=True)


def _delay_output(folder: Path) -> None:
    """A row takes one slot too many."""
    _substitute(
        folder / "rtl/quweit_sequencer.sv",
        r"LastTime = TimeBits'\(Cycles - 1\);",
        "LastTime = TimeBits'(Cycles);",
        count=1,
    )


def _unstable_output(folder: Path) -> None:
    """The data of a beat differ while it waits."""
    _substitute(folder / "rtl/toy_block0.sv", r"if \(advance\) y_data_o <= y_d;", "y_data_o <= y_d;", count=1)


def _drop_last(folder: Path) -> None:
    _substitute(
        folder / "rtl/quweit_sequencer.sv",
        r"assign beat_last_o  = .*;",
        "assign beat_last_o  = 1'b1;",
        count=1,
    )


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_delay_output, "latency|differ"),
        (_unstable_output, "handshake|differ"),
        (_drop_last, "handshake|differ"),
    ],
)
def test_broken_promises_of_time_and_handshake_are_found(
    change: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    project = project_with_dump(tmp_path / "p", random_block(26, layers=(12,)))
    rtl.run(project, config.Rtl())
    change(project / "rtl")
    with pytest.raises(CheckFailed, match=message):
        sim.run(project, ICARUS)


@pytest.mark.requires("icarus")
def test_a_block_that_gives_nothing_is_found(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(27))
    rtl.run(project, config.Rtl())
    _substitute(
        project / "rtl/rtl/quweit_sequencer.sv",
        r"assign beat_valid_o = .*;",
        "assign beat_valid_o = 1'b0;",
        count=1,
    )
    with pytest.raises(CheckFailed, match="gives nothing any more"):
        sim.run(project, ICARUS)


def test_changed_golden_rows_are_refused(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(27))
    rtl.run(project, config.Rtl())
    vectors = project / "rtl/tb/vectors/block0.outputs.hex"
    vectors.write_text(vectors.read_text().replace("0", "1", 1))
    with pytest.raises(ArtifactError, match="golden rows"):
        sim.run(project, ICARUS)


@pytest.mark.requires("icarus")
def test_rtl_that_does_not_compile_is_a_failed_tool_with_its_words(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(27))
    rtl.run(project, config.Rtl())
    (project / "rtl/rtl/toy_block0.sv").write_text("module toy_block0; syntax error here\n")
    with pytest.raises(ToolFailed, match="syntax error"):
        sim.run(project, ICARUS)
    assert not (project / "sim").exists()


@pytest.mark.requires("icarus")
def test_waves_are_written_when_asked(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(28), rows=3)
    rtl.run(project, config.Rtl(random_rows=0))
    sim.run(project, ICARUS, waves=True)
    assert (project / "sim/icarus/block0/waves.fst").stat().st_size > 0


@pytest.mark.requires("icarus")
def test_the_commands_in_the_readme_of_the_package_run(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(29), rows=20)
    (made,) = rtl.run(project, config.Rtl()).blocks
    readme = (project / "rtl/README.md").read_text()
    icarus, _, fusesoc, cocotb = (part.split("```")[0] for part in readme.split("```sh\n")[1:])
    for commands in (icarus, fusesoc, cocotb):
        done = subprocess.run(
            ["bash", "-euc", commands],
            cwd=project / "rtl",
            check=True,
            text=True,
            capture_output=True,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        )
        assert f"PASS: {4 * made.vectors.rows} rows equal" in done.stdout or commands is cocotb
    result = json.loads((project / "rtl/result.json").read_text())
    assert result["scenarios"]["gaps"] == 20 and result["different"] == 0


@pytest.mark.requires("verilator", "icarus", "yosys")
def test_the_netlist_equals_the_program_and_a_changed_cell_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rendering with the vendor's cells: gated tables of two cells a bit in one block, groups in the other."""
    blocks = [
        random_block(31, features=4, layers=(8,), outputs=70),
        random_block(32, name="block1", features=4, layers=(10, 6), outputs=20),
    ]
    project = project_with_dump(tmp_path / "p", *blocks)
    rtl.run(project, config.Rtl(random_rows=0))
    synth.run(project, config.Synth())
    options = config.Sim(simulators=("icarus",), rows={"icarus": 10})
    monkeypatch.chdir(tmp_path)
    both = config.Sim(rows={"verilator": 40, "icarus": 10})
    result = sim.run(project.relative_to(tmp_path), both, netlist=True)
    assert result.bit_exact and result.synth
    assert [run.scenarios["gaps"] for one in result.simulators for run in one.runs] == [40, 40, 10, 10]

    netlist = project / "synth/yosys/block0.netlist.v"
    table = r"\.INIT\(64'h[0-9a-f]{16}\)(?=\s*\) \\u_lut_layer0)"
    _substitute(netlist, table, ".INIT(64'h0123456789abcdef)", count=12)
    with pytest.raises(StaleArtifact, match="block0.netlist.v"):
        sim.run(project, options, netlist=True)
    record = load(StageRecord, project / "synth/stage.json")
    outputs = file_digests(project / "synth")
    save(record.model_copy(update={"outputs": outputs}), project / "synth/stage.json")
    with pytest.raises(Mismatch, match="block `block0`"):
        sim.run(project, options, netlist=True)
    other = sim.run(project, options, netlist=True, only=("block1",))
    assert other.bit_exact and other.not_compared == ["block0"]
    assert [path.parent.name for path in (project / "netlist_partial").rglob("netlist.v")] == ["block1"]


def test_a_netlist_of_other_rtl_is_refused(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(31))
    rtl.run(project, config.Rtl())
    with pytest.raises(ArtifactError, match="no synth artefact"):
        sim.run(project, ICARUS, netlist=True)


def test_an_unknown_simulator_lists_the_known_ones(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(28), rows=3)
    rtl.run(project, config.Rtl())
    with pytest.raises(ConfigError, match="did you mean `icarus`"):
        sim.run(project, config.Sim(simulators=("icaros",)))


def _xor(path: Path, pattern: str, mask: int) -> None:
    """Flip bits of the number in the first match's second group."""

    def flipped(match: re.Match[str]) -> str:
        return f"{match[1]}{int(match[2], 16) ^ mask:0{len(match[2])}x}"

    _substitute(path, pattern, flipped, count=1)


def _substitute(path: Path, pattern: str, new: str | Callable[[re.Match[str]], str], count: int) -> None:
    changed, made = re.subn(pattern, new, path.read_text(), count=count)
    assert made, f"{pattern} is not in {path.name}"
    path.write_text(changed)
