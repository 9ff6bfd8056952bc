"""How wide the columns of a table are on a terminal, and which of them stand beside one another."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

BETWEEN = 2  # characters between two columns
WORDS = 16  # a cell of more characters, with a space in it, may take several lines
LINES = 3  # of a cell at most, where the terminal has room for it


class Part(NamedTuple):
    """Columns that fit beside one another, and their widths in characters."""

    places: list[int]
    widths: list[int]


def laid_out(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[Part]:
    """The columns in their order, in as few parts as fit; every part starts with the first column."""
    columns = [(heading, [row[place] for row in rows]) for place, heading in enumerate(headings)]
    least = [_least(heading, cells) for heading, cells in columns]
    natural = [max(_narrowest(heading, 2), *map(len, cells), 1) for heading, cells in columns]
    part = [0]
    for place in range(1, len(headings)):
        if len(part) > 1 and _taken([least[one] for one in [*part, place]]) > width:
            yield _spread(part, least, natural, width)
            part = [0]
        part.append(place)
    yield _spread(part, least, natural, width)


def _spread(places: list[int], least: Sequence[int], natural: Sequence[int], width: int) -> Part:
    """What is left goes to the columns that would be wider, the narrowest want first; what lacks, the widest gives."""
    widths = {place: least[place] for place in places}
    for place in sorted(places, key=lambda one: natural[one] - least[one]):
        room = width - _taken(list(widths.values()))
        widths[place] += max(min(natural[place] - widths[place], room), 0)
    widest = max(places, key=lambda one: widths[one])
    widths[widest] -= max(min(_taken(list(widths.values())) - width, widths[widest] - WORDS), 0)
    return Part(places, [widths[place] for place in places])


def _least(heading: str, cells: Sequence[str]) -> int:
    """Figures, names and words of the heading stay whole; sentences take LINES lines at most."""
    return max([_narrowest(heading, len(heading) or 1), *map(_width_of, set(cells)), 1])


def _width_of(cell: str) -> int:
    return len(cell) if len(cell) <= WORDS else _narrowest(cell, LINES)


def _narrowest(words: str, lines: int) -> int:
    """The least width at which words, all of them whole, take so many lines."""
    width = max(map(len, words.split()), default=0)
    while width < len(words) and len(textwrap.wrap(words, width, break_on_hyphens=False)) > lines:
        width += 1
    return width


def _taken(widths: Sequence[int]) -> int:
    return sum(widths) + BETWEEN * (len(widths) - 1)
