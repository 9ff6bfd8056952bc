"""Simple random changes of training images: cut anew from a padded border, mirrored.

Shape suffixes: B samples, X channels, S pixels along a side.
"""

from __future__ import annotations

import torch
from torch import Tensor

CROP_PADDING = {"none": 0, "shift": 1, "crop_flip": 4}


def crop_and_flip(pixels_BXSS: Tensor, augment: str, generator: torch.Generator) -> Tensor:
    """`shift`: cut anew from one pixel of padding; `crop_flip`: from four, then mirrored half of the time."""
    padding = CROP_PADDING[augment]
    if not padding:
        return pixels_BXSS
    cropped_BXSS = random_crop(pixels_BXSS, padding, generator)
    return cropped_BXSS if augment == "shift" else random_flip(cropped_BXSS, 0.5, generator)


def random_crop(pixels_BXSS: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    count, _, side, _ = pixels_BXSS.shape
    device = pixels_BXSS.device
    padded = torch.nn.functional.pad(pixels_BXSS, [padding] * 4)
    corner_B2 = torch.randint(2 * padding + 1, (count, 2), generator=generator, device=device)
    offset_S = torch.arange(side, device=device)
    row_BS = corner_B2[:, :1] + offset_S
    column_BS = corner_B2[:, 1:] + offset_S
    sample_B = torch.arange(count, device=device)[:, None, None]
    return padded[sample_B, :, row_BS[:, :, None], column_BS[:, None, :]].permute(0, 3, 1, 2)


def random_flip(pixels_BXSS: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    mirror_B = torch.rand(len(pixels_BXSS), generator=generator, device=pixels_BXSS.device) < chance
    return torch.where(mirror_B[:, None, None, None], pixels_BXSS.flip(3), pixels_BXSS)
