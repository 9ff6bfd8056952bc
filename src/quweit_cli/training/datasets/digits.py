"""scikit-learn's digits: 1,797 real scans of handwritten digits, 8x8 pixels, shipped in the package."""

from __future__ import annotations

import math

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.training.datasets.images import Images

PIXEL_MEAN, PIXEL_STD, WHITE = 4.88, 6.02, 16  # of all scans
LEAST = 10  # scans of a part


def digits(settings: config.Data) -> Images:
    """A stratified split drawn once from `split_seed`, whatever the training seed.

    Raises:
        ConfigError: a part too small to hold every digit.
    """
    scans = load_digits()
    held_out = math.ceil(settings.test_fraction * len(scans.target))
    if min(held_out, len(scans.target) - held_out) < LEAST:
        raise ConfigError(
            f"`data.test_fraction` {settings.test_fraction} leaves {len(scans.target) - held_out:,} scans to learn from"
            f" and {held_out:,} to test on",
            hint=f"either part needs {LEAST}, so that every digit is in it",
        )
    train, test = train_test_split(
        np.arange(len(scans.target)),
        test_size=settings.test_fraction,
        random_state=settings.split_seed,
        stratify=scans.target,
    )
    pixels = torch.from_numpy(scans.images.astype(np.uint8))[:, None]
    labels = torch.from_numpy(scans.target.astype(np.int64))
    return Images(
        description=(
            f"scikit-learn digits, {len(train)} training and {len(test)} test scans,"
            f" stratified split of seed {settings.split_seed}"
        ),
        classes=[str(digit) for digit in range(10)],
        train_pixels=pixels[train],
        train_labels=labels[train],
        test_pixels=pixels[test],
        test_labels=labels[test],
        mean=[PIXEL_MEAN],
        std=[PIXEL_STD],
        augment=settings.augment,
        deit=settings.deit,
        white=WHITE,
    )
