"""On a CUDA device: the same integers as on the CPU, and gradients that agree. Run by hand with `-m gpu`."""

import pytest
import torch

import kernel_cases
from experiments import tiny_digits
from quweit_cli import config
from quweit_cli.models import blocks_of
from quweit_cli.progress import SILENT
from quweit_cli.training.datasets import load
from quweit_cli.training.loop import fit
from quweit_cli.weightless import WeightlessBlock
from quweit_cli.weightless.kernels import cpu
from quweit_cli.weightless.thermometer import quantize

gpu = pytest.importorskip("quweit_cli.weightless.kernels.gpu", reason="needs Triton")

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

SETTINGS = config.Block.model_validate(
    {"lut_layers": [96, 64], "mapping": "learnable", "thermometer": {"learnable": True}, "dropout": 0.0}
)


def test_integers_are_those_of_the_cpu() -> None:
    torch.manual_seed(0)
    block = WeightlessBlock(48, SETTINGS).eval()
    code_RD = quantize(torch.randn(500, 48))
    expected_RE = block.integers(code_RD)
    assert torch.equal(block.cuda().integers(code_RD.cuda()).cpu(), expected_RE)


def test_gradients_agree_with_the_cpu() -> None:
    torch.manual_seed(0)
    block = WeightlessBlock(48, SETTINGS)
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


@pytest.mark.parametrize(
    "changes", [[], ["model.mlp=dense"], ["model.block.mapping=learnable", "training.average=0.9"]]
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
    figures: list[dict[str, float]] = []
    fit(experiment, load(experiment.data), figures.append, SILENT)
    return [line["loss"] for line in figures if "loss" in line]
