"""Thermometer code: `bit[d*T + t] = x[d] > threshold[d][t]`, on inputs quantised to int8.

The wide tensor of bits never exists: a pin of the first LUT layer compares its own feature with its
own threshold (lut_layer.py), so this module only keeps the thresholds.
"""

from __future__ import annotations

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

    @torch.no_grad()
    def constrain(self) -> None:
        """Bring moved thresholds back into the range of the input, in increasing order."""
        if self.threshold_DT.requires_grad or self.from_first_batch:
            inside_DT = self.threshold_DT.clamp(-128 * INPUT_SCALE, 127 * INPUT_SCALE)
            self.threshold_DT.copy_(inside_DT.sort(dim=1).values)

    def node(self) -> ir.Thermometer:
        return ir.Thermometer(self.codes().view(self.threshold_DT.shape).cpu().to(torch.int64).numpy())


def initial_thresholds(scheme: str, bits: int) -> Tensor:
    """Thresholds of one feature before training, [T]; `distributive` replaces them at the first batch."""
    if scheme == "uniform":
        return _levels(bits) * 2 * UNIFORM_RANGE - UNIFORM_RANGE
    thresholds_T: Tensor = torch.special.ndtri(_levels(bits).double())
    return thresholds_T.float()


def _levels(bits: int) -> Tensor:
    """Evenly spaced quantile levels that leave the ends out."""
    return torch.arange(1, bits + 1) / (bits + 1)
