"""A run for a closer look takes no proof away: it is written beside the one that compared more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Outcome
from programs import project_with_dump, random_block
from quweit_cli import config
from quweit_cli.artifacts import digest_of_file, load
from quweit_cli.documents import SimResult
from quweit_cli.errors import Mismatch, ToolFailed
from quweit_cli.stages import rtl, sim

pytestmark = pytest.mark.requires("icarus")
FULL = config.Sim(simulators=("icarus",), rows={"icarus": 12})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    blocks = [
        random_block(number, name=f"block{number}", thresholds=2, layers=(8,), outputs=1) for number in (0, 1)
    ]
    made = project_with_dump(tmp_path / "p", *blocks, rows=12)
    rtl.run(made, config.Rtl(random_rows=0))
    return made


def test_rows_blocks_and_waves_are_written_beside_the_fuller_proof(
    project: Path, quweit: Callable[..., Outcome]
) -> None:
    sim.run(project, FULL)
    before = digest_of_file(project / "sim/sim.json")
    partial = project / "sim_partial"
    outcome = quweit("sim", project, "--simulator", "icarus", "--rows", "4", "--waves")
    assert outcome.code == 0 and "sim_partial" in outcome.stderr
    assert (partial / "icarus/block0/waves.fst").stat().st_size > 0
    assert load(SimResult, partial / "sim.json").simulators[0].runs[0].scenarios["steady"] == 4
    sim.run(project, FULL, only=("block1",))
    assert [run.design for run in load(SimResult, partial / "sim.json").simulators[0].runs] == ["block1"]
    sim.run(project, FULL, waves=True)
    assert digest_of_file(project / "sim/sim.json") == before


def test_rows_one_after_another_alone_are_said_to_be_and_no_proof(
    project: Path, quweit: Callable[..., Outcome]
) -> None:
    outcome = quweit("sim", project, "--simulator", "icarus", "--steady-only")
    assert outcome.code == 0 and "no resets, no wrappers" in " ".join(outcome.stdout.split())
    first = load(SimResult, project / "sim/sim.json")
    (one,) = first.simulators
    assert first.steady_only and not one.further_runs
    assert [set(run.scenarios) for run in one.runs] == [{"steady"}] * 2
    few = FULL.model_copy(update={"rows": {"icarus": 3}})
    result = sim.run(project, few, reuse=True)
    assert not result.steady_only and set(result.simulators[0].runs[0].scenarios) > {"steady", "reset"}
    sim.run(project, config.Sim(simulators=("icarus",), steady_only=True))
    assert load(SimResult, project / "sim_partial/sim.json").steady_only


def test_a_run_that_compares_more_takes_the_place(project: Path) -> None:
    sim.run(project, FULL, only=("block1",))
    assert load(SimResult, project / "sim/sim.json").not_compared == ["block0"]
    sim.run(project, FULL)
    assert load(SimResult, project / "sim/sim.json").not_compared == []
    assert not (project / "sim_partial").exists()


def test_a_fuller_proof_is_taken_where_less_is_wanted_and_made_anew_for_other_rtl(project: Path) -> None:
    sim.run(project, FULL)
    before = digest_of_file(project / "sim/sim.json")
    less = FULL.model_copy(update={"rows": {"icarus": 3}})
    assert sim.run(project, less, reuse=True).simulators[0].runs[0].scenarios["steady"] == 12
    path = project / "rtl/rtl/quweit_sequencer.sv"
    path.write_text(path.read_text() + "// another text\n")
    sim.run(project, less)
    assert digest_of_file(project / "sim/sim.json") != before


def test_a_wrong_wrapper_is_found_by_sim_and_named(project: Path) -> None:
    path = project / "rtl/rtl/wrapper/toy_block0_axis.v"
    path.write_text(path.read_text().replace("(s_axis_tdata)", "(~s_axis_tdata)"))
    with pytest.raises(Mismatch, match="the wrapper of block `block0` on icarus differs"):
        sim.run(project, FULL)
    further = load(SimResult, project / "sim/sim.json").simulators[0].further_runs
    assert [(run.design, run.form, run.bit_exact) for run in further] == [
        ("block0", "wrapper", False),
        ("block1", "wrapper", True),
    ]


@pytest.mark.parametrize(
    "name", ["wrapper/toy_block0_axis.v", "wrapper/quweit_gearbox.v", "xilinx/toy_block0_encoder.sv"]
)
def test_a_file_that_is_no_verilog_is_refused_wherever_it_is(name: str, project: Path) -> None:
    with (project / "rtl/rtl" / name).open("a") as file:
        file.write("this is no Verilog\n")
    with pytest.raises(ToolFailed, match=Path(name).name):
        sim.run(project, FULL)


def test_it_is_said_what_was_done_with_a_changed_file(project: Path, quweit: Callable[..., Outcome]) -> None:
    for name in ("rtl/quweit_sequencer.sv", "rtl/xilinx/toy_block0_encoder.sv", "tb/tb_toy_block0.sv"):
        with (project / "rtl" / name).open("a") as file:
            file.write("// by hand\n")
    said = " ".join(quweit("sim", project, "--simulator", "icarus", "--rows", "3").stderr.split())
    wrote = "is not what `quweit rtl` wrote; it is"
    assert f"`rtl/quweit_sequencer.sv` {wrote} simulated as it is" in said
    assert f"`rtl/xilinx/toy_block0_encoder.sv` {wrote} compiled as it is, and not simulated" in said
    assert f"`tb/tb_toy_block0.sv` {wrote} no part of what is simulated" in said
    result = load(SimResult, project / "sim/sim.json")
    assert "rtl/xilinx/toy_block0_encoder.sv" in result.compiled_only
