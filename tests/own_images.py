"""Images as users bring them: two classes that are told apart by which half is bright."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = ("left", "right")


def arrays(each: int = 6, side: int = 8, channels: int = 0) -> dict[str, NDArray[np.generic]]:
    """Of each class so many `images` with their `labels`; without an axis for channels where there are 0."""
    rng = np.random.default_rng(0)
    labels = np.arange(2 * each) % 2
    shape = (len(labels), side, side, *([channels] if channels else []))
    images = rng.integers(0, 60, shape, dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, label * side // 2 :][:, : side // 2] += 150
    return {"images": images, "labels": labels}


def write(path: Path, *, each: int = 6, side: int = 8, channels: int = 0) -> Path:
    """An .npz file, or where the name has no suffix a folder with a folder a class."""
    found = arrays(each, side, channels)
    if path.suffix == ".npz":
        np.savez(path, **found)  # type: ignore[arg-type]
        return path
    for number, (image, label) in enumerate(zip(found["images"], found["labels"], strict=True)):
        folder = path / CLASSES[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{number}.png")
    return path
