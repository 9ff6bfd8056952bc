"""Muon: what it does to a matrix, and which parameters it takes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from experiments import tiny_digits
from quweit_cli.models import build
from quweit_cli.training.muon import Muon, orthogonal
from quweit_cli.training.optimizer import Optimizer, parameter_groups

DIGITS = {"kind": "images", "side": 8, "channels": 1, "classes": list("0123456789")}


@pytest.mark.parametrize("shape", [(3, 8, 24), (2, 30, 6), (1, 16, 16)])
def test_singular_values_come_close_to_one_and_directions_stay(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    matrix_MRC = torch.randn(shape)
    u, s, vh = torch.linalg.svd(matrix_MRC, full_matrices=False)
    s = s.clamp(min=0.05 * s.amax())  # what is far smaller takes more than five steps
    values = torch.linalg.svdvals(orthogonal(u * s[:, None] @ vh))
    assert values.min() > 0.6 and values.max() < 1.25
    middle = u.mT @ orthogonal(u * s[:, None] @ vh) @ vh.mT
    off_diagonal = middle - torch.diag_embed(middle.diagonal(dim1=1, dim2=2))
    assert off_diagonal.abs().max() < 1e-3


def test_steps_are_those_of_torchs_own_muon() -> None:
    reference = getattr(torch.optim, "Muon", None)
    if reference is None:
        pytest.skip("this torch has no Muon")
    ours = [torch.randn(6, 10), torch.randn(6, 10), torch.randn(12, 4)]
    theirs = [torch.nn.Parameter(one.clone()) for one in ours]
    ours = [torch.nn.Parameter(one) for one in ours]
    muon = Muon([{"params": ours, "lr": torch.tensor(0.01), "weight_decay": 0.1}])
    expected = reference(theirs, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    start = [one.detach().clone() for one in ours]
    for step in range(5):
        gradient = [torch.randn(one.shape, generator=torch.Generator().manual_seed(step)) for one in start]
        for mine, other, grad in zip(ours, theirs, gradient, strict=True):
            mine.grad, other.grad = grad.clone(), grad.clone()
        muon.step()
        expected.step()
    for mine, other, first in zip(ours, theirs, start, strict=True):
        moved = (other - first).norm()
        assert (mine - other).norm() < 0.03 * moved  # torch rounds to bfloat16 on the CPU too
        assert (mine - first).norm() > 0.9 * moved


def test_it_takes_the_matrices_within_the_layers_and_adamw_the_rest() -> None:
    experiment = tiny_digits("training.optimizer=muon")
    groups = parameter_groups(model := build(experiment.model, DIGITS), weight_decay=0.1, muon=True)
    muon = {id(one) for group in groups if group["muon"] for one in group["params"]}
    names = {name.rpartition("layers.0.")[2] for name, one in model.named_parameters() if id(one) in muon}
    assert {name for name in names if "layers." not in name} == {
        "attention.qkv.weight",
        "attention.project.weight",
        "mlp.summation.value_KE",
    }
    everything = [id(one) for group in groups for one in group["params"]]
    assert sorted(everything) == sorted(id(one) for one in model.parameters() if one.requires_grad)
    assert not any(group["muon"] for group in parameter_groups(model, weight_decay=0.1))
    assert set(Optimizer(model, tiny_digits().training, steps=10).optimizers) == {"adamw"}


def test_rates_reach_both_and_both_clear_their_gradients() -> None:
    experiment = tiny_digits("training.optimizer=muon", "training.warmup=0")
    model = build(experiment.model, DIGITS)
    optimizer = Optimizer(model, experiment.training, steps=10)
    before = {name: one.detach().clone() for name, one in model.named_parameters()}
    images: Tensor = torch.randn(4, 1, 8, 8)
    model(images).square().sum().backward()
    optimizer.set_rates(0)
    optimizer.step()
    moved = {name for name, one in model.named_parameters() if not torch.equal(one, before[name])}
    assert {"layers.0.attention.qkv.weight", "layers.0.mlp.summation.value_KE", "embed.weight"} <= moved
    assert all(one.grad is None for one in model.parameters())
    optimizer.set_rates(9)
    assert 0 < optimizer.rate < 0.5 * experiment.training.learning_rate
    assert set(optimizer.optimizers) == {"muon", "adamw"}
    for one in optimizer.optimizers.values():
        for group in one.param_groups:
            assert float(group["lr"]) == pytest.approx(optimizer.rate * group["multiple"])
