"""MLPs of matrices: the dense one, and BEExformer's selective learn-forget network (arXiv 2412.05225).

Shape suffixes: B samples, N tokens, D width, I features of what is read, H hidden width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.models.attention import residual_dropout
from quweit_cli.models.low_bits import matrix

Function = Callable[[Tensor], Tensor]


class Branch(nn.Module):
    """Two matrices with a function between."""

    def __init__(self, inputs: int, settings: config.Model, function: Function, *, bias: bool) -> None:
        super().__init__()
        few, kind = settings.learn_forget, settings.mlp_weights
        hidden, integers = settings.mlp_ratio * settings.dim, settings.arithmetic == "integer"
        self.function = function
        self.expand = matrix(inputs, hidden, few, kind, integers=integers, bias=bias)
        self.project = matrix(hidden, settings.dim, few, kind, integers=integers, bias=bias)
        self.projection_dropout = nn.Dropout(settings.projection_dropout)

    def forward(self, x_BNI: Tensor) -> Tensor:
        hidden_BNH = self.projection_dropout(self.function(self.expand(x_BNI)))
        y_BND: Tensor = self.project(hidden_BNH)
        return y_BND


class DenseMlp(Branch):
    def __init__(self, inputs: int, settings: config.Model, *, bias: bool) -> None:
        super().__init__(inputs, settings, F.gelu, bias=bias)
        self.dropout = nn.Dropout(residual_dropout(settings))

    def forward(self, x_BNI: Tensor) -> Tensor:
        y_BND: Tensor = self.dropout(super().forward(x_BNI))
        return y_BND


class LearnForget(nn.Module):
    """What one branch learns times what the other keeps of it, feature by feature."""

    def __init__(self, inputs: int, settings: config.Model, *, bias: bool) -> None:
        super().__init__()
        self.forget = self.make_branch(inputs, settings, torch.sigmoid, bias=bias)
        self.learn = self.make_branch(inputs, settings, torch.tanh, bias=bias)
        self.dropout = nn.Dropout(residual_dropout(settings))

    def make_branch(self, inputs: int, settings: config.Model, function: Function, *, bias: bool) -> Branch:
        return Branch(inputs, settings, function, bias=bias)

    def forward(self, x_BNI: Tensor) -> Tensor:
        y_BND: Tensor = self.dropout(self.forget(x_BNI) * self.learn(x_BNI))
        return y_BND
