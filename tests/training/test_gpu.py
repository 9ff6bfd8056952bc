"""On a CUDA device: the same integers as on the CPU, and gradients that agree. Run by hand with `-m gpu`."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_distributed import STRUCK

import kernel_cases
from experiments import DIGITS, tiny_digits
from quweit_cli import artifacts, config
from quweit_cli.documents import TrainResult, UnfinishedTraining
from quweit_cli.interrupts import Terminated
from quweit_cli.models import blocks_of, build
from quweit_cli.progress import SILENT
from quweit_cli.stages import train
from quweit_cli.training.datasets import load
from quweit_cli.training.distributed import ALONE
from quweit_cli.training.loop import _Run, fit
from quweit_cli.weightless.block import WeightlessBlock
from quweit_cli.weightless.kernels import cpu
from quweit_cli.weightless.thermometer import quantize

gpu = pytest.importorskip("quweit_cli.weightless.kernels.gpu", reason="needs Triton")

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def settings(*, summed: bool) -> config.Block:
    thermometer = {"learnable": True, "summed": summed}
    return config.Block.model_validate(
        {"lut_layers": [96, 64], "mapping": "learnable", "thermometer": thermometer, "dropout": 0.0}
    )


@pytest.mark.parametrize("summed", [False, True])
def test_integers_are_those_of_the_cpu(summed: bool) -> None:
    torch.manual_seed(0)
    block = WeightlessBlock(48, settings(summed=summed)).eval()
    code_RD = quantize(torch.randn(500, 48))
    expected_RE = block.integers(code_RD)
    assert torch.equal(block.cuda().integers(code_RD.cuda()).cpu(), expected_RE)


@pytest.mark.parametrize("summed", [False, True])
def test_gradients_agree_with_the_cpu(summed: bool) -> None:
    torch.manual_seed(0)
    block = WeightlessBlock(48, settings(summed=summed))
    x = torch.randn(8, 16, 48)
    block(x).square().sum().backward()
    expected = {name: one.grad.clone() for name, one in block.named_parameters()}
    block.zero_grad()
    block.cuda()(x.cuda()).square().sum().backward()
    for name, parameter in block.named_parameters():
        torch.testing.assert_close(parameter.grad.cpu(), expected[name], rtol=1e-3, atol=1e-5)


def test_a_model_trained_there_is_tested_alike_here() -> None:
    experiment = tiny_digits("training.device=cuda", "training.steps=30")
    data = load(experiment.data)
    trained = fit(experiment, data, lambda figures: None, SILENT)
    inputs, _ = data.test(4)
    there = trained.model.eval()(inputs.cuda()).argmax(dim=1).cpu()
    here = trained.model.cpu()(inputs).argmax(dim=1)
    assert (there == here).float().mean() > 0.98
    assert len(blocks_of(trained.model)) == 2


@pytest.mark.parametrize("mlp", ["dense", "weightless"])
@pytest.mark.parametrize("augment", ["crop_flip", "deit"])
def test_a_step_waits_for_nothing(mlp: str, augment: str) -> None:
    """CUDA's own alarm: any wait of the host within a step is an error."""
    device = torch.device("cuda", 0)
    experiment = tiny_digits(f"model.mlp={mlp}", f"data.augment={augment}", "training.average=0.9")
    data = load(experiment.data).to(device)
    model = build(experiment.model, data.meta).to(device)
    run = _Run(experiment, data, model, device, lambda figures: None, SILENT, ALONE)
    for step in range(3):
        run._step(step)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in range(3, 6):
            run._step(step)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_training_in_pieces_equals_the_whole_there_too(tmp_path: Path) -> None:
    experiment = tiny_digits(
        "training.device=cuda", "training.steps=40", "training.deterministic=true", "model.dropout=0.1"
    )
    whole, pieces = (artifacts.open_project(tmp_path / name) for name in ("whole", "pieces"))
    expected = train.run(experiment, whole)
    while isinstance(train.run(experiment, pieces, resume=True, stop_after_minutes=0), UnfinishedTraining):
        pass
    result = artifacts.load(TrainResult, pieces / "train/train.json")
    assert [one.curve for one in result.models] == [one.curve for one in expected.models]


@pytest.mark.parametrize("mlp", ["dense", "weightless"])
def test_a_compiled_training_learns_the_same(mlp: str) -> None:
    curves = []
    for compiled in ("false", "true"):
        experiment = tiny_digits(
            "training.device=cuda",
            f"model.mlp={mlp}",
            "model.block.dropout=0.0",
            f"training.compile={compiled}",
        )
        curves.append(fit(experiment, load(experiment.data), lambda figures: None, SILENT).curve)
    for plain, fast in zip(*curves, strict=True):
        assert plain["train_loss"] == pytest.approx(fast["train_loss"], rel=0.02)


@pytest.mark.parametrize("recorded", [False, True])
def test_two_gpus_give_the_curve_of_one(tmp_path: Path, recorded: bool) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
    curves = []
    changes = {"compile": True, "steps": 30, "evaluate_every": 10} if recorded else {}
    for count in (1, 2):
        command = [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count),
            "-m", "quweit_cli", "train", str(experiment_file(tmp_path, **changes)), "--out", str(tmp_path / str(count)), "--json",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        curves.append(json.loads(done.stdout)["models"][0]["curve"])
    for one, two in zip(*curves, strict=True):
        assert one == pytest.approx(two, rel=1e-3)


