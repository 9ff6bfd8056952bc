"""A training that stops and goes on gives what an uninterrupted one gives, bit for bit on a CPU."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import Outcome
from experiments import DIGITS, tiny_digits, tiny_gpt
from quweit_cli import artifacts, config
from quweit_cli.documents import TrainResult, UnfinishedTraining
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.progress import Progress
from quweit_cli.stages import train, unfinished
from quweit_cli.training import loop, state

EVERYTHING = (  # whatever draws at random or is remembered from step to step
    "training.steps=40",
    "training.evaluate_every=15",
    "training.average=0.9",
    "training.keep=best",
    "data.augment=deit",
    "model.dropout=0.1",
    "model.drop_path=0.2",
    "model.block.dropout=0.1",
    "model.block.thermometer.noise=0.1",
    "model.block.thermometer.scheme=distributive",
    "model.block.thermometer.learnable=true",
    "model.block.mapping=learnable",
    "model.block.mapping_freeze=0.4",
    "model.block.epsilon_final=0.01",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return artifacts.open_project(tmp_path / "project")


def figures(project: Path) -> list[dict[str, Any]]:
    """What metrics.jsonl tells, but for times."""
    lines = [json.loads(line) for line in (project / "train/metrics.jsonl").read_text().splitlines()]
    return [
        {name: one for name, one in line.items() if not name.endswith(("_per_s", "seconds"))}
        for line in lines
    ]


def in_pieces(experiment: config.Experiment, project: Path) -> list[tuple[str, int]]:
    """Run with no time at all, again and again; gives where each run stopped."""
    stops = []
    while True:
        result = train.run(experiment, project, resume=True, stop_after_minutes=0)
        if isinstance(result, TrainResult):
            return stops
        stops.append((result.mlp, result.step))


def check_equal(experiment: config.Experiment, tmp_path: Path) -> list[tuple[str, int]]:
    whole, pieces = (artifacts.open_project(tmp_path / name) for name in ("whole", "pieces"))
    train.run(experiment, whole)
    stops = in_pieces(experiment, pieces)
    assert (whole / "train/ckpt.pt").read_bytes() == (pieces / "train/ckpt.pt").read_bytes()
    assert figures(whole) == figures(pieces)
    curves = [
        artifacts.load(TrainResult, one / "train/train.json").models[0].curve for one in (whole, pieces)
    ]
    assert curves[0] == curves[1]
    return stops


def test_images_in_pieces_equal_the_whole_with_everything_that_draws_at_random(tmp_path: Path) -> None:
    stops = check_equal(tiny_digits(*EVERYTHING), tmp_path)
    assert stops == [("weightless", step) for step in (10, 15, 20, 30)]


def test_text_in_pieces_equals_the_whole(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("the quick brown fox jumps over the lazy dog. " * 60)
    check_equal(
        tiny_gpt(
            str(tmp_path / "text.txt"), "training.steps=25", "model.dropout=0.1", "training.optimizer=muon"
        ),
        tmp_path,
    )


def test_a_twin_goes_on_where_it_stopped_and_the_finished_model_is_not_trained_again(tmp_path: Path) -> None:
    stops = check_equal(tiny_digits("twin=true", "training.steps=20", "training.evaluate_every=20"), tmp_path)
    assert stops == [("weightless", 10), ("dense", 10)]


def test_a_state_that_lost_something_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above can fail: without the optimiser's state the pieces differ."""
    keep = loop._Run._restore

    def forgetful(run: loop._Run, kept: state.State) -> int:
        fresh = run.optimizer.state_dict()
        step = keep(run, kept)
        run.optimizer.load_state_dict(fresh)
        return step

    monkeypatch.setattr(loop._Run, "_restore", forgetful)
    with pytest.raises(AssertionError):
        check_equal(tiny_digits("training.steps=20"), tmp_path)


