"""Training that a signal ends at any moment goes on with the same command, and ends in the same checkpoint."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments import DIGITS, tiny_digits
from quweit_cli import artifacts, interrupts
from quweit_cli.documents import TrainResult
from quweit_cli.stages import train, unfinished
from quweit_cli.training import evaluation, loop, pauses, state
from quweit_cli.training.distributed import ALONE

EXPERIMENT = tiny_digits("training.steps=12", "training.evaluate_every=5", "training.average=0.9", "seed=4")
Strike = Callable[[], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The checkpoint of the training that nobody interrupts."""
    project = artifacts.open_project(tmp_path_factory.mktemp("whole") / "project")
    train.run(EXPERIMENT, project)
    return (project / "train/ckpt.pt").read_bytes()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return artifacts.open_project(tmp_path / "project")


def before(patch: pytest.MonkeyPatch, home: Any, name: str, call: int, strike: Strike) -> None:
    """Strike when a function is called for the so-manieth time."""
    calls, real = 0, getattr(home, name)

    def struck(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            strike()
        return real(*arguments, **options)

    patch.setattr(home, name, struck)


def sigint() -> None:
    signal.raise_signal(signal.SIGINT)


def interrupted(home: Any, name: str, call: int, project: Path, strike: Strike = sigint) -> str:
    """What the interrupt says of how to go on."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt) as caught:
        before(patch, home, name, call, strike)
        train.run(EXPERIMENT, project)
    assert not (project / "train").exists()
    assert not interrupts.waiting()
    (note,) = caught.value.__notes__
    return note


@pytest.mark.parametrize(
    ("home", "name", "call", "step"),
    [
        (loop._Run, "_step", 7, 7),  # to its end
        (loop._Run, "_report", 1, 5),
        (evaluation, "batches", 1, 5),  # the evaluation is given up, and begun anew
        (evaluation, "batches", 3, 12),  # the last one
        (evaluation, "batches", 4, 12),  # that of all samples
        (loop._Run, "_save", 1, 12),
    ],
)
def test_the_state_is_saved_at_an_interrupt_and_the_same_command_ends_as_if_there_was_none(
    home: Any, name: str, call: int, step: int, project: Path, whole: bytes
) -> None:
    note = interrupted(home, name, call, project)
    assert note.startswith(f"saved is: weightless after step {step} of 12; run the same command again")
    assert state.load(project / unfinished.FOLDER / "weightless.pt").step == step
    assert isinstance(train.run(EXPERIMENT, project), TrainResult)
    assert (project / "train/ckpt.pt").read_bytes() == whole


def test_before_the_first_step_there_is_nothing_to_save(project: Path, whole: bytes) -> None:
    note = interrupted(loop, "build", 1, project)
    assert note == "no step was saved: the same command starts the training anew"
    train.run(EXPERIMENT, project)
    assert (project / "train/ckpt.pt").read_bytes() == whole


def test_an_interrupt_of_a_training_that_was_interrupted_before_keeps_what_it_found(
    project: Path, whole: bytes
) -> None:
    interrupted(loop._Run, "_step", 4, project)
    assert "after step 4 of 12" in interrupted(loop, "build", 1, project)
    assert "after step 9 of 12" in interrupted(loop._Run, "_step", 5, project)
    train.run(EXPERIMENT, project)
    assert (project / "train/ckpt.pt").read_bytes() == whole


@pytest.mark.parametrize("after", [0.0, 5.0])
def test_a_second_interrupt_hurries_unless_it_is_the_same_press(
    project: Path, whole: bytes, after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`timeout` and torchrun pass on a signal that the process has got already."""
    passed = 0.0
    monkeypatch.setattr(interrupts.time, "monotonic", lambda: 100.0 + passed)
    monkeypatch.setattr(pauses, "SAVE_SECONDS", 0.0)  # a state after every step

    def twice() -> None:
        nonlocal passed
        sigint()
        passed = after
        sigint()

    note = interrupted(loop._Run, "_learn", 6, project, twice)
    assert f"after step {5 if after else 6} of 12" in note
    monkeypatch.undo()
    train.run(EXPERIMENT, project)
    assert (project / "train/ckpt.pt").read_bytes() == whole


def test_a_state_that_is_being_written_is_whole(project: Path, whole: bytes) -> None:
    """Hurried in the middle of the file: the earlier state stays."""
    interrupted(loop._Run, "_step", 3, project)
    kept = (project / unfinished.FOLDER / "weightless.pt").read_bytes()

    def half(content: object, file: Any) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt) as caught:
        patch.setattr(torch, "save", half)
        train.run(EXPERIMENT, project)
    assert "after step 3 of 12" in caught.value.__notes__[0]
    assert (project / unfinished.FOLDER / "weightless.pt").read_bytes() == kept
    train.run(EXPERIMENT, project)
    assert (project / "train/ckpt.pt").read_bytes() == whole


