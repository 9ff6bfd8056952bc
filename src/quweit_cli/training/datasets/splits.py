"""Which samples are held out, where a dataset does not say so itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from quweit_cli import config
from quweit_cli.boundary.readers import cut
from quweit_cli.errors import ConfigError

Indices = NDArray[np.int64]


def stratified(
    labels: Indices, settings: config.Data, noun: str, classes: Sequence[str] | None = None
) -> tuple[Indices, Indices]:
    """Samples to learn from and to test on, drawn once from `split_seed`, whatever the training seed.

    noun: what messages call the samples. classes: the same of labels, which are their places there.

    Raises:
        ConfigError: a part smaller than the number of classes, or a class of which none is left to learn from.
    """

    def named(label: int) -> str:
        return str(label) if classes is None else f"`{cut(classes[label], 60)}`"

    known, sizes = np.unique(labels, return_counts=True)
    if len(labels) and sizes.min() < 2:
        raise ConfigError(
            f"class {named(known[sizes.argmin()])} has only one of the {noun}, which cannot be split",
            hint="every class needs two or more, or a test part of its own",
        )
    held_out = math.ceil(settings.test_fraction * len(labels))
    if min(held_out, len(labels) - held_out) < max(len(known), 1):
        raise ConfigError(
            f"`data.test_fraction` {settings.test_fraction} leaves {len(labels) - held_out:,} {noun} to learn from"
            f" and {held_out:,} to test on",
            hint=f"either part needs {len(known)}, so that every class is in it",
        )
    train, test = train_test_split(
        np.arange(len(labels)),
        test_size=settings.test_fraction,
        random_state=settings.split_seed,
        stratify=labels,
    )
    if absent := set(known.tolist()) - set(labels[train].tolist()):
        raise ConfigError(
            f"with `data.test_fraction` {settings.test_fraction} none of the {noun} of class {named(min(absent))} is left to learn from",
            hint="lower it, or give that class more of them",
        )
    return train, test
