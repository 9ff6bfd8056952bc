"""CIFAR-10 from its binary archive, or from an .npz of encoded images. Nothing is unpickled."""

from __future__ import annotations

import io
import tarfile
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quweit_cli import config
from quweit_cli.errors import DataUnavailable
from quweit_cli.training.datasets.download import CIFAR10, ensure_downloaded
from quweit_cli.training.datasets.images import Images

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
MEAN, STD = [125.3, 123.0, 113.9], [63.0, 62.1, 66.7]  # of the training images, per channel
RECORD = 1 + 3 * 32 * 32  # one label, then red, green and blue planes
TRAIN_FILES = [f"data_batch_{batch}.bin" for batch in range(1, 6)]
TEST_FILES = ["test_batch.bin"]


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
    except (OSError, KeyError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
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
    if path.is_dir():
        wanted = TRAIN_FILES + TEST_FILES
        content = {name: file.read_bytes() for name in wanted for file in path.rglob(name)}
    else:
        content = {}
        with tarfile.open(path) as archive:
            for member in archive:
                extracted = archive.extractfile(member)
                if extracted is not None and member.name.endswith(".bin"):
                    content[Path(member.name).name] = extracted.read()
    return _records(content, TRAIN_FILES), _records(content, TEST_FILES)


def _records(content: dict[str, bytes], names: list[str]) -> Part:
    missing = [name for name in names if name not in content]
    if missing:
        raise ValueError(f"it has no {', '.join(missing)}")
    data = np.frombuffer(b"".join(content[name] for name in names), np.uint8)
    if data.size == 0 or data.size % RECORD:
        raise ValueError(f"its batches are not records of {RECORD} bytes")
    records = torch.from_numpy(data.reshape(-1, RECORD).copy())
    return records[:, 1:].reshape(-1, 3, 32, 32), _labels(records[:, 0])


def _read_npz(path: Path) -> tuple[Part, Part]:
    with np.load(path, allow_pickle=False) as archive:
        return tuple(  # type: ignore[return-value]
            (
                _decode(archive[f"{part}_jpeg"], archive[f"{part}_offsets"]),
                _labels(torch.from_numpy(archive[f"{part}_labels"].astype(np.int64))),
            )
            for part in ("train", "test")
        )


def _decode(encoded: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Tensor:
    from PIL import Image  # noqa: PLC0415  (only this format needs a decoder)

    pixels = np.empty((len(offsets) - 1, 32, 32, 3), np.uint8)
    for image, (start, end) in enumerate(pairwise(offsets.tolist())):
        pixels[image] = np.asarray(Image.open(io.BytesIO(encoded[start:end].tobytes())).convert("RGB"))
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def _labels(labels: Tensor) -> Tensor:
    if int(labels.max()) >= len(CLASSES):
        raise ValueError(f"it has a label {int(labels.max())}, CIFAR-10 has {len(CLASSES)} classes")
    return labels.to(torch.int64)
