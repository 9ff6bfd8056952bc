"""Labelled images in memory, with the random changes that training makes to them.

Shape suffixes: B samples, X channels, S pixels along a side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

CROP_PADDING = {"none": 0, "shift": 1, "crop_flip": 4}


@dataclass
class Images:
    """Pixels are uint8 as they came; `mean` and `std` (per channel) normalise them for the model."""

    description: str
    classes: list[str]
    train_pixels: Tensor  # [samples, X, S, S]
    train_labels: Tensor
    test_pixels: Tensor
    test_labels: Tensor
    mean: list[float]
    std: list[float]
    augment: str = "none"
    meta: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        _, channels, side, _ = self.train_pixels.shape
        self.meta = {"kind": "images", "side": side, "channels": channels, "classes": self.classes}

    def batches(self, size: int, tokens: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Endless training batches: every image once an epoch, in an order that the generator draws."""
        order = torch.empty(0, dtype=torch.int64)
        while True:
            while len(order) < size:
                order = torch.cat((order, torch.randperm(len(self.train_labels), generator=generator)))
            chosen, order = order[:size], order[size:]
            pixels = augmented(self.train_pixels[chosen], self.augment, generator)
            yield self._normalised(pixels), self.train_labels[chosen]

    def test(self, tokens: int, samples: int | None = None) -> tuple[Tensor, Tensor]:
        """The first `samples` of the held-out images, or all."""
        return self._normalised(self.test_pixels[:samples]), self.test_labels[:samples]

    def _normalised(self, pixels_BXSS: Tensor) -> Tensor:
        mean_X, std_X = torch.tensor(self.mean), torch.tensor(self.std)
        return (pixels_BXSS.float() - mean_X[:, None, None]) / std_X[:, None, None]


def augmented(pixels_BXSS: Tensor, augment: str, generator: torch.Generator) -> Tensor:
    """`shift`: cut anew from one pixel of padding; `crop_flip`: from four, then mirrored half of the time."""
    padding = CROP_PADDING[augment]
    if not padding:
        return pixels_BXSS
    cropped_BXSS = _random_crop(pixels_BXSS, padding, generator)
    if augment == "shift":
        return cropped_BXSS
    mirror_B = torch.rand(len(cropped_BXSS), generator=generator) < 0.5
    return torch.where(mirror_B[:, None, None, None], cropped_BXSS.flip(3), cropped_BXSS)


def _random_crop(pixels_BXSS: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    count, _, side, _ = pixels_BXSS.shape
    padded = torch.nn.functional.pad(pixels_BXSS, [padding] * 4)
    corner_B2 = torch.randint(2 * padding + 1, (count, 2), generator=generator)
    row_BS = corner_B2[:, :1] + torch.arange(side)
    column_BS = corner_B2[:, 1:] + torch.arange(side)
    sample_B = torch.arange(count)[:, None, None]
    return padded[sample_B, :, row_BS[:, :, None], column_BS[:, None, :]].permute(0, 3, 1, 2)
