"""Tables that others wrote as CSV, read within bounds: columns of text, each cell with the line that it stands on."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import NamedTuple

from quweit_cli.boundary.readers import Unreadable, cut, read_text, shown

PARTS = ("train.csv", "test.csv")  # of a folder: what is learned, and what is tested on
TABLE_BYTES = 1 << 26
MOST_ROWS = 10**6
MOST_COLUMNS = 512
NAME_LENGTH = 100
MISSING = {"", "?", "na", "n/a", "nan", "null"}  # as programs write that nothing is known, in any case


class Table(NamedTuple):
    columns: dict[str, list[str]]  # name -> cells, without blanks around them
    lines: list[int]  # of each row, counted from 1

    def place(self, row: int, column: str) -> str:
        """Where a cell is, as messages name it."""
        return f"line {self.lines[row]:,}, column `{cut(column, 60)}`"


def read_table(path: Path, separator: str) -> Table:
    """A first line of names, then rows of as many cells; empty lines are left out.

    Raises:
        Unreadable: not CSV, a row of more or fewer cells, a name twice or none, a value that is missing, or too much of it.
    """
    text = read_text(path, TABLE_BYTES).removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True, skipinitialspace=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    names: list[str] = []
    try:
        for row in reader:
            if not row:
                continue
            cells = [cell.strip() for cell in row]
            if not names:
                names = _checked(cells)
                continue
            if len(cells) != len(names):
                raise Unreadable(
                    f"line {reader.line_num:,} has {len(cells):,} cells, and the first line {len(names):,}"
                )
            rows.append(cells)
            lines.append(reader.line_num)
            if len(rows) > MOST_ROWS:
                raise Unreadable(f"it has more than {MOST_ROWS:,} rows")
    except csv.Error as error:
        raise Unreadable(f"line {reader.line_num:,} is not CSV: {cut(error)}") from None
    if not rows:
        raise Unreadable("it has no rows below a line of names")
    columns = {name: list(cells) for name, cells in zip(names, zip(*rows, strict=True), strict=True)}
    return Table(columns, lines)


def check_complete(table: Table, columns: list[str]) -> None:
    """Raises Unreadable for the first cell that says nothing is known, of those columns."""
    for name in columns:
        for row, cell in enumerate(table.columns[name]):
            if cell.lower() in MISSING:
                raise Unreadable(f"{table.place(row, name)}: the value is missing ({shown(cell)})")


def _checked(names: list[str]) -> list[str]:
    """The first line, as names of columns."""
    if len(names) > MOST_COLUMNS:
        raise Unreadable(f"it has {len(names):,} columns, more than {MOST_COLUMNS}")
    for place, name in enumerate(names, start=1):
        if not name:
            raise Unreadable(f"column {place} has no name in the first line")
        if len(name) > NAME_LENGTH or not name.isprintable():
            raise Unreadable(
                f"the name of column {place}, {shown(name, 60)}, is no line of {NAME_LENGTH} letters or fewer"
            )
        if names.index(name) < place - 1:
            raise Unreadable(f"the column `{cut(name, 60)}` stands twice in the first line")
    return names
