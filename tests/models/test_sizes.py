"""What a model takes in bits: every parameter once, by the form in which it is stored."""

from __future__ import annotations

import pytest
import torch

from experiments import tiny_digits
from integer_networks import META
from quweit_cli import config
from quweit_cli.documents import ModelSize
from quweit_cli.models import build, parameter_count
from quweit_cli.models.size import size_of

BINARY = (
    "model.mlp=learn_forget",
    "model.learn_forget.weights=binary",
    "model.attention.projections={qkv: binary, output: binary}",
)


def sized(*overrides: str, family: str = "vit") -> tuple[ModelSize, int]:
    """And the parameters of the model."""
    torch.manual_seed(0)
    settings = config.with_overrides(tiny_digits(), [f"model.family={family}", *overrides]).model
    model = build(settings, META[family])
    return size_of(model, settings, META[family]), parameter_count(model)


@pytest.mark.parametrize("family", ["vit", "gpt", "encoder"])
@pytest.mark.parametrize("arithmetic", ["float", "integer"])
@pytest.mark.parametrize("kind", ["model.mlp=dense", "model.mlp=weightless", *BINARY[:1]])
def test_every_parameter_is_counted_once(family: str, arithmetic: str, kind: str) -> None:
    found, parameters = sized(kind, f"model.arithmetic={arithmetic}", family=family)
    assert found.parameters == sum(one.parameters for one in found.parts) == parameters
    assert found.bits == sum(one.bits for one in found.parts)


def test_a_dense_model_in_float_is_as_large_as_itself() -> None:
    found, parameters = sized("model.mlp=dense")
    assert found.bits == 32 * parameters
    assert found.times_smaller == found.times_smaller_by_parameters == found.times_smaller_than_dense == 1


def test_a_binary_model_follows_the_formula_of_beexformer() -> None:
    found, parameters = sized(*BINARY)
    binary = sum(one.parameters for one in found.parts if one.format == "binary")
    assert binary == 2 * (4 * 16**2 + 4 * 4 * 16**2)
    share = 1 - binary / parameters
    assert found.times_smaller_by_parameters == pytest.approx(1 / (share + (1 - share) / 32))
    scales = sum(one.bits for one in found.parts if one.what == "scales of weights")
    assert scales == 32 * 2 * (3 * 16 + 16 + 2 * (64 + 16))
    assert found.bits == found.bits_of_parameters + scales


def test_weights_of_other_bits_are_told_apart_in_integers_too() -> None:
    for kind, bits in (("ternary", 2), ("int8", 8)):
        found, _ = sized("model.arithmetic=integer", f"model.attention.projections.qkv={kind}")
        (part,) = [
            one
            for one in found.parts
            if one.part == "attention" and one.format == kind and one.what == "weights"
        ]
        count = 2 * 3 * 16**2 + (2 * 16**2 if kind == "int8" else 0)  # the output has eight bits
        assert (part.parameters, part.bits) == (count, bits * count)


def test_a_block_has_tables_of_bits_wiring_and_encoded_values() -> None:
    found, _ = sized("model.block.value_bits=3")
    bits = {one.what: one.bits for one in found.parts if one.part == "MLPs"}
    assert bits["tables of LUTs"] == 2 * 24 * 64
    assert bits["wiring of LUTs"] == 2 * 24 * 6 * 6  # one of 16 x 4 bits
    assert bits["encoded values"] == 2 * 24 * 16 * 3
    assert bits["thresholds"] == 2 * 16 * 4 * 8


def test_the_dense_model_has_neither_blocks_nor_few_bits() -> None:
    dense, parameters = sized("model.mlp=dense")
    assert (
        sized(*BINARY)[0].dense_parameters
        == sized()[0].dense_parameters
        == parameters
        == dense.dense_parameters
    )
