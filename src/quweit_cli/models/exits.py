"""Heads after chosen layers, so that samples or tokens that are easy leave early (BEExformer, arXiv 2412.05225).

Shape suffixes: B samples, N tokens, D width, O classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.ir.exits import STEPS, ExitRule


class ExitHead(nn.Module):
    """Logits of a residual stream, as the last head gives them."""

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__()
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, classes)

    def forward(self, x_BND: Tensor) -> Tensor:
        logits_BO: Tensor = self.head(self.norm(x_BND).mean(dim=1))
        return logits_BO

    def certainty(self, logits_BO: Tensor) -> Certainty:
        """How sure the head is that gives such logits."""
        return certainty_of(logits_BO)


class Certainty(NamedTuple):
    """In steps of 1/128, whole ones where a model computes in integers. entropy_B: bits. largest_B: the largest probability.

    Of a text both are [B, N].
    """

    entropy_B: Tensor
    largest_B: Tensor


def certainty_of(logits_BO: Tensor) -> Certainty:
    """In real numbers, of logits of samples or of tokens."""
    share_BO = F.softmax(logits_BO.double(), dim=-1)
    bits_BO = -share_BO * share_BO.clamp(min=1e-300).log2()
    return Certainty(STEPS * bits_BO.sum(dim=-1), STEPS * share_BO.amax(dim=-1))


def rule_of(settings: config.Exits) -> ExitRule:
    return ExitRule.of(settings.criterion, settings.threshold)


def leaving(exits: Sequence[Certainty], rule: ExitRule) -> Tensor:
    """Of each sample the exit that it takes, [B]; as many as there are exits where it goes to the end."""
    entropies, largest = ([part.cpu().numpy() for part in one] for one in zip(*exits, strict=True))
    return torch.from_numpy(rule.leaving(entropies, largest))


def joint_loss(losses: Sequence[Tensor], settings: config.Exits, depth: int) -> Tensor:
    """The mean of the losses of all heads, the last one's at the end; `depth` weighs each by the layers before it
    (PABEE, arXiv 2006.04152)."""
    weights = [1.0] * len(losses)
    if settings.weights == "depth":
        weights = [float(layers) for layers in (*settings.after, depth)]
    weighed = [weight * loss for weight, loss in zip(weights, losses, strict=True)]
    return torch.stack(weighed).sum() / sum(weights)