def test_a_killed_training_goes_on_from_the_state_saved_last(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = tiny_digits("training.steps=30", "training.save_every=7", "training.evaluate_every=15")
    step = loop._Run._step

    def killed(run: loop._Run, number: int) -> Any:
        if number == 25:
            raise KeyboardInterrupt
        return step(run, number)

    monkeypatch.setattr(loop._Run, "_step", killed)
    with pytest.raises(KeyboardInterrupt):
        train.run(experiment, project)
    assert not (project / "train").exists()
    assert state.load(project / unfinished.FOLDER / "weightless.pt").step == 21
    monkeypatch.undo()
    train.run(experiment, project, resume=True)
    whole = artifacts.open_project(tmp_path / "whole")
    train.run(experiment, whole)
    assert (whole / "train/ckpt.pt").read_bytes() == (project / "train/ckpt.pt").read_bytes()
    assert figures(whole) == figures(project)
    assert not (project / unfinished.FOLDER).exists()


def test_other_settings_are_not_resumed_and_named(project: Path) -> None:
    train.run(tiny_digits("training.steps=30"), project, stop_after_minutes=0)
    changed = tiny_digits("training.steps=30", "training.learning_rate=0.1", "seed=3")
    with pytest.raises(ConfigError, match=r"other settings: seed, training\.learning_rate$"):
        train.run(changed, project, resume=True)
    assert (project / unfinished.FOLDER / "weightless.pt").is_file()
    harmless = tiny_digits("training.steps=30", "training.save_every=5")
    assert isinstance(train.run(harmless, project, resume=True), TrainResult)


class Notes(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, message: str) -> None:
        self.lines.append(message)


def test_the_same_settings_go_on_by_themselves(project: Path) -> None:
    train.run(tiny_digits("training.steps=30"), project, stop_after_minutes=0)
    notes = Notes()
    result = train.run(tiny_digits("training.steps=30"), project, progress=notes)
    assert isinstance(result, TrainResult) and result.models[0].curve[-1]["step"] == 30
    assert "  weightless: going on after step 3 of 30" in notes.lines


def test_what_other_settings_left_is_named_and_kept_for_them(project: Path) -> None:
    train.run(tiny_digits("training.steps=40"), project, stop_after_minutes=0)
    notes = Notes()
    assert isinstance(train.run(tiny_digits("training.steps=20"), project, progress=notes), TrainResult)
    (told,) = [line for line in notes.lines if "other settings" in line]
    assert "(training.steps)" in told
    (kept,) = project.glob(f"{unfinished.FOLDER}.*")
    assert f"`{kept}`" in told and state.load(kept / "weightless.pt").step == 3
    notes = Notes()
    train.run(tiny_digits("training.steps=40"), project, progress=notes, resume=True)
    assert "  weightless: going on after step 3 of 40" in notes.lines
    assert not list(project.glob(f"{unfinished.FOLDER}*"))


def test_an_unfinished_training_leaves_the_earlier_artefact_alone(project: Path) -> None:
    train.run(tiny_digits(), project)
    before = artifacts.file_digests(project / "train")
    stopped = train.run(tiny_digits("training.steps=30"), project, stop_after_minutes=0)
    assert isinstance(stopped, UnfinishedTraining)
    assert artifacts.file_digests(project / "train") == before


def test_a_finished_training_is_resumed_without_a_step(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = tiny_digits()
    first = train.run(experiment, project)
    monkeypatch.setattr(train, "fit", None)  # nothing is trained
    assert train.run(experiment, project, resume=True) == first


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_damaged_state_is_refused(project: Path, content: bytes) -> None:
    train.run(tiny_digits("training.steps=30"), project, stop_after_minutes=0)
    (project / unfinished.FOLDER / "weightless.pt").write_bytes(content)
    with pytest.raises(ArtifactError, match="state of training") as caught:
        train.run(tiny_digits("training.steps=30"), project, resume=True)
    assert caught.value.hint is not None and "starts anew" in caught.value.hint
    (project / unfinished.FOLDER / "weightless.pt").unlink()
    assert isinstance(train.run(tiny_digits("training.steps=30"), project), TrainResult)


def test_a_failed_write_leaves_the_earlier_state(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train.run(tiny_digits("training.steps=30"), project, stop_after_minutes=0)
    path = project / unfinished.FOLDER / "weightless.pt"
    kept, before = state.load(path), path.read_bytes()

    def full_disk(content: object, file: Any) -> None:
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        state.save(kept, path)
    assert path.read_bytes() == before


def test_the_checkpoint_holds_no_state_of_the_optimiser(project: Path) -> None:
    experiment = tiny_digits("training.steps=20")
    train.run(experiment, project, stop_after_minutes=0)
    held = (project / unfinished.FOLDER / "weightless.pt").stat().st_size
    train.run(experiment, project, resume=True)
    content = torch.load(project / "train/ckpt.pt", weights_only=True)
    weights = sum(one.numel() * one.element_size() for one in content["model"].values())
    samples = sum(one.numel() * one.element_size() for one in content["samples"].values())
    assert (project / "train/ckpt.pt").stat().st_size < weights + samples + 40_000
    assert held > 2.5 * weights


def test_the_command_says_how_to_go_on(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(json.dumps({**DIGITS, "training": {**DIGITS["training"], "steps": 20}}))
    command = ("train", path, "--out", tmp_path / "p")
    first = quweit(*command, "--stop-after", "0")
    assert first.code == 0 and "the same command again" in first.stdout and "weightless" in first.stdout
    assert quweit("dump", tmp_path / "p/train/ckpt.pt", "--out", tmp_path / "p").code == 2
    second = quweit(*command, "--stop-after", "0", "--json")
    assert json.loads(second.stdout)["schema"] in ("quweit.unfinished/1", "quweit.train/1")
    last = quweit(*command)
    assert last.code == 0 and re.search(r"accuracy.*weightless +\d+\.\d+ %", last.stdout, re.DOTALL), (
        last.stdout
    )
    assert quweit(*command, "--resume", "--set", "seed=1").code == 0  # finished: a new seed starts anew
