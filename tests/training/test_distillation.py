"""Distillation: its loss by hand, the dense twin as a teacher, and teachers that do not fit."""

from pathlib import Path

import pytest
import torch

from experiments import tiny_digits, tiny_gpt
from quweit_cli import artifacts, config
from quweit_cli.errors import ArtifactError, ConfigError, UnsupportedModel
from quweit_cli.models import build
from quweit_cli.stages import keys, train
from quweit_cli.stages.dump import shape_of
from quweit_cli.training import checkpoint, datasets
from quweit_cli.training.distillation import Teacher, distance, distilled_loss

DISTILL = "training.distill.weight=0.5"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return artifacts.open_project(tmp_path / "p")


def test_the_loss_is_the_weighted_sum_by_hand() -> None:
    student, teacher = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 4.0]])
    settings = config.Distillation(weight=0.25, temperature=2.0)
    p, q = torch.tensor([0.0, 2.0]).softmax(0), torch.tensor([1.0, 0.0]).softmax(0)
    divergence = float((p * (p / q).log()).sum())
    loss = distilled_loss(torch.tensor(3.0), student, teacher, settings)
    assert float(loss) == pytest.approx(0.75 * 3.0 + 0.25 * 4 * divergence, rel=1e-6)
    same = distilled_loss(torch.tensor(3.0), student, student, settings)
    assert float(same) == pytest.approx(0.75 * 3.0, abs=1e-6)


def test_a_sequence_is_a_mean_over_its_predictions() -> None:
    torch.manual_seed(0)
    student, teacher = torch.randn(2, 2, 5, 7).unbind(0)
    settings = config.Distillation(weight=1.0)
    parts = [
        distilled_loss(torch.zeros(()), student[b, n][None], teacher[b, n][None], settings)
        for b in range(2)
        for n in range(5)
    ]
    whole = distilled_loss(torch.zeros(()), student, teacher, settings)
    assert float(whole) == pytest.approx(float(torch.stack(parts).mean()), rel=1e-5)


def test_states_are_compared_token_by_token_and_layer_by_layer() -> None:
    teacher = [torch.tensor([[[3.0, 4.0], [0.0, 1.0]]]), torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])]
    student = [torch.tensor([[[3.0, 4.0], [0.0, 0.0]]]), torch.tensor([[[0.0, 0.0], [0.0, 1.0]]])]
    assert float(distance(student, teacher)) == pytest.approx((0 + 1 + 1 + 0.25) / 4)
    with pytest.raises(ValueError, match="zip"):
        distance(student[:1], teacher)


