"""Numbers with a fixed point: real tensors whose elements are whole numbers of steps of a power of two.

With such steps real arithmetic and integer arithmetic are one: in evaluation all of it is float64, which holds every sum
below 2^53 exactly, so that the values are the integers of the program times their step. Training computes in float32,
rounds likewise, and its gradients pass straight through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from quweit_cli.weightless.powers import exponent_of, power_of_two

LEAST, MOST = -24, 30  # bits below the point


class FixedPoint(NamedTuple):
    """value: real, float32 in training and float64 in evaluation. fraction: bits below the point, int32, one for all
    elements or one a feature."""

    value: Tensor
    fraction: Tensor


def rounded(x: Tensor, fraction: Tensor, low: int, high: int, *, where: Tensor | None = None) -> Tensor:
    """The nearest step of 2^-fraction, halves upward, clamped to `low ... high` steps; the gradient passes as it is.

    In the type of x, but that more than eight bits do not fit bfloat16, and are given as float32.
    where: a truth value; otherwise x stays as it is.
    """
    exact = x if x.dtype == torch.float64 else x.float()
    steps = (exact.detach() * power_of_two(fraction) + 0.5).floor().clamp(low, high)
    y = steps * power_of_two(-fraction)
    y = straight_through(exact, y if where is None else torch.where(where, y, exact.detach()))
    return y.to(x.dtype) if high < 1 << 8 else y


def straight_through(x: Tensor, y: Tensor) -> Tensor:
    """The values of y with the gradient of x."""
    return x + (y - x).detach() if x.requires_grad else y


def integers(x: FixedPoint) -> Tensor:
    """Steps, int64."""
    return (x.value.double() * power_of_two(x.fraction)).long()


def full_scale(x: FixedPoint, scale: float) -> Tensor:
    """Steps of `scale` each, whatever they were worth: as a block reads the integers of a grid."""
    return x.value * (power_of_two(x.fraction) * scale)


class Grid(nn.Module):
    """Rounds to integers of so many bits, whose step follows the largest magnitude seen while training.

    The step is the smallest power of two with which that magnitude fits. It lies in a buffer, so that a model that was
    saved and loaded computes the same integers. A step rounds by what the steps before have seen, so that a GPU reads
    the tensor once; the first one leaves it as it is.

    headroom: bits above the largest magnitude. smooth: follow the mean of the largest magnitudes of batches; otherwise
    the largest of many batches. least, most: bits below the point.
    """

    def __init__(
        self, bits: int = 8, *, headroom: int = 0, smooth: bool = True, least: int = LEAST, most: int = MOST
    ) -> None:
        super().__init__()
        self.whole, self.smooth, self.least, self.most = bits - 1 - headroom, smooth, least, most
        self.low, self.high = -(1 << bits - 1), (1 << bits - 1) - 1
        self.largest: Tensor
        self.seen: Tensor  # since `largest` moved
        self.register_buffer("largest", torch.zeros(()))
        self.register_buffer("seen", torch.zeros(()), persistent=False)

    def forward(self, x: Tensor) -> FixedPoint:
        fraction = self.fraction()
        if not self.training:
            return FixedPoint(rounded(x, fraction, self.low, self.high), fraction)
        now = x.detach().abs().amax(-1).amax()  # rows first: what rounds them finds their magnitudes as well
        self.seen.copy_(torch.maximum(self.seen, now))
        return FixedPoint(rounded(x, fraction, self.low, self.high, where=self.largest > 0), fraction)

    def fraction(self) -> Tensor:
        """Bits below the point, int32; those for magnitudes below 1 where nothing was seen."""
        largest = torch.where(self.largest > 0, self.largest, 0.5)
        return (self.whole - exponent_of(largest)).clamp(self.least, self.most)


@torch.no_grad()
def follow(grids: Sequence[Grid]) -> None:
    """Let grids follow what they have seen; call after a backward pass, which needs what they were.

    All of a kind at once: a GPU would take as long for each.
    """
    for smooth in (True, False):
        chosen = [grid for grid in grids if grid.smooth == smooth]
        if not chosen:
            continue
        largest = torch.stack([grid.largest for grid in chosen])
        seen = torch.stack([grid.seen for grid in chosen])
        if smooth:
            following = torch.where(largest > 0, torch.lerp(largest, seen, 0.05), seen)
        else:
            following = torch.maximum(largest * 0.999, seen)
        torch._foreach_copy_([grid.largest for grid in chosen], list(following.unbind()))
        torch._foreach_zero_([grid.seen for grid in chosen])
