"""Datasets. Each source is one function from settings to data; a registry line makes it known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quweit_cli import config
from quweit_cli.config import extensions
from quweit_cli.errors import ConfigError, QuweitError
from quweit_cli.training.datasets.cifar import cifar10, cifar100
from quweit_cli.training.datasets.digits import digits
from quweit_cli.training.datasets.download import default_path
from quweit_cli.training.datasets.images import Images
from quweit_cli.training.datasets.order import Share
from quweit_cli.training.datasets.own_images import image_folder, images_npz
from quweit_cli.training.datasets.passages import Passages, library_source
from quweit_cli.training.datasets.table import csv
from quweit_cli.training.datasets.text import Text, pydoc_text, shakespeare_char, text_file

Dataset = Images | Text | Passages

SOURCES: dict[str, Callable[[config.Data], Dataset]] = {
    "digits": digits,
    "pydoc_text": pydoc_text,
    "library_source": library_source,
    "text_file": text_file,
    "shakespeare_char": shakespeare_char,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "images_npz": images_npz,
    "image_folder": image_folder,
    "csv": csv,
}
SHIPPED = ("digits", "pydoc_text", "library_source")


def load(settings: config.Data) -> Dataset:
    """Read a dataset, downloading it when it is known, has no path given and is not there yet.

    Raises:
        ConfigError: no such source, or settings that do not fit it.
        DataUnavailable: no file, no network, or a download of another content.
    """
    extension = extensions.named(extensions.DATASETS, settings.source)
    if extension is not None:
        return _of_another_package(extension, settings)
    if settings.source not in SOURCES:
        raise extensions.unknown(extensions.DATASETS, settings.source)
    if settings.options:
        raise ConfigError(
            f"`data.options` are for datasets of other packages, and `{settings.source}` is quweit's",
            hint="leave them out",
        )
    return SOURCES[settings.source](settings)


def _of_another_package(extension: extensions.Extension, settings: config.Data) -> Dataset:
    source = extension.load()
    try:
        data = source(settings)
    except QuweitError:
        raise
    except Exception as error:  # whatever the code of others raises
        raise extension.fails("cannot be read", error) from error
    if not isinstance(data, Dataset):
        raise extension.fails(
            "is none", TypeError(f"Images or Text of quweit_cli are wanted, not {type(data).__name__}")
        )
    return data


def is_present(settings: config.Data) -> bool:
    """Whether `load` would read what is on this machine, without a download."""
    path = settings.path or default_path(settings.source)
    return settings.source in SHIPPED if path is None else path.exists()


def alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two descriptions are of the same classes, shapes or characters.

    How pixels were normalised is compared where both say it: older checkpoints do not.
    """
    says = [key for key in one.keys() | other.keys() if one.get(key) and other.get(key)]
    return one.keys() - {"mean", "std"} == other.keys() - {"mean", "std"} and all(
        one[key] == other[key] for key in says
    )


__all__ = ["SOURCES", "Dataset", "Images", "Passages", "Share", "Text", "alike", "is_present", "load"]
