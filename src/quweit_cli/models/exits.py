"""Heads after chosen layers, so that samples that are easy leave early (BEExformer, arXiv 2412.05225).

Shape suffixes: B samples, N tokens, D width, O classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quweit_cli import config

STEPS = 128  # of a probability, and of a bit of entropy


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
        share_BO = F.softmax(logits_BO.double(), dim=-1)
        bits_BO = -share_BO * share_BO.clamp(min=1e-300).log2()
        return Certainty(STEPS * bits_BO.sum(dim=-1), STEPS * share_BO.amax(dim=-1))


class Certainty(NamedTuple):
    """In steps of 1/128, whole ones where a model computes in integers. entropy_B: bits. largest_B: the largest probability."""

    entropy_B: Tensor
    largest_B: Tensor


def leaving(exits: Sequence[Certainty], settings: config.Exits, threshold: float | None = None) -> Tensor:
    """Of each sample the exit that it takes, [B]; as many as there are exits where it goes to the end.

    threshold: in place of that of the settings. Of `fall` it is the share that the entropy must fall by, rounded to a power of
    two, so that hardware shifts, subtracts and compares; the first exit has nothing to fall from.
    """
    limit = settings.threshold if threshold is None else threshold
    share = 2.0 ** -shift_of(limit)
    taken_B = torch.full_like(exits[0].entropy_B, len(exits), dtype=torch.long)
    before_B: Tensor | None = None
    for number, one in enumerate(exits):
        if settings.criterion == "entropy":
            leaves_B = one.entropy_B < STEPS * limit
        elif settings.criterion == "probability":
            leaves_B = one.largest_B >= STEPS * limit
        elif before_B is None:
            leaves_B = torch.zeros_like(one.entropy_B, dtype=torch.bool)
        else:
            leaves_B = before_B - (before_B * share).floor() < one.entropy_B
        before_B = one.entropy_B
        taken_B = torch.where(leaves_B & (taken_B == len(exits)), number, taken_B)
    return taken_B


def shift_of(share: float) -> int:
    """To the right: the nearest power of two of a share."""
    return max(0, round(-math.log2(max(share, 2.0**-16))))


def joint_loss(early: Sequence[Tensor], last: Tensor, settings: config.Exits, depth: int) -> Tensor:
    """The mean of the losses of all heads; `depth` weighs each by the layers before it (PABEE, arXiv 2006.04152)."""
    weights = [1.0] * (len(early) + 1)
    if settings.weights == "depth":
        weights = [float(layers) for layers in (*settings.after, depth)]
    return torch.stack([w * loss for w, loss in zip(weights, (*early, last), strict=True)]).sum() / sum(
        weights
    )
