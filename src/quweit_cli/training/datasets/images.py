"""Labelled images in memory, with the random changes that training makes to them.

Shape suffixes: B samples, X channels, S pixels along a side.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.training.augmentation import crop_and_flip
from quweit_cli.training.datasets.order import WHOLE, Share, epoch_order
from quweit_cli.training.randomness import generator_for, seed_for

# DeiT's augmentation is some 350 small kernels however many images it changes, 5 ms of launching: longer than a
# step of a small model takes. So the batches of several steps are changed at once.
STEPS_AT_ONCE = 8
AT_ONCE = 1024  # images, whose levels are counted


@dataclass(frozen=True)
class _DeitBatches:
    """Changed images of some steps; `asked` says which."""

    asked: tuple[int, int, int, Share]
    images: tuple[Tensor, ...]
    labels: tuple[Tensor, ...]

    def of(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index], self.labels[index]


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
    _deit_batches: _DeitBatches | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        _, channels, side, _ = self.train_pixels.shape
        self.meta = {"kind": "images", "side": side, "channels": channels, "classes": self.classes}
        self.meta |= {"mean": self.mean, "std": self.std}
        device = self.train_pixels.device
        self.mean_X11 = torch.tensor(self.mean, device=device)[:, None, None]
        self.std_X11 = torch.tensor(self.std, device=device)[:, None, None]

    def to(self, device: torch.device) -> Images:
        """The same data on a device, where batches are then cut and changed."""
        names = ("train_pixels", "train_labels", "test_pixels", "test_labels")
        return dataclasses.replace(self, **{name: getattr(self, name).to(device) for name in names})

    def steps_per_epoch(self, size: int, tokens: int) -> float:
        return len(self.train_labels) / size

    def check(self, tokens: int) -> None:
        """Raises ConfigError when there are no images to learn from, or none to test on."""
        for part, labels in (("training", self.train_labels), ("test", self.test_labels)):
            if not len(labels):
                raise ConfigError(f"the dataset has no {part} images", hint="give another `data.path`")

    def batch(
        self, step: int, size: int, tokens: int, seed: int, share: Share = WHOLE
    ) -> tuple[Tensor, Tensor]:
        """This process's share of a step's training batch: every image once an epoch, in random order.

        Targets are labels, or with mixed images the shares of all classes.
        """
        if self.augment == "deit":
            return self._deit_batch(step, size, seed, share)
        device = self.train_pixels.device
        order_B = epoch_order(len(self.train_labels), step, size, seed, device)[share.of(size)]
        generator = generator_for(device, seed, "augment", step, share.index)
        pixels_BXSS = crop_and_flip(self.train_pixels[order_B], self.augment, generator)
        return self._normalised(pixels_BXSS), self.train_labels[order_B]

    def _deit_batch(self, step: int, size: int, seed: int, share: Share) -> tuple[Tensor, Tensor]:
        from quweit_cli.training import deit  # noqa: PLC0415  (kornia takes half a second)

        first = step - step % STEPS_AT_ONCE
        asked = (first, size, seed, share)
        if self._deit_batches is None or self._deit_batches.asked != asked:
            device, parts = self.train_pixels.device, (seed, "augment", first, share.index)
            steps = range(first, first + STEPS_AT_ONCE)
            order_SB = torch.cat(
                [
                    epoch_order(len(self.train_labels), one, size, seed, device)[share.of(size)]
                    for one in steps
                ]
            )
            generator = generator_for(device, *parts)
            pixels = self.train_pixels[order_SB].float()
            image = deit.changed(pixels / self.white, self.deit, generator, seed_for(*parts))
            image = deit.erased(self._normalised(image * self.white), self.deit, generator)
            labels = self.train_labels[order_SB]
            self._deit_batches = _DeitBatches(asked, image.chunk(len(steps)), labels.chunk(len(steps)))
        image_BXSS, label_B = self._deit_batches.of(step - first)
        mix_seed = seed_for(seed, "augment", step, share.index)
        return deit.mixed(image_BXSS, label_B, len(self.classes), self.deit, mix_seed)

    def test(self, tokens: int, samples: int | None = None) -> tuple[Tensor, Tensor]:
        """So many of the held-out images, evenly spaced since files may be sorted by class; or all."""
        count = len(self.test_labels)
        samples = count if samples is None else min(samples, count)
        index_B = torch.arange(samples, device=self.test_labels.device) * count // samples
        return self._normalised(self.test_pixels[index_B]), self.test_labels[index_B]

    def _normalised(self, pixels_BXSS: Tensor) -> Tensor:
        return (pixels_BXSS.float() - self.mean_X11) / self.std_X11


def normal(pixels_BXSS: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel; 1 where all pixels are alike."""
    means, deviations = [], []
    for pixels_BSS in np.moveaxis(pixels_BXSS, 1, 0):
        counts = np.zeros(256, np.int64)
        for start in range(0, len(pixels_BSS), AT_ONCE):
            counts += np.bincount(pixels_BSS[start : start + AT_ONCE].ravel(), minlength=256)
        levels = np.arange(256)
        mean = float(counts @ levels / counts.sum())
        variance = float(counts @ (levels - mean) ** 2 / counts.sum())
        means.append(mean)
        deviations.append(variance**0.5 or 1.0)
    return means, deviations
