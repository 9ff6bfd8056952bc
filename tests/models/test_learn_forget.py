"""Selective learn-forget networks: two branches whose product joins the residual stream, equal to the program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from experiments import tiny_digits, tiny_gpt
from integer_networks import IMAGES, TEXT, folds_gains, images, made
from quweit_cli import ir
from quweit_cli.errors import ConfigError
from quweit_cli.export import whole
from quweit_cli.export.operands import few_bit_operands
from quweit_cli.ir.nodes.functions import Table
from quweit_cli.ir.nodes.products import MatrixProduct
from quweit_cli.models import build, least_weights, parameter_count
from quweit_cli.models.integer.mlp import IntegerLearnForget
from quweit_cli.models.layer import TransformerLayer
from quweit_cli.models.mlp import LearnForget

MLP, WEIGHTS = "model.mlp=learn_forget", "model.learn_forget.weights"
KINDS = ("float", "int8", "ternary", "binary")
MATRICES = ("forget_hidden_sum", "forgotten_sum", "learn_hidden_sum", "learned_sum")


def nodes_of(program: ir.Program, *names: str) -> list[object]:
    """Those of these names in every layer."""
    layers = [step.node for step in program.steps if isinstance(step.node, ir.Program)]
    return [step.node for layer in layers for step in layer.steps if step.name in names]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", ["vit", "gpt"])
def test_every_tensor_equals_the_program_whatever_the_weights(family: str, kind: str) -> None:
    model, samples = made(family, MLP, f"{WEIGHTS}={kind}")
    program = whole.program_of(model, Path("x"))
    verified = whole.verify(model, program, samples, golden=2)
    assert verified.tensors_compared == len(program.twins) > 50


def test_it_reads_neighbours_too() -> None:
    model, samples = made("vit", MLP, f"{WEIGHTS}=binary", "model.neighbours=true")
    program = whole.program_of(model, Path("x"))
    assert whole.verify(model, program, samples, golden=2).tensors_compared


@pytest.mark.parametrize(("kind", "largest"), [("int8", 127), ("ternary", 1), ("binary", 1)])
def test_its_four_matrices_have_the_bits_that_the_settings_say(kind: str, largest: int) -> None:
    model, _ = made("vit", MLP, f"{WEIGHTS}={kind}")
    nodes = nodes_of(model.build().program, *MATRICES)
    assert len(nodes) == 2 * len(MATRICES)
    for node in nodes:
        assert isinstance(node, MatrixProduct)
        assert np.abs(node.weights_IO).max() == largest
        assert (node.weights_IO == 0).any() == (kind != "binary")


def test_sigmoid_and_tanh_are_tables_of_128_steps_to_one() -> None:
    model, _ = made("vit", MLP)
    program = model.build().program
    for name, function in (("sigmoid", lambda x: 1 / (1 + np.exp(-x))), ("tanh", np.tanh)):
        (layer, *_) = [step.node for step in program.steps if isinstance(step.node, ir.Program)]
        scales = {step.name: step.scale for step in layer.steps}
        branch = {"sigmoid": "forget_hidden", "tanh": "learn_hidden"}[name]
        (table, _) = nodes_of(program, name)
        assert isinstance(table, Table) and scales[name] == 1 / 128
        exact = function(np.arange(-128, 128) * (scales[branch] or 0.0)) * 128
        assert np.abs(table.entries_N - np.clip(exact, -128, 127)).max() <= 0.5


def test_a_float_model_computes_the_product_of_both_branches() -> None:
    torch.manual_seed(0)
    network = LearnForget(16, tiny_digits(MLP).model, bias=True)
    x = torch.randn(2, 3, 16)
    forget, learn = network.forget, network.learn
    kept = forget.project(torch.sigmoid(forget.expand(x)))
    learned = learn.project(torch.tanh(learn.expand(x)))
    assert torch.equal(network(x), kept * learned)


@pytest.mark.parametrize("gradient", ["plain", "second_order"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_float_model_learns_with_it(kind: str, gradient: str) -> None:
    chosen = (MLP, f"{WEIGHTS}={kind}", f"model.learn_forget.gradient={gradient}")
    for base, meta, samples in (
        (tiny_digits(*chosen), IMAGES, images(6)),
        (tiny_gpt("none.txt", *chosen), TEXT, torch.randint(7, (6, 16))),
    ):
        torch.manual_seed(0)
        model = build(base.model, meta).train()
        logits = model(samples)
        assert isinstance(logits, torch.Tensor)
        logits.square().sum().backward()  # type: ignore[no-untyped-call]
        for name, weight in model.named_parameters():
            assert weight.grad is not None and bool(weight.grad.isfinite().all()), name
            if name.endswith("weight"):
                assert float(weight.grad.abs().max()) > 0, name


def test_without_a_scale_binary_weights_are_one() -> None:
    settings = tiny_digits(MLP, "model.arithmetic=integer", f"{WEIGHTS}=binary").model
    for scale in (True, False):
        few = settings.learn_forget.model_copy(update={"scale": scale})
        network = IntegerLearnForget(16, settings.model_copy(update={"learn_forget": few}), bias=False)
        branch = network.forget
        node, fraction = branch.expand_product.node(5, branch.expand.weight, None)
        assert set(np.unique(node.weights_IO)) == {-1, 1}
        assert bool((fraction == 5).all()) != scale


def test_it_has_twice_the_weights_of_a_dense_mlp() -> None:
    counts = []
    for mlp in ("dense", "learn_forget"):
        settings = tiny_digits(f"model.mlp={mlp}", "model.depth=1").model
        layer = build(settings, IMAGES).layers[0]
        assert isinstance(layer, TransformerLayer)
        counts.append(parameter_count(layer.mlp))
        assert least_weights(settings, IMAGES) < parameter_count(build(settings, IMAGES))
    assert counts[1] == 2 * counts[0]


def test_matrices_of_few_bits_are_given_as_operands_of_an_array() -> None:
    for arithmetic in ("float", "integer"):
        settings = tiny_digits(MLP, f"{WEIGHTS}=binary", f"model.arithmetic={arithmetic}").model
        found = few_bit_operands(build(settings, IMAGES).eval(), images(1))
        assert [one.name for one in found] == ["forget_up", "forget_down", "learn_up", "learn_down"]
        assert [one.a_MK.shape for one in found] == [(64, 16), (16, 64)] * 2
        assert all(set(np.unique(one.a_MK)) == {-1, 1} for one in found)


def test_what_starts_from_a_network_with_gains_reads_them_in_its_weights() -> None:
    assert folds_gains(tiny_digits(MLP).model, tiny_digits(MLP, f"{WEIGHTS}=int8").model, "mlp_norm")


def test_settings_refuse_blocks_as_its_matrices() -> None:
    with pytest.raises(ConfigError, match=r"learn_forget\.weights"):
        tiny_digits(MLP, f"{WEIGHTS}=weightless")
