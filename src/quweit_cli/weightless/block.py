"""The weightless block: replaces an MLP; trained in float, evaluated as its integer program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from quweit_cli import config, ir
from quweit_cli.errors import ConfigError, UnsupportedModel
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
        self,
        dim: int,
        settings: config.Block | None = None,
        *,
        outputs: int | None = None,
        power_of_two: bool = False,
        luts: int | Sequence[int] | None = None,
        **choices: Any,
    ) -> None:
        """A block with fresh tables, drawn from torch's global generator: `WeightlessBlock(192, luts=1536)`.

        dim: D, the width of a row. outputs: E, as wide as the input when absent. power_of_two: a step of the output is
        one. luts: of the only layer, or of each from first to last. choices: any other key of `model.block`.

        Raises:
            ConfigError: settings that no block can have, or that are given twice.
        """
        super().__init__()
        settings = block_settings(settings, luts, choices)
        outputs = dim if outputs is None else outputs
        _check_widths(dim, outputs, settings)
        self.features, self.outputs, self.settings = dim, outputs, settings
        self.thermometer = Thermometer(dim, settings.thermometer)
        self.lut_layers = nn.ModuleList(_lut_layers(dim, settings))
        summed = (dim * settings.thermometer.bits,) if settings.thermometer.summed else ()
        parts = (settings.lut_layers[-1], *summed)
        self.summation = ConditionalSummation(parts, outputs, settings, power_of_two=power_of_two)
        self.bit_dropout, self.dropout = nn.Dropout(settings.bit_dropout), nn.Dropout(settings.dropout)
        self.evaluate_integers: Integers = self.integers  # replaced to run another implementation

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
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

    def mapping_is_due(self, done: float) -> bool:
        """Whether wiring that is learned still moves, and should not after this share of the steps."""
        return self._learns_mapping() and done >= self.settings.mapping_freeze

    def freeze_mapping(self) -> None:
        """Keep a wiring that is learned as it is now."""
        for layer in self.layers:
            if isinstance(layer.mapping, LearnableMapping):
                layer.mapping.freeze()

    def _learns_mapping(self) -> bool:
        mappings = [layer.mapping for layer in self.layers]
        return any(isinstance(one, LearnableMapping) and not one.frozen for one in mappings)

    def _check(self, x: Tensor) -> None:
        """Raises UnsupportedModel: rows of another width, or weights that were cast to another type."""
        if x.ndim < 2 or x.shape[-1] != self.features:
            raise UnsupportedModel(
                f"a weightless block reads rows of {self.features} features, and was given {tuple(x.shape)}",
                hint="its first argument is the width of a row, the last axis of what it is given",
            )
        if self.summation.value_KE.dtype != torch.float32:
            raise UnsupportedModel(
                f"the weights of a weightless block are float32, and were cast to {self.summation.value_KE.dtype}",
                hint="cast a model before its blocks are put in, or train it under `torch.autocast`",
            )

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


def block_settings(
    settings: config.Block | None, luts: int | Sequence[int] | None, choices: dict[str, Any]
) -> config.Block:
    """Of a block: whole, or from single choices. Raises ConfigError for both, or a choice that there is not."""
    given = choices if luts is None else {"lut_layers": (luts,) if isinstance(luts, int) else luts} | choices
    if luts is not None and "lut_layers" in choices:
        raise ConfigError("`luts` and `lut_layers` say the same", hint="leave out one of them")
    if settings is None:
        return config.settings(config.Block, given)
    if given:
        raise ConfigError(
            f"`{next(iter(given))}` is given beside the settings of the whole block",
            hint="write it into the settings, or give single choices alone",
        )
    return settings


def _check_widths(dim: int, outputs: int, settings: config.Block) -> None:
    """Raises ConfigError where there are no such rows, or groups do not divide what they share out."""
    for width, what in ((dim, "features"), (outputs, "outputs")):
        if not isinstance(width, int) or width < 1:
            raise ConfigError(
                f"a row has a whole number of {what}, at least 1, and not {width!r}",
                hint="`WeightlessBlock(192, luts=1536)` reads and gives rows of 192",
            )
    for count, what in ((outputs, "outputs"), (settings.lut_layers[-1], "LUTs of the last layer")):
        if count % settings.groups:
            raise ConfigError(
                f"{count:,} {what} are no multiple of `groups`, which is {settings.groups}",
                hint="choose another number of groups, or leave them out",
            )


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
    """What the summation multiplies in while training: bfloat16 under autocast holds bits and int8 values exactly.

    On a CPU float32 always: its kernels work on NumPy's types.
    """
    if device == "cpu" or not torch.is_autocast_enabled(device):
        return torch.float32
    return torch.get_autocast_dtype(device)


def _requantize(sum_RE: Tensor, node: ir.Requantize) -> Tensor:
    rounding = (1 << node.shift) >> 1
    return ((sum_RE * node.multiplier + rounding) >> node.shift).clamp(node.low, node.high)
