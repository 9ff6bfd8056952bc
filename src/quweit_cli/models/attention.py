"""Multi-head self-attention, shared by the families.

Shape suffixes: B samples, N tokens, D width, H heads, C width of a head.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class SelfAttention(nn.Module):
    def __init__(self, dim: int, heads: int, *, causal: bool, bias: bool, dropout: float) -> None:
        super().__init__()
        self.heads, self.causal, self.dropout = heads, causal, dropout
        self.qkv = nn.Linear(dim, 3 * dim, bias=bias)
        self.project = nn.Linear(dim, dim, bias=bias)
        self.residual_dropout = nn.Dropout(dropout)

    def forward(self, x_BND: Tensor) -> Tensor:
        B, N, D = x_BND.shape
        qkv = self.qkv(x_BND).view(B, N, 3, self.heads, D // self.heads)
        q_BHNC, k_BHNC, v_BHNC = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed_BHNC = F.scaled_dot_product_attention(
            q_BHNC,
            k_BHNC,
            v_BHNC,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.causal,
        )
        mixed_BND = mixed_BHNC.transpose(1, 2).reshape(B, N, D)
        out_BND: Tensor = self.residual_dropout(self.project(mixed_BND))
        return out_BND
