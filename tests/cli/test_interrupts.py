"""An interrupt or a full disk in the middle of a stage leaves the artefact whole or absent."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import standins
from conftest import Outcome
from quweit_cli import artifacts, config, toolbox
from quweit_cli.errors import ArtifactError
from quweit_cli.stages import pipeline
from waiting import PATIENCE_SECONDS, until

# A stage that has written half of its artefact and waits for a tool that never ends.
SLOW_RUN = """
import sys
from pathlib import Path
import standins
from quweit_cli import toolbox
from quweit_cli.artifacts import writing_stage

def slow(*arguments, **options):
    project = next(a for a in arguments if isinstance(a, Path) and a.is_dir())
    with writing_stage(project, sys.argv[1], inputs={}, options={}) as folder:
        (folder / "half.json").write_text("{")
        command = ["sh", "-c", f"echo $$ > {project}/pid; exec sleep 3000"]
        toolbox.run(command, cwd=folder, log=folder / "log", name="sleep")

standins.install(**{sys.argv.pop(1): slow})
from quweit_cli.__main__ import main
main()
"""
STAGES = ["train", "dump", "rtl", "sim", "synth", "front", "energy", "report"]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.usefixtures("stand_in_tools")
def test_an_interrupted_stage_is_absent_and_its_tool_is_ended(
    stage: str, experiment_file: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    code, stderr = interrupt(stage, experiment_file, project, signal.SIGINT)
    assert code == 130
    assert "error: interrupted" in stderr
    assert "whole" in stderr
    assert "Traceback" not in stderr
    finished = STAGES[: STAGES.index(stage)]
    assert folders(project) == sorted(finished)
    assert not alive(int((project / "pid").read_text()))


@pytest.mark.usefixtures("stand_in_tools")
def test_sigterm_is_taken_like_an_interrupt(experiment_file: Path, tmp_path: Path) -> None:
    code, stderr = interrupt("rtl", experiment_file, tmp_path / "project", signal.SIGTERM)
    assert code == 143
    assert "error: terminated" in stderr
    assert folders(tmp_path / "project") == ["dump", "train"]


@pytest.mark.usefixtures("stand_in_tools", "stand_in_stages")
def test_the_earlier_artefact_survives_and_run_goes_on_from_there(
    experiment_file: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    experiment = config.load_experiment(experiment_file)
    pipeline.run(experiment, project)
    before = artifacts.file_digests(project / "rtl")
    changed = ["--set", "rtl.outputs_per_cycle=2"]
    interrupt("rtl", experiment_file, project, signal.SIGINT, *changed)
    (project / "pid").unlink()
    assert artifacts.file_digests(project / "rtl") == before
    standins.CALLS.clear()
    pipeline.run(config.with_overrides(experiment, changed[1:]), project)
    assert standins.CALLS == ["rtl", "sim", "synth", "front", "energy", "report"]


@pytest.mark.usefixtures("stand_in_tools", "stand_in_stages")
def test_what_a_killed_run_left_behind_is_swept(experiment_file: Path, tmp_path: Path) -> None:
    """SIGKILL leaves no chance to clean up: the next run does."""
    project = tmp_path / "project"
    experiment = config.load_experiment(experiment_file)
    pipeline.run(experiment, project)
    (project / "rtl").rename(project / ".rtl.old.123")
    (project / ".sim.abcdef").mkdir()
    standins.CALLS.clear()
    with artifacts.writing_stage(project, "sim", inputs={}, options={}):
        assert not (project / ".sim.abcdef").exists()
    pipeline.run(experiment, project)
    assert not list(project.glob(".*"))


def test_two_runs_of_one_stage_at_once_leave_one_another_alone(tmp_path: Path) -> None:
    """Two shells on one project: whoever ends last is kept, and nobody's files vanish on the way."""
    with artifacts.writing_stage(tmp_path, "netlist", inputs={}, options={}) as first:
        (first / "log").write_text("of the first")
        with artifacts.writing_stage(tmp_path, "netlist", inputs={}, options={}) as second:
            (second / "log").write_text("of the second")
        assert (first / "log").read_text() == "of the first"
    assert (tmp_path / "netlist" / "log").read_text() == "of the first"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.usefixtures("stand_in_tools", "stand_in_stages")
def test_a_full_disk_is_said_and_leaves_no_half_artefact(
    stage: str,
    experiment_file: Path,
    tmp_path: Path,
    quweit: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = artifacts.write_text

    def full(path: Path, text: str) -> None:
        if path.name == "stage.json" and f'"stage": "{stage}"' in text:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path, text)

    monkeypatch.setattr(artifacts, "write_text", full)
    outcome = quweit("run", experiment_file, "--out", tmp_path / "project")
    assert outcome.code == 2
    assert "No space left on device" in outcome.stderr
    assert "free some space" in outcome.stderr
    assert folders(tmp_path / "project") == sorted(STAGES[: STAGES.index(stage)])
    monkeypatch.undo()


def test_a_really_full_disk_is_an_artifact_error(small_disk: Path) -> None:
    project = artifacts.open_project(small_disk / "project")
    with artifacts.writing_stage(project, "rtl", inputs={}, options={}) as folder:
        (folder / "first.sv").write_text("module first; endmodule\n")
    before = artifacts.file_digests(project / "rtl")
    with (
        pytest.raises(ArtifactError, match="No space left on device"),
        artifacts.writing_stage(project, "rtl", inputs={}, options={}) as folder,
    ):
        (folder / "large.bin").write_bytes(os.urandom(200_000))
    assert artifacts.file_digests(project / "rtl") == before
    assert folders(project) == ["rtl"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB, where this user may mount one."""
    mount = shutil.which("mount")
    folder = tmp_path / "small"
    folder.mkdir()
    command = [str(mount), "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small file system; the full disk is simulated elsewhere")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def interrupt(
    stage: str, experiment_file: Path, project: Path, number: signal.Signals, *arguments: str
) -> tuple[int, str]:
    """`quweit run` with a slow stage, stopped as soon as its tool runs: exit code and stderr."""
    command: list[Any] = [sys.executable, "-c", SLOW_RUN, stage, "run", experiment_file, "--out", project]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen(
        [*command, *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment
    )

    def reached() -> bool:
        assert process.poll() is None, process.communicate()[1]
        return (project / "pid").is_file() and bool((project / "pid").read_text().strip())

    until(reached)
    process.send_signal(number)
    stderr = process.communicate(timeout=PATIENCE_SECONDS)[1]
    return process.returncode, stderr


def folders(project: Path) -> list[str]:
    return sorted(path.name for path in project.iterdir() if path.is_dir())


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_interrupt_while_a_tool_starts_ends_it(tmp_path: Path) -> None:
    """The interrupt comes in the moment between the start of the process and its bookkeeping."""
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(toolbox.subprocess, "Popen", Interrupted)
        toolbox.run(["sleep", "3000"], cwd=tmp_path, log=tmp_path / "log", name="sleep")
    assert started[0].poll() == -signal.SIGKILL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