@pytest.mark.parametrize("compiled", ["false", "true"])
def test_an_interrupted_training_goes_on_there_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: str
) -> None:
    """Recorded steps among them: the signal comes while the graph is replayed."""
    experiment = tiny_digits("training.device=cuda", "training.steps=30", f"training.compile={compiled}")
    whole, pieces = (artifacts.open_project(tmp_path / name) for name in ("whole", "pieces"))
    expected = train.run(experiment, whole)
    step = _Run._step

    def struck(run: _Run, number: int) -> object:
        if number == 16:
            signal.raise_signal(signal.SIGTERM)
        return step(run, number)

    with monkeypatch.context() as patch, pytest.raises(Terminated) as caught:
        patch.setattr(_Run, "_step", struck)
        train.run(experiment, pieces)
    assert "after step 17 of 30" in caught.value.__notes__[0]
    result = train.run(experiment, pieces)
    assert isinstance(result, TrainResult) and isinstance(expected, TrainResult)
    for one, two in zip(result.models[0].curve, expected.models[0].curve, strict=True):
        assert one == pytest.approx(two, rel=1e-3)


@pytest.mark.parametrize("recorded", [False, True])
def test_two_gpus_stop_when_one_process_is_interrupted(tmp_path: Path, recorded: bool) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two CUDA devices")
    (tmp_path / "struck.py").write_text(STRUCK)
    changes = {"compile": recorded, "steps": 30, "evaluate_every": 10}

    def trained(project: str, strike: str = "") -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            str(tmp_path / "struck.py"), "train", str(experiment_file(tmp_path, **changes)), "--out", str(tmp_path / project),
        ]  # fmt: skip
        environment = {**os.environ, "STRIKE": strike}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    stopped = trained("p", strike="1")
    assert stopped.returncode != 0
    at = re.search(r"saved is: weightless after step (\d+) of 30", stopped.stderr)
    assert at is not None and 7 <= int(at[1]) <= 10, stopped.stderr
    again = trained("p")
    assert again.returncode == 0 and f"going on after step {at[1]} of 30" in again.stderr, again.stderr
    assert trained("whole").returncode == 0
    curves = [
        artifacts.load(TrainResult, tmp_path / one / "train/train.json").models[0].curve
        for one in ("p", "whole")
    ]
    for one, two in zip(*curves, strict=True):
        assert one == pytest.approx(two, rel=1e-3)


def experiment_file(folder: Path, **changes: object) -> Path:
    path = folder / "tiny.yaml"
    training = {**DIGITS["training"], "device": "cuda", "precision": "float32", **changes}
    model = {**DIGITS["model"], "block": {**DIGITS["model"]["block"], "dropout": 0.0}}
    path.write_text(json.dumps({**DIGITS, "model": model, "training": training}))
    return path


@pytest.mark.parametrize(
    "changes",
    [
        [],
        ["model.mlp=dense"],
        ["model.block.mapping=learnable", "training.average=0.9"],
        ["model.block.thermometer.summed=true"],
        ["training.optimizer=muon"],
        ["training.optimizer=muon", "training.distill.weight=0.5", "training.distill.states=20"],
    ],
)
def test_a_recorded_step_learns_what_a_launched_one_learns(
    monkeypatch: pytest.MonkeyPatch, changes: list[str]
) -> None:
    settings = ["training.device=cuda", "training.compile=true", "training.steps=30", *changes]
    recorded = losses(*settings, "model.dropout=0.1")
    monkeypatch.setattr("quweit_cli.training.graph.WARM_UP", 1000)
    launched = losses(*settings, "model.dropout=0.1")
    assert recorded == pytest.approx(launched, rel=1e-3)
    assert recorded[0] != recorded[-1]


@pytest.mark.parametrize("kernel_case", ["first_layer", "later_layer", "fan_in_2", "fan_in_4"])
def test_its_kernels_equal_those_of_the_cpu(kernel_case: str) -> None:
    case = kernel_cases.CASES[kernel_case]
    expected = kernel_cases.results(cpu, kernel_cases.Tensors(case), torch.float32)
    kernel_cases.compare(
        expected, kernel_cases.results(gpu, kernel_cases.Tensors(case, "cuda"), torch.float32)
    )
    rounded = kernel_cases.Tensors(case, "cuda", torch.bfloat16)
    kernel_cases.compare(expected, kernel_cases.results(gpu, rounded, torch.bfloat16), tolerance=0.02)


def losses(*changes: str) -> list[float]:
    experiment = tiny_digits(*changes)
    data = load(experiment.data)
    torch.manual_seed(1)
    dense = build(tiny_digits("model.mlp=dense").model, data.meta)
    figures: list[dict[str, float]] = []
    fit(
        experiment,
        data,
        figures.append,
        SILENT,
        teacher=dense if experiment.training.distill.weight else None,
    )
    return [line["loss"] for line in figures if "loss" in line]
