"""Checkpoints: what is read back, and everything that is refused, without running a byte of it."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments import tiny_digits
from quweit_cli import artifacts
from quweit_cli.errors import ArtifactError
from quweit_cli.stages import train
from quweit_cli.training import checkpoint


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = artifacts.open_project(tmp_path_factory.mktemp("trained"))
    train.run(tiny_digits(), project)
    return project / "train" / "ckpt.pt"


def content_of(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


def test_a_checkpoint_gives_its_model_back(trained: Path) -> None:
    loaded = checkpoint.load(trained)
    assert loaded.experiment == tiny_digits()
    model = loaded.model()
    with torch.no_grad():
        accuracy = (model(loaded.inputs).argmax(dim=1) == loaded.targets).float().mean()
    assert len(loaded.inputs) * model.tokens >= 1024
    assert float(accuracy) == pytest.approx(loaded.metrics["test_accuracy"], abs=0.1)


def test_a_missing_checkpoint_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="there is no checkpoint"):
        checkpoint.load(tmp_path / "ckpt.pt")


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(trained: Path, tmp_path: Path, keep: float) -> None:
    whole = trained.read_bytes()
    (tmp_path / "ckpt.pt").write_bytes(whole[: int(keep * len(whole)) if keep < 1 else int(keep)])
    with pytest.raises(ArtifactError, match="damaged"):
        checkpoint.load(tmp_path / "ckpt.pt")


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("sprung"),))


def test_code_inside_a_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.pt").write_bytes(
        pickle.dumps({"format": checkpoint.FORMAT, "model": Trap()}, protocol=2)
    )
    torch.save({"format": checkpoint.FORMAT, "version": 1, "model": Trap()}, tmp_path / "zipped.pt")
    for name in ("plain.pt", "zipped.pt"):
        with pytest.raises(ArtifactError, match=name):
            checkpoint.load(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def test_another_program_s_checkpoint_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {"weight": torch.zeros(3)}}, tmp_path / "other.pt")
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    for name in ("other.pt", "tensor.pt"):
        with pytest.raises(ArtifactError, match="not a quweit checkpoint"):
            checkpoint.load(tmp_path / name)


def test_another_version_is_refused_by_number(trained: Path, tmp_path: Path) -> None:
    torch.save(content_of(trained) | {"version": 99}, tmp_path / "ckpt.pt")
    with pytest.raises(ArtifactError, match="version 99, this quweit reads version 1"):
        checkpoint.load(tmp_path / "ckpt.pt")


@pytest.mark.parametrize("key", sorted(checkpoint.KEYS - {"format", "version"}))
def test_a_missing_part_is_named(trained: Path, tmp_path: Path, key: str) -> None:
    content = content_of(trained)
    del content[key]
    torch.save(content, tmp_path / "ckpt.pt")
    with pytest.raises(ArtifactError, match=key):
        checkpoint.load(tmp_path / "ckpt.pt")


def test_weights_that_do_not_fit_the_settings_are_refused(trained: Path, tmp_path: Path) -> None:
    content = content_of(trained)
    content["experiment"]["model"]["dim"] = 32
    torch.save(content, tmp_path / "ckpt.pt")
    with pytest.raises(ArtifactError, match="do not fit its settings"):
        checkpoint.load(tmp_path / "ckpt.pt").model()


def test_settings_that_are_not_valid_are_refused(trained: Path, tmp_path: Path) -> None:
    content = content_of(trained)
    content["experiment"]["model"]["colour"] = "red"
    torch.save(content, tmp_path / "ckpt.pt")
    with pytest.raises(ArtifactError, match="colour"):
        checkpoint.load(tmp_path / "ckpt.pt")


def test_a_failed_write_leaves_the_earlier_checkpoint(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = checkpoint.load(trained)
    checkpoint.save(loaded, tmp_path / "ckpt.pt")
    before = (tmp_path / "ckpt.pt").read_bytes()

    def full_disk(content: object, file: Any) -> None:
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(loaded, tmp_path / "ckpt.pt")
    assert (tmp_path / "ckpt.pt").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["ckpt.pt"]
