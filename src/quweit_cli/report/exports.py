"""A table of figures as Markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io

from quweit_cli.documents import Cell, PaperTable
from quweit_cli.report.numbers import text

LATEX = {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}"}
LATEX |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
LATEX |= {"×": r"$\times$", "µ": r"$\mu$", "·": r"$\cdot$", "²": "$^2$", "ᵀ": "$^T$", "–": "--"}


def markdown(table: PaperTable) -> str:
    """Title, table, notes."""
    head = ["", *table.columns]
    lines = [f"## {table.title}", "", _pipes(head), "|---|" + "---:|" * len(table.columns)]
    lines += [_pipes([row.label, *(text(cell.value) for cell in row.cells)]) for row in table.rows]
    lines += ["", *(f"- {note}" for note in table.notes), ""]
    return "\n".join(lines)


def latex(table: PaperTable) -> str:
    """A `table` environment that needs no package beyond LaTeX's own."""
    rows = [["", *table.columns]]
    rows += [[row.label, *(text(cell.value) for cell in row.cells)] for row in table.rows]
    body = [" & ".join(_escaped(cell) for cell in row) + r" \\" for row in rows]
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_escaped(table.title)}}}",
            rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
            r"\hline",
            body[0],
            r"\hline",
            *body[1:],
            r"\hline",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def csv_text(table: PaperTable) -> str:
    """One line a cell: nothing of its method is lost."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["row", "column", *Cell.model_fields])
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            writer.writerow([row.label, column, *cell.model_dump().values()])
    return stream.getvalue()


def _pipes(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _escaped(cell: str) -> str:
    return "".join(LATEX.get(character, character) for character in cell)
