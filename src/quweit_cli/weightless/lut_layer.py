"""A layer of lookup tables: `y[j] = table[j][address of the pins of j] > 0`, learned by a rule (rules.py)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from quweit_cli import config, ir
from quweit_cli.weightless.kernels.operators import ALWAYS, lut_read
from quweit_cli.weightless.mapping import LearnableMapping, RandomMapping
from quweit_cli.weightless.rules import learning_rule
from quweit_cli.weightless.thermometer import Thermometer


class LutLayer(nn.Module):
    """LUTs over the bits of a thermometer (first layer) or of the LUT layer before."""

    def __init__(self, mapping: RandomMapping | LearnableMapping, luts: int, settings: config.Block) -> None:
        super().__init__()
        self.mapping = mapping
        self.rule = learning_rule(settings.rule, settings.fan_in, settings.epsilon)
        self.gradient_scale = settings.gradient_scale
        self.table_JA = nn.Parameter(initial_tables(settings.tables, luts, settings.fan_in))

    def forward(
        self,
        source_IR: Tensor,
        code_IR: Tensor,
        thermometer: Thermometer | None,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Bits as -0.5 and 0.5 in `dtype`, [J, R].

        source_IR: what the layer reads as real numbers, for its gradient only.
        code_IR: the same as int8: input codes with a thermometer, else bits.
        """
        mapping, threshold_JL = self.mapping, None
        if thermometer is not None and thermometer.threshold_DT.requires_grad:
            threshold_JL = thermometer.threshold_DT.flatten()[mapping()]
        choice_JLC = candidate_row_LJC = candidate_cut_LJC = None
        if isinstance(mapping, LearnableMapping) and not mapping.frozen:
            choice_JLC = mapping.choice_JLC
            candidate_LJC = mapping.candidate_JLC.transpose(0, 1)
            candidate_row_LJC, candidate_cut_LJC = _comparisons(candidate_LJC, thermometer)
        row_LJ, cut_LJ = _comparisons(mapping().t(), thermometer)
        order_P, start_I = mapping.readers()
        smoothed_JA = self.rule.smoothed(self.table_JA)
        bit_JR: Tensor
        bit_JR, _ = lut_read(
            source_IR, threshold_JL, choice_JLC, smoothed_JA,
            code_IR, self.table_JA.detach(), self.gradient_scale * self.rule.slopes(smoothed_JA),
            row_LJ, cut_LJ, order_P, start_I, candidate_row_LJC, candidate_cut_LJC,
            ALWAYS if thermometer is None else thermometer.window, dtype,
        )  # fmt: skip
        return bit_JR

    @torch.no_grad()
    def bits(self, code_IR: Tensor, thermometer: Thermometer | None) -> Tensor:
        """The deployed answer, int8 [J, R]."""
        return self.forward(code_IR, code_IR, thermometer, torch.int8)

    @torch.no_grad()
    def constrain(self) -> None:
        """Entries far from 0 would no longer change sign: tables stay within ±1."""
        self.table_JA.clamp_(-1, 1)

    def node(self) -> ir.LutLayer:
        positive_JA = (self.table_JA.detach() > 0).cpu().numpy().astype(np.uint64)
        shift_A = np.arange(positive_JA.shape[1], dtype=np.uint64)
        tables_J = np.bitwise_or.reduce(positive_JA << shift_A, axis=1)
        # .copy(): on the CPU .numpy() shares the wiring's memory, and a program must not change with the model
        return ir.LutLayer(self.mapping().cpu().numpy().copy(), tables_J)


def initial_tables(scheme: str, luts: int, fan_in: int) -> Tensor:
    """Real entries within ±1, [J, A].

    `linear_threshold`: `0.5 Σ_l w_l (±1 by bit l) + 0.05 N(0, 1)`, w a random unit vector a LUT. A table
    that starts with first-order signal trains far better than uniform noise.
    """
    entries = 1 << fan_in
    if scheme == "uniform":
        return torch.rand(luts, entries) * 2 - 1
    weight_JL = nn.functional.normalize(torch.randn(luts, fan_in), dim=1)
    bit_LA = (torch.arange(entries) >> torch.arange(fan_in)[:, None]) & 1
    table_JA = 0.5 * weight_JL @ (2.0 * bit_LA - 1) + 0.05 * torch.randn(luts, entries)
    return table_JA.clamp(-1, 1)


def _comparisons(bit: Tensor, thermometer: Thermometer | None) -> tuple[Tensor, Tensor]:
    """Source and cut of the comparison that makes each bit; a bit of a LUT is itself `bit > 0`."""
    bit = bit.contiguous()
    if thermometer is None:
        return bit.int(), torch.zeros_like(bit, dtype=torch.int16)
    bits_per_feature = thermometer.threshold_DT.shape[1]
    return (bit // bits_per_feature).int(), thermometer.codes()[bit].to(torch.int16)
