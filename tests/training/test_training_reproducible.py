"""Training: the same seed gives the same bytes, other seeds others; what it writes; what it refuses."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments import tiny_digits, tiny_gpt
from quweit_cli import artifacts, config
from quweit_cli.errors import ConfigError, QuweitError
from quweit_cli.models import build
from quweit_cli.stages import train
from quweit_cli.training import checkpoint
from quweit_cli.training.averaging import WeightAverage
from quweit_cli.training.datasets import load
from quweit_cli.training.loop import fit
from quweit_cli.training.optimizer import parameter_groups
from quweit_cli.training.schedules import rate_factor


def project(path: Path) -> Path:
    return artifacts.open_project(path)


def figures(where: Path) -> list[dict[str, Any]]:
    """What metrics.jsonl tells, but for times."""
    lines = [json.loads(line) for line in (where / "train/metrics.jsonl").read_text().splitlines()]
    return [
        {name: one for name, one in line.items() if not name.endswith(("_per_s", "seconds"))}
        for line in lines
    ]


def test_the_same_seed_gives_the_same_checkpoint_byte_for_byte(tmp_path: Path) -> None:
    first, second = project(tmp_path / "a"), project(tmp_path / "b")
    train.run(tiny_digits(), first)
    torch.rand(3)  # the state left by other work does not matter
    train.run(tiny_digits(), second)
    assert (first / "train/ckpt.pt").read_bytes() == (second / "train/ckpt.pt").read_bytes()
    assert figures(first) == figures(second)


def test_another_seed_gives_another_model(tmp_path: Path) -> None:
    first, second = project(tmp_path / "a"), project(tmp_path / "b")
    losses = [
        train.run(tiny_digits(f"seed={seed}"), one).models[0].test_loss
        for seed, one in enumerate((first, second))
    ]
    assert losses[0] != losses[1]


def test_a_twin_is_the_same_experiment_with_dense_mlps(tmp_path: Path) -> None:
    result = train.run(tiny_digits("twin=true"), project(tmp_path / "p"))
    assert [model.mlp for model in result.models] == ["weightless", "dense"]
    alone = train.run(tiny_digits("model.mlp=dense"), project(tmp_path / "q"))
    assert alone.models[0].test_loss == result.models[1].test_loss
    dense = checkpoint.load(tmp_path / "p" / "train" / "dense" / "ckpt.pt")
    assert dense.experiment.model.mlp == "dense"


def test_metrics_and_curve_tell_the_course(tmp_path: Path) -> None:
    result = train.run(tiny_digits(), project(tmp_path / "p"))
    model = result.models[0]
    assert [point["step"] for point in model.curve] == [3, 6]
    assert model.curve[-1]["test_loss"] == model.test_loss
    assert model.test_accuracy is not None and 0 < model.test_accuracy < 1
    lines = [json.loads(line) for line in (tmp_path / "p/train/metrics.jsonl").read_text().splitlines()]
    assert {"mlp": "weightless", "step": 6} | lines[-1] == lines[-1]
    assert "1347 training" in result.data


def test_a_finished_training_is_reused(tmp_path: Path) -> None:
    where = project(tmp_path / "p")
    first = train.run(tiny_digits(), where, reuse=True)
    before = (where / "train" / "ckpt.pt").stat().st_mtime_ns
    assert train.run(tiny_digits(), where, reuse=True) == first
    assert (where / "train" / "ckpt.pt").stat().st_mtime_ns == before
    train.run(tiny_digits("training.steps=3"), where, reuse=True)
    assert (where / "train" / "ckpt.pt").stat().st_mtime_ns != before


def test_training_lowers_the_loss() -> None:
    experiment = tiny_digits("training.steps=60", "training.evaluate_every=20")
    curve = fit(experiment, load(experiment.data), lambda figures: None, train.SILENT).curve
    assert curve[-1]["train_loss"] < 0.8 * curve[0]["train_loss"]


def test_a_gpt_trains_on_a_text(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("the quick brown fox jumps over the lazy dog. " * 60)
    experiment = tiny_gpt(str(tmp_path / "text.txt"), "training.steps=40", "training.evaluate_every=20")
    trained = fit(experiment, load(experiment.data), lambda figures: None, train.SILENT)
    assert trained.score.accuracy is None
    assert trained.score.loss < math.log(28)


def test_the_best_weights_are_kept_when_asked_for() -> None:
    experiment = tiny_digits("training.keep=best", "training.steps=30", "training.learning_rate=0.3")
    trained = fit(experiment, load(experiment.data), lambda figures: None, train.SILENT)
    assert trained.score.loss == min(point["test_loss"] for point in trained.curve)


def test_the_mapping_freezes_part_of_the_way() -> None:
    experiment = tiny_digits("model.block.mapping=learnable", "model.block.mapping_freeze=0.5")
    trained = fit(experiment, load(experiment.data), lambda figures: None, train.SILENT)
    assert not any(
        name.endswith("choice_JLC") and one.requires_grad for name, one in trained.model.named_parameters()
    )


def test_each_kind_of_block_freezes_its_mapping_at_its_own_time() -> None:
    experiment = tiny_digits(
        "model.block.mapping=learnable",
        "model.block.mapping_freeze=1.0",
        "model.attention.projections.qkv=weightless",
        "model.attention.projections.block={lut_layers: [24], mapping: learnable, mapping_freeze: 0.5}",
    )
    trained = fit(experiment, load(experiment.data), lambda figures: None, train.SILENT)
    learning = {
        name.split(".")[2]
        for name, one in trained.model.named_parameters()
        if name.endswith("choice_JLC") and one.requires_grad
    }
    assert learning == {"mlp"}


def test_a_loss_that_is_no_number_stops_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    def poisoned(settings: config.Model, meta: dict[str, Any]) -> torch.nn.Module:
        model = build(settings, meta)
        model.head.weight.data.fill_(float("nan"))
        return model

    monkeypatch.setattr("quweit_cli.training.loop.build", poisoned)
    experiment = tiny_digits()
    with pytest.raises(QuweitError, match="loss is nan at step") as caught:
        fit(experiment, load(experiment.data), lambda figures: None, train.SILENT)
    assert caught.value.hint is not None and "learning_rate" in caught.value.hint


def test_cuda_on_a_machine_without_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    experiment = tiny_digits("training.device=cuda")
    with pytest.raises(ConfigError, match="no CUDA device"):
        fit(experiment, load(experiment.data), lambda figures: None, train.SILENT)


def test_rates_warm_up_and_follow_a_cosine() -> None:
    settings = config.Training(steps=101, batch_size=1, warmup=4, final_rate=0.1)
    assert [rate_factor(step, 101, settings) for step in range(4)] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert rate_factor(4, 101, settings) == 1
    assert rate_factor(52, 101, settings) == pytest.approx(0.55, abs=1e-9)
    assert rate_factor(100, 101, settings) == pytest.approx(0.1)


def test_tables_values_and_mapping_have_their_own_rates_and_no_decay() -> None:
    experiment = tiny_digits("model.block.mapping=learnable", "model.block.thermometer.learnable=true")
    model = build(
        experiment.model, {"kind": "images", "side": 8, "channels": 1, "classes": list("0123456789")}
    )
    groups = parameter_groups(model, weight_decay=experiment.training.weight_decay)
    group_of = {id(one): group for group in groups for one in group["params"]}
    wanted = {"table_JA": 10, "choice_JLC": 10, "value_KE": 0.3, "threshold_DT": 1.0, "bias_E": 1.0}
    for name, parameter in model.named_parameters():
        group = group_of[id(parameter)]
        leaf = name.rpartition(".")[2]
        assert group["multiple"] == wanted.get(leaf, 1.0), name
        decays = parameter.ndim >= 2 and leaf not in wanted
        assert group["weight_decay"] == (experiment.training.weight_decay if decays else 0), name


def test_the_average_of_the_weights_follows_its_formula_and_goes_into_the_model() -> None:
    model = torch.nn.Linear(2, 1, bias=False)
    average = WeightAverage(model, decay=0.5)
    expected = model.weight.detach().clone()
    for step in range(12):
        with torch.no_grad():
            model.weight.add_(1.0)
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.weight.detach()
    last = model.weight.detach().clone()
    with average.in_place():
        assert torch.allclose(model.weight, expected)
    assert torch.equal(model.weight, last)


def test_a_length_in_epochs_is_rounded_up_to_steps(tmp_path: Path) -> None:
    experiment = tiny_digits("training.steps=null", "training.epochs=0.5")
    model = train.run(experiment, project(tmp_path / "p")).models[0]
    assert model.steps == math.ceil(0.5 * 1347 / 32) == 22
    assert model.curve[-1]["step"] == 22
