"""The page's building blocks, and the page itself."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from quweit_cli import __version__
from quweit_cli.report.findings import Findings
from quweit_cli.report.footnotes import Footnotes, Noted
from quweit_cli.report.numbers import counted, text
from quweit_cli.templating import render, static_text

HEADING = 13  # characters of a word that stands above a column of numbers without being broken
WORDS = 24  # characters of a column of words that is set on one line
FILLED = 2.2  # lines that the words of three lines fill, as none of them is broken
FILLED_IF_BROKEN = 2.7  # where long ones, such as paths, are


class Card(NamedTuple):
    """One headline figure; `mood` is good, bad or empty."""

    title: str
    figure: str
    notes: Sequence[str]
    mood: str = ""


class Table(NamedTuple):
    """A cell may be `Noted`: its notes become footnotes of the page."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]

    def is_number(self, column: int) -> bool:
        """Whether a column is set like numbers; an absent figure says nothing either way."""
        cells = [cell for cell in self._cells(column) if cell is not None]
        return bool(cells) and all(_is_figure(cell) for cell in cells)

    def width_ch(self, column: int) -> int:
        """In characters, what a column of words needs so that none of its cells takes more than three lines."""
        if self.is_number(column):
            return 0
        cells = self._cells(column)
        longest = max((len(text(cell)) for cell in cells), default=0)
        lines = FILLED_IF_BROKEN if any(long_word(cell) for cell in cells) else FILLED
        return longest if longest <= WORDS else max(WORDS, math.ceil(longest / lines))

    def known(self) -> Table:
        """Without columns of which no row has a figure."""
        places = [
            place for place in range(len(self.columns)) if any(c is not None for c in self._cells(place))
        ]
        return self._replace(
            columns=[self.columns[place] for place in places],
            rows=[[row[place] for place in places] for row in self.rows],
        )

    def _cells(self, column: int) -> list[object]:
        return [plain(row[column]) for row in self.rows]


class Section(NamedTuple):
    """`method` says how the figures of the section were obtained; `details` are tables that start folded.

    level: of its heading; the table of contents lists those of level 2. body: markup that is escaped already.
    folded: plots that start folded, by name.
    """

    title: str
    paragraphs: Sequence[str] = ()
    plot: str = ""
    tables: Sequence[Table] = ()
    details: Sequence[Table] = ()
    method: str = ""
    links: Sequence[str] = ()  # files beside the page
    level: int = 2
    body: str = ""
    folded: Sequence[tuple[str, str]] = ()

    @property
    def anchor(self) -> str:
        """The title as an identifier."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


def html(findings: Findings, cards: Sequence[Card], sections: Sequence[Section], data: str = "") -> str:
    """The page of a project. data: as `rendered` takes it."""
    return rendered(findings.name, _subtitle(findings), sections, _footer(findings), cards=cards, data=data)


def rendered(
    name: str,
    subtitle: str,
    sections: Sequence[Section],
    footer: Sequence[str],
    *,
    cards: Sequence[Card] = (),
    data: str = "",
) -> str:
    """The whole page; everything but plots, bodies and the style sheet is escaped by the template.

    data: JSON without a character of markup, which the page's one script reads; without it there is no script. The
    policy allows that script alone, by its digest, and nothing from elsewhere.
    """
    script = static_text("report/explore.js") if data else ""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return render(
        "report/index.html.mako",
        name=name,
        subtitle=subtitle,
        style=static_text("report/style.css") + static_text("report/explore.css"),
        script=script,
        scripts=f"'sha256-{digest}'" if script else "'none'",
        data=data,
        cards=cards,
        sections=sections,
        footer=footer,
        text=text,
        long_word=long_word,
        HEADING=HEADING,
        plain=plain,
        quote=quote,
        footnotes=Footnotes(),
    )


def _is_figure(cell: object) -> bool:
    if isinstance(cell, str):
        return cell.endswith("×")
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def long_word(cell: object, most: int = WORDS) -> bool:
    """Whether a cell has a word that would widen its column beyond so many characters."""
    return any(len(word) > most for word in text(plain(cell)).split())


def plain(cell: object) -> object:
    """Without its notes."""
    return cell.value if isinstance(cell, Noted) else cell


def _subtitle(findings: Findings) -> str:
    if findings.dump is None:
        return findings.train.data if findings.train else ""
    shape = findings.dump.model
    if shape is None:
        return f"{counted(len(findings.dump.blocks), 'block')} of a model of which nothing else is known. {findings.dump.data}"
    return (
        f"{shape.family}, {counted(shape.layers, 'layer')}, {shape.dim} wide, "
        f"{counted(shape.heads, 'head') if shape.heads else 'no attention'}, {counted(shape.tokens, 'token')} a sample. "
        f"{findings.dump.data}"
    )


def _footer(findings: Findings) -> list[str]:
    lines = [f"quweit {__version__}"]
    if findings.train is not None:
        lines.append(f"seed {findings.train.seed}")
    if findings.dump is not None:
        exported = any(block.site for block in findings.dump.blocks)
        lines += [
            f"{'weights' if exported else 'checkpoint'} sha256 {findings.dump.checkpoint}",
            f"integer programs and golden rows sha256 {findings.dump.digest}",
        ]
    return lines
