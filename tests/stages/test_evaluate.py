"""`eval`: the integer programs score exactly what PyTorch scores, and both are what training reported."""

from pathlib import Path

import pytest
import torch

from experiments import tiny_digits
from quweit_cli import artifacts
from quweit_cli.errors import ConfigError, QuweitError
from quweit_cli.stages import evaluate, train
from quweit_cli.training.evaluation import batches, prediction_loss
from quweit_cli.training.evaluation import evaluate as score_of


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = artifacts.open_project(tmp_path_factory.mktemp("evaluated"))
    train.run(tiny_digits("twin=true"), path)
    return path


def test_float_and_integer_scores_are_equal_and_as_reported(project: Path) -> None:
    result = evaluate.run(project / "train" / "ckpt.pt")
    assert result.samples == 450
    assert result.integer_loss == result.loss
    assert result.integer_accuracy == result.accuracy
    trained = artifacts.load(train.TrainResult, project / "train" / "train.json").models[0]
    assert result.accuracy == trained.test_accuracy
    assert result.loss == pytest.approx(trained.test_loss, rel=1e-6)


def test_a_dense_model_has_no_integer_score(project: Path) -> None:
    result = evaluate.run(project / "train" / "dense" / "ckpt.pt")
    assert result.mlp == "dense"
    assert result.integer_loss is None and result.integer_accuracy is None


def test_what_weights_of_integers_are_worth_in_float_is_that_of_a_float_model_with_them(
    tmp_path: Path,
) -> None:
    project = artifacts.open_project(tmp_path / "p")
    pieces = "model.functions.root={segments: 4}"
    (trained,) = train.run(tiny_digits("model.arithmetic=integer", pieces), project).models
    again = artifacts.open_project(tmp_path / "again")
    started = f"training.start_from={project / 'train' / 'ckpt.pt'}"
    still = ("training.steps=1", "training.learning_rate=1e-12", "training.average=0")
    (same,) = train.run(tiny_digits(started, *still), again).models
    assert trained.float_accuracy == same.test_accuracy
    assert trained.float_loss == pytest.approx(same.test_loss, rel=1e-4)
    assert trained.float_loss != trained.test_loss
    assert same.float_loss is None and same.float_accuracy is None


def test_weights_that_are_of_no_use_in_float_do_not_end_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise QuweitError("the loss on held-out data is inf: the weights are of no use")

    monkeypatch.setattr(train, "evaluate", lost)
    project = artifacts.open_project(tmp_path / "p")
    (trained,) = train.run(tiny_digits("model.arithmetic=integer"), project).models
    assert trained.float_loss is None and trained.float_accuracy is None and trained.test_loss > 0


def test_the_device_is_the_user_s_choice_and_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert evaluate.run(project / "train" / "ckpt.pt", device="cpu").device == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="no CUDA device"):
        evaluate.run(project / "train" / "ckpt.pt", device="cuda")


class Parrot(torch.nn.Module):
    """Answers with given logits."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing = torch.nn.Parameter(torch.zeros(1))

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return logits


def test_scores_are_means_over_all_samples_however_they_are_batched(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    logits, targets = torch.randn(10, 3), torch.randint(3, (10,))
    whole = score_of(Parrot(), logits, targets, tokens=1)
    monkeypatch.setattr("quweit_cli.training.evaluation.ROWS_PER_BATCH", 4)
    parts = score_of(Parrot(), logits, targets, tokens=1)
    assert parts.loss == pytest.approx(whole.loss)
    assert parts.accuracy == whole.accuracy == int((logits.argmax(1) == targets).sum()) / 10
    assert whole.loss == pytest.approx(float(prediction_loss(logits, targets)))


def test_batches_cover_every_sample_once() -> None:
    covered = [index for part in batches(1000, 100) for index in range(part.start, part.stop)]
    assert covered == list(range(1000))


def test_evaluation_leaves_the_mode_as_it_was() -> None:
    model = Parrot().train()
    score_of(model, torch.randn(2, 3), torch.tensor([0, 1]), tokens=1)
    assert model.training
