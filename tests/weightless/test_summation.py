"""Conditional summation: the integer form equals the real one within its rounding, and its codes are int8."""

from typing import Any

import numpy as np
import pytest
import torch

from quweit_cli import config
from quweit_cli.ir.block import residual_requantize
from quweit_cli.weightless.block import WeightlessBlock
from quweit_cli.weightless.summation import ConditionalSummation


def summation(
    bits: int | tuple[int, ...] = 30, outputs: int = 4, scale: float = 1.0, **settings: Any
) -> ConditionalSummation:
    torch.manual_seed(0)
    layer = ConditionalSummation(bits, outputs, config.Block(value_std=scale, **settings))
    layer.bias_E.data.normal_()
    return layer


def test_integer_sums_are_those_of_the_node() -> None:
    layer = summation()
    bits = (torch.rand(30, 50) > 0.5).to(torch.int8)
    expected = layer.integers().node().evaluate(bits.t().numpy().astype(np.int64))
    assert np.array_equal(layer.integers().sums(bits).numpy(), expected)


def test_integer_sums_times_the_scale_are_the_real_sums_within_the_bias_rounding() -> None:
    layer = summation()
    bits = (torch.rand(30, 50) > 0.5).float()
    difference = layer.integers().sums(bits).double() * layer.scale() - layer(bits - 0.5).double()
    assert difference.abs().max() <= 0.5 * float(layer.scale()) + 1e-5


def test_the_range_of_sums_is_that_of_the_node_and_reached() -> None:
    for seed in range(5):
        torch.manual_seed(seed)
        layer = ConditionalSummation(40 + seed, 3, config.Block(value_std=1.0))
        layer.bias_E.data.normal_()
        values = layer.integers()
        low, high = values.range()
        assert (low, high) == values.node().range()
        lowest_E = values.sums((values.code_KE < 0).to(torch.int8)).diagonal()
        highest_E = values.sums((values.code_KE > 0).to(torch.int8)).diagonal()
        assert (int(lowest_E.min()), int(highest_E.max())) == (low, high)


def test_encoded_values_use_the_whole_int8_range_and_fit_it() -> None:
    codes = summation().codes()
    assert codes.abs().max() == 127
    assert torch.equal(codes, codes.round())


def test_training_sees_rounded_values_and_passes_gradients_straight_through() -> None:
    layer = summation(bits=1, outputs=2)
    layer.value_KE.data.copy_(torch.tensor([[127.0, 3.4]]))
    layer.bias_E.data.zero_()
    out = layer(torch.full((1, 1), 0.5))
    assert out.tolist() == [[63.5, 1.5]]
    out.sum().backward()
    assert layer.value_KE.grad.tolist() == [[0.5, 0.5]]


def test_values_stay_real_until_the_share_of_the_steps_that_the_settings_name() -> None:
    block = WeightlessBlock(4, config.Block(lut_layers=(6,), value_rounding=0.7))
    layer, bits = block.summation, torch.full((6, 2), 0.5)
    seen = {}
    for done in (0.0, 0.69, 0.7, 1.0):
        block.anneal(done)
        seen[done] = layer(bits)
    real_RE = (bits.t() @ layer.value_KE) + layer.bias_E
    assert torch.allclose(seen[0.0], real_RE, atol=1e-7)
    assert torch.equal(seen[0.69], seen[0.0])
    assert not torch.allclose(seen[0.7], real_RE, atol=1e-7)
    assert torch.equal(seen[1.0], seen[0.7])
    assert "summation.rounding" not in block.state_dict()


def test_sums_stay_exact_beyond_what_float32_holds() -> None:
    bits = 140_000
    layer = ConditionalSummation(bits, 1, config.Block(value_std=1.0))
    layer.value_KE.data.fill_(1.0)
    layer.value_KE.data[0] = 0.5 / 127  # one odd unit, lost by a float32 sum above 2^24
    exact = int(layer.codes().long().sum()) + int(layer.integers().bias_E)
    assert int(layer.integers().sums(torch.ones(bits, 1))) == exact
    assert 127 * bits > 2**24


def test_values_that_are_all_zero_give_the_bias() -> None:
    layer = ConditionalSummation(3, 2, config.Block(value_std=1.0))
    layer.value_KE.data.zero_()
    assert layer.integers().sums(torch.ones(3, 1)).tolist() == [[0, 0]]


def test_wide_sums_are_shifted_into_sixteen_bits() -> None:
    layer = summation(bits=2000, outputs=2)
    layer.value_KE.data.uniform_(-1, 1)
    requantize = residual_requantize(*layer.integers().range())
    assert requantize.shift > 0
    low, high = layer.integers().node().ranges()
    ends = requantize.evaluate(np.stack((low, high)))
    assert ends.min() >= -32768 and ends.max() <= 32767


LOW_BITS = {8: 127, 4: 7, 3: 3, "ternary": 1, "binary": 1}


@pytest.mark.parametrize("power_of_two", [False, True])
@pytest.mark.parametrize("step", ["rule", "learned"])
@pytest.mark.parametrize("value_bits", LOW_BITS)
def test_values_of_few_bits_in_groups_compute_what_their_node_does(
    value_bits: config.ValueBits, step: str, power_of_two: bool
) -> None:
    torch.manual_seed(1)
    settings = config.Block(value_std=0.3, value_bits=value_bits, value_step=step, groups=3)
    layer = ConditionalSummation((12, 6), 9, settings, power_of_two=power_of_two)
    layer.bias_E.data.normal_()
    values = layer.integers()
    assert values.code_KE.abs().max() == LOW_BITS[value_bits] or step == "learned" or power_of_two
    assert (value_bits != "binary") or values.code_KE.abs().min() == 1
    node = values.node()
    bit_KR = (torch.rand(18, 50) > 0.5).to(torch.int8)
    expected = node.evaluate(bit_KR.t().numpy().astype(np.int64))
    assert np.array_equal(values.sums(bit_KR).numpy(), expected)
    assert values.range() == node.range()
    real = layer(*(bit_KR.float() - 0.5).split((12, 6)))
    assert (real.double() - torch.from_numpy(expected) * layer.scale().double()).abs().max() <= 0.5 * float(
        layer.scale()
    ) + 1e-5


def test_a_bit_reaches_the_outputs_of_its_group_alone() -> None:
    node = summation((8, 4), 6, groups=2).integers().node()
    reached_KE = node.values_KE != 0
    first, second = [True, False] * 3, [False, True] * 3
    for bit, run in enumerate([first] * 4 + [second] * 4 + [first] * 2 + [second] * 2):
        assert not (reached_KE[bit] & ~np.array(run)).any()
    with pytest.raises(ValueError, match="5 outputs are no multiple"):
        summation(8, 5, groups=2)


def test_a_learned_step_gets_the_gradient_of_what_rounding_did() -> None:
    layer = summation(bits=1, outputs=2, value_bits="ternary", value_step="learned")
    layer.value_KE.data.copy_(torch.tensor([[3.0, 0.25]]))
    layer.bias_E.data.zero_()
    layer.step.data.fill_(1.0)
    layer(torch.full((1, 1), 1.0)).sum().backward()
    # beyond the last code the code itself, within it what rounding added: (1 + (0 - 0.25)) / sqrt(values)
    assert float(layer.step.grad) == pytest.approx(0.75 / 2**0.5)
    assert layer.value_KE.grad.tolist() == [[0.0, 1.0]]
