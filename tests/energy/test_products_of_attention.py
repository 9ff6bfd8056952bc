"""What computes the products of attention, by what the weights of its projections are."""

from __future__ import annotations

import pytest

import packages
from quweit_cli.config import Weights
from quweit_cli.documents import EnergyRatio, EnergyRow
from quweit_cli.energy import workload
from quweit_cli.energy.headline import comparisons


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


def test_a_learn_forget_network_has_two_branches() -> None:
    shape = packages.I_VIT_T.model_copy(update={"mlp": "learn_forget"})
    dense, own = workload.mlp_gemms(packages.I_VIT_T), workload.mlp_gemms(shape)
    assert [gemm.name for gemm in own] == ["forget_up", "forget_down", "learn_up", "learn_down"]
    assert sum(gemm.macs for gemm in own) == 2 * sum(gemm.macs for gemm in dense)


@pytest.mark.parametrize(("weights", "few"), [("float", False), ("int8", False), ("binary", True)])
def test_a_learn_forget_network_of_few_bits_multiplies_no_more(weights: str, few: bool) -> None:
    shape = packages.I_VIT_T.model_copy(update={"mlp": "learn_forget", "mlp_weights": weights})
    assert workload.mlp_of_few_bits(shape) == few
    replaced = workload.weights_replaced(shape, mlp=False)
    assert replaced == pytest.approx(16 / 20 if few else 0)  # of 20 squares of the width


def test_a_model_of_few_bits_without_blocks_is_compared_by_no_measured_cycles() -> None:
    """Its ratio is counted alone, and what sets blocks beside arrays has none."""
    ratio = EnergyRatio(
        scope="model", name="all layers", array="systolic 8x8", value=1.04, numerator="systolic 8x8",
        denominator="systolic 8x8", accounting="counted", full_array=1.0,
    )  # fmt: skip
    row = EnergyRow.model_construct(
        scope="model", array="systolic 8x8", weightless=False, value=1.04, full_array=1.0
    )
    assert comparisons([row], [ratio]) == []
    (measured,) = comparisons([row], [ratio.model_copy(update={"accounting": "measured"})])
    assert measured.times == {"measured": 1.04}
