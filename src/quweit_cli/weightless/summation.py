"""Conditional summation: every LUT of the last layer owns a vector of encoded values, added while its bit is 1."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from quweit_cli import ir
from quweit_cli.weightless.powers import exponent_of, power_of_two


class ConditionalSummation(nn.Module):
    """`out[e] = Σ_k (bit[k] − 0.5) value[k][e] + bias[e]`, values on an int8 grid of one scale.

    Centred bits keep the mean of a sum near its bias while values are learned; the integer form
    folds the 0.5 into its bias.
    """

    def __init__(self, bits: int, outputs: int, value_std: float, *, power_of_two: bool = False) -> None:
        """power_of_two: the scale is one, so that sums join other integers by a shift."""
        super().__init__()
        self.power_of_two = power_of_two
        self.value_KE = nn.Parameter(value_std * torch.randn(bits, outputs))
        self.bias_E = nn.Parameter(torch.zeros(outputs))
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
        scale = self.scale()
        code_KE = self.value_KE / scale
        code_KE = code_KE + self.rounding * (self.codes() - code_KE).detach()
        codes = torch.split(code_KE.to(dtype), [len(part_KR) for part_KR in bits])
        parts = [part_KR.t() @ part_KE for part_KR, part_KE in zip(bits, codes, strict=True)]
        sum_RE = parts[0]
        for part_RE in parts[1:]:
            sum_RE = sum_RE + part_RE
        return sum_RE * scale.to(dtype) + self.bias_E.to(dtype)

    def scale(self) -> Tensor:
        """Real value of one integer step, float32."""
        largest = self.value_KE.detach().abs().amax().clamp(min=1e-12)
        return power_of_two(exponent_of(largest) - 7) if self.power_of_two else largest / 127

    def codes(self) -> Tensor:
        """Encoded values: integers within ±127, float32 [K, E]."""
        return (self.value_KE.detach() / self.scale()).round().clamp(-127, 127)

    def integers(self) -> IntegerValues:
        """The deployed form; its bias is `round(bias / scale − 0.5 Σ_k value[k])`."""
        code_KE = self.codes()
        offset_E = self.bias_E.detach().double() / self.scale().double()
        total_E = code_KE.sum(dim=0, dtype=torch.float64)
        return IntegerValues(code_KE, (offset_E - 0.5 * total_E).round().to(torch.int64))


@dataclass(frozen=True)
class IntegerValues:
    """Encoded values and bias as integers, where the learned ones lie: a batch costs no copy from the device.

    code_KE: integers within ±127, float32. bias_E: int64.
    """

    code_KE: Tensor
    bias_E: Tensor

    def sums(self, bit_KR: Tensor) -> Tensor:
        """int64 [R, E].

        Exact in a floating-point product: float32 holds every partial sum below 2^24, which takes
        132,000 values of 127 to reach; TF32 holds bits and int8 values too.
        """
        exact = torch.float32 if 127 * len(bit_KR) < 2**24 else torch.float64
        product_RE = bit_KR.to(exact).t() @ self.code_KE.to(exact)
        return product_RE.to(torch.int64) + self.bias_E

    def range(self) -> tuple[int, int]:
        """Lowest and highest sum that any bits give, over all outputs: that of `node().range()`."""
        total_E = self.code_KE.sum(dim=0, dtype=torch.float64)
        size_E = self.code_KE.abs().sum(dim=0, dtype=torch.float64)
        low_E, high_E = (
            self.bias_E + (twice_E / 2).to(torch.int64) for twice_E in (total_E - size_E, total_E + size_E)
        )
        low, high = torch.stack((low_E.min(), high_E.max())).tolist()  # waits for the device once
        return low, high

    def node(self) -> ir.ConditionalSummation:
        return ir.ConditionalSummation(self.code_KE.cpu().to(torch.int64).numpy(), self.bias_E.cpu().numpy())
