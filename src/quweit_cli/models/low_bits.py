"""Weights of few bits: how a row of real weights becomes integers and a step, and what gradient passes.

Ternary weights are rounded to their step, as BitNet b1.58 does (arXiv 2402.17764); binary ones are signs, as those of
BEExformer (arXiv 2412.05225). The step of an output is the mean size of its weights.
Shape suffixes: I inputs, O outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.models.integer.fixed_point import straight_through
from quweit_cli.weightless.block import WeightlessBlock

WEIGHT_LIMIT = 127  # of int8, either way
SMALLEST_STEP = 2.0**-20


def step_of(weight_OI: Tensor, kind: config.Weights, *, scale: bool) -> Tensor:
    """Real value of one step of each output's weights, [O, 1], without gradient."""
    size_OI = weight_OI.detach().abs().float()
    if kind == "int8":
        return (size_OI.amax(dim=1, keepdim=True) / WEIGHT_LIMIT).clamp(min=SMALLEST_STEP)
    if not scale:
        return torch.ones_like(size_OI[:, :1])
    return size_OI.mean(dim=1, keepdim=True).clamp(min=SMALLEST_STEP)


def rounded_weights(
    weight_OI: Tensor, step_O1: Tensor, settings: config.FewBits, kind: config.Weights
) -> Tensor:
    """Whole steps times the step, with the gradient that the settings choose; in the type of the weights."""
    exact_OI = weight_OI.detach()
    if kind == "binary":
        code_OI = torch.where(exact_OI < 0, -1.0, 1.0).to(step_O1.dtype)
    else:
        largest = WEIGHT_LIMIT if kind == "int8" else 1
        code_OI = (exact_OI / step_O1 + 0.5).floor().clamp(-largest, largest)
    seen_OI = (code_OI * step_O1).to(weight_OI.dtype)
    passing_OI = weight_OI
    if kind != "int8" and settings.gradient == "second_order":
        size_O1 = exact_OI.abs().mean(dim=1, keepdim=True).clamp(min=SMALLEST_STEP)
        passing_OI = weight_OI * (2 - exact_OI.abs() / size_O1).clamp(min=0)
    return straight_through(passing_OI, seen_OI)


class LowBitLinear(nn.Linear):
    """A linear layer of a float model whose weights are rounded, and its inputs to int8 by their largest magnitude."""

    def __init__(
        self, inputs: int, outputs: int, settings: config.FewBits, kind: config.Weights, *, bias: bool
    ) -> None:
        super().__init__(inputs, outputs, bias=bias)
        self.settings, self.kind = settings, kind

    def rounded(self) -> Tensor:
        """Its weights as it multiplies with them, [O, I]."""
        step_O1 = step_of(self.weight, self.kind, scale=self.settings.scale)
        return rounded_weights(self.weight, step_O1, self.settings, self.kind)

    def forward(self, x: Tensor) -> Tensor:
        weight_OI = self.rounded()
        step = x.detach().abs().amax().clamp(min=SMALLEST_STEP) / WEIGHT_LIMIT
        return F.linear(straight_through(x, (x.detach() / step).round() * step), weight_OI, self.bias)


def matrix(
    inputs: int,
    outputs: int,
    settings: config.FewBits,
    kind: config.MatrixWeights,
    *,
    integers: bool,
    bias: bool,
) -> nn.Linear:
    """integers: the model computes in integers, whose product rounds its weights itself."""
    if kind == "float" or integers:
        return nn.Linear(inputs, outputs, bias=bias)
    return LowBitLinear(inputs, outputs, settings, kind, bias=bias)


def projection(
    settings: config.Model, kind: config.Weights, outputs: int, *, bias: bool
) -> nn.Linear | WeightlessBlock:
    """What makes `outputs` features of a row of the model's width."""
    dim, integers = settings.dim, settings.arithmetic == "integer"
    if kind == "weightless":
        return WeightlessBlock(dim, settings.projection_block, outputs=outputs, power_of_two=integers)
    return matrix(dim, outputs, settings.attention.projections, kind, integers=integers, bias=bias)


READERS = {  # of what a normalisation gives
    "attention_norm": ("attention.qkv",),
    "mlp_norm": ("mlp.forget.expand", "mlp.learn.expand"),
}


def with_gains_folded(state: Mapping[str, Tensor], own: Iterable[str]) -> dict[str, Tensor]:
    """Weights of a model for one some of whose normalisations have no gain and bias: they become part of what reads them.

    state: weights of the first by name. own: names of the second's weights.
    """
    names, folded = set(own), dict(state)
    for name, gain_D in state.items():
        layer, _, norm = name.removesuffix(".weight").rpartition(".")
        if norm not in READERS or name in names or not name.endswith(".weight"):
            continue
        bias_D = state.get(f"{layer}.{norm}.bias")
        for reader in (f"{layer}.{one}" for one in READERS[norm]):
            if (weight_OI := state.get(f"{reader}.weight")) is None:
                continue
            rows = weight_OI.shape[1] // len(gain_D)  # features of neighbours come after those of a token
            folded[f"{reader}.weight"] = weight_OI * gain_D.repeat(rows)
            if bias_D is not None and f"{reader}.bias" in state:
                folded[f"{reader}.bias"] = state[f"{reader}.bias"] + weight_OI @ bias_D.repeat(rows)
    return folded
