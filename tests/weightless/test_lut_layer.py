"""A LUT layer: what it answers, and every gradient that it returns, against slow formulas."""

import numpy as np
import pytest
import torch
from torch import Tensor

from quweit_cli import config
from quweit_cli.weightless.kernels import cpu
from quweit_cli.weightless.kernels.operators import ALWAYS
from quweit_cli.weightless.lut_layer import LutLayer, initial_tables
from quweit_cli.weightless.mapping import LearnableMapping, RandomMapping
from quweit_cli.weightless.thermometer import Thermometer, quantize

FEATURES, BITS, LUTS, ROWS = 7, 3, 5, 40


def settings(**changes: object) -> config.Block:
    thermometer = config.Thermometer(bits=BITS, learnable=True, window=0.5)
    return config.Block(**{"thermometer": thermometer, "fan_in": 4, "lut_layers": (LUTS,), **changes})  # type: ignore[arg-type]


def slopes(layer: LutLayer) -> Tensor:
    return layer.rule.slopes(layer.rule.smoothed(layer.table_JA))


class Example:
    """One first layer, its input, and its gradients for a given gradient of the output."""

    def __init__(self, mapping: str = "random", seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.block = settings(mapping=mapping, mapping_candidates=4)
        self.thermometer = Thermometer(FEATURES, self.block.thermometer)
        wiring: RandomMapping | LearnableMapping = RandomMapping(FEATURES, BITS, LUTS, 4)
        if mapping == "learnable":
            wiring = LearnableMapping(FEATURES, BITS, LUTS, 4, candidates=4)
        self.layer = LutLayer(wiring, LUTS, self.block)
        self.source = torch.randn(FEATURES, ROWS, requires_grad=True)
        self.code = quantize(self.source.detach())
        self.output = self.layer(self.source, self.code, self.thermometer)
        self.output_gradient = torch.randn(LUTS, ROWS)
        self.output.backward(self.output_gradient)
        self.bits = self.thermometer.node().evaluate(self.code.t().numpy())  # rows x bits
        pins = self.layer.mapping().numpy()
        self.addresses = (self.bits[:, pins] << np.arange(4)).sum(axis=2).T  # LUTs x rows

    def pin_gradient(self, lut: int, pin: int, row: int) -> float:
        address = self.addresses[lut, row]
        return float(self.output_gradient[lut, row] * slopes(self.layer)[pin, lut, address])

    def passes(self, bit: int, row: int) -> bool:
        code = int(self.code[bit // BITS, row])
        return abs(code - int(self.thermometer.codes()[bit])) <= 16


def test_the_answer_is_the_integer_node_s() -> None:
    example = Example()
    expected = example.layer.node().evaluate(example.bits)
    assert np.array_equal(example.output.detach().t().numpy(), expected - 0.5)
    assert np.array_equal(example.layer.bits(example.code, example.thermometer).t().numpy(), expected)
    assert 0 < expected.mean() < 1


def test_pin_0_is_address_bit_0() -> None:
    code = torch.tensor([[0, 1, 0, 1], [0, 0, 1, 1]], dtype=torch.int8)
    row_LJ, cut_LJ = torch.tensor([[0], [1]], dtype=torch.int32), torch.zeros(2, 1, dtype=torch.int16)
    bit, address = cpu.read(code, row_LJ, cut_LJ, torch.tensor([[-1.0, 1.0, -1.0, -1.0]]), torch.int8)
    assert address.tolist() == [[0, 1, 2, 3]]
    assert bit.tolist() == [[0, 1, 0, 0]]


def test_input_gradients_pass_within_the_window_only() -> None:
    example = Example()
    expected = torch.zeros(FEATURES, ROWS)
    for lut, pins in enumerate(example.layer.mapping().tolist()):
        for (pin, bit), row in [(pair, row) for pair in enumerate(pins) for row in range(ROWS)]:
            if example.passes(bit, row):
                expected[bit // BITS, row] += example.pin_gradient(lut, pin, row)
    torch.testing.assert_close(example.source.grad, expected)
    assert (expected == 0).any() and (expected != 0).any()


def test_threshold_gradients_are_the_negative_sums() -> None:
    example = Example()
    expected = torch.zeros(FEATURES * BITS)
    for lut, pins in enumerate(example.layer.mapping().tolist()):
        for (pin, bit), row in [(pair, row) for pair in enumerate(pins) for row in range(ROWS)]:
            if example.passes(bit, row):
                expected[bit] -= example.pin_gradient(lut, pin, row)
    torch.testing.assert_close(example.thermometer.threshold_DT.grad.flatten(), expected)


def test_table_gradients_are_smoothed_histograms() -> None:
    example = Example()
    histogram = torch.zeros(LUTS, 16)
    for lut in range(LUTS):
        for row in range(ROWS):
            histogram[lut, example.addresses[lut, row]] += example.output_gradient[lut, row]
    expected = histogram @ example.layer.rule.smoothing_AA
    torch.testing.assert_close(example.layer.table_JA.grad, expected)


def test_candidate_gradients_correlate_bits_with_the_pin() -> None:
    example = Example("learnable")
    mapping = example.layer.mapping
    assert isinstance(mapping, LearnableMapping)
    expected = torch.zeros_like(mapping.choice_JLC)
    for lut, pin, candidate in np.ndindex(*expected.shape):
        bit = int(mapping.candidate_JLC[lut, pin, candidate])
        signs = 2 * example.bits[:, bit] - 1
        expected[lut, pin, candidate] = sum(
            float(signs[row]) * example.pin_gradient(lut, pin, row) for row in range(ROWS)
        )
    torch.testing.assert_close(mapping.choice_JLC.grad, expected)


def test_a_frozen_mapping_receives_no_gradient() -> None:
    example = Example("learnable")
    mapping = example.layer.mapping
    assert isinstance(mapping, LearnableMapping)
    before = mapping().clone()
    mapping.freeze()
    example.layer(example.source, example.code, example.thermometer).sum().backward()
    assert mapping.choice_JLC.grad is None
    assert torch.equal(mapping(), before)


def test_a_later_layer_reads_bits_and_passes_gradients_everywhere() -> None:
    torch.manual_seed(0)
    layer = LutLayer(RandomMapping(6, 1, 3, 2), 3, settings(fan_in=2, lut_layers=(6, 3)))
    bits = (torch.rand(6, 20) > 0.5).float().requires_grad_()
    output = layer(bits, bits.detach().to(torch.int8), None)
    output.sum().backward()
    pins, tables = layer.mapping(), slopes(layer)
    expected = torch.zeros(6, 20)
    for lut, row in np.ndindex(3, 20):
        first, second = (int(bits[bit, row]) for bit in pins[lut])
        for pin in range(2):
            expected[pins[lut, pin], row] += tables[pin, lut, first + 2 * second]
    torch.testing.assert_close(bits.grad, expected)


def test_the_window_includes_its_ends_and_nothing_beyond_for_every_code_and_threshold() -> None:
    code = torch.arange(-128, 128).to(torch.int8)[None]
    for cut in range(-128, 128, 5):
        passed = _gradient_of_one_pin(code, cut, window=16)
        assert torch.equal(passed, ((code[0].int() - cut).abs() <= 16).float())
        assert torch.equal(_gradient_of_one_pin(code, cut, ALWAYS), torch.ones(256))


def _gradient_of_one_pin(code: Tensor, cut: int, window: int) -> Tensor:
    address, slope = torch.zeros(1, 256, dtype=torch.uint8), torch.ones(1, 1, 2)
    order, start = torch.tensor([0], dtype=torch.int32), torch.tensor([0, 1], dtype=torch.int32)
    cut_LJ = torch.tensor([[cut]], dtype=torch.int16)
    return cpu.source_gradient(torch.ones(1, 256), address, code, slope, cut_LJ, order, start, window)[0]


def test_comparisons_are_right_for_every_code_and_threshold() -> None:
    code = torch.arange(-128, 128).to(torch.int8)[None]
    row = torch.zeros(1, 1, dtype=torch.int32)
    for cut in range(-128, 128):
        cut_LJ = torch.tensor([[cut]], dtype=torch.int16)
        bit, address = cpu.read(code, row, cut_LJ, torch.tensor([[-1.0, 1.0]]), torch.float32)
        assert torch.equal(address[0].int(), (code[0] > cut).int())
        assert torch.equal(bit[0], (code[0] > cut).float() - 0.5)


def test_linear_threshold_tables_are_linear_in_their_bits_but_for_noise() -> None:
    torch.manual_seed(0)
    table_JA = initial_tables("linear_threshold", 200, 6)
    signs: Tensor = 2.0 * ((torch.arange(64) >> torch.arange(6)[:, None]) & 1) - 1
    weights = table_JA @ signs.t() / 64
    assert (weights.norm(dim=1) - 0.5).abs().max() < 0.05
    assert (table_JA - weights @ signs).std() == pytest.approx(0.05, abs=0.01)


def test_tables_are_kept_within_one() -> None:
    layer = Example().layer
    layer.table_JA.data.mul_(100)
    layer.constrain()
    assert layer.table_JA.abs().max() == 1
