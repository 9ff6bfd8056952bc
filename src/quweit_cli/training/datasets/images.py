"""Labelled images in memory, with the random changes that training makes to them.

Shape suffixes: B samples, X channels, S pixels along a side.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from quweit_cli import config
from quweit_cli.training.augmentation import crop_and_flip
from quweit_cli.training.datasets.order import WHOLE, Share, epoch_order
from quweit_cli.training.randomness import generator_for, seed_for


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
    deit: config.Deit = field(default_factory=config.Deit)
    white: int = 255  # the brightest pixel
    meta: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        _, channels, side, _ = self.train_pixels.shape
        self.meta = {"kind": "images", "side": side, "channels": channels, "classes": self.classes}
        device = self.train_pixels.device
        self.mean_X11 = torch.tensor(self.mean, device=device)[:, None, None]
        self.std_X11 = torch.tensor(self.std, device=device)[:, None, None]

    def to(self, device: torch.device) -> Images:
        """The same data on a device, where batches are then cut and changed."""
        names = ("train_pixels", "train_labels", "test_pixels", "test_labels")
        return dataclasses.replace(self, **{name: getattr(self, name).to(device) for name in names})

    def steps_per_epoch(self, size: int, tokens: int) -> float:
        return len(self.train_labels) / size

    def batch(
        self, step: int, size: int, tokens: int, seed: int, share: Share = WHOLE
    ) -> tuple[Tensor, Tensor]:
        """This process's share of a step's training batch: every image once an epoch, in random order.

        Targets are labels, or with mixed images the shares of all classes.
        """
        device = self.train_pixels.device
        order_B = epoch_order(len(self.train_labels), step, size, seed, device)[share.of(size)]
        pixels_BXSS, label_B = self.train_pixels[order_B], self.train_labels[order_B]
        parts = (seed, "augment", step, share.index)
        generator = generator_for(device, *parts)
        if self.augment == "deit":
            from quweit_cli.training import deit  # noqa: PLC0415  (kornia takes half a second)

            image_BXSS = deit.changed(
                pixels_BXSS.float() / self.white, self.deit, generator, seed_for(*parts)
            )
            image_BXSS = deit.erased(self._normalised(image_BXSS * self.white), self.deit, generator)
            return deit.mixed(image_BXSS, label_B, len(self.classes), self.deit, seed_for(*parts))
        return self._normalised(crop_and_flip(pixels_BXSS, self.augment, generator)), label_B

    def test(self, tokens: int, samples: int | None = None) -> tuple[Tensor, Tensor]:
        """The first `samples` of the held-out images, or all."""
        return self._normalised(self.test_pixels[:samples]), self.test_labels[:samples]

    def _normalised(self, pixels_BXSS: Tensor) -> Tensor:
        return (pixels_BXSS.float() - self.mean_X11) / self.std_X11
