"""Functions in pieces in torch, on int64: what their nodes compute."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from quweit_cli.errors import ConfigError
from quweit_cli.ir.nodes.piecewise import PiecesRecord, PiecewiseLinear


def found(choice: object, role: str) -> PiecewiseLinear | None:
    """The pieces that settings hold; None where a function is exact.

    Raises:
        ConfigError: they were not searched yet.
    """
    if choice == "exact":
        return None
    if not isinstance(choice, PiecesRecord):
        raise ConfigError(
            f"`model.functions.{role}` says which pieces to take, and they are not there yet",
            hint="`quweit train` searches or reads them; a checkpoint holds them",
        )
    return choice.pieces()


class Pieces(nn.Module):
    """The sums of a node, and their shifts."""

    breakpoints_M: Tensor
    slopes_N: Tensor
    intercepts_N: Tensor

    def __init__(self, node: PiecewiseLinear) -> None:
        super().__init__()
        self.node = node
        for name in ("breakpoints_M", "slopes_N", "intercepts_N"):
            self.register_buffer(name, torch.from_numpy(getattr(node, name)), persistent=False)

    def sums(self, x: Tensor) -> tuple[Tensor, Tensor]:
        shift, scaling = torch.full_like(x, self.node.shift), self.node.scaling
        if scaling is not None:
            x = x.clamp(min=1)
            high = x >> 31  # float64 is exact below 2^53
            bits = torch.where(high > 0, _bits(high) + 31, _bits(x))
            steps = torch.div(bits - 1, scaling.step, rounding_mode="floor")
            down = scaling.step * steps - (scaling.window - scaling.step)
            x = (x << (-down).clamp(min=0)) >> down.clamp(min=0)
            shift = shift + scaling.answer_step * steps
        piece = torch.bucketize(x, self.breakpoints_M, right=True)
        return self.slopes_N[piece] * x + (self.intercepts_N[piece] << self.node.align), shift

    def rounded(self, sums: Tensor, shift: Tensor) -> Tensor:
        """As answers."""
        up, down = (-shift).clamp(min=0), shift.clamp(min=0)
        half = (torch.ones_like(down) << down) >> 1
        return (((sums << up) + half) >> down).clamp(self.node.low, self.node.high)


class RealPieces(nn.Module):
    """Of a node from codes to whole numbers, on real numbers: its sums before they are rounded, exact in float64."""

    breakpoints_M: Tensor
    slopes_N: Tensor
    intercepts_N: Tensor

    def __init__(self, node: PiecewiseLinear) -> None:
        super().__init__()
        self.node = node
        fraction = node.shift - node.align  # of slopes and intercepts
        for name, bits in (("breakpoints_M", node.align), ("slopes_N", fraction), ("intercepts_N", fraction)):
            self.register_buffer(
                name, torch.from_numpy(getattr(node, name)).double() * 2.0**-bits, persistent=False
            )

    def forward(self, x: Tensor) -> Tensor:
        exact = x.detach().double()
        piece = torch.bucketize(exact, self.breakpoints_M, right=True)
        return self.slopes_N[piece] * exact + self.intercepts_N[piece]


def _bits(x: Tensor) -> Tensor:
    return torch.frexp(x.double()).exponent.long()