@pytest.mark.parametrize("family", ["vit", "gpt"])
def test_the_last_state_gives_the_answer(family: str, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("abc " * 100)
    experiment = tiny_digits() if family == "vit" else tiny_gpt(str(tmp_path / "text.txt"))
    data = datasets.load(experiment.data)
    model = build(experiment.model, data.meta)
    inputs, _ = data.batch(0, 4, model.tokens, 0)
    teacher = Teacher(
        model, experiment.training.model_copy(update={"distill": config.Distillation(weight=1, states=1)})
    )
    logits, states = teacher.answers(inputs)
    assert len(states) == experiment.model.depth
    last = model.norm(states[-1])
    assert torch.equal(logits, model.head(last if family == "gpt" else last.mean(dim=1)))
    plain, none = Teacher(model, experiment.training).answers(inputs)
    assert torch.equal(plain, logits) and none == []


def test_following_states_brings_them_together(project: Path, tmp_path: Path) -> None:
    train.run(tiny_digits("model.mlp=dense"), project)
    teacher = project / "train/ckpt.pt"
    common = (DISTILL, f"training.distill.teacher={teacher}", "training.steps=60")

    def far(name: str, *more: str) -> float:
        there = artifacts.open_project(tmp_path / name)
        train.run(tiny_digits(*common, *more), there)
        student, wanted = (checkpoint.load(one).model().eval() for one in (there / "train/ckpt.pt", teacher))
        data = datasets.load(tiny_digits().data)
        inputs, _ = data.batch(0, 64, wanted.tokens, 0)
        with torch.no_grad():
            return float(distance(student(inputs, states=True)[1], wanted(inputs, states=True)[1]))

    assert far("states", "training.distill.states=3.0") < 0.8 * far("answers")


def test_every_head_learns_from_the_teacher(project: Path, tmp_path: Path) -> None:
    train.run(tiny_digits("model.mlp=dense"), project)
    taught = (DISTILL, f"training.distill.teacher={project / 'train/ckpt.pt'}")
    heads = []
    for name, more in (("taught", taught), ("plain", ())):
        there = artifacts.open_project(tmp_path / name)
        train.run(
            tiny_digits("model.exits.after=[1]", "training.steps=1", "training.gradient_clip=1e9", *more),
            there,
        )
        heads.append(checkpoint.load(there / "train/ckpt.pt").model().state_dict()["exits.0.head.bias"])
    assert not torch.equal(*heads)


@pytest.mark.parametrize("change", ["model.dim=24", "model.depth=1"])
def test_states_of_another_shape_are_refused(change: str, project: Path, tmp_path: Path) -> None:
    train.run(tiny_digits("model.mlp=dense"), project)
    teacher = f"training.distill.teacher={project / 'train/ckpt.pt'}"
    with pytest.raises(ConfigError, match="residual stream") as caught:
        train.run(
            tiny_digits(DISTILL, teacher, "training.distill.states=1.0", change, "model.heads=2"),
            artifacts.open_project(tmp_path / "q"),
        )
    assert caught.value.hint is not None and "same family, width and depth" in caught.value.hint


def test_a_convolutional_network_has_no_states_to_follow(project: Path, tmp_path: Path) -> None:
    resnet = ("model.family=resnet", "model.mlp=dense", "model.dim=4", "model.heads=1", "model.depth=1")
    train.run(tiny_digits(*resnet), project)
    teacher = f"training.distill.teacher={project / 'train/ckpt.pt'}"
    with pytest.raises(ConfigError, match="residual stream"):
        train.run(
            tiny_digits(*resnet, DISTILL, teacher, "training.distill.states=1.0"),
            artifacts.open_project(tmp_path / "q"),
        )


def test_states_without_a_teacher_are_refused() -> None:
    with pytest.raises(ConfigError, match="states"):
        tiny_digits("training.distill.states=1.0")


def test_the_twin_teaches_and_learns_from_labels_alone(project: Path, tmp_path: Path) -> None:
    taught = train.run(tiny_digits("twin=true", DISTILL), project).models
    plain = train.run(tiny_digits("twin=true"), artifacts.open_project(tmp_path / "q")).models
    assert [model.mlp for model in taught] == ["weightless", "dense"]
    assert taught[1].test_loss == plain[1].test_loss
    assert taught[0].test_loss != plain[0].test_loss


def test_a_taught_training_in_pieces_equals_the_whole(project: Path, tmp_path: Path) -> None:
    experiment = tiny_digits("twin=true", "training.steps=20", "training.evaluate_every=20", DISTILL)
    whole = train.run(experiment, artifacts.open_project(tmp_path / "q"))
    for _ in range(2):
        assert not hasattr(train.run(experiment, project, resume=True, stop_after_minutes=0), "models")
    pieces = train.run(experiment, project, resume=True)
    assert [one.curve for one in pieces.models] == [one.curve for one in whole.models]


def test_a_checkpoint_teaches_and_counts_by_its_content(project: Path, tmp_path: Path) -> None:
    train.run(tiny_digits("model.mlp=dense"), project)
    teacher = project / "train/ckpt.pt"
    experiment = tiny_digits(DISTILL, f"training.distill.teacher={teacher}")
    student = artifacts.open_project(tmp_path / "student")
    first = train.run(experiment, student)
    assert (
        first.models[0].test_loss
        != train.run(tiny_digits(), artifacts.open_project(tmp_path / "q")).models[0].test_loss
    )
    assert train.run(experiment, student, reuse=True) == first
    key = keys.train(experiment)
    train.run(tiny_digits("model.mlp=dense", "seed=1"), project)
    assert keys.train(experiment) != key
    stored = checkpoint.load(student / "train/ckpt.pt").experiment
    assert stored.training.distill.weight == 0.5 and stored.training.distill.teacher is None


def test_a_named_teacher_of_another_kind_teaches_both_models(project: Path, tmp_path: Path) -> None:
    teaches = ["model.family=resnet", "model.mlp=dense", "model.dim=4", "model.depth=1"]
    train.run(tiny_digits(*teaches), project)
    taught = [DISTILL, f"training.distill.teacher={project / 'train/ckpt.pt'}", "twin=true"]
    here, there = (artifacts.open_project(tmp_path / name) for name in ("taught", "plain"))
    pairs = zip(
        train.run(tiny_digits(*taught), here).models,
        train.run(tiny_digits("twin=true"), there).models,
        strict=True,
    )
    assert all(one.test_loss != other.test_loss for one, other in pairs)


def test_a_teacher_that_is_missing_or_of_other_data_is_refused(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no teacher"):
        train.run(tiny_digits(DISTILL), project)
    with pytest.raises(ArtifactError, match="cannot read the checkpoint"):
        train.run(tiny_digits(DISTILL, "training.distill.teacher=/no/such"), project)
    (tmp_path / "text.txt").write_text("to be or not to be " * 100)
    train.run(tiny_gpt(str(tmp_path / "text.txt")), project)
    teacher = f"training.distill.teacher={project / 'train/ckpt.pt'}"
    with pytest.raises(ConfigError, match="learned other classes"):
        train.run(tiny_digits(DISTILL, teacher), artifacts.open_project(tmp_path / "q"))
    longer = tiny_gpt(str(tmp_path / "text.txt"), DISTILL, teacher, "model.context=32")
    with pytest.raises(ConfigError, match="sees 16 tokens"):
        train.run(longer, artifacts.open_project(tmp_path / "q"))


def test_a_teacher_is_looked_for_beside_the_experiment_file(tmp_path: Path) -> None:
    raw = tiny_digits(DISTILL).model_dump_json().replace('"teacher":null', '"teacher":"t.pt"')
    (tmp_path / "e.yaml").write_text(raw)
    assert config.load_experiment(tmp_path / "e.yaml").training.distill.teacher == tmp_path / "t.pt"


def test_a_convolutional_teacher_has_no_shape_to_count(project: Path) -> None:
    train.run(tiny_digits("model.family=resnet", "model.mlp=dense", "model.dim=4", "model.depth=1"), project)
    with pytest.raises(UnsupportedModel, match="other layers than attention and an MLP"):
        shape_of(project / "train/ckpt.pt")
