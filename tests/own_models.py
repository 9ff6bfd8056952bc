"""A small vision transformer as anyone would write one in torch, with blocks in place of its MLPs, and a task for it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quweit_cli import replace_mlps

CLASSES, PIXELS, WIDTH = 5, 16, 24


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm1(x)).chunk(3, dim=-1)
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v))
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]


class Vit(nn.Module):
    """16 tokens of 24 features, two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 4, 4)
        self.place = nn.Parameter(0.3 * torch.randn(16, WIDTH))
        self.blocks = nn.ModuleList([Layer(), Layer()])
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(images).flatten(2).transpose(1, 2) + self.place
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean(dim=1))  # type: ignore[no-any-return]


def weightless_vit(**block: object) -> Vit:
    torch.manual_seed(0)
    model = Vit()
    replace_mlps(model, **{"luts": 48, "thermometer": {"bits": 3}, **block})  # type: ignore[arg-type]
    return model


def task(samples: int = 64) -> tuple[Tensor, Tensor]:
    """Images, and which of five bands of rows is bright."""
    generator = torch.Generator().manual_seed(1)
    target_B = torch.randint(0, CLASSES, (samples,), generator=generator)
    images = 0.3 * torch.randn(samples, 3, PIXELS, PIXELS, generator=generator)
    for sample, target in enumerate(target_B.tolist()):
        images[sample, :, 3 * target : 3 * target + 3] += 1
    return images, target_B
