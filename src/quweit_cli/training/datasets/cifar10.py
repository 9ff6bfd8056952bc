"""CIFAR-10 from its binary archive, or from an .npz of encoded images. Nothing is unpickled."""

from __future__ import annotations

import io
import tarfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quweit_cli import config
from quweit_cli.boundary.arrays import Archive
from quweit_cli.boundary.readers import Unreadable, cut, read_bytes, unpacked
from quweit_cli.errors import DataUnavailable
from quweit_cli.training.datasets.download import CIFAR10, ensure_downloaded
from quweit_cli.training.datasets.images import Images

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
MEAN, STD = [125.3, 123.0, 113.9], [63.0, 62.1, 66.7]  # of the training images, per channel
SIDE = 32
RECORD = 1 + 3 * SIDE * SIDE  # one label, then red, green and blue planes
TRAIN_FILES = [f"data_batch_{batch}.bin" for batch in range(1, 6)]
TEST_FILES = ["test_batch.bin"]
MOST_BYTES = 1 << 29  # of an archive, packed or not: CIFAR-10 has 184 MB
MOST_IMAGES = 10**6


def cifar10(settings: config.Data) -> Images:
    """`data.path` names cifar-10-binary.tar.gz, the folder in it, or an .npz (docs/formats.md).

    Raises:
        DataUnavailable: no file, or a file that holds something else.
    """
    path = settings.path or ensure_downloaded(CIFAR10)
    try:
        if path.suffix == ".npz":
            parts, note = _read_npz(path), " (from encoded images)"
        else:
            parts, note = _read_binary(path), ""
    except Unreadable as error:
        raise DataUnavailable(
            f"cannot read CIFAR-10 from `{path}`: {error}",
            hint="`data.path` names cifar-10-binary.tar.gz (the binary version), its folder, or an .npz",
        ) from None
    (train_pixels, train_labels), (test_pixels, test_labels) = parts
    return Images(
        description=f"CIFAR-10{note}, {len(train_labels)} training and {len(test_labels)} test images",
        classes=CLASSES,
        train_pixels=train_pixels,
        train_labels=train_labels,
        test_pixels=test_pixels,
        test_labels=test_labels,
        mean=MEAN,
        std=STD,
        augment=settings.augment,
        deit=settings.deit,
    )


Part = tuple[Tensor, Tensor]


def _read_binary(path: Path) -> tuple[Part, Part]:
    wanted = TRAIN_FILES + TEST_FILES
    if path.is_dir():
        found = {name: file for name in wanted for file in (path / name, *path.glob(f"*/{name}"))}
        content = {name: read_bytes(file, MOST_BYTES) for name, file in found.items() if file.exists()}
    else:
        content = _unpacked(path, wanted)
    return _records(content, TRAIN_FILES), _records(content, TEST_FILES)


def _unpacked(path: Path, wanted: list[str]) -> dict[str, bytes]:
    """Those files of the archive; raises Unreadable where it is damaged, or too large."""
    plain = io.BytesIO(unpacked(read_bytes(path, MOST_BYTES), MOST_BYTES))
    content = {}
    try:
        with tarfile.open(fileobj=plain, mode="r:") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if member.isreg() and not member.issparse() and name in wanted:
                    content[name] = archive.extractfile(member).read()  # type: ignore[union-attr]
    except (tarfile.TarError, OSError, EOFError, ValueError, LookupError) as error:
        raise Unreadable(f"its archive is damaged: {cut(error)}") from None
    return content


def _records(content: dict[str, bytes], names: list[str]) -> Part:
    missing = [name for name in names if name not in content]
    if missing:
        raise Unreadable(f"it has no {', '.join(missing)}")
    data = np.frombuffer(b"".join(content[name] for name in names), np.uint8)
    if data.size == 0 or data.size % RECORD:
        raise Unreadable(f"its batches are not records of {RECORD} bytes")
    records = torch.from_numpy(data.reshape(-1, RECORD).copy())
    return records[:, 1:].reshape(-1, 3, 32, 32), _labels(records[:, 0].to(torch.int64))


def _read_npz(path: Path) -> tuple[Part, Part]:
    archive = Archive(path)
    return _part(archive, "train"), _part(archive, "test")


def _part(archive: Archive, part: str) -> Part:
    encoded = archive.read(f"{part}_jpeg", "uint8", 1)
    offsets = archive.read(f"{part}_offsets", "int64 int32 uint32 uint64", 1).astype(np.int64)
    labels = archive.read(f"{part}_labels", "uint8 int8 int16 int32 int64", 1).astype(np.int64)
    images = len(offsets) - 1
    if not 1 <= images <= MOST_IMAGES or len(labels) != images:
        raise Unreadable(f"its {part} part has {max(0, images):,} images and {len(labels):,} labels")
    if offsets[0] < 0 or offsets[-1] > len(encoded) or bool((np.diff(offsets) <= 0).any()):
        raise Unreadable(f"`{part}_offsets` are not where one image after another starts in `{part}_jpeg`")
    return _decode(encoded, offsets), _labels(torch.from_numpy(labels))


def _decode(encoded: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Tensor:
    from PIL import Image  # noqa: PLC0415  (only this format needs a decoder)

    pixels = np.empty((len(offsets) - 1, SIDE, SIDE, 3), np.uint8)
    for number, (start, end) in enumerate(pairwise(offsets.tolist())):
        try:
            with Image.open(io.BytesIO(encoded[start:end].tobytes()), formats=("JPEG", "PNG")) as image:
                if image.size != (SIDE, SIDE):  # before a decoder takes memory for it
                    raise Unreadable(
                        f"image {number} has {image.size[0]} x {image.size[1]} pixels, not 32 x 32"
                    )
                pixels[number] = np.asarray(image.convert("RGB"))
        except Unreadable:
            raise
        except Exception as error:  # a decoder raises what it likes on bytes that are not an image
            raise Unreadable(f"image {number} cannot be decoded: {cut(error)}") from None
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def _labels(labels: Tensor) -> Tensor:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= len(CLASSES):
        raise Unreadable(
            f"it has a label {low if low < 0 else high}, and the {len(CLASSES)} classes are 0 to {len(CLASSES) - 1}"
        )
    return labels
