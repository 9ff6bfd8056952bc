"""Conditional summation: every LUT of the last layer owns a vector of encoded values, added while its bit is 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from quweit_cli import config, ir
from quweit_cli.weightless.powers import exponent_of, power_of_two


class Grid(NamedTuple):
    """Codes that encoded values are rounded to."""

    largest: int
    step: float  # over the mean size of the values; 0: the largest value is the largest code


# The steps are those that lost least on text, among fixed multiples of the mean size.
GRIDS: dict[config.ValueBits, Grid] = {
    8: Grid(127, 0.0),
    4: Grid(7, 0.42),
    3: Grid(3, 0.8),
    "ternary": Grid(1, 1.25),
    "binary": Grid(1, 1.0),
}


class ConditionalSummation(nn.Module):
    """`out[e] = Σ_k (bit[k] − 0.5) value[k][e] + bias[e]`, values on a grid of one scale.

    Centred bits keep the mean of a sum near its bias while values are learned; the integer form
    folds the 0.5 into its bias. With groups a bit reaches one group of outputs alone, and owns
    as many values: output e belongs to group e mod groups, so that hardware of a multiple of as many lanes
    reads in each lane the bits of one group.
    """

    def __init__(
        self, bits: int | tuple[int, ...], outputs: int, block: config.Block, *, power_of_two: bool = False
    ) -> None:
        """bits: of every part that is added; each part is cut into as many runs of bits as there are groups.

        power_of_two: the scale is one, so that sums join other integers by a shift.

        Raises:
            ValueError: groups that do not divide the bits of a part, or the outputs.
        """
        super().__init__()
        self.parts = (bits,) if isinstance(bits, int) else bits
        self.groups, self.power_of_two = block.groups, power_of_two
        for count, what in (*((part, "bits that are summed") for part in self.parts), (outputs, "outputs")):
            if count % self.groups:
                raise ValueError(f"block.groups is {self.groups}, and {count:,} {what} are no multiple of it")
        self.grid, self.binary = GRIDS[block.value_bits], block.value_bits == "binary"
        self.value_KE = nn.Parameter(
            block.value_std * torch.randn(sum(self.parts), outputs // self.groups)
        )  # of the outputs of a bit's group
        self.bias_E = nn.Parameter(torch.zeros(outputs))
        self.step: nn.Parameter | None = None
        if block.value_step == "learned":
            self.step = nn.Parameter(self._rule().clone())
        self.rounding: (
            Tensor  # 1 while values are rounded in training; a tensor, which a recorded step reads anew
        )
        self.register_buffer("rounding", torch.ones(()), persistent=False)

    def forward(self, *bits: Tensor) -> Tensor:
        """Sums [R, E] of centred bits, -0.5 or 0.5, in their type; values are rounded to their grid, straight through,
        where `rounding` is 1, and real where it is 0.

        bits: [K, R], in one tensor or in several, one part of K after the other.
        """
        dtype = bits[0].dtype
        scale = self._scale()
        code_KE = self.value_KE / scale
        if self.step is not None:  # beyond the last code only the step can learn
            code_KE = code_KE.clamp(-self.grid.largest, self.grid.largest)
        code_KE = code_KE + self.rounding * (self.codes() - code_KE).detach()
        codes = torch.split(code_KE.to(dtype), [len(part_KR) for part_KR in bits])
        sum_RE = _sums(bits[0], codes[0], self.groups)
        for part_KR, part_KE in zip(bits[1:], codes[1:], strict=True):
            sum_RE = sum_RE + _sums(part_KR, part_KE, self.groups)
        return sum_RE * scale.to(dtype) + self.bias_E.to(dtype)

    def scale(self) -> Tensor:
        """Real value of one integer step, float32."""
        return self._scale().detach()

    def codes(self) -> Tensor:
        """Encoded values: integers on the grid, float32 [K, E / groups]."""
        code_KE = self.value_KE.detach() / self.scale()
        if self.binary:
            return torch.where(code_KE < 0, -1.0, 1.0)
        return code_KE.round().clamp(-self.grid.largest, self.grid.largest)

    def integers(self) -> IntegerValues:
        """The deployed form; its bias is `round(bias / scale − 0.5 Σ_k value[k])`."""
        code_KE = self.codes()
        offset_E = self.bias_E.detach().double() / self.scale().double()
        total_E = _totals(code_KE, self.parts, self.groups)
        return IntegerValues(
            code_KE, (offset_E - 0.5 * total_E).round().to(torch.int64), self.parts, self.groups
        )

    def _scale(self) -> Tensor:
        """As `scale`, with the gradient of a step that is learned."""
        if self.step is None:
            return self._rule()
        learned = 1 / math.sqrt(self.value_KE.numel() * self.grid.largest)  # as of LSQ, arXiv 1902.08153
        step = self.step.abs().clamp(min=1e-12)
        step = step * learned + (step * (1 - learned)).detach()
        if not self.power_of_two:
            return step
        return step + (_nearest_power(step.detach()) - step).detach()

    def _rule(self) -> Tensor:
        size_KE = self.value_KE.detach().abs()
        if self.grid.step:
            step = (self.grid.step * size_KE.mean()).clamp(min=1e-12)
            return _nearest_power(step) if self.power_of_two else step
        largest = size_KE.amax().clamp(min=1e-12)
        return power_of_two(exponent_of(largest) - 7) if self.power_of_two else largest / 127


@dataclass(frozen=True)
class IntegerValues:
    """Encoded values and bias as integers, where the learned ones lie: a batch costs no copy from the device.

    code_KE: integers within ±127, float32, of the outputs of a bit's group. bias_E: int64. parts: bits of each part of K.
    """

    code_KE: Tensor
    bias_E: Tensor
    parts: tuple[int, ...]
    groups: int

    def sums(self, bit_KR: Tensor) -> Tensor:
        """int64 [R, E].

        Exact in a floating-point product: float32 holds every partial sum below 2^24, which takes
        132,000 values of 127 to reach; TF32 holds bits and int8 values too.
        """
        exact = torch.float32 if 127 * len(bit_KR) < 2**24 else torch.float64
        sum_RE = self.bias_E.expand(bit_KR.shape[1], -1)
        for part_KR, part_KE in zip(
            torch.split(bit_KR, list(self.parts)), torch.split(self.code_KE, list(self.parts)), strict=True
        ):
            sum_RE = sum_RE + _sums(part_KR.to(exact), part_KE.to(exact), self.groups).to(torch.int64)
        return sum_RE

    def range(self) -> tuple[int, int]:
        """Lowest and highest sum that any bits give, over all outputs: that of `node().range()`."""
        total_E = _totals(self.code_KE, self.parts, self.groups)
        size_E = _totals(self.code_KE.abs(), self.parts, self.groups)
        low_E, high_E = (
            self.bias_E + (twice_E / 2).to(torch.int64) for twice_E in (total_E - size_E, total_E + size_E)
        )
        low, high = torch.stack((low_E.min(), high_E.max())).tolist()  # waits for the device once
        return low, high

    def node(self) -> ir.ConditionalSummation:
        """With a zero for every output that a bit does not reach."""
        code_KE = torch.cat(
            [_spread(part_KE, self.groups) for part_KE in torch.split(self.code_KE, list(self.parts))]
        )
        return ir.ConditionalSummation(code_KE.cpu().to(torch.int64).numpy(), self.bias_E.cpu().numpy())


def _sums(bit_KR: Tensor, code_KE: Tensor, groups: int) -> Tensor:
    """[R, E]: run g of the bits reaches the outputs g, g + groups, ..."""
    if groups == 1:
        return bit_KR.t() @ code_KE
    rows = bit_KR.shape[1]
    sum_GRE = bit_KR.reshape(groups, -1, rows).transpose(1, 2) @ code_KE.reshape(groups, -1, code_KE.shape[1])
    return sum_GRE.permute(1, 2, 0).reshape(rows, -1)


def _totals(code_KE: Tensor, parts: tuple[int, ...], groups: int) -> Tensor:
    """Sums of the values of each output, float64 [E]."""
    runs = [part_KE.reshape(groups, -1, part_KE.shape[1]) for part_KE in torch.split(code_KE, list(parts))]
    total_GE = torch.stack([run.sum(dim=1, dtype=torch.float64) for run in runs]).sum(dim=0)
    return total_GE.t().reshape(-1)


def _spread(code_KE: Tensor, groups: int) -> Tensor:
    """Values of all outputs, zero where a bit does not reach: [K, E]."""
    bits, reached = code_KE.shape
    full_GKEG = code_KE.new_zeros(groups, bits // groups, reached, groups)
    for group in range(groups):
        full_GKEG[group, :, :, group] = code_KE[group * bits // groups : (group + 1) * bits // groups]
    return full_GKEG.reshape(bits, reached * groups)


def _nearest_power(x: Tensor) -> Tensor:
    """The power of two that is nearest in the exponent."""
    return power_of_two(exponent_of(x * math.sqrt(2)) - 1)
