"""What an MLP or block reads beside its own token: one more row, put together of features of the tokens around it.

A pin of a LUT reads a neighbour's bit at the cost of a wire, and nothing is multiplied; a dense MLP pays for the wider
row with half as many multiplications again. Every feature has its own direction, as in the shift networks of
Wu et al. (arXiv 1711.08141), so that a neighbourhood of any size costs one row.
Shape suffixes: B samples, N tokens, D width, S tokens along a side of the image.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from quweit_cli.ir.nodes.tokens import AROUND, BEFORE


def with_neighbours(x_BND: Tensor, *, causal: bool) -> Tensor:
    """Each token's features, then those of its neighbours, [B, N, 2D]; 0 where there is no neighbour.

    causal: half of the features from the token before, a quarter each from the two before that. Otherwise the
    tokens are the patches of a square image, and an eighth of the features comes from each of the eight around.
    """
    if causal:
        parts_BND = torch.tensor_split(x_BND, len(BEFORE), dim=-1)
        moved_BND = [_later(part, tokens) for part, tokens in zip(parts_BND, BEFORE, strict=True)]
    else:
        parts_BND = torch.tensor_split(x_BND, len(AROUND), dim=-1)
        moved_BND = [_moved(part, *offset) for part, offset in zip(parts_BND, AROUND, strict=True)]
    return torch.cat([x_BND, *moved_BND], dim=-1)


def _later(x_BND: Tensor, tokens: int) -> Tensor:
    return F.pad(x_BND, (0, 0, tokens, 0))[:, : x_BND.shape[1]]


def _moved(x_BND: Tensor, down: int, right: int) -> Tensor:
    """What lies so many rows below and columns to the right of each patch."""
    B, N, D = x_BND.shape
    S = math.isqrt(N)
    padding = (0, 0, max(-right, 0), max(right, 0), max(-down, 0), max(down, 0))
    padded_BSSD = F.pad(x_BND.view(B, S, S, D), padding)
    top, left = max(down, 0), max(right, 0)
    return padded_BSSD[:, top : top + S, left : left + S].reshape(B, N, D)
