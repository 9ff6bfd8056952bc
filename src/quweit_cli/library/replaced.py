"""A weightless block in the place of an MLP in a model that is not one of ours."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quweit_cli.weightless.block import WeightlessBlock

EPSILON = 1e-5


class ReplacedMlp(nn.Module):
    """A normalisation and a weightless block, which answer in the type of what they are given.

    The block's thresholds count on rows of unit scale, and the norm of somebody else's model has a gain and a bias. So
    rows are normalised once more, without either, in float32: on the host, outside of the integer program.
    """

    def __init__(self, block: WeightlessBlock, *, hidden: int | None, normalised: bool) -> None:
        """hidden: width of the MLP that stood here, where it had two matrices. normalised: normalise rows."""
        super().__init__()
        self.block, self.hidden, self.normalised = block, hidden, normalised

    def forward(self, x: Tensor) -> Tensor:
        rows = x
        if self.normalised and x.shape[-1] == self.block.features:  # of any other width the block tells
            with torch.autocast(x.device.type, enabled=False):
                rows = F.layer_norm(x.float(), (self.block.features,), eps=EPSILON)
        y: Tensor = self.block(rows)
        return y.to(x.dtype)

    def extra_repr(self) -> str:
        return f"hidden={self.hidden}, normalised={self.normalised}"
