"""The matrices of attention in few bits or by weightless blocks: integers equal to the program, and their gradients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from experiments import tiny_digits, tiny_gpt
from integer_networks import IMAGES, TEXT, folds_gains, images, made
from quweit_cli import config, ir
from quweit_cli.errors import ConfigError
from quweit_cli.export import whole
from quweit_cli.ir.nodes.products import MatrixProduct
from quweit_cli.models import build, grids_of, placed_blocks
from quweit_cli.models.low_bits import rounded_weights, step_of

QKV, OUTPUT = "model.attention.projections.qkv", "model.attention.projections.output"
KINDS = ("int8", "ternary", "binary", "weightless")


def nodes_of(program: ir.Program, name: str) -> list[object]:
    """Those of this name in every layer."""
    layers = [step.node for step in program.steps if isinstance(step.node, ir.Program)]
    return [step.node for layer in layers for step in layer.steps if step.name == name]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", ["vit", "gpt"])
def test_every_tensor_equals_the_program_whatever_makes_the_projections(family: str, kind: str) -> None:
    model, samples = made(family, f"{QKV}={kind}", f"{OUTPUT}={kind}")
    program = whole.program_of(model, Path("x"))
    verified = whole.verify(model, program, samples, golden=2)
    assert verified.tensors_compared == len(program.twins) > 30


@pytest.mark.parametrize(("kind", "largest"), [("int8", 127), ("ternary", 1), ("binary", 1)])
def test_weights_of_the_program_have_the_bits_that_the_settings_say(kind: str, largest: int) -> None:
    model, _ = made("vit", f"{QKV}={kind}", f"{OUTPUT}={kind}")
    program = model.build().program
    for node in [*nodes_of(program, "qkv"), *nodes_of(program, "projected_sum")]:
        assert isinstance(node, MatrixProduct)
        assert np.abs(node.weights_IO).max() == largest
        assert (node.weights_IO == 0).any() == (kind != "binary")


def test_a_block_makes_queries_keys_and_values_and_another_joins_the_residual() -> None:
    model, _ = made("vit", f"{QKV}=weightless", f"{OUTPUT}=weightless")
    placed = placed_blocks(model)
    assert list(placed) == ["qkv0", "projection0", "block0", "qkv1", "projection1", "block1"]
    assert [one.layer for one in placed.values()] == [0, 0, 0, 1, 1, 1]
    qkv = nodes_of(model.build().program, "qkv")[1]
    assert isinstance(qkv, ir.Program) and qkv.name == "qkv1"


def test_projections_may_have_a_block_of_their_own() -> None:
    settings = tiny_digits(f"{QKV}=weightless", "model.attention.projections.block={lut_layers: [32]}")
    placed = placed_blocks(build(settings.model, IMAGES))
    assert placed["qkv0"].block.settings.lut_layers == (32,) != placed["block0"].block.settings.lut_layers
    with pytest.raises(ConfigError, match=r"projections\.block\.groups \(5\) must divide"):
        tiny_digits("model.attention.projections.block={lut_layers: [25], groups: 5}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_float_model_learns_with_them(kind: str) -> None:
    for base, meta, samples in (
        (tiny_digits(f"{QKV}={kind}", f"{OUTPUT}={kind}"), IMAGES, images(6)),
        (tiny_gpt("none.txt", f"{QKV}={kind}", f"{OUTPUT}={kind}"), TEXT, torch.randint(7, (6, 16))),
    ):
        torch.manual_seed(0)
        model = build(base.model, meta).train()
        logits = model(samples)
        assert isinstance(logits, torch.Tensor)
        logits.square().sum().backward()  # type: ignore[no-untyped-call]
        for name, weight in model.named_parameters():
            if weight.requires_grad and not name.endswith("threshold_DT"):
                assert weight.grad is not None and bool(weight.grad.isfinite().all()), name
                if name.endswith(("weight", "table_JA", "value_KE")):
                    assert float(weight.grad.abs().max()) > 0, name


def test_weights_are_rounded_as_the_documents_say() -> None:
    weight = torch.tensor([[0.1, -0.4, 0.9, -2.6]], requires_grad=True)
    plain = config.Projections()
    step = step_of(weight, "ternary", scale=True)
    assert float(step) == pytest.approx(1.0)
    assert rounded_weights(weight, step, plain, "ternary").tolist() == [[0.0, 0.0, 1.0, -1.0]]
    assert rounded_weights(weight, step, plain, "binary").tolist() == [[1.0, -1.0, 1.0, -1.0]]
    assert float(step_of(weight, "binary", scale=False)) == 1.0
    second = config.Projections(gradient="second_order")
    rounded_weights(weight, step, second, "binary").sum().backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    assert weight.grad.tolist()[0] == pytest.approx([1.9, 1.6, 1.1, 0.0])


def test_a_float_model_without_weightless_projections_has_no_grids() -> None:
    assert not grids_of(build(tiny_digits(f"{QKV}=ternary").model, IMAGES))


def test_what_starts_from_a_model_with_gains_computes_the_same_at_first() -> None:
    own = tiny_digits("model.mlp=dense", f"{QKV}=int8", f"{OUTPUT}=int8").model
    assert folds_gains(tiny_digits("model.mlp=dense").model, own, "attention_norm")
