"""What computes the products of attention, by what the weights of its projections are."""

from __future__ import annotations

import pytest

import packages
from quweit_cli.config import Weights
from quweit_cli.energy import workload


@pytest.mark.parametrize(
    ("qkv", "projection", "multiplied", "few"),
    [
        ("float", "int8", ["qkv", "qk", "av", "projection"], []),
        ("ternary", "binary", ["qk", "av"], ["qkv", "projection"]),
        ("weightless", "ternary", ["qk", "av"], ["projection"]),
        ("weightless", "weightless", ["qk", "av"], []),
    ],
)
def test_products_go_to_the_array_that_computes_them(
    qkv: Weights, projection: Weights, multiplied: list[str], few: list[str]
) -> None:
    shape = packages.I_VIT_T.model_copy(update={"qkv": qkv, "projection": projection})
    found = workload.attention_split(shape)
    assert [gemm.name for gemm in found.multiplied] == multiplied
    assert [gemm.name for gemm in found.of_few_bits] == few


def test_without_multiplications_in_projections_only_attention_itself_is_left() -> None:
    shape = packages.I_VIT_T.model_copy(update={"qkv": "ternary", "projection": "weightless"})
    tokens, dim = shape.tokens, shape.dim
    kept = 2 * tokens * tokens * dim
    whole = kept + 4 * tokens * dim * dim + 2 * tokens * dim * shape.mlp_hidden
    assert workload.multiplications_replaced(shape) == pytest.approx(1 - kept / whole)
    assert workload.weights_replaced(shape) == 1
    assert workload.multiplications_replaced(packages.I_VIT_T) < workload.multiplications_replaced(shape)


def test_an_mlp_that_multiplies_still_is_not_counted_as_replaced() -> None:
    shape = packages.I_VIT_T.model_copy(update={"qkv": "ternary", "projection": "ternary"})
    both, projections = (workload.weights_replaced(shape, mlp=mlp) for mlp in (True, False))
    assert both == 1 and projections == pytest.approx(1 / 3)  # 4 of 12 squares of the width
    assert workload.multiplications_replaced(packages.I_VIT_T, mlp=False) == 0
