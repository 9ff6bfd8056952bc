"""Thermometer code: `bit[d*T + t] = x[d] > threshold[d][t]`, on inputs quantised to int8.

For LUTs the wide tensor of bits never exists: a pin of the first LUT layer compares its own feature with
its own threshold (lut_layer.py), so this module only keeps the thresholds. It is made where the bits
themselves are summed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from quweit_cli import config, ir

STEPS_PER_UNIT = 32  # int8 then spans ±4 standard deviations of the normalised input
INPUT_SCALE = 1 / STEPS_PER_UNIT
UNIFORM_RANGE = 2.5


def quantize(x: Tensor) -> Tensor:
    """The int8 code of a real input: `clamp(round(32 x), -128, 127)`, in the same shape."""
    return (x * STEPS_PER_UNIT).round().clamp(-128, 127).to(torch.int8)


class Thermometer(nn.Module):
    """Thresholds of every feature, in units of the normalised input and increasing within a feature."""

    def __init__(self, features: int, settings: config.Thermometer) -> None:
        super().__init__()
        initial_T = initial_thresholds(settings.scheme, settings.bits)
        self.threshold_DT = nn.Parameter(
            initial_T.repeat(features, 1).clone(), requires_grad=settings.learnable
        )
        self.summed = settings.summed
        self.window = round(settings.window * STEPS_PER_UNIT)  # of the gradient, for pins and summed bits
        self.from_first_batch = settings.scheme == "distributive"
        self.register_buffer("calibrated", torch.tensor(not self.from_first_batch))
        self.calibrated: Tensor
        self.waits_for_rows = self.from_first_batch  # the same, known without asking a GPU
        self.register_load_state_dict_post_hook(Thermometer._loaded)  # type: ignore[no-untyped-call]

    def calibrate(self, x_RD: Tensor) -> None:
        """With the distributive scheme: take the quantiles of the first rows seen as thresholds."""
        if not self.waits_for_rows:
            return
        bits = self.threshold_DT.shape[1]
        quantiles_TD = torch.quantile(x_RD.detach().float(), _levels(bits).to(x_RD.device), dim=0)
        self.threshold_DT.data.copy_(quantiles_TD.t())
        self.calibrated.fill_(True)
        self.waits_for_rows = False
        self.constrain()

    def _loaded(self, _: object) -> None:
        self.waits_for_rows = not bool(self.calibrated)

    def codes(self) -> Tensor:
        """Integer thresholds, int8 [D*T]: `code(x) > floor(32 t)` is exactly `code(x) / 32 > t`."""
        floors_DT = (self.threshold_DT.detach() * STEPS_PER_UNIT).floor()
        return floors_DT.clamp(-128, 127).to(torch.int8).flatten()

    def forward(self, x_DR: Tensor, code_DR: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Bits as -0.5 and 0.5 in `dtype`, [D*T, R].

        x_DR: the input as real numbers, for its gradient only, which passes within the window straight through.
        code_DR: the same as int8.
        """
        bit_KR: Tensor = _Bits.apply(  # type: ignore[no-untyped-call]
            x_DR, self.threshold_DT, code_DR, self.codes().view_as(self.threshold_DT), self.window, dtype
        )
        return bit_KR

    @torch.no_grad()
    def bits(self, code_DR: Tensor) -> Tensor:
        """The deployed bits, int8 [D*T, R]."""
        return _above(code_DR, self.codes().view_as(self.threshold_DT)).to(torch.int8)

    @torch.no_grad()
    def constrain(self) -> None:
        """Bring moved thresholds back into the range of the input, in increasing order."""
        if self.threshold_DT.requires_grad or self.from_first_batch:
            inside_DT = self.threshold_DT.clamp(-128 * INPUT_SCALE, 127 * INPUT_SCALE)
            self.threshold_DT.copy_(inside_DT.sort(dim=1).values)

    def node(self) -> ir.Thermometer:
        return ir.Thermometer(self.codes().view(self.threshold_DT.shape).cpu().to(torch.int64).numpy())


class _Bits(torch.autograd.Function):
    """Comparisons whose gradient passes, straight through, where a code is within a window of its threshold."""

    @staticmethod
    def forward(
        ctx: Any,
        x_DR: Tensor,
        threshold_DT: Tensor,
        code_DR: Tensor,
        cut_DT: Tensor,
        window: int,
        dtype: torch.dtype,
    ) -> Tensor:
        ctx.save_for_backward(code_DR, cut_DT)
        ctx.window, ctx.types = window, (x_DR.dtype, threshold_DT.dtype)
        return _above(code_DR, cut_DT).to(dtype).sub_(0.5)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        code_DR, cut_DT = ctx.saved_tensors
        of_input, of_threshold = ctx.types
        distance_DTR = code_DR.to(torch.int16)[:, None, :] - cut_DT.to(torch.int16)[:, :, None]
        near_DTR = gradients[0].view(distance_DTR.shape) * (distance_DTR.abs() <= ctx.window)
        gradient_DR = near_DTR.sum(1, dtype=torch.float32).to(of_input) if ctx.needs_input_grad[0] else None
        gradient_DT = (
            near_DTR.sum(2, dtype=torch.float32).neg().to(of_threshold) if ctx.needs_input_grad[1] else None
        )
        return gradient_DR, gradient_DT, None, None, None, None


def _above(code_DR: Tensor, cut_DT: Tensor) -> Tensor:
    """`code[d] > cut[d][t]`, bool [D*T, R]."""
    return (code_DR[:, None, :] > cut_DT[:, :, None]).flatten(0, 1)


def initial_thresholds(scheme: str, bits: int) -> Tensor:
    """Thresholds of one feature before training, [T]; `distributive` replaces them at the first batch."""
    if scheme == "uniform":
        return _levels(bits) * 2 * UNIFORM_RANGE - UNIFORM_RANGE
    thresholds_T: Tensor = torch.special.ndtri(_levels(bits).double())
    return thresholds_T.float()


def _levels(bits: int) -> Tensor:
    """Evenly spaced quantile levels that leave the ends out."""
    return torch.arange(1, bits + 1) / (bits + 1)
