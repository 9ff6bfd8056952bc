"""Datasets that are not shipped: fetched once into ./data, checked, and whole or absent."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from quweit_cli.errors import DataUnavailable

FOLDER = Path("data")
TIMEOUT_SECONDS = 30
CHUNK = 1 << 20
MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Download:
    url: str
    name: str
    algorithm: str  # of the checksum
    checksum: str


SHAKESPEARE = Download(
    url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    name="tinyshakespeare.txt",
    algorithm="sha256",
    checksum="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
)
CIFAR10 = Download(
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    name="cifar-10-binary.tar.gz",
    algorithm="md5",  # the one that its authors publish
    checksum="c32a1d4ab5d03f1284b67883e8d87530",
)
CIFAR100 = Download(
    url="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    name="cifar-100-binary.tar.gz",
    algorithm="md5",
    checksum="03b5dce01913d631647c71ecec9e9cb8",
)
_BY_SOURCE = {"shakespeare_char": SHAKESPEARE, "cifar10": CIFAR10, "cifar100": CIFAR100}


def default_path(source: str) -> Path | None:
    """Where a source's download lies; None for a source that has none."""
    download = _BY_SOURCE.get(source)
    return None if download is None else FOLDER / download.name


def ensure_downloaded(download: Download, folder: Path = FOLDER) -> Path:
    """The file, fetched when it is not there.

    Raises:
        DataUnavailable: no network, or the content is not what its checksum says.
    """
    path = folder / download.name
    if path.is_file():
        return path
    partial = folder / f".{download.name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        checksum = _fetch(download, partial)
        if checksum != download.checksum:
            raise DataUnavailable(
                f"{download.url} gave a file whose {download.algorithm} is {checksum},"
                f" expected {download.checksum}; nothing was kept",
                hint="try again, or set `data.path` to a copy that you trust",
            )
        partial.replace(path)
    except (OSError, HTTPException, ValueError) as error:  # URLError is the first; a damaged answer is not
        raise DataUnavailable(
            f"cannot download {download.url}: {error}",
            hint=f"set `data.path` to a copy of {download.name}, or put it in `{folder}/`",
        ) from None
    finally:
        partial.unlink(missing_ok=True)
    return path


def _fetch(download: Download, target: Path) -> str:
    """Write the file and return its checksum."""
    digest = hashlib.new(download.algorithm, usedforsecurity=False)
    with (
        urllib.request.urlopen(download.url, timeout=TIMEOUT_SECONDS) as response,
        target.open("wb") as file,
    ):
        while chunk := response.read(CHUNK):
            if file.tell() > MOST_BYTES:
                raise OSError(f"it gives more than {MOST_BYTES:,} bytes")
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()
