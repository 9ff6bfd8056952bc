"""Images of your own: arrays in an .npz file, or pictures in a folder for each class.

Shape suffixes: B samples, S pixels along a side, X channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from quweit_cli import config
from quweit_cli.boundary.arrays import ARRAY_BYTES, Archive
from quweit_cli.boundary.pictures import class_folders, parts_of, read_picture
from quweit_cli.boundary.readers import Unreadable, cut
from quweit_cli.errors import ConfigError, DataUnavailable
from quweit_cli.training.datasets.images import Images, normal
from quweit_cli.training.datasets.splits import stratified

MOST_SIDE, MOST_CHANNELS, MOST_CLASSES = 4096, 16, 10_000  # as checkpoints hold
LABELS = "uint8 uint16 uint32 uint64 int8 int16 int32 int64"


class _Part(NamedTuple):
    pixels: NDArray[np.uint8]  # [B, S, S, X]
    labels: NDArray[np.int64]


def images_npz(settings: config.Data) -> Images:
    """`data.path` names an .npz of `images` and `labels`, perhaps with `test_images` and `test_labels`.

    Raises:
        ConfigError: no path, or classes too small to be split.
        DataUnavailable: no file, or one that holds something else.
    """
    path = _path(settings, "an .npz file of `images` and `labels`")
    try:
        archive = Archive(path)
        train = _arrays(archive, "")
        test = _arrays(archive, "test_") if {"test_images", "test_labels"} & archive.names else None
        return _images(settings, train, test, classes=_numbered(train, test))
    except Unreadable as error:
        raise DataUnavailable(
            f"cannot read images from `{path}`: {error}",
            hint="`images` are uint8 [images, side, side] or [images, side, side, channels], `labels` integers from 0"
            " [images]; `test_images` and `test_labels` are optional",
        ) from None


def image_folder(settings: config.Data) -> Images:
    """`data.path` names a folder of class folders of pictures, or one of `train` and `test` with class folders each.

    Raises:
        ConfigError: no path or no side, or classes too small to be split.
        DataUnavailable: no folder, or one that holds something else.
    """
    path = _path(settings, "a folder of class folders")
    if settings.side is None:
        raise ConfigError(
            "the dataset `image_folder` needs `data.side`",
            hint="pixels along the side that images are resized to",
        )
    try:
        parts = {part: class_folders(folder) for part, folder in parts_of(path).items()}
        train_files, test_files = parts.get("train", parts.get("", {})), parts.get("test")
        classes = _several(sorted(train_files))
        if unknown := sorted(set(test_files or ()) - set(classes)):
            raise Unreadable(
                f"its test part has the class `{cut(unknown[0], 60)}`, and its training part has not"
            )
        pictures = [
            (file, classes.index(name))
            for files in (train_files, test_files or {})
            for name, found in files.items()
            for file in found
        ]
        pixels = _decoded([file for file, _ in pictures], settings.side)
    except Unreadable as error:
        raise DataUnavailable(
            f"cannot read images from `{path}`: {error}",
            hint="it holds folders of PNG or JPEG files, one a class, or `train` and `test` with such folders each",
        ) from None
    labels = np.array([label for _, label in pictures], np.int64)
    count = sum(map(len, train_files.values()))
    train = _Part(pixels[:count], labels[:count])
    test = None if test_files is None else _Part(pixels[count:], labels[count:])
    return _images(settings, train, test, classes)


def _path(settings: config.Data, wanted: str) -> Path:
    if settings.path is None:
        raise ConfigError(f"the dataset `{settings.source}` needs `data.path`", hint=f"name {wanted}")
    return settings.path


def _arrays(archive: Archive, prefix: str) -> _Part:
    images = archive.read(f"{prefix}images", "uint8", (3, 4))
    labels = archive.read(f"{prefix}labels", LABELS, 1)
    pixels = images if images.ndim == 4 else images[..., None]
    count, height, width, channels = pixels.shape
    if height != width or not 1 <= height <= MOST_SIDE or not 1 <= channels <= MOST_CHANNELS:
        raise Unreadable(
            f"`{prefix}images` are of {height:,} x {width:,} pixels and {channels:,} channels; squares of {MOST_SIDE:,} pixels"
            f" and {MOST_CHANNELS} channels at most are wanted"
        )
    if count != len(labels) or not count:
        raise Unreadable(f"it has {count:,} `{prefix}images` and {len(labels):,} `{prefix}labels`")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= MOST_CLASSES:
        wrong = low if low < 0 else high
        raise Unreadable(
            f"`{prefix}labels` has {wrong:,}; classes are numbered from 0 to {MOST_CLASSES - 1:,}"
        )
    return _Part(pixels, labels.astype(np.int64))


def _numbered(train: _Part, test: _Part | None) -> list[str]:
    """Classes from 0 to the largest label, each of which must be learned."""
    held = set(np.unique(train.labels).tolist())
    asked = range(max(held) + 1)
    if missing := sorted(set(asked) - held):
        raise Unreadable(f"`labels` has no {missing[0]}, and goes up to {max(held)}")
    if test is not None:
        if test.pixels.shape[1:] != train.pixels.shape[1:]:
            raise Unreadable(
                f"`images` are of shape {train.pixels.shape[1:]}, `test_images` of {test.pixels.shape[1:]}"
            )
        if int(test.labels.max()) not in held:
            raise Unreadable(f"`test_labels` has {int(test.labels.max())}, which `labels` has not")
    return _several([str(number) for number in asked])


def _several(classes: list[str]) -> list[str]:
    if len(classes) < 2:
        raise Unreadable(f"it has {'one class' if classes else 'no class'}, and two or more are wanted")
    return classes


def _decoded(files: Sequence[Path], side: int) -> NDArray[np.uint8]:
    """Pictures as [B, S, S, X]: of one channel where all are grey, else of three."""
    if len(files) * side * side > ARRAY_BYTES:
        raise Unreadable(
            f"{len(files):,} images of {side} x {side} pixels take more than {ARRAY_BYTES:,} bytes"
        )
    grey, coloured = np.empty((len(files), side, side, 1), np.uint8), None
    for place, file in enumerate(files):
        try:
            picture = read_picture(file, side)
        except Unreadable as error:
            raise Unreadable(f"`{file}`: {error}") from None
        if picture.ndim == 3 and coloured is None:
            if 3 * grey.size > ARRAY_BYTES:
                raise Unreadable(
                    f"{len(files):,} images in colour of {side} x {side} pixels take more than {ARRAY_BYTES:,} bytes"
                )
            coloured = grey.repeat(3, axis=3)
        if coloured is None:
            grey[place, :, :, 0] = picture
        else:
            coloured[place] = picture if picture.ndim == 3 else picture[..., None]
    return grey if coloured is None else coloured


def _images(settings: config.Data, train: _Part, test: _Part | None, classes: list[str]) -> Images:
    """Split where there is no test part, and normalised by the training part."""
    name = cut(settings.path.name if settings.path else settings.source, 60)
    how = "its own test part"
    if test is None:
        learned, held_out = stratified(train.labels, settings, "images", classes)
        train, test = (_Part(train.pixels[part], train.labels[part]) for part in (learned, held_out))
        how = f"stratified split of seed {settings.split_seed}"
    train_pixels = _tensor(train.pixels)
    mean, std = normal(train_pixels.numpy())
    return Images(
        description=(
            f"`{name}`, {len(train.labels)} training and {len(test.labels)} test images of"
            f" {len(classes)} classes, {how}"
        ),
        classes=classes,
        train_pixels=train_pixels,
        train_labels=torch.from_numpy(train.labels),
        test_pixels=_tensor(test.pixels),
        test_labels=torch.from_numpy(test.labels),
        mean=mean,
        std=std,
        augment=settings.augment,
        deit=settings.deit,
    )


def _tensor(pixels_BSSX: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(pixels_BSSX.transpose(0, 3, 1, 2).copy())
