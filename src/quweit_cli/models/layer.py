"""One pre-norm transformer layer: attention, then an MLP of matrices or a weightless block."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.models.attention import SelfAttention
from quweit_cli.models.mlp import DenseMlp, LearnForget
from quweit_cli.models.neighbours import with_neighbours
from quweit_cli.weightless.block import WeightlessBlock

Answer = tuple[Tensor, list[Tensor]]  # logits, and the residual stream after each layer, [B, N, D] each
AnswerWithExits = tuple[Tensor, list[Tensor], list[Tensor]]  # and the logits of every exit


class DropPath(nn.Module):
    """Stochastic depth: while training, a sample's branch is left out at a rate, the others are scaled up."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.active = rate > 0
        self.kept: Tensor
        # a tensor, since layers with different numbers in them would be compiled one by one
        self.register_buffer("kept", torch.tensor(1 - rate), persistent=False)

    def forward(self, x_BND: Tensor) -> Tensor:
        if not self.training or not self.active:
            return x_BND
        kept_B11 = torch.rand(len(x_BND), 1, 1, device=x_BND.device) < self.kept
        return x_BND * (kept_B11 / self.kept).to(x_BND.dtype)


class TransformerLayer(nn.Module):
    """`x + attention(norm(x))`, then `x + mlp(norm(x))`, whose MLP reads the tokens around as well if told to.

    A weightless block is normalised without gain and bias: its thresholds do that work, and a unit
    scale is what its int8 input grid counts on. So are matrices of few bits, which could not hold the gain.
    """

    def __init__(self, settings: config.Model, layer: int, *, causal: bool, bias: bool) -> None:
        super().__init__()
        dim, weightless = settings.dim, settings.mlp == "weightless"
        plain = settings.attention.projections.qkv == "float"
        plain_mlp = not weightless and settings.mlp_weights == "float"
        self.attention_norm = nn.LayerNorm(dim, elementwise_affine=plain, bias=bias)
        self.attention = self.make_attention(settings, causal=causal, bias=bias)
        self.mlp_norm = nn.LayerNorm(dim, elementwise_affine=plain_mlp, bias=bias)
        self.neighbours, inputs = settings.neighbours, (2 if settings.neighbours else 1) * dim
        self.mlp = (
            WeightlessBlock(
                inputs, settings.block, outputs=dim, power_of_two=settings.arithmetic == "integer"
            )
            if weightless
            else self.make_mlp(inputs, settings, bias=bias)
        )
        self.drop_path = DropPath(settings.drop_path * layer / max(1, settings.depth - 1))

    def make_attention(self, settings: config.Model, *, causal: bool, bias: bool) -> SelfAttention:
        return SelfAttention(settings, causal=causal, bias=bias)

    def make_mlp(self, inputs: int, settings: config.Model, *, bias: bool) -> nn.Module:
        kind = LearnForget if settings.mlp == "learn_forget" else DenseMlp
        return kind(inputs, settings, bias=bias)

    def forward(self, x_BND: Tensor) -> Tensor:
        x_BND = x_BND + self.drop_path(self.attention(self.attention_norm(x_BND)))
        read_BNI = self.mlp_norm(x_BND)
        if self.neighbours:
            read_BNI = with_neighbours(read_BNI, causal=self.attention.causal)
        y_BND: Tensor = x_BND + self.drop_path(self.mlp(read_BNI))
        return y_BND
