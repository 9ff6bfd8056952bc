"""Rows of a table of your own: a CSV file whose columns are numbers or categories, and one of which names the class.

A row is laid out as an image with a pixel for each column, so that patches of one pixel make each column a token. The
pixel of a column has its own channels and no other's: the matrix that embeds patches has a vector for every number and for every
category, as FT-Transformer has (arXiv 2106.11959), and embeddings of positions are the biases. Pixels that are left over stay
empty.

Shape suffixes: B rows, E encoded values, S pixels along a side.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quweit_cli import config
from quweit_cli.boundary import tables
from quweit_cli.boundary.quantities import LARGEST
from quweit_cli.boundary.readers import Unreadable, cut, shown
from quweit_cli.errors import ConfigError, DataUnavailable
from quweit_cli.training.datasets.images import Images
from quweit_cli.training.datasets.splits import stratified

# A number is ZERO and so many steps a standard deviation, in eight bits: four deviations either way.
ZERO, STEPS = 128, 32
MOST_CATEGORIES = 256  # of a column
MOST_CLASSES = 1000
MOST_VALUES = 1024  # of all columns as encoded
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}

Codes = NDArray[np.uint8]


class Column(NamedTuple):
    """How the cells of a column become values: one of a number, one a category of others, which is set or not."""

    name: str
    mean: float = 0.0
    std: float = 1.0
    categories: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return len(self.categories) or 1

    def described(self) -> dict[str, Any]:
        if self.categories:
            return {"name": self.name, "categories": list(self.categories)}
        return {"name": self.name, "mean": self.mean, "std": self.std}

    def encoded(self, table: tables.Table) -> Codes:
        """[B, width]. Raises Unreadable: a cell that is no number, or a category that no training row has."""
        cells = table.columns[self.name]
        if not self.categories:
            return _code((_numbers(table, self.name) - self.mean) / self.std)[:, None]
        place_of = {category: place for place, category in enumerate(self.categories)}
        for row, cell in enumerate(cells):
            if cell not in place_of:
                raise Unreadable(
                    f"{table.place(row, self.name)}: no row that is learned has {shown(cell, 60)}"
                )
        places = np.array([place_of[cell] for cell in cells])
        return _code(np.eye(self.width)[places])


@dataclass
class Rows(Images):
    """`train_pixels` and `test_pixels` are encoded values, uint8 [rows, E], laid out as images when a model reads them."""

    columns: list[Column] = field(default_factory=list)

    def __post_init__(self) -> None:
        widths, device = [column.width for column in self.columns], self.train_pixels.device
        side = math.isqrt(len(widths) - 1) + 1
        self.meta = {"kind": "table", "side": side, "channels": sum(widths), "classes": self.classes}
        self.meta |= {"mean": self.mean, "std": self.std}
        self.meta |= {"columns": [column.described() for column in self.columns]}
        place_E = torch.repeat_interleave(torch.arange(len(widths)), torch.tensor(widths))
        own_EP = torch.nn.functional.one_hot(place_E, side**2).float()
        self.own_ESS = own_EP.reshape(-1, side, side).to(device)

    def _normalised(self, code_BE: Tensor) -> Tensor:
        value_BE = (code_BE.float() - ZERO) / STEPS
        return value_BE[:, :, None, None] * self.own_ESS


def csv(settings: config.Data) -> Rows:
    """`data.path` names a CSV file, or a folder of train.csv and test.csv; `data.table` says which column is the class.

    Raises:
        ConfigError: no path, a column that is not there, an augmentation, or classes too small to be split.
        DataUnavailable: no file, or one that holds something else.
    """
    if settings.path is None:
        raise ConfigError("the dataset `csv` needs `data.path`", hint="name a CSV file with a line of names")
    if settings.augment != "none":
        raise ConfigError(
            f"`data.augment: {settings.augment}` changes images, and a table has none", hint="set it to none"
        )
    try:
        return _read(settings, settings.path)
    except Unreadable as error:
        raise DataUnavailable(
            f"cannot read a table from `{settings.path}`: {error}",
            hint="mend the file, or say in `data.table` what its columns are",
        ) from None


def _read(settings: config.Data, path: Path) -> Rows:
    label, separator = _label(settings), SEPARATORS[settings.table.separator]
    whole = path.is_dir()
    train = _part(path / tables.PARTS[0] if whole else path, separator, settings)
    features = [name for name in train.columns if name not in (label, *settings.table.leave_out)]
    tables.check_complete(train, [*features, label])
    categories = {name: _categories(train, name, settings.table) for name in features}
    classes = _classes(train.columns[label])
    if whole:
        test = _part(path / tables.PARTS[1], separator, settings)
        if other := train.columns.keys() ^ test.columns.keys():
            raise Unreadable(
                f"one of {' and '.join(tables.PARTS)} has a column `{cut(min(other), 60)}`, and the other has not"
            )
        tables.check_complete(test, [*features, label])
        how = "its own test part"
    else:
        labels = np.array([classes.index(one) for one in train.columns[label]])
        learned, held_out = stratified(labels, settings, "rows", classes)
        train, test = _taken(train, learned), _taken(train, held_out)
        how = f"stratified split of seed {settings.split_seed}"
    columns = [_column(train, name, categories[name]) for name in features]
    width = sum(column.width for column in columns)
    if not 1 <= width <= MOST_VALUES:
        raise Unreadable(
            f"its columns are {width:,} numbers and categories, and 1 to {MOST_VALUES:,} are wanted"
        )
    of_label = Column(label, categories=tuple(classes))
    train_pixels, test_pixels = (_encoded(columns, part) for part in (train, test))
    train_labels, test_labels = (_encoded([of_label], part).argmax(dim=1) for part in (train, test))
    return Rows(
        description=(
            f"`{cut(path.name, 60)}`, {len(train_labels)} training and {len(test_labels)} test rows of"
            f" {len(columns)} columns and {len(classes)} classes, {how}"
        ),
        classes=classes,
        train_pixels=train_pixels,
        train_labels=train_labels,
        test_pixels=test_pixels,
        test_labels=test_labels,
        mean=[float(ZERO)] * width,
        std=[float(STEPS)] * width,
        columns=columns,
    )


def _label(settings: config.Data) -> str:
    if settings.table.label is None:
        raise ConfigError(
            "the dataset `csv` needs `data.table.label`", hint="name the column that holds the class of a row"
        )
    return settings.table.label


def _part(file: Path, separator: str, settings: config.Data) -> tables.Table:
    """Raises ConfigError where the settings name a column that the table has not."""
    try:
        table = tables.read_table(file, separator)
    except Unreadable as error:
        raise Unreadable(f"`{file.name}`: {error}") from None
    known, chosen = list(table.columns), settings.table
    named = {"label": (_label(settings),), "categorical": chosen.categorical, "leave_out": chosen.leave_out}
    for key, names in named.items():
        for name in names:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                raise ConfigError(
                    f"`data.table.{key}` names the column `{cut(name, 60)}`, which `{file}` has not"
                    + (f"; did you mean `{near[0]}`?" if near else ""),
                    hint=f"its columns are: {cut(', '.join(known), 400)}",
                )
    return table


def _classes(cells: list[str]) -> list[str]:
    classes = sorted(set(cells), key=lambda one: (len(one), one) if one.isdecimal() else (0, one))
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise Unreadable(
            f"the column of classes has {len(classes):,} different values, and 2 to {MOST_CLASSES:,} are wanted"
        )
    return classes


def _categories(table: tables.Table, name: str, settings: config.Table) -> tuple[str, ...]:
    """Those of a column that is named or holds no number at all; none of a column of numbers."""
    cells = table.columns[name]
    numbers = sum(_number(cell) is not None for cell in cells)
    if name not in settings.categorical and numbers == len(cells):
        return ()
    if name not in settings.categorical and numbers:
        row = next(row for row, cell in enumerate(cells) if _number(cell) is None)
        raise Unreadable(
            f"{table.place(row, name)}: {shown(cells[row], 60)} is no number, as {numbers:,} of the {len(cells):,} cells of"
            " the column are; mend it, or name the column in `data.table.categorical`"
        )
    found = tuple(sorted(set(cells)))
    if len(found) > MOST_CATEGORIES:
        raise Unreadable(
            f"the column `{cut(name, 60)}` has {len(found):,} categories, more than {MOST_CATEGORIES}; leave it out by"
            " `data.table.leave_out`"
        )
    return found


def _column(train: tables.Table, name: str, categories: tuple[str, ...]) -> Column:
    """Numbers have the mean and the deviation of the rows that are learned."""
    if categories:
        return Column(name, categories=categories)
    values = _numbers(train, name)
    return Column(name, float(values.mean()), float(values.std()) or 1.0)


def _encoded(columns: list[Column], table: tables.Table) -> Tensor:
    return torch.from_numpy(np.concatenate([column.encoded(table) for column in columns], axis=1))


def _taken(table: tables.Table, rows: NDArray[np.int64]) -> tables.Table:
    columns = {name: [cells[row] for row in rows] for name, cells in table.columns.items()}
    return tables.Table(columns, [table.lines[row] for row in rows])


def _numbers(table: tables.Table, name: str) -> NDArray[np.float64]:
    found = [_number(cell) for cell in table.columns[name]]
    if None in found:
        row = found.index(None)
        raise Unreadable(f"{table.place(row, name)}: {shown(table.columns[name][row], 60)} is no number")
    return np.array(found, np.float64)


def _number(cell: str) -> float | None:
    """A finite one, as CSV has it; Python would take 1_000 and infinity as well."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) <= LARGEST and "_" not in cell else None


def _code(value: NDArray[np.float64]) -> Codes:
    code: Codes = np.floor(value * STEPS + ZERO + 0.5).clip(0, 255).astype(np.uint8)
    return code