def test_a_twin_is_taken_up_where_it_was(project: Path, tmp_path: Path) -> None:
    experiment = tiny_digits("twin=true")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt) as caught:
        before(patch, loop._Run, "_step", 8, sigint)
        train.run(experiment, project)
    assert "weightless after step 6 of 6, dense after step 2 of 6" in caught.value.__notes__[0]
    train.run(experiment, project)
    other = artifacts.open_project(tmp_path / "other")
    train.run(experiment, other)
    for name in ("ckpt.pt", "dense/ckpt.pt"):
        assert (project / "train" / name).read_bytes() == (other / "train" / name).read_bytes()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_state_is_due_every_two_minutes_whatever_the_steps() -> None:
    clock = Clock()
    asked = pauses.Pauses(1000, None, ALONE, torch.device("cpu"), clock)
    saved = []
    for step in range(1, 31):
        clock.now += 30
        if asked.after(step, report=step % 10 == 0).save:
            saved.append(step)
    assert saved == [4, 8, 12, 16, 20, 24, 28]


def test_processes_ask_one_another_after_every_step_only_where_steps_are_long() -> None:
    class Two(type(ALONE)):  # type: ignore[misc]
        def most(self, values: list[float], device: torch.device) -> list[float]:
            exchanges.append(step)
            return values

    for seconds, expected in ((0.01, [1, 2, 3, 4, 8]), (1.0, list(range(1, 12)))):
        clock, exchanges = Clock(), []
        asked = pauses.Pauses(1000, None, Two(0, 2), torch.device("cpu"), clock)
        for step in range(1, 12):
            clock.now += seconds
            asked.after(step, report=step % 4 == 0)
        assert exchanges == expected


# A command that gets a signal at the so-manieth call of a function: of all, or of those from the checks of training on.
STRUCK = """
import signal, sys
number, call, start, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
del sys.argv[1:5]
calls = 0

def count(frame, event, argument):
    global calls
    if event == "call":
        calls += 1
        if calls == call:
            sys.setprofile(None)
            signal.raise_signal(number)

from quweit_cli import interrupts
from quweit_cli.__main__ import main
interrupts.install()
if start == "everything":
    sys.setprofile(count)
elif start != "unwatched":
    from quweit_cli.stages import foresight
    check = foresight.check
    def begin(*arguments):
        sys.setprofile(count)
        check(*arguments)
    foresight.check = begin
try:
    main()
finally:
    sys.setprofile(None)
    open(path, "w").write(str(calls))
"""


class Struck:
    """Runs a command; afterwards `calls` is how many it took."""

    def __init__(self, tmp_path: Path, command: str) -> None:
        self.folder, self.command = tmp_path, command
        training = {**DIGITS["training"], "steps": 12, "evaluate_every": 5}
        model = {**DIGITS["model"], "mlp": "dense" if command == "run" else "weightless"}
        (tmp_path / "tiny.yaml").write_text(json.dumps({**DIGITS, "model": model, "training": training}))

    def __call__(
        self, project: str, number: int = 0, call: int = 0, start: str = "training"
    ) -> tuple[int, str]:
        script = [sys.executable, "-c", STRUCK, str(number), str(call), start, str(self.folder / "calls")]
        command = [*script, self.command, str(self.folder / "tiny.yaml"), "--out", str(self.folder / project)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        self.calls = int((self.folder / "calls").read_text())
        return done.returncode, done.stderr

    def checkpoint(self, project: str) -> bytes:
        return (self.folder / project / "train/ckpt.pt").read_bytes()


@pytest.mark.parametrize(
    ("command", "number"),
    [("train", signal.SIGINT), pytest.param("run", signal.SIGTERM, marks=pytest.mark.slow)],
)
def test_a_signal_at_any_moment_ends_in_words_and_the_same_command_keeps_them(
    command: str, number: int, tmp_path: Path, whole: bytes
) -> None:
    assert whole  # what a first training keeps in the cache is there: all have as many calls
    struck = Struck(tmp_path, command)
    assert struck("whole")[0] == 0
    calls = random.Random(7).sample(range(1, struck.calls), 1)
    imports = [(30_000, "everything")] if command == "train" else []  # within the import of torch
    promised = None
    for at, start in [*imports, *((call, "training") for call in calls), (0, "unwatched")]:
        code, stderr = struck("p", number, at, start)
        assert code == (128 + number if at else 0), (at, stderr)
        if promised:
            assert f"going on after {promised[1]} of 12" in stderr
        else:
            assert "going on" not in stderr, (at, stderr)
        if at:
            assert "Traceback" not in stderr and "hint: every artefact is whole, or absent; " in stderr
            promised = re.search(r"saved is: (?:weightless|dense) after (step \d+)", stderr)
    assert struck.checkpoint("p") == struck.checkpoint("whole")
    assert not (tmp_path / "p" / unfinished.FOLDER).exists()
