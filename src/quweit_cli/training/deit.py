"""The augmentation of DeiT (arXiv 2012.12877, table 9) on whole batches, where they lie.

Kornia gives the operations on colours: each takes a batch and a strength a sample, without a loop or a
wait for the GPU. Its own RandAugment draws one choice of operations for a whole batch; here a batch is
split at random into as many parts as there are operations, so that samples differ and nothing is
computed twice. Mixup and cutmix draw once a batch, as DeiT does.

Images are real in [0, 1]. Shape suffixes: B samples, X channels, S pixels along a side, O classes.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import torch
import torch.nn.functional as F
from kornia import enhance
from torch import Tensor

from quweit_cli import config
from quweit_cli.training.augmentation import random_crop, random_flip

GREY = 0.5  # where a moved image leaves nothing


def changed(image_BXSS: Tensor, settings: config.Deit, generator: torch.Generator, seed: int) -> Tensor:
    """Cut, mirrored, and through RandAugment; still in [0, 1]."""
    if settings.crop == "padded":
        image_BXSS = random_crop(image_BXSS, max(1, image_BXSS.shape[-1] // 8), generator)
    else:
        image_BXSS = _resized_crop(image_BXSS, settings.crop_scale, generator)
    image_BXSS = random_flip(image_BXSS, settings.flip, generator)
    host = random.Random(seed)
    for _ in range(settings.operations):
        image_BXSS = _one_operation_each(image_BXSS, settings, generator, host)
    return image_BXSS


def erased(image_BXSS: Tensor, settings: config.Deit, generator: torch.Generator) -> Tensor:
    """Normalised images, some with one rectangle of 2 to 33 % of the area replaced by N(0, 1) noise."""
    if not settings.erasing:
        return image_BXSS
    count, side = len(image_BXSS), image_BXSS.shape[-1]
    uniform_5B = torch.rand(5, count, generator=generator, device=image_BXSS.device)
    area_B = (0.02 + (1 / 3 - 0.02) * uniform_5B[0]) * side * side
    aspect_B = torch.exp((2 * uniform_5B[1] - 1) * math.log(1 / 0.3))
    inside_BSS = [
        _interval(side, (area_B * ratio_B).sqrt().clamp(max=side), place_B)
        for ratio_B, place_B in ((aspect_B, uniform_5B[2]), (1 / aspect_B, uniform_5B[3]))
    ]
    hit_B = uniform_5B[4] < settings.erasing
    erase_BSS = inside_BSS[0][:, :, None] & inside_BSS[1][:, None, :] & hit_B[:, None, None]
    noise = torch.randn(image_BXSS.shape, generator=generator, device=image_BXSS.device)
    return torch.where(erase_BSS[:, None], noise, image_BXSS)


def mixed(
    image_BXSS: Tensor, label_B: Tensor, classes: int, settings: config.Deit, seed: int
) -> tuple[Tensor, Tensor]:
    """Each image with its opposite in the batch, by mixup or cutmix; targets [B, O] share alike."""
    # one_hot of torch reads the labels back to check them
    target_BO = (label_B[:, None] == torch.arange(classes, device=label_B.device)).float()
    host = random.Random(f"mix {seed}")
    chances = {"mixup": settings.mixup, "cutmix": settings.cutmix}
    ways = [name for name, beta in chances.items() if beta]
    if not ways or host.random() >= settings.mix_chance:
        return image_BXSS, target_BO
    way = host.choice(ways)
    kept = host.betavariate(chances[way], chances[way])
    if way == "mixup":
        image_BXSS = image_BXSS.lerp(image_BXSS.flip(0), 1 - kept)
    else:
        image_BXSS, kept = _cutmix(image_BXSS, kept, host)
    return image_BXSS, target_BO.lerp(target_BO.flip(0), 1 - kept)


def _cutmix(image_BXSS: Tensor, kept: float, host: random.Random) -> tuple[Tensor, float]:
    """One rectangle for the whole batch, cut at the border; gives the share that it really leaves."""
    side = image_BXSS.shape[-1]
    half = side * math.sqrt(1 - kept) / 2
    spans = []
    for centre in (host.randrange(side), host.randrange(side)):
        spans.append(slice(max(0, round(centre - half)), min(side, round(centre + half))))
    rows, columns = spans
    opposite_BXSS = image_BXSS.flip(0)
    image_BXSS = image_BXSS.clone()
    image_BXSS[:, :, rows, columns] = opposite_BXSS[:, :, rows, columns]
    covered = (rows.stop - rows.start) * (columns.stop - columns.start)
    return image_BXSS, 1 - covered / side**2


def _interval(side: int, length_B: Tensor, place_B: Tensor) -> Tensor:
    """Bool [B, S]: positions within an interval that lies at random in the side."""
    start_B1 = ((side - length_B) * place_B)[:, None]
    position_S = torch.arange(side, device=length_B.device) + 0.5
    return (position_S > start_B1) & (position_S < start_B1 + length_B[:, None])


def _resized_crop(image_BXSS: Tensor, scale: tuple[float, float], generator: torch.Generator) -> Tensor:
    """A part of random area and an aspect of 3/4 to 4/3, resized to the whole."""
    device = image_BXSS.device
    uniform_4B = torch.rand(4, len(image_BXSS), generator=generator, device=device)
    area_B = scale[0] + (scale[1] - scale[0]) * uniform_4B[0]
    aspect_B = torch.exp((2 * uniform_4B[1] - 1) * math.log(4 / 3))
    width_B, height_B = ((area_B * ratio).sqrt().clamp(max=1) for ratio in (aspect_B, 1 / aspect_B))
    zero_B = torch.zeros_like(width_B)
    x_B, y_B = (1 - width_B) * (2 * uniform_4B[2] - 1), (1 - height_B) * (2 * uniform_4B[3] - 1)
    return _warped(image_BXSS, [[width_B, zero_B, x_B], [zero_B, height_B, y_B]])


# ---------------------------------------------------------------- RandAugment

# Images, strength in [0, 1], sign, and a uniform number for whatever is left to choose; of every sample.
Operation = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def _one_operation_each(
    image_BXSS: Tensor, settings: config.Deit, generator: torch.Generator, host: random.Random
) -> Tensor:
    count, device = len(image_BXSS), image_BXSS.device
    order_B = torch.randperm(count, generator=generator, device=device)
    spread_B = settings.magnitude_std * torch.randn(count, generator=generator, device=device)
    level_B = ((settings.magnitude + spread_B) / 10).clamp(0, 1)
    sign_B, choice_B, applied_B = torch.rand(3, count, generator=generator, device=device)
    sign_B = torch.where(sign_B < 0.5, -1.0, 1.0)
    shuffled_BXSS, parts = image_BXSS[order_B], []
    start, taken = 0, 0
    for share, operation in host.sample(OPERATIONS, len(OPERATIONS)):
        taken += share
        end = taken * count // SHARES
        part = slice(start, end)
        if end > start:
            parts.append(operation(shuffled_BXSS[part], level_B[part], sign_B[part], choice_B[part]))
        start = end
    applied_B111 = (applied_B < settings.operation_chance)[:, None, None, None]
    result_BXSS = torch.empty_like(image_BXSS)
    result_BXSS[order_B] = torch.where(applied_B111, torch.cat(parts), shuffled_BXSS)
    return result_BXSS


def _warped(image_BXSS: Tensor, matrix_23B: list[list[Tensor]], outside: float = 0.0) -> Tensor:
    """Sample each image at `matrix · (x, y, 1)`, coordinates from -1 to 1."""
    matrix_B23 = torch.stack([torch.stack(row, dim=1) for row in matrix_23B], dim=1)
    grid = F.affine_grid(matrix_B23, list(image_BXSS.shape), align_corners=False)
    return F.grid_sample(image_BXSS - outside, grid, mode="bilinear", align_corners=False) + outside


def _move(image_BXSS: Tensor, level_B: Tensor, sign_B: Tensor, choice_B: Tensor) -> Tensor:
    """One of five, at even chances: a turn, shears along x and y, shifts along x and y. All are one warp."""
    kind_51 = torch.arange(5, device=image_BXSS.device)[:, None]
    amount_5B = ((5 * choice_B).floor() == kind_51) * (sign_B * level_B)
    angle_B = math.radians(30) * amount_5B[0]
    shear_2B, shift_2B = 0.3 * amount_5B[1:3], 0.9 * amount_5B[3:5]  # a shift of 0.45 of the side
    cos_B, sin_B = angle_B.cos(), angle_B.sin()
    rows = [[cos_B, shear_2B[0] - sin_B, shift_2B[0]], [shear_2B[1] + sin_B, cos_B, shift_2B[1]]]
    return _warped(image_BXSS, rows, outside=GREY)


def _posterize(image_BXSS: Tensor, level_B: Tensor, *rest: Tensor) -> Tensor:
    bits_B = (4 - (4 * level_B).floor()).clamp(min=1).int()
    return enhance.posterize(image_BXSS, bits_B)


def _solarize_add(image_BXSS: Tensor, level_B: Tensor, *rest: Tensor) -> Tensor:
    brighter = (image_BXSS + (110 / 255 * level_B)[:, None, None, None]).clamp(max=1)
    return torch.where(image_BXSS < 0.5, brighter, image_BXSS)


def _enhanced(change: Callable[[Tensor, Tensor], Tensor]) -> Operation:
    """Blend with or away from an image without colour, contrast, light or edges."""
    return lambda image, level, sign, _: change(image, (1 + 0.9 * sign * level).clamp(min=0.1))


# Shares of a batch, and what each does at full strength: timm's `rand-m9-mstd0.5-inc1`, which DeiT uses.
OPERATIONS: list[tuple[int, Operation]] = [
    (1, lambda image, *_: enhance.normalize_min_max(image)),
    (1, lambda image, *_: enhance.equalize(image)),
    (1, lambda image, *_: 1 - image),
    (1, _posterize),
    (1, lambda image, level, *_: enhance.solarize(image, 1 - level)),
    (1, _solarize_add),
    (1, _enhanced(enhance.adjust_saturation_with_gray_subtraction)),
    (1, _enhanced(enhance.adjust_contrast_with_mean_subtraction)),
    (1, _enhanced(enhance.adjust_brightness_accumulative)),
    (1, _enhanced(enhance.sharpness)),
    (5, _move),
]
SHARES = sum(share for share, _ in OPERATIONS)
