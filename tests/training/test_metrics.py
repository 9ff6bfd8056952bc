"""The course of training: what a line of metrics tells, TensorBoard, and the same numbers every time."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from experiments import tiny_digits, tiny_gpt
from quweit_cli import artifacts
from quweit_cli.errors import ConfigError, QuweitError
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import keys, train
from quweit_cli.training.datasets import load
from quweit_cli.training.loop import fit


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return artifacts.open_project(tmp_path / "p")


def lines(project: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (project / "train/metrics.jsonl").read_text().splitlines()]


def test_a_line_tells_loss_rate_gradient_speed_and_time(project: Path) -> None:
    train.run(tiny_digits("training.steps=30", "training.evaluate_every=30", "training.warmup=4"), project)
    reports = [line for line in lines(project) if "loss" in line]
    assert [line["step"] for line in reports] == [10, 20, 30]
    for line in reports:
        assert line["gradient_norm"] > 0 and line["samples_per_s"] > 0
    assert [line["seconds"] for line in reports] == sorted(line["seconds"] for line in reports)
    assert reports[0]["learning_rate"] == pytest.approx(4.6e-3, rel=0.05)
    assert reports[-1]["learning_rate"] == pytest.approx(5e-4)
    assert "memory_mb" not in reports[0]  # a CPU does not tell: absent, not 0


def test_text_is_counted_in_tokens(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("to be or not to be " * 100)
    seen: list[dict[str, float]] = []
    experiment = tiny_gpt(str(tmp_path / "text.txt"), "training.steps=10")
    fit(experiment, load(experiment.data), seen.append, SILENT)
    assert "tokens_per_s" in seen[0] and "samples_per_s" not in seen[0]


def test_every_evaluation_is_told_in_words(project: Path) -> None:
    notes: list[str] = []

    class Notes(Progress):
        def note(self, message: str) -> None:
            notes.append(message)

    train.run(tiny_digits(), project, progress=Notes())
    assert [note.split(":")[0] for note in notes] == [
        "  weightless, step 3 of 6",
        "  weightless, step 6 of 6",
    ]
    assert "test accuracy" in notes[0]


def test_tensorboard_has_the_same_figures(project: Path) -> None:
    train.run(tiny_digits("twin=true", "training.steps=20", "training.tensorboard=true"), project)
    for mlp in ("weightless", "dense"):
        events = EventAccumulator(str(project / "train/tensorboard" / mlp)).Reload()
        written = [(one.step, one.value) for one in events.Scalars("loss")]
        told = [
            (line["step"], line["loss"]) for line in lines(project) if line["mlp"] == mlp and "loss" in line
        ]
        assert [step for step, _ in written] == [step for step, _ in told]
        assert [loss for _, loss in written] == pytest.approx([loss for _, loss in told])


def test_tensorboard_that_is_not_installed_is_said_before_anything_runs(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="TensorBoard is not installed") as caught:
        train.run(tiny_digits("training.tensorboard=true"), project)
    assert caught.value.hint is not None and "quweit[tensorboard]" in caught.value.hint
    assert {path.name for path in project.iterdir()} == {"quweit.json"}


def test_what_is_written_beside_does_not_train_again() -> None:
    plain, beside = tiny_digits(), tiny_digits("training.tensorboard=true", "training.save_every=7")
    assert keys.train(plain) == keys.train(beside)


def test_deterministic_kernels_are_asked_for_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    step = torch.optim.AdamW.step

    def watched(self: torch.optim.AdamW, *arguments: Any) -> Any:
        asked.append(torch.are_deterministic_algorithms_enabled())
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    experiment = tiny_digits("training.deterministic=true")
    curves = [fit(experiment, load(experiment.data), lambda figures: None, SILENT).curve for _ in range(2)]
    assert asked and all(asked)
    assert curves[0] == curves[1]
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_kernel_that_cannot_be_deterministic_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise RuntimeError("foo_cuda does not have a deterministic implementation, but you set\nmore")

    monkeypatch.setattr("quweit_cli.training.loop.prediction_loss", refuse)
    experiment = tiny_digits("training.deterministic=true")
    with pytest.raises(QuweitError, match="not deterministic: foo_cuda") as caught:
        fit(experiment, load(experiment.data), lambda figures: None, SILENT)
    assert caught.value.hint is not None and "training.deterministic: false" in caught.value.hint
