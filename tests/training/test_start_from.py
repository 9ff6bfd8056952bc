"""`training.start_from`: what a model takes from another checkpoint, and what is refused."""

from pathlib import Path

import pytest
import torch

from experiments import tiny_digits
from quweit_cli import artifacts, config
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.stages import keys, train
from quweit_cli.training import checkpoint

STILL = ("training.steps=1", "training.learning_rate=1e-12", "training.weight_decay=0")


@pytest.fixture
def dense(tmp_path: Path) -> Path:
    train.run(tiny_digits("model.mlp=dense"), artifacts.open_project(tmp_path / "dense"))
    return tmp_path / "dense/train/ckpt.pt"


def test_a_weightless_model_takes_all_of_a_dense_one_but_the_mlps(dense: Path, tmp_path: Path) -> None:
    experiment = tiny_digits(*STILL, "seed=7", f"training.start_from={dense}")
    train.run(experiment, artifacts.open_project(tmp_path / "weightless"))
    made = checkpoint.load(tmp_path / "weightless/train/ckpt.pt")
    before = checkpoint.load(dense).state
    taken = [name for name in made.state if name in before]
    assert {name.partition(".")[0] for name in taken} == {"embed", "position_ND", "layers", "norm", "head"}
    assert not any(".mlp" in name for name in taken)
    for name in taken:
        torch.testing.assert_close(made.state[name], before[name], rtol=0, atol=1e-6)
    assert made.experiment.training.start_from is None


def test_a_twin_starts_there_as_well(dense: Path, tmp_path: Path) -> None:
    experiment = tiny_digits(*STILL, "seed=7", "twin=true", f"training.start_from={dense}")
    train.run(experiment, artifacts.open_project(tmp_path / "both"))
    twin, before = checkpoint.load(tmp_path / "both/train/dense/ckpt.pt").state, checkpoint.load(dense).state
    for name, weight in before.items():
        torch.testing.assert_close(twin[name], weight, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("model.dim=32", r"`position_ND` is \[4, 16\] there and \[4, 32\] here"),
        ("model.family=resnet", "training of a resnet cannot start from that checkpoint, which is of a vit"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    change: str, complaint: str, dense: Path, tmp_path: Path
) -> None:
    experiment = tiny_digits("model.mlp=dense", change, f"training.start_from={dense}")
    with pytest.raises(ConfigError, match=complaint):
        train.run(experiment, artifacts.open_project(tmp_path / "refused"))
    assert not (tmp_path / "refused/train").exists()


def test_the_checkpoint_must_be_there(tmp_path: Path) -> None:
    experiment = tiny_digits("training.start_from=/no/such")
    with pytest.raises(ArtifactError, match="cannot read the checkpoint"):
        train.run(experiment, artifacts.open_project(tmp_path / "refused"))


def test_the_checkpoint_counts_by_its_content(dense: Path, tmp_path: Path) -> None:
    experiment = tiny_digits(f"training.start_from={dense}")
    key = keys.train(experiment)
    assert key != keys.train(tiny_digits())
    train.run(tiny_digits("model.mlp=dense", "seed=1"), tmp_path / "dense")
    assert keys.train(experiment) != key


def test_it_is_looked_for_beside_the_experiment_file(tmp_path: Path) -> None:
    raw = tiny_digits().model_dump_json().replace('"start_from":null', '"start_from":"t.pt"')
    (tmp_path / "e.yaml").write_text(raw)
    assert config.load_experiment(tmp_path / "e.yaml").training.start_from == tmp_path / "t.pt"
