"""The page of the paper's tables: each with its plot, its figures, and how they were obtained."""

from __future__ import annotations

from collections.abc import Mapping

from quweit_cli import __version__
from quweit_cli.documents import ModelShape, PaperTable, PaperTables
from quweit_cli.energy.paper.table1 import shares
from quweit_cli.report import paper_plots
from quweit_cli.report.page import Section, Table, rendered


def html(tables: PaperTables, shapes: Mapping[str, ModelShape]) -> str:
    """Self-contained, as the report of a project is."""
    return rendered(
        "The paper's tables, by measurement",
        "arXiv 2411.01818 beside what this toolchain simulates and synthesizes",
        [_section(table, shapes) for table in tables.tables],
        [f"quweit {__version__}"],
    )


def _section(table: PaperTable, shapes: Mapping[str, ModelShape]) -> Section:
    rows = [(row.label, *(cell.value for cell in row.cells)) for row in table.rows]
    methods = [
        (row.label, column, cell.value, cell.unit, cell.paper, cell.method)
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
    ]
    return Section(
        table.title,
        table.notes,
        plot=_plot(table, shapes),
        tables=[Table("", ("", *table.columns), rows)],
        details=[
            Table(
                "Every figure with its method", ("row", "column", "value", "unit", "paper", "method"), methods
            )
        ],
        method="the same figures, each with its method:",
        links=[*(f"{table.key}.{kind}" for kind in ("csv", "md", "tex")), "tables.json"],
    )


def _plot(table: PaperTable, shapes: Mapping[str, ModelShape]) -> str:
    if table.key == "table1":
        return _breakdowns(shapes)
    if table.key.startswith("table3"):
        return "".join(
            paper_plots.area_against_cycles(f"{table.key}_{number}", points, column)
            for number, column in enumerate(paper_plots.AREAS)
            if (points := paper_plots.points_of(table, column))
        )
    if table.key.startswith("table4"):
        return paper_plots.stacked_bars(
            table.key,
            paper_plots.energies_of(table),
            "energy of one layer and sample, µJ",
            "array, layer and accounting",
        )
    return ""


def _breakdowns(shapes: Mapping[str, ModelShape]) -> str:
    """Figure 1: parameters, and multiplications, with one pattern a type of layer in both."""
    made = {name: shares(shape) for name, shape in shapes.items()}
    labels = list(dict.fromkeys(label for _, multiplied in made.values() for label, _ in multiplied))
    return "".join(
        paper_plots.stacked_bars(
            f"figure1_{place}",
            paper_plots.Bars(
                labels, {name: parts[place] for name, parts in made.items()}, dict.fromkeys(made, "")
            ),
            f"share of the {what}, %",
            "model",
        )
        for place, what in enumerate(("parameters", "multiplications of a token"))
    )
