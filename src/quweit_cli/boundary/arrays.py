"""NumPy's arrays from files that others wrote: bounded, without pickles, and of the kind that was asked for.

A header says how large an array is, and numpy believes it before it reads on. Here the bytes are read first, and
the header must describe exactly them, so that nothing is allocated for what is not there.
"""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from quweit_cli.boundary.readers import Unreadable, cut, read_bytes, reason

ARRAY_BYTES = 1 << 29
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_DAMAGED_HEADER = (
    ValueError,
    TypeError,
    SyntaxError,
    LookupError,
    RecursionError,
    MemoryError,
    tokenize.TokenError,
)
_DAMAGED_ARCHIVE = (
    OSError, EOFError, ValueError, LookupError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error,
)  # fmt: skip


def read_array(
    path: Path, kinds: str, dimensions: int | tuple[int, ...], *, most: int = ARRAY_BYTES
) -> np.ndarray:
    """An `.npy` file whose type is one of `kinds` (int8, uint8, ...), with so many dimensions, or one of several numbers of them.

    Raises:
        Unreadable: anything else, or a file of more than `most` bytes.
    """
    return parse_array(read_bytes(path, most), kinds, dimensions)


def parse_array(content: bytes, kinds: str, dimensions: int | tuple[int, ...]) -> np.ndarray:
    """The bytes of an `.npy` file as an array that cannot be written to; raises as `read_array` does."""
    if content.startswith(b"PK"):
        raise Unreadable("it is an archive (.npz), not one array (.npy)")
    file = io.BytesIO(content)
    try:
        version = npy.read_magic(file)
        if version not in _HEADERS:
            raise Unreadable(f"it is an array of format {version[0]}.{version[1]}; 1.0 and 2.0 are read")
        shape, columns_first, kind = _HEADERS[version](file)
    except Unreadable:
        raise
    except _DAMAGED_HEADER as error:  # numpy evaluates the header as Python
        raise Unreadable(f"it is not an array (.npy): {cut(error)}") from None
    if kind.name not in kinds.split():
        raise Unreadable(f"it holds {cut(kind)}, not {kinds.replace(' ', ' or ')}")
    allowed = (dimensions,) if isinstance(dimensions, int) else dimensions
    if len(shape) not in allowed or not all(type(size) is int and size >= 0 for size in shape):
        wanted = " or ".join(map(str, allowed))
        raise Unreadable(f"its shape is {cut(shape, 60)}; {wanted} dimensions are wanted")
    start, count = file.tell(), math.prod(shape)
    if count * kind.itemsize != len(content) - start:
        raise Unreadable(
            f"it says {cut(shape, 60)} elements of {kind.itemsize} bytes, and {len(content) - start:,} bytes follow"
        )
    flat = np.frombuffer(content, kind, count, start)
    return flat.reshape(shape, order="F" if columns_first else "C")


class Archive:
    """The arrays of an `.npz` file by name, each read when it is asked for; all together of ARRAY_BYTES at most."""

    def __init__(self, path: Path) -> None:
        """Raises Unreadable when it is no archive."""
        try:
            self._file = zipfile.ZipFile(io.BytesIO(read_bytes(path, ARRAY_BYTES)))
        except _DAMAGED_ARCHIVE as error:
            raise Unreadable(f"it is not an archive of arrays (.npz): {reason(error)}") from None
        self._left = ARRAY_BYTES

    @property
    def names(self) -> set[str]:
        return {name.removesuffix(".npy") for name in self._file.namelist()}

    def read(self, name: str, kinds: str, dimensions: int | tuple[int, ...]) -> np.ndarray:
        """Raises Unreadable: no such array, a damaged one, one of another kind, or too much of them."""
        try:
            with self._file.open(f"{name}.npy") as member:
                content = member.read(self._left + 1)
        except KeyError:
            raise Unreadable(f"it has no array `{name}`") from None
        except _DAMAGED_ARCHIVE as error:  # also a method of compression that is not there, and a password
            raise Unreadable(f"its array `{name}` is damaged: {reason(error)}") from None
        if len(content) > self._left:
            raise Unreadable(f"its arrays have more than {ARRAY_BYTES:,} bytes")
        self._left -= len(content)
        try:
            return parse_array(content, kinds, dimensions)
        except Unreadable as error:
            raise Unreadable(f"its array `{name}` cannot be read: {error}") from None
