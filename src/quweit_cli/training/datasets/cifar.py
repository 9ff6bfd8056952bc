"""CIFAR-10 and CIFAR-100 from their binary archives, the former from an .npz of encoded images too. Nothing is unpickled."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quweit_cli import config
from quweit_cli.boundary.arrays import Archive
from quweit_cli.boundary.readers import Unreadable, cut, read_bytes, unpacked
from quweit_cli.errors import DataUnavailable
from quweit_cli.training.datasets.download import CIFAR10, CIFAR100, ensure_downloaded
from quweit_cli.training.datasets.images import Images, normal

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
MEAN, STD = [125.3, 123.0, 113.9], [63.0, 62.1, 66.7]  # of CIFAR-10's training images, per channel
SIDE = 32
PIXELS = 3 * SIDE * SIDE  # of a record: red, green and blue planes, after its labels
MOST_BYTES = 1 << 29  # of an archive, packed or not: CIFAR-10 and CIFAR-100 have 184 MB
MOST_IMAGES = 10**6
Part = tuple[Tensor, Tensor]


class _Layout(NamedTuple):
    """Of a binary version. labels: bytes of a record before its pixels, the last of which is the class."""

    name: str
    classes: int
    labels: int
    train: list[str]
    test: list[str]


TEN = _Layout("CIFAR-10", 10, 1, [f"data_batch_{batch}.bin" for batch in range(1, 6)], ["test_batch.bin"])
HUNDRED = _Layout("CIFAR-100", 100, 2, ["train.bin"], ["test.bin"])
NAMES = "fine_label_names.txt"  # of CIFAR-100's classes, a line each


def cifar10(settings: config.Data) -> Images:
    """`data.path` names cifar-10-binary.tar.gz, the folder in it, or an .npz (docs/formats.md).

    Raises:
        DataUnavailable: no file, or a file that holds something else.
    """
    path = settings.path or ensure_downloaded(CIFAR10)
    hint = "`data.path` names cifar-10-binary.tar.gz (the binary version), its folder, or an .npz"
    with _explained("CIFAR-10", path, hint):
        if path.suffix == ".npz":
            return _images(settings, "CIFAR-10 (from encoded images)", _read_npz(path), CLASSES, MEAN, STD)
        return _images(settings, "CIFAR-10", _parts(_contents(path, TEN), TEN), CLASSES, MEAN, STD)


def cifar100(settings: config.Data) -> Images:
    """`data.path` names cifar-100-binary.tar.gz or the folder in it; the classes are the hundred fine ones.

    Raises:
        DataUnavailable: no file, or a file that holds something else.
    """
    path = settings.path or ensure_downloaded(CIFAR100)
    with _explained(
        "CIFAR-100", path, f"`data.path` names {CIFAR100.name} (the binary version), or its folder"
    ):
        content = _contents(path, HUNDRED, NAMES)
        parts = _parts(content, HUNDRED)
        mean, std = normal(parts[0][0].numpy())
        return _images(settings, "CIFAR-100", parts, _names(content), mean, std)


@contextlib.contextmanager
def _explained(name: str, path: Path, hint: str) -> Iterator[None]:
    try:
        yield
    except Unreadable as error:
        raise DataUnavailable(f"cannot read {name} from `{path}`: {error}", hint=hint) from None


def _images(
    settings: config.Data,
    name: str,
    parts: tuple[Part, Part],
    classes: list[str],
    mean: list[float],
    std: list[float],
) -> Images:
    (train_pixels, train_labels), (test_pixels, test_labels) = parts
    return Images(
        description=f"{name}, {len(train_labels)} training and {len(test_labels)} test images",
        classes=classes,
        train_pixels=train_pixels,
        train_labels=train_labels,
        test_pixels=test_pixels,
        test_labels=test_labels,
        mean=mean,
        std=std,
        augment=settings.augment,
        deit=settings.deit,
    )


def _contents(path: Path, layout: _Layout, *more: str) -> dict[str, bytes]:
    """The files of a binary version by name; raises Unreadable where one is missing."""
    wanted = [*layout.train, *layout.test, *more]
    if path.is_dir():
        found = {name: file for name in wanted for file in (path / name, *path.glob(f"*/{name}"))}
        content = {name: read_bytes(file, MOST_BYTES) for name, file in found.items() if file.exists()}
    else:
        content = _unpacked(path, wanted)
    if missing := [name for name in wanted if name not in content]:
        raise Unreadable(f"it has no {', '.join(missing)}")
    return content


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


def _parts(content: dict[str, bytes], layout: _Layout) -> tuple[Part, Part]:
    return _records(content, layout.train, layout), _records(content, layout.test, layout)


def _records(content: dict[str, bytes], names: list[str], layout: _Layout) -> Part:
    data = np.frombuffer(b"".join(content[name] for name in names), np.uint8)
    size = layout.labels + PIXELS
    if data.size == 0 or data.size % size:
        raise Unreadable(f"its batches are not records of {size} bytes")
    records = torch.from_numpy(data.reshape(-1, size).copy())
    labels = _labels(records[:, layout.labels - 1].to(torch.int64), layout.classes)
    return records[:, layout.labels :].reshape(-1, 3, SIDE, SIDE), labels


def _names(content: dict[str, bytes]) -> list[str]:
    names = content[NAMES].decode("ascii", errors="replace").split()
    if len(set(names)) != HUNDRED.classes or not all(
        name.isprintable() and len(name) <= 60 for name in names
    ):
        raise Unreadable(f"its {NAMES} has not the names of {HUNDRED.classes} classes")
    return names


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
    return _decode(encoded, offsets), _labels(torch.from_numpy(labels), TEN.classes)


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


def _labels(labels: Tensor, classes: int) -> Tensor:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise Unreadable(
            f"it has a label {low if low < 0 else high}, and the {classes} classes are 0 to {classes - 1}"
        )
    return labels
