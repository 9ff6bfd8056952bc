"""Residual convolutional network for small images: a teacher of vision transformers, which no stage makes hardware of.

He et al., arXiv 1512.03385, with the 3 x 3 stem that is usual for images of 32 x 32. DeiT (arXiv 2012.12877) found
that a transformer learns more from such a teacher than from one of its own kind.
Shape suffixes: B samples, X channels, S pixels along a side, O classes.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.models.vit import image_shape

# oneDNN's backward pass over fewer channels ends the process on CPUs without AVX-512 (torch 2.13): with 2, 4 and 6
# channels it did in every run of three or four, with 8, 12, 16, 20, 24 and 64 in none.
ONEDNN_CHANNELS = 8
STAGES = 4  # each but the first halves the side and doubles the width


class ResidualLayer(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(channels, width, 3, stride)
        self.second = _convolution(width, width, 3, 1)
        changes = stride > 1 or channels != width
        self.shortcut = _convolution(channels, width, 1, stride) if changes else nn.Identity()

    def forward(self, x_BXSS: Tensor) -> Tensor:
        return F.relu(self.second(F.relu(self.first(x_BXSS))) + self.shortcut(x_BXSS))


class ResNet(nn.Module):
    """Images [B, X, side, side], already normalised, to logits [B, O].

    `dim` channels in the first of four stages, `depth` layers in each: 64 and 2 are ResNet-18.
    """

    def __init__(self, settings: config.Model, meta: dict[str, Any]) -> None:
        super().__init__()
        if settings.dim < ONEDNN_CHANNELS:
            torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
        if settings.mlp != "dense":
            raise ConfigError(
                "the family `resnet` has no MLPs that blocks could replace",
                hint="set `model.mlp: dense`: such a network teaches others (`training.distill.teacher`)",
            )
        _, channels, classes = image_shape(meta, settings.family)
        self.tokens = 1
        self.stem = _convolution(channels, settings.dim, 3, 1)
        self.layers = nn.ModuleList()
        channels = settings.dim
        for stage in range(STAGES):
            for layer in range(settings.depth):
                width = settings.dim * 2**stage
                self.layers.append(ResidualLayer(channels, width, 2 if stage and not layer else 1))
                channels = width
        self.head = nn.Linear(channels, classes)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as the tensor cores of a GPU read images

    def forward(self, image_BXSS: Tensor) -> Tensor:
        x_BXSS = F.relu(self.stem(image_BXSS.contiguous(memory_format=torch.channels_last)))
        for layer in self.layers:
            x_BXSS = layer(x_BXSS)
        logits_BO: Tensor = self.head(x_BXSS.mean(dim=(2, 3)))
        return logits_BO


def _convolution(channels: int, width: int, side: int, stride: int) -> nn.Sequential:
    """Followed by batch normalisation."""
    convolution = nn.Conv2d(channels, width, side, stride, padding=side // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(width))
