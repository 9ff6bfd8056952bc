"""Pictures in class folders that others made, read within bounds: which there are, and their pixels."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from quweit_cli.boundary.readers import Unreadable, cut, read_bytes, reason

if TYPE_CHECKING:
    import PIL.Image

SUFFIXES = (".png", ".jpg", ".jpeg")
PARTS = ("train", "test")
MOST_PICTURES = 10**6
MOST_CLASSES = 10_000
PICTURE_BYTES = 1 << 25
PICTURE_PIXELS = 1 << 26
GREY, COLOURED = ("1", "L", "LA"), ("P", "RGB", "RGBA", "CMYK", "YCbCr")
NAME_LENGTH = 100


def parts_of(folder: Path) -> dict[str, Path]:
    """Where the training and the test part are; one part, named by nothing, where classes lie in the folder itself.

    Raises:
        Unreadable: it is no folder, or has one part without the other.
    """
    names = [path.name for path in _entries(folder)]
    found = [part for part in PARTS if part in names]
    if len(found) == 1:
        (missing,) = set(PARTS) - set(found)
        raise Unreadable(f"it has a folder `{found[0]}` and no `{missing}`")
    return {part: folder / part for part in found} or {"": folder}


def class_folders(folder: Path) -> dict[str, list[Path]]:
    """Class -> its pictures, both by name; what starts with a dot is left out.

    Raises:
        Unreadable: something else than folders of PNG and JPEG files, an empty one, a name that cannot be printed, or too many.
    """
    found: dict[str, list[Path]] = {}
    count = 0
    for entry in _entries(folder):
        if not entry.is_dir():
            raise Unreadable(f"`{entry}` is no folder of a class")
        if not entry.name.isprintable() or len(entry.name) > NAME_LENGTH:
            raise Unreadable(
                f"the name of the class `{cut(entry.name, 60)}` is no line of {NAME_LENGTH} letters or fewer"
            )
        found[entry.name] = _entries(entry)
        for picture in found[entry.name]:
            if picture.suffix.lower() not in SUFFIXES:
                raise Unreadable(f"`{picture}` is neither PNG nor JPEG by its name")
        if not found[entry.name]:
            raise Unreadable(f"the class `{entry}` has no pictures")
        count += len(found[entry.name])
        if count > MOST_PICTURES or len(found) > MOST_CLASSES:
            raise Unreadable(f"it has more than {MOST_PICTURES:,} pictures or {MOST_CLASSES:,} classes")
    return found


def pictures_below(folder: Path) -> Iterator[Path]:
    """Every picture that `class_folders` lists of every part. Raises Unreadable."""
    for part in parts_of(folder).values():
        for pictures in class_folders(part).values():
            yield from pictures


def read_picture(path: Path, side: int) -> NDArray[np.uint8]:
    """The square in its middle, resized, uint8 [side, side] where it is grey and [side, side, 3] where it has colours.

    Raises:
        Unreadable: it is no PNG or JPEG file, is damaged, too large, or has more than 8 bits a channel.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415  (only pictures need a decoder)

    content = read_bytes(path, PICTURE_BYTES)
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
            width, height = picture.size  # before a decoder takes memory for it
            if width * height > PICTURE_PIXELS:
                raise Unreadable(f"it has {width:,} x {height:,} pixels, more than {PICTURE_PIXELS:,}")
            if picture.mode not in GREY + COLOURED:
                raise Unreadable(
                    f"its pixels are of the kind `{cut(picture.mode, 20)}`, not of 8 bits a channel"
                )
            plain = picture.convert("L" if picture.mode in GREY else "RGB")
            upright = ImageOps.exif_transpose(plain)  # as the camera says that it was held
            middle = _middle(upright).resize((side, side), Image.Resampling.BILINEAR)
            return np.asarray(middle, np.uint8)
    except Unreadable:
        raise
    except Exception as error:  # a decoder raises what it likes on bytes that are not an image
        raise Unreadable(f"it cannot be decoded: {cut(error)}") from None


def _middle(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Its largest square; cut before it is resized, so that nothing from outside is mixed in."""
    width, height = picture.size
    least = min(width, height)
    left, top = (width - least) // 2, (height - least) // 2
    return picture.crop((left, top, left + least, top + least))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise Unreadable(f"cannot read the folder `{folder}`: {reason(error)}") from None
