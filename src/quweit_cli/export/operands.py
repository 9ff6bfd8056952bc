"""The operands of one dense layer on real samples, as the int8 matrices that a systolic array multiplies.

One scale a tensor, symmetric: the largest magnitude over all samples becomes 127. The products are those of
one sample, the heads' products those of the first head; a decoder's attention without masked tiles has all heads.

Shape suffixes: B samples, N tokens, D width, H heads, C width of a head.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quweit_cli import config
from quweit_cli.errors import UnsupportedModel
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.products import Head, LayerOperands, Operands
from quweit_cli.models import Network
from quweit_cli.models.attention import SelfAttention
from quweit_cli.models.integer.fixed_point import integers
from quweit_cli.models.integer.layer import IntegerAttention
from quweit_cli.models.integer.mlp import IntegerBranch
from quweit_cli.models.integer.operations import MatrixProduct
from quweit_cli.models.layer import TransformerLayer
from quweit_cli.models.low_bits import LowBitLinear
from quweit_cli.models.mlp import Branch, LearnForget
from quweit_cli.models.resnet import ResNet
from quweit_cli.training import checkpoint as checkpoints
from quweit_cli.weightless.block import WeightlessBlock

STEPS = 127


def layer_operands(checkpoint: Path) -> LayerOperands:
    """Those of the layer in the middle.

    Raises:
        ArtifactError: not a checkpoint of ours, or damaged.
        UnsupportedModel: the model's layers have no dense MLPs.
    """
    loaded = checkpoints.load(checkpoint)
    model = loaded.model()
    index = len(model.layers) // 2
    layer = model.layers[index]
    assert isinstance(layer, TransformerLayer)
    if not isinstance(layer.mlp, Branch):
        kind = loaded.experiment.model.mlp
        raise UnsupportedModel(
            f"`{checkpoint}` has {kind} MLPs, and an array computes the products of dense ones",
            hint="name a dense checkpoint: of `model.mlp: dense`, or of the twin in train/dense",
        )
    attention, mlp = layer.attention, layer.mlp
    if any(isinstance(one, WeightlessBlock) for one in (attention.qkv, attention.project)):
        raise UnsupportedModel(
            f"`{checkpoint}` has weightless blocks in place of the projections that an array computes",
            hint="name a dense checkpoint whose `model.attention.projections` are matrices",
        )
    linears: dict[str, torch.nn.Module] = {
        "qkv": attention.qkv,
        "projection": attention.project,
        "up": mlp.expand,
        "down": mlp.project,
    }
    with torch.no_grad(), _arguments(linears) as arguments:
        model(loaded.inputs)
        seen = {name: one for name, (one, *_) in arguments.items()}
        q_BHNC, k_BHNC, v_BHNC = attention.heads_of(seen["qkv"])
        weights_BHNN = _softmax(attention, q_BHNC, k_BHNC)
    heads = attention.heads
    made = {
        name: Operands(name, _int8(seen[name])[0], _int8(weights_of(linear)).T)
        for name, linear in linears.items()
    }
    q_HNC, k_HNC, v_HNC, weights_HNN = (_int8(values)[0] for values in (q_BHNC, k_BHNC, v_BHNC, weights_BHNN))
    made["qk"] = Operands("qk", q_HNC[0], k_HNC[0].T, heads)
    made["av"] = Operands("av", weights_HNN[0], v_HNC[0], heads)
    causal = [Head(q, k.T, p, v) for q, k, p, v in zip(q_HNC, k_HNC, weights_HNN, v_HNC, strict=True)]
    said = (
        f"layer {index} of checkpoint `{loaded.experiment.name}` on the first of {len(loaded.inputs)} test samples that it "
        f"carries, int8 by the largest magnitude of each tensor"
    )
    products = [made[name] for name in ("up", "down", "qkv", "qk", "av", "projection")]
    return LayerOperands(products, causal if attention.causal else [], said)


@torch.no_grad()
def few_bit_operands(model: Network, inputs: Tensor) -> list[Operands]:
    """The matrices of the layer in the middle whose weights are -1, 0 and 1, on the first sample: weights [O, I] on the left,
    what they read [I, N] on the right. None of a model that has no such.

    A float model's rows are rounded to int8 by their largest magnitude, as it does itself.
    """
    if isinstance(model, ResNet):
        return []
    layer = model.layers[len(model.layers) // 2]
    assert isinstance(layer, TransformerLayer)
    attention, mlp = layer.attention, layer.mlp
    places: dict[str, torch.nn.Module] = {"qkv": attention.qkv, "projection": attention.project}
    if isinstance(attention, IntegerAttention):
        products = {"qkv": attention.qkv_product, "projection": attention.project_product}
        places = {name: products[name] for name, one in places.items() if isinstance(one, torch.nn.Linear)}
    branches = {"forget": mlp.forget, "learn": mlp.learn} if isinstance(mlp, LearnForget) else {}
    for name, branch in branches.items():
        if isinstance(branch, IntegerBranch):
            places |= {f"{name}_up": branch.expand_product, f"{name}_down": branch.project_product}
        else:
            places |= {f"{name}_up": branch.expand, f"{name}_down": branch.project}
    made = []
    with _arguments(places) as seen:
        model(inputs)
    for name, arguments in seen.items():
        place = places[name]
        if isinstance(place, MatrixProduct) and place.of_few_bits:
            x, weight_OI, bias_O = arguments
            codes = integers(x)[0].cpu().numpy()
            weights_OI = place.node(int(x.fraction), weight_OI, bias_O)[0].weights_IO.T
        elif isinstance(place, LowBitLinear) and place.kind in config.FEW_BITS:
            codes, weights_OI = _int8(arguments[0])[0], np.sign(weights_of(place).numpy()).astype(np.int64)
        else:
            continue
        made.append(Operands(name, weights_OI, codes.T))
    return made


@contextmanager
def _arguments(places: Mapping[str, torch.nn.Module]) -> Iterator[dict[str, tuple[Any, ...]]]:
    """What modules are called with while the model runs."""
    seen: dict[str, tuple[Any, ...]] = {}

    def keep(name: str, module: torch.nn.Module) -> torch.utils.hooks.RemovableHandle:
        def hook(_: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
            seen.setdefault(name, inputs)

        return module.register_forward_pre_hook(hook)

    handles = [keep(name, module) for name, module in places.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def weights_of(linear: torch.nn.Module) -> Tensor:
    """As it multiplies with them."""
    assert isinstance(linear, torch.nn.Linear)
    weight: Tensor = linear.rounded() if isinstance(linear, LowBitLinear) else linear.weight
    return weight.detach()


def _softmax(attention: SelfAttention, q_BHNC: Tensor, k_BHNC: Tensor) -> Tensor:
    """The weights inside of scaled dot product attention, which does not give them away, [B, H, N, N]."""
    scores_BHNN = q_BHNC @ k_BHNC.transpose(-1, -2) / math.sqrt(q_BHNC.shape[-1])
    if attention.causal:
        N = scores_BHNN.shape[-1]
        scores_BHNN = scores_BHNN.masked_fill(torch.ones(N, N).triu(1).bool(), -math.inf)
    return scores_BHNN.softmax(dim=-1)


def _int8(values: Tensor) -> Integers:
    scale = STEPS / max(float(values.abs().max()), 1e-12)
    quantized: Integers = np.rint(values.double().numpy() * scale).astype(np.int64)
    return quantized
