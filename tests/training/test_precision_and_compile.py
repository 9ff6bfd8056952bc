"""Precision and compilation: the same training to rounding, the same names of weights, plain refusals."""

import shutil
from pathlib import Path

import pytest
import torch

from experiments import tiny_digits
from quweit_cli import artifacts
from quweit_cli.errors import OutOfMemory, QuweitError
from quweit_cli.models import grids_of
from quweit_cli.progress import SILENT
from quweit_cli.stages import train
from quweit_cli.training import checkpoint
from quweit_cli.training.datasets import load
from quweit_cli.training.device import Precision
from quweit_cli.training.loop import Trained, fit

DENSE = ("model.mlp=dense", "model.depth=1", "model.dropout=0.0")


def trained(*overrides: str) -> Trained:
    experiment = tiny_digits(*overrides)
    return fit(experiment, load(experiment.data), lambda figures: None, SILENT)


NEEDS_COMPILER = pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler")
INDUCTOR = pytest.param("inductor", marks=[pytest.mark.slow, NEEDS_COMPILER])


@pytest.mark.parametrize(
    ("arithmetic", "graphs"), [("float", 1), ("integer", 3)]
)  # of integers both ends are compiled
@pytest.mark.parametrize("backend", ["eager", INDUCTOR])
def test_a_compiled_model_learns_the_same_under_the_same_names(
    backend: str, arithmetic: str, graphs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`eager` traces the model as `inductor` does, and makes no code of it."""
    traced = []
    compiled = torch.compile

    def with_backend(model: torch.nn.Module, **options: object) -> object:
        traced.append(model)
        return compiled(model, backend=backend, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(torch, "compile", with_backend)
    project = artifacts.open_project(tmp_path / "p")
    settings = (*DENSE, f"model.arithmetic={arithmetic}")
    result = train.run(tiny_digits(*settings, "training.compile=true"), project)
    plain = trained(*settings)
    assert result.models[0].curve[-1]["train_loss"] == pytest.approx(plain.curve[-1]["train_loss"], rel=1e-4)
    assert len(traced) == graphs
    names = checkpoint.load(project / "train/ckpt.pt").state.keys()
    assert names == plain.model.state_dict().keys()


def test_grids_follow_every_step_of_a_training() -> None:
    model = trained("model.arithmetic=integer", "training.steps=1").model
    grids = grids_of(model)
    assert grids and all(grid.largest > 0 and grid.seen == 0 for grid in grids)
    assert not grids_of(trained("training.steps=1").model)


def test_a_missing_compiler_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    class InvalidCxxCompiler(RuntimeError):
        """Of the name that torch's own has."""

    def refuse(*arguments: object, **options: object) -> None:
        raise InvalidCxxCompiler("No working C++ compiler found\nand a page of details")

    monkeypatch.setattr(torch, "compile", refuse)
    with pytest.raises(
        QuweitError, match=r"could not be compiled: No working C\+\+ compiler found$"
    ) as caught:
        trained(*DENSE, "training.compile=true")
    assert caught.value.hint is not None and "training.compile: false" in caught.value.hint


def test_bfloat16_is_used_where_asked_for_and_weights_stay_float32() -> None:
    exact, rounded = trained(*DENSE), trained(*DENSE, "training.precision=bfloat16")
    assert all(one.dtype == torch.float32 for one in rounded.model.parameters())
    losses = [one.curve[0]["train_loss"] for one in (exact, rounded)]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_automatic_precision_is_float32_on_a_cpu_and_bfloat16_on_a_gpu() -> None:
    assert not Precision("auto", torch.device("cpu")).bfloat16
    assert Precision("auto", torch.device("cuda")).bfloat16
    assert not Precision("float32", torch.device("cuda")).bfloat16


def test_settings_of_torch_are_as_before_afterwards() -> None:
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    trained(*DENSE, "training.precision=bfloat16", "training.threads=3")
    assert (torch.get_num_threads(), torch.get_float32_matmul_precision()) == before


def test_too_little_memory_is_said_with_what_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 80.00 GiB")

    monkeypatch.setattr("quweit_cli.training.loop.prediction_loss", full)
    with pytest.raises(OutOfMemory, match="more memory than this machine has") as caught:
        trained(*DENSE)
    assert caught.value.exit_code == 3
    assert (
        caught.value.hint is not None and "than 32" in caught.value.hint and "bfloat16" in caught.value.hint
    )
