"""A function that someone measured: pairs of numbers from a CSV or JSON file, read within bounds."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from quweit_cli.boundary.readers import Unreadable, parse_json, read_text, shown

SAMPLE_BYTES = 8 << 20
MOST_SAMPLES = 100_000
HEADING = ["x", "y"]


def read_samples(path: Path) -> tuple[list[float], list[float]]:
    """All x and all y. A CSV file has two columns, perhaps named `x` and `y`; a JSON file a list of pairs.

    Raises:
        Unreadable: anything else, a number that is not finite, or more than MOST_SAMPLES.
    """
    text = read_text(path, SAMPLE_BYTES)
    rows = _json_rows(text) if path.suffix.lower() == ".json" else _csv_rows(text)
    if len(rows) > MOST_SAMPLES:
        raise Unreadable(f"it has {len(rows):,} samples, more than {MOST_SAMPLES:,}")
    pairs = [_pair(row, place) for place, row in enumerate(rows, start=1)]
    return [x for x, _ in pairs], [y for _, y in pairs]


def _csv_rows(text: str) -> list[list[str]]:
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error as error:
        raise Unreadable(f"it is not CSV: {error}") from None
    named = rows and [cell.strip().lower() for cell in rows[0]] == HEADING
    return rows[1:] if named else rows


def _json_rows(text: str) -> list[object]:
    content = parse_json(text)
    if not isinstance(content, list):
        raise Unreadable(f"it holds {shown(content, 40)}, not a list of pairs [x, y]")
    return content


def _pair(row: object, place: int) -> tuple[float, float]:
    try:
        if not isinstance(row, list) or len(row) != 2 or any(isinstance(one, bool) for one in row):
            raise ValueError
        x, y = (float(one) for one in row)
    except (TypeError, ValueError, OverflowError):
        raise Unreadable(f"sample {place:,} is {shown(row, 60)}, not two numbers") from None
    if not (math.isfinite(x) and math.isfinite(y)):
        raise Unreadable(f"sample {place:,} is {shown(row, 60)}, which is not finite")
    return x, y
