"""Plots of the paper's tables, in the style of `plots`: hatches, markers and labels, never colour alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quweit_cli.baseline_documents import PaperTable
from quweit_cli.energy.comparison import GAIN, GAIN_WHOLE, PRODUCTS, WHOLE
from quweit_cli.report.numbers import significant
from quweit_cli.report.plots import DENSE, INK, MEASURED, PAPER, Series, canvas, logarithmic

# From light to dark, each with a hatch of its own.
LAYERS = (
    ("#f4f4f2", ""), ("#dcdcd6", "//"), ("#c2c2bc", ".."), ("#a6a6a0", "xx"), ("#8a8a84", "\\\\"),
    ("#6e6e68", "oo"), ("#e0a030", "++"), ("#f0c878", "--"), ("#2f7ed8", "||"), ("#a8c8f0", "**"),
)  # fmt: skip


def stacked_bars(name: str, bars: Mapping[str, Sequence[tuple[str, float]]], unit: str) -> str:
    """One horizontal bar a key, its parts beside one another, the sum written at its end."""
    labels = list(dict.fromkeys(label for parts in bars.values() for label, _ in parts))
    style = {label: LAYERS[place % len(LAYERS)] for place, label in enumerate(labels)}
    with canvas(name, 9.2, 0.42 * len(bars) + 1.3) as (figure, svg):
        axes = figure.subplots()
        shown: set[str] = set()
        for place, parts in enumerate(bars.values()):
            left = 0.0
            for label, value in parts:
                colour, hatch = style[label]
                axes.barh(
                    place, value, 0.72, left=left, color=colour, hatch=hatch, edgecolor=INK, lw=0.6,
                    label="" if label in shown else label,
                )  # fmt: skip
                shown.add(label)
                left += value
            axes.text(left, place, f" {significant(left)}", va="center", fontsize=8)
        axes.set_yticks(range(len(bars)), list(bars))
        axes.invert_yaxis()
        axes.set_xlabel(unit)
        axes.margins(x=0.1)
        axes.grid(visible=False, axis="y")
        figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    return svg[0]


def area_against_cycles(name: str, points: Sequence[tuple[str, Series, float, float]]) -> str:
    """LUTs over cycles of one sample, both logarithmic; a marker a column of the table, a name a design."""
    with canvas(name, 9.2, 4.4) as (figure, svg):
        axes = figure.subplots()
        shown: set[str] = set()
        for label, series, cycles, luts in points:
            design, _, accounting = label.partition(": ")
            axes.plot(
                cycles, luts, marker=series.marker, color=series.colour, mec=INK, mew=0.7, ls="", ms=7,
                label="" if accounting in shown else accounting,
            )  # fmt: skip
            shown.add(accounting)
            if series is not DENSE:
                place = (8, 5) if series is PAPER else (8, -12)
                axes.annotate(design, (cycles, luts), xytext=place, textcoords="offset points", fontsize=7)
        axes.set(xlabel="cycles of one sample", ylabel="LUTs")
        logarithmic(axes)
        axes.margins(x=0.18, y=0.12)
        axes.legend(fontsize=8)
    return svg[0]


def points_of(table: PaperTable) -> list[tuple[str, Series, float, float]]:
    """Of a table 3: rows with both figures."""
    columns = {column: place for place, column in enumerate(table.columns)}
    made = []
    for row in table.rows:
        cycles, luts = (row.cells[columns[name]].value for name in ("cycles", "LUTs"))
        if isinstance(cycles, int | float) and isinstance(luts, int | float):
            series = PAPER if row.label.endswith(": paper") else MEASURED
            if row.label.endswith("paper's cycles"):
                series = DENSE
            made.append((row.label, series, float(cycles), float(luts)))
    return made


def energies_of(table: PaperTable) -> dict[str, list[tuple[str, float]]]:
    """Of a table 4: column -> operation and energy, sums and ratios left out."""
    sums = (PRODUCTS, GAIN, WHOLE, GAIN_WHOLE)
    return {
        column: [
            (row.label, float(row.cells[place].value or 0))
            for row in table.rows
            if row.label not in sums and isinstance(row.cells[place].value, int | float)
        ]
        for place, column in enumerate(table.columns)
    }
