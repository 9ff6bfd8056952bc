"""Cycles and shares of a transformer layer's products are the published ones."""

from __future__ import annotations

import pytest

from packages import I_VIT_T
from quweit_cli.energy import published
from quweit_cli.energy.workload import attention_gemms, mlp_gemms, multiplications_replaced, weights_replaced
from quweit_cli.ir.nodes.products import Gemm, systolic_cycles


@pytest.mark.parametrize(("side", "cycles"), [(8, 921_600), (16, 239_616), (32, 64_512), (64, 18_432)])
def test_the_mlp_of_i_vit_t_takes_the_published_cycles(side: int, cycles: int) -> None:
    assert systolic_cycles(mlp_gemms(I_VIT_T), side) == cycles == published.SYSTOLIC[side].cycles


def test_the_attention_of_a_layer_takes_49896_cycles_on_32x32() -> None:
    assert [systolic_cycles([gemm], 32) for gemm in attention_gemms(I_VIT_T)] == [24_192, 9_408, 8_232, 8_064]
    assert systolic_cycles(attention_gemms(I_VIT_T), 32) == 49_896


def test_a_tile_that_is_not_full_costs_a_whole_one() -> None:
    assert systolic_cycles([Gemm("", 8, 5, 8)], 8) == 5
    assert systolic_cycles([Gemm("", 9, 5, 8)], 8) == 10
    assert systolic_cycles([Gemm("", 9, 5, 9, copies=3)], 8) == 60


def test_the_share_of_a_layer_is_57_percent_of_multiplications_and_two_thirds_of_weights() -> None:
    mlp = 2 * 196 * 192 * 768
    attention = 196 * 192 * 576 + 2 * 196 * 196 * 192 + 196 * 192 * 192
    assert multiplications_replaced(I_VIT_T) == mlp / (mlp + attention)
    assert multiplications_replaced(I_VIT_T) == pytest.approx(0.5697, abs=1e-4)
    assert weights_replaced(I_VIT_T) == pytest.approx(2 / 3)


def test_the_papers_55_percent_counts_the_patch_embedding_too() -> None:
    layers = 12 * sum(gemm.macs for gemm in [*attention_gemms(I_VIT_T), *mlp_gemms(I_VIT_T)])
    embedding = Gemm("patches", 196, 16 * 16 * 3, 192).macs
    share = 12 * sum(gemm.macs for gemm in mlp_gemms(I_VIT_T)) / (layers + embedding)
    assert share == pytest.approx(0.556, abs=1e-3)  # published as 0.55
