"""The page's building blocks, and the page itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from quweit_cli import __version__
from quweit_cli.hdl.render import render, static_text
from quweit_cli.report.findings import Findings
from quweit_cli.report.numbers import counted, significant


class Card(NamedTuple):
    """One headline figure; `mood` is good, bad or empty."""

    title: str
    figure: str
    notes: Sequence[str]
    mood: str = ""


class Table(NamedTuple):
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]

    def is_number(self, column: int) -> bool:
        """Whether a column is set like numbers; an absent figure says nothing either way."""
        cells = [row[column] for row in self.rows if row[column] is not None]
        return bool(cells) and all(isinstance(cell, int | float) for cell in cells)


class Section(NamedTuple):
    """`method` says how the figures of the section were obtained; `details` are tables that start folded."""

    title: str
    paragraphs: Sequence[str] = ()
    plot: str = ""
    tables: Sequence[Table] = ()
    details: Sequence[Table] = ()
    method: str = ""
    links: Sequence[str] = ()  # files beside the page


def html(findings: Findings, cards: Sequence[Card], sections: Sequence[Section]) -> str:
    """The whole page; everything but the plots and the style sheet is escaped by the template."""
    return render(
        "report/index.html.mako",
        name=findings.name,
        subtitle=_subtitle(findings),
        style=static_text("report/style.css"),
        cards=cards,
        sections=sections,
        footer=_footer(findings),
        text=text,
    )


def text(cell: object) -> str:
    """A cell as it is read: thousands apart, four digits of a real number, a dash for an absent figure."""
    match cell:
        case None:
            return "–"
        case bool():
            return "yes" if cell else "no"
        case int():
            return f"{cell:,}"
        case float():
            return significant(cell, 4)
        case _:
            return str(cell)


def _subtitle(findings: Findings) -> str:
    if findings.dump is None:
        return findings.train.data if findings.train else ""
    shape = findings.dump.model
    return (
        f"{shape.family}, {counted(shape.layers, 'layer')}, {shape.dim} wide, "
        f"{counted(shape.heads, 'head')}, {counted(shape.tokens, 'token')} a sample. {findings.dump.data}"
    )


def _footer(findings: Findings) -> list[str]:
    lines = [f"quweit {__version__}"]
    if findings.train is not None:
        lines.append(f"seed {findings.train.seed}")
    if findings.dump is not None:
        lines += [
            f"checkpoint sha256 {findings.dump.checkpoint}",
            f"integer programs and golden rows sha256 {findings.dump.digest}",
        ]
    return lines
