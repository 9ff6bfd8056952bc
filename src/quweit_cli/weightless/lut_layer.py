"""A layer of lookup tables: `y[j] = table[j][address of the pins of j] > 0`, learned by a rule (rules.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from quweit_cli import config, ir
from quweit_cli.weightless.kernels import plain
from quweit_cli.weightless.mapping import LearnableMapping, RandomMapping
from quweit_cli.weightless.rules import Rule, learning_rule
from quweit_cli.weightless.thermometer import STEPS_PER_UNIT, Thermometer


@dataclass(frozen=True)
class Wiring:
    """Pins resolved to comparisons `code[row] > cut`: a feature and its threshold, or a bit and 0.

    The pin comes first, so that what one pin of every LUT reads is contiguous.
    """

    row_LJ: Tensor
    cut_LJ: Tensor  # int16
    window: int | None = None  # steps around the cut within which a gradient passes; None: everywhere
    candidate_row_LCJ: Tensor | None = None
    candidate_cut_LCJ: Tensor | None = None


class LutLayer(nn.Module):
    """LUTs over the bits of a thermometer (first layer) or of the LUT layer before."""

    def __init__(self, mapping: RandomMapping | LearnableMapping, luts: int, settings: config.Block) -> None:
        super().__init__()
        self.mapping = mapping
        self.rule = learning_rule(settings.rule, settings.epsilon)
        self.window = round(settings.thermometer.window * STEPS_PER_UNIT)
        self.table_JA = nn.Parameter(initial_tables(settings.tables, luts, settings.fan_in))

    def forward(self, source_IR: Tensor, code_IR: Tensor, thermometer: Thermometer | None) -> Tensor:
        """Bits as 0.0 and 1.0, [J, R].

        source_IR: what the layer reads as real numbers, for its gradient only.
        code_IR: the same as int8: input codes with a thermometer, else bits.
        """
        wiring = self.wiring(thermometer)
        threshold_JL = choice_JLC = None
        if thermometer is not None and thermometer.threshold_DT.requires_grad:
            threshold_JL = thermometer.threshold_DT.flatten()[self.mapping()]
        if isinstance(self.mapping, LearnableMapping) and not self.mapping.frozen:
            choice_JLC = self.mapping.choice_JLC
        bit_JR: Tensor = _ReadLuts.apply(  # type: ignore[no-untyped-call]
            source_IR, threshold_JL, choice_JLC, self.table_JA, code_IR, wiring, self.rule
        )
        return bit_JR

    def bits(self, code_IR: Tensor, thermometer: Thermometer | None) -> Tensor:
        """The deployed answer without gradients, int8 [J, R]."""
        wiring = self.wiring(thermometer)
        address_JR = plain.addresses(code_IR, wiring.row_LJ, wiring.cut_LJ)
        return plain.read((self.table_JA.detach() > 0).to(torch.int8), address_JR.long())

    def wiring(self, thermometer: Thermometer | None) -> Wiring:
        row_LJ, cut_LJ = _comparisons(self.mapping().t(), thermometer)
        window = None if thermometer is None else self.window
        if isinstance(self.mapping, RandomMapping) or self.mapping.frozen:
            return Wiring(row_LJ, cut_LJ, window)
        candidate_LCJ = self.mapping.candidate_JLC.permute(1, 2, 0)
        return Wiring(row_LJ, cut_LJ, window, *_comparisons(candidate_LCJ, thermometer))

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


class _ReadLuts(torch.autograd.Function):
    """Forward reads the sign of the tables; backward is the rule's.

    Source gradients pass straight through the comparison, within the window around its threshold.
    """

    @staticmethod
    def forward(
        ctx: Any,
        source_IR: Tensor,
        threshold_JL: Tensor | None,
        choice_JLC: Tensor | None,
        table_JA: Tensor,
        code_IR: Tensor,
        wiring: Wiring,
        rule: Rule,
    ) -> Tensor:
        address_JR = plain.addresses(code_IR, wiring.row_LJ, wiring.cut_LJ)
        ctx.save_for_backward(table_JA, code_IR, address_JR.to(torch.uint8))  # an eighth of int64
        ctx.wiring, ctx.rule = wiring, rule
        return plain.read((table_JA > 0).to(source_IR.dtype), address_JR.long())

    @staticmethod
    def backward(ctx: Any, gradient_JR: Tensor) -> tuple[Tensor | None, ...]:
        table_JA, code_IR, byte_address_JR = ctx.saved_tensors
        wiring: Wiring = ctx.wiring
        rule: Rule = ctx.rule
        address_JR = byte_address_JR.long()
        needs_source, needs_threshold, needs_choice, needs_table = ctx.needs_input_grad[:4]
        gradients = _PinGradients(wiring, code_IR, gradient_JR, needs_threshold, needs_choice)
        if needs_source or needs_threshold or needs_choice:
            for pin, slope_JA in enumerate(rule.pin_gradients(table_JA)):
                gradients.add(pin, plain.read(slope_JA, address_JR).mul_(gradient_JR))
        table_gradient_JA = None
        if needs_table:
            sums_JA = plain.histogram(gradient_JR, address_JR, table_JA.shape[1])
            table_gradient_JA = rule.table_gradient(sums_JA)
        return (
            gradients.source_IR if needs_source else None,
            None if gradients.threshold_LJ is None else gradients.threshold_LJ.t(),
            None if gradients.choice_LCJ is None else gradients.choice_LCJ.permute(2, 0, 1),
            table_gradient_JA,
            None,
            None,
            None,
        )


class _PinGradients:
    """Collects what the pins pass back, one pin of every LUT at a time."""

    def __init__(
        self, wiring: Wiring, code_IR: Tensor, like: Tensor, thresholds: bool, choices: bool
    ) -> None:
        self.wiring, self.code_IR = wiring, code_IR
        self.real_code_IR = code_IR.to(like.dtype)
        self.source_IR = torch.zeros_like(self.real_code_IR)
        self.threshold_LJ = like.new_zeros(wiring.row_LJ.shape) if thresholds else None
        candidates = wiring.candidate_row_LCJ
        self.choice_LCJ = like.new_zeros(candidates.shape) if choices and candidates is not None else None

    def add(self, pin: int, gradient_JR: Tensor) -> None:
        wiring = self.wiring
        if self.choice_LCJ is not None:
            self.choice_LCJ[pin] = _choice_gradient(wiring, pin, self.code_IR, gradient_JR)
        row_J, cut_J = wiring.row_LJ[pin], wiring.cut_LJ[pin]
        if wiring.window is not None:
            gradient_JR = plain.windowed(gradient_JR, self.real_code_IR, row_J, cut_J, wiring.window)
        self.source_IR.index_add_(0, row_J, gradient_JR)
        if self.threshold_LJ is not None:
            self.threshold_LJ[pin] = -gradient_JR.sum(dim=1)


def _choice_gradient(wiring: Wiring, pin: int, code_IR: Tensor, pin_JR: Tensor) -> Tensor:
    """`Σ_r (2 x_c − 1) g` for the candidates c of one pin, [C, J]."""
    row_LCJ, cut_LCJ = wiring.candidate_row_LCJ, wiring.candidate_cut_LCJ
    assert row_LCJ is not None and cut_LCJ is not None
    sums = [
        (pin_JR * plain.pin_bits(code_IR, row_J, cut_J)).sum(dim=1)
        for row_J, cut_J in zip(row_LCJ[pin], cut_LCJ[pin], strict=True)
    ]
    return 2 * torch.stack(sums) - pin_JR.sum(dim=1)


def _comparisons(bit: Tensor, thermometer: Thermometer | None) -> tuple[Tensor, Tensor]:
    """Row and cut of the comparison that makes each bit; a bit of a LUT is itself `bit > 0`."""
    bit = bit.contiguous()
    if thermometer is None:
        return bit, torch.zeros_like(bit, dtype=torch.int16)
    bits_per_feature = thermometer.threshold_DT.shape[1]
    return bit // bits_per_feature, thermometer.codes()[bit].to(torch.int16)
