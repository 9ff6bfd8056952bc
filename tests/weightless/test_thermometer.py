"""Thermometer: int8 comparison equals the real one, schemes, ordered thresholds."""

import numpy as np
import pytest
import torch

from quweit_cli import config
from quweit_cli.weightless.thermometer import INPUT_SCALE, Thermometer, initial_thresholds, quantize


def thermometer(features: int = 3, **settings: object) -> Thermometer:
    return Thermometer(features, config.Thermometer(**settings))  # type: ignore[arg-type]


def test_quantising_rounds_to_the_grid_and_saturates() -> None:
    x = torch.tensor([0.0, INPUT_SCALE, -INPUT_SCALE, 3.97, 4.2, -4.0, -9.0])
    assert quantize(x).tolist() == [0, 1, -1, 127, 127, -128, -128]


def test_integer_comparison_equals_the_real_one_for_every_code() -> None:
    torch.manual_seed(0)
    codes = torch.arange(-128, 128)
    for threshold in torch.cat((torch.rand(200) * 8 - 4, torch.arange(-128, 128) * INPUT_SCALE)):
        encoder = thermometer(1, bits=1)
        encoder.threshold_DT.data.fill_(float(threshold))
        real = codes * INPUT_SCALE > threshold
        assert torch.equal(codes > int(encoder.codes()), real)


def test_a_code_that_equals_its_threshold_is_not_above_it() -> None:
    encoder = thermometer(1, bits=1)
    encoder.threshold_DT.data.fill_(0.5)
    assert encoder.node().evaluate(np.array([[15], [16], [17]])).tolist() == [[0], [0], [1]]


def test_gaussian_thresholds_cut_a_unit_gaussian_into_equal_shares() -> None:
    sample = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    shares = [(sample < threshold).float().mean().item() for threshold in initial_thresholds("gaussian", 4)]
    assert shares == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.01)


def test_uniform_thresholds_are_evenly_spaced_and_symmetric() -> None:
    thresholds = initial_thresholds("uniform", 4)
    assert thresholds.tolist() == pytest.approx([-1.5, -0.5, 0.5, 1.5])


def test_distributive_thresholds_are_the_quantiles_of_the_first_batch_only() -> None:
    encoder = thermometer(2, bits=3, scheme="distributive")
    rows = torch.stack((torch.linspace(0, 1, 101), torch.linspace(-2, 2, 101)), dim=1)
    encoder.calibrate(rows)
    assert encoder.threshold_DT.tolist()[0] == pytest.approx([0.25, 0.5, 0.75], abs=1e-6)
    assert encoder.threshold_DT.tolist()[1] == pytest.approx([-1, 0, 1], abs=1e-6)
    encoder.calibrate(rows + 1)
    assert encoder.threshold_DT.tolist()[0] == pytest.approx([0.25, 0.5, 0.75], abs=1e-6)


def test_learned_thresholds_stay_ordered_and_within_the_input() -> None:
    encoder = thermometer(1, bits=4, learnable=True)
    encoder.threshold_DT.data.copy_(torch.tensor([[2.0, -7.0, 0.0, 9.0]]))
    encoder.constrain()
    assert encoder.threshold_DT.tolist() == [[-4.0, 0.0, 2.0, 127 * INPUT_SCALE]]


def test_thresholds_learn_only_when_asked_to() -> None:
    assert thermometer(learnable=True).threshold_DT.requires_grad
    assert not thermometer().threshold_DT.requires_grad


def test_loaded_thresholds_are_not_taken_from_rows_again() -> None:
    learned, fresh = (
        thermometer(2, bits=3, scheme="distributive"),
        thermometer(2, bits=3, scheme="distributive"),
    )
    learned.calibrate(torch.randn(50, 2))
    fresh.load_state_dict(learned.state_dict())
    fresh.calibrate(torch.randn(50, 2) + 3)
    assert torch.equal(fresh.threshold_DT, learned.threshold_DT)


def test_summed_bits_pass_their_gradient_within_the_window_straight_through() -> None:
    encoder = thermometer(2, bits=3, learnable=True, window=0.5)
    x_DR = torch.randn(2, 50, generator=torch.Generator().manual_seed(0)).requires_grad_()
    code_DR = quantize(x_DR.detach())
    weight_KR = torch.randn(6, 50, generator=torch.Generator().manual_seed(1))
    bit_KR = encoder(x_DR, code_DR)
    assert torch.equal(bit_KR + 0.5, encoder.bits(code_DR).float())
    assert np.array_equal(encoder.bits(code_DR).numpy(), encoder.node().evaluate(code_DR.t().numpy()).T)
    (bit_KR * weight_KR).sum().backward()
    cut_DT = encoder.codes().view(2, 3, 1)
    near_DTR = (code_DR[:, None].int() - cut_DT.int()).abs() <= 16
    expected_DTR = weight_KR.view(2, 3, 50) * near_DTR
    assert 0 < near_DTR.float().mean() < 1
    torch.testing.assert_close(x_DR.grad, expected_DTR.sum(1))
    torch.testing.assert_close(encoder.threshold_DT.grad, -expected_DTR.sum(2))
