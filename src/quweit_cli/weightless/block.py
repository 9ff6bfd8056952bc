"""The weightless block: replaces an MLP; trained in float, evaluated as its integer program."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from quweit_cli import config, ir
from quweit_cli.ir.block import beside, block_program, residual_requantize
from quweit_cli.weightless.lut_layer import LutLayer
from quweit_cli.weightless.mapping import LearnableMapping, RandomMapping
from quweit_cli.weightless.summation import ConditionalSummation
from quweit_cli.weightless.thermometer import Thermometer, quantize

Integers = Callable[[Tensor], Tensor]


class WeightlessBlock(nn.Module):
    """Maps normalised rows [..., D] to what joins the residual, [..., E].

    In training mode gradients pass straight through what is discrete; in eval mode the output is that
    of `program()`, integer for integer, times `output_scale()`.
    """

    def __init__(
        self, dim: int, settings: config.Block, *, outputs: int | None = None, power_of_two: bool = False
    ) -> None:
        """outputs: E, as wide as the input when absent. power_of_two: a step of the output is one."""
        super().__init__()
        self.settings = settings
        self.thermometer = Thermometer(dim, settings.thermometer)
        self.lut_layers = nn.ModuleList(_lut_layers(dim, settings))
        summed = (dim * settings.thermometer.bits,) if settings.thermometer.summed else ()
        parts = (settings.lut_layers[-1], *summed)
        self.summation = ConditionalSummation(parts, outputs or dim, settings, power_of_two=power_of_two)
        self.bit_dropout, self.dropout = nn.Dropout(settings.bit_dropout), nn.Dropout(settings.dropout)
        self.evaluate_integers: Integers = self.integers  # replaced to run another implementation

    def forward(self, x: Tensor) -> Tensor:
        x_RD = x.flatten(0, -2)
        dtype = _product_type(x.device.type)
        with torch.autocast(x.device.type, enabled=False):  # codes need all of float32
            y_RE = self._train(x_RD.float(), dtype) if self.training else self._evaluate(x_RD)
        return y_RE.view(*x.shape[:-1], -1)

    @property
    def layers(self) -> list[LutLayer]:
        return [layer for layer in self.lut_layers if isinstance(layer, LutLayer)]

    def integers(self, code_RD: Tensor) -> Tensor:
        """The integer program in torch: int8 rows to int64 rows."""
        code_DR, thermometer = code_RD.t().contiguous(), self.thermometer
        node_IR = code_DR
        for index, layer in enumerate(self.layers):
            node_IR = layer.bits(node_IR, thermometer if index == 0 else None)
        if thermometer.summed:
            node_IR = torch.cat((node_IR, thermometer.bits(code_DR)))
        values = self.summation.integers()
        return _requantize(values.sums(node_IR), residual_requantize(*values.range()))

    def program(self, name: str) -> ir.Program:
        """What this block computes in eval mode, on int8 codes of INPUT_SCALE."""
        thermometer, layers = self.thermometer.node(), [layer.node() for layer in self.layers]
        if self.thermometer.summed:
            layers = beside(layers, thermometer.thresholds_DT.size)
        summation = self.summation.integers().node()
        return block_program(name, thermometer, layers, summation, residual_requantize(*summation.range()))

    def output_scale(self) -> float:
        """Real value of one step of the integer output."""
        shift = residual_requantize(*self.summation.integers().range()).shift
        return float(self.summation.scale()) * float(2**shift)

    def constrain(self) -> None:
        """Keep parameters where they have a meaning; call after every step of the optimiser."""
        self.thermometer.constrain()
        for layer in self.layers:
            layer.constrain()

    def anneal(self, done: float) -> None:
        """What changes over the training, as it is after this share of the steps: noise of the rule, rounding of values."""
        first, last = self.settings.epsilon, self.settings.epsilon_final
        if last is not None:  # a copy a layer and step: nothing where it does not move
            for layer in self.layers:
                layer.rule.set_epsilon(first + (last - first) * done)
        if self.settings.value_rounding:
            self.summation.rounding.fill_(float(done >= self.settings.value_rounding))

    def freeze_mapping(self) -> None:
        for layer in self.layers:
            if isinstance(layer.mapping, LearnableMapping):
                layer.mapping.freeze()

    def _train(self, x_RD: Tensor, dtype: torch.dtype) -> Tensor:
        self.thermometer.calibrate(x_RD)
        if noise := self.settings.thermometer.noise:
            x_RD = x_RD + torch.empty_like(x_RD).uniform_(-noise, noise)
        x_DR = node_IR = x_RD.t().to(dtype)
        code_DR = code_IR = quantize(x_RD.detach()).t().contiguous()
        for index, layer in enumerate(self.layers):
            node_IR = layer(node_IR, code_IR, self.thermometer if index == 0 else None, dtype)
            if index + 1 < len(self.layers):
                code_IR = (node_IR.detach() > 0).to(torch.int8)
        summed = (node_IR, self.thermometer(x_DR, code_DR, dtype)) if self.thermometer.summed else (node_IR,)
        y_RE: Tensor = self.dropout(self.summation(*map(self.bit_dropout, summed)))
        return y_RE

    def _evaluate(self, x_RD: Tensor) -> Tensor:
        return self.evaluate_integers(quantize(x_RD)).float() * self.output_scale()


def _lut_layers(dim: int, settings: config.Block) -> list[LutLayer]:
    bits, fan_in = settings.thermometer.bits, settings.fan_in
    first = settings.lut_layers[0]
    mapping: RandomMapping | LearnableMapping
    if settings.mapping == "learnable":
        mapping = LearnableMapping(dim, bits, first, fan_in, settings.mapping_candidates)
    else:
        mapping = RandomMapping(dim, bits, first, fan_in)
    layers = [LutLayer(mapping, first, settings)]
    for inputs, luts in pairwise(settings.lut_layers):
        layers.append(LutLayer(RandomMapping(inputs, 1, luts, fan_in), luts, settings))
    return layers


def _product_type(device: str) -> torch.dtype:
    """What the summation multiplies in while training: bfloat16 under autocast holds bits and int8 values exactly."""
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else torch.float32


def _requantize(sum_RE: Tensor, node: ir.Requantize) -> Tensor:
    rounding = (1 << node.shift) >> 1
    return ((sum_RE * node.multiplier + rounding) >> node.shift).clamp(node.low, node.high)
