"""scikit-learn's digits: 1,797 real scans of handwritten digits, 8x8 pixels, shipped in the package."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits

from quweit_cli import config
from quweit_cli.training.datasets.images import Images
from quweit_cli.training.datasets.splits import stratified

PIXEL_MEAN, PIXEL_STD, WHITE = 4.88, 6.02, 16  # of all scans


def digits(settings: config.Data) -> Images:
    """A stratified split drawn once from `split_seed`, whatever the training seed.

    Raises:
        ConfigError: a part too small to hold every digit.
    """
    scans = load_digits()
    labels = scans.target.astype(np.int64)
    train, test = stratified(labels, settings, "scans")
    pixels = torch.from_numpy(scans.images.astype(np.uint8))[:, None]
    return Images(
        description=(
            f"scikit-learn digits, {len(train)} training and {len(test)} test scans,"
            f" stratified split of seed {settings.split_seed}"
        ),
        classes=[str(digit) for digit in range(10)],
        train_pixels=pixels[train],
        train_labels=torch.from_numpy(labels[train]),
        test_pixels=pixels[test],
        test_labels=torch.from_numpy(labels[test]),
        mean=[PIXEL_MEAN],
        std=[PIXEL_STD],
        augment=settings.augment,
        deit=settings.deit,
        white=WHITE,
    )
