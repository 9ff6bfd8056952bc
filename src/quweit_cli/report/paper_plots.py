"""Plots of the paper's tables, in the style of `plots`: hatches, markers and labels, never colour alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from quweit_cli.documents import Accounting, PaperTable
from quweit_cli.energy.paper.comparison import GAIN, GAIN_WHOLE, PRODUCTS, WHOLE
from quweit_cli.energy.paper.measured import TITLES
from quweit_cli.report.numbers import significant
from quweit_cli.report.plots import DENSE, INK, MEASURED, PAPER, SMALL, Series, canvas

# From light to dark, each with a hatch of its own.
LAYERS = (
    ("#f4f4f2", ""), ("#dcdcd6", "//"), ("#c2c2bc", ".."), ("#a6a6a0", "xx"), ("#8a8a84", "\\\\"),
    ("#6e6e68", "oo"), ("#e0a030", "++"), ("#f0c878", "--"), ("#2f7ed8", "||"), ("#a8c8f0", "**"),
)  # fmt: skip
AREAS = ("LUTs", "ASIC mm²")  # columns of a table 3 that are drawn against its cycles
APART = 1.2  # times, between two points of one circuit that both get their name
KINDS: dict[Accounting, Series] = {"published": PAPER, "counted": DENSE, "measured": MEASURED}


class Point(NamedTuple):
    circuit: str
    kind: Accounting
    cycles: float
    area: float

    def beside(self, other: Point) -> bool:
        """Whether it needs no name of its own."""
        near = all(
            max(one, two) < APART * min(one, two)
            for one, two in ((self.cycles, other.cycles), (self.area, other.area))
        )
        return near and self.circuit == other.circuit


class Bars(NamedTuple):
    """What `stacked_bars` draws: all kinds of parts, the parts of every bar, and what is written at its end."""

    labels: Sequence[str]
    parts: Mapping[str, Sequence[tuple[str, float]]]
    ends: Mapping[str, str]


def stacked_bars(name: str, bars: Bars, unit: str, what: str) -> str:
    """One horizontal bar a key, its parts beside one another; `what` the keys are."""
    style = {label: LAYERS[place % len(LAYERS)] for place, label in enumerate(bars.labels)}
    with canvas(name, 9.2, 0.42 * len(bars.parts) + 1.3) as (figure, svg):
        axes = figure.subplots()
        shown: set[str] = set()
        for place, (key, parts) in enumerate(bars.parts.items()):
            left = 0.0
            for label, value in parts:
                colour, hatch = style[label]
                axes.barh(
                    place, value, 0.72, left=left, color=colour, hatch=hatch, edgecolor=INK, lw=0.6,
                    label="" if label in shown else label,
                )  # fmt: skip
                shown.add(label)
                left += value
            axes.text(left, place, f" {bars.ends[key]}", va="center", fontsize=SMALL)
        axes.set_yticks(range(len(bars.parts)), list(bars.parts))
        axes.set_ylim(len(bars.parts) - 0.4, -0.6)
        axes.set(xlabel=unit, ylabel=what)
        axes.margins(x=0.16)
        axes.grid(visible=False, axis="y")
    return svg[0]


def area_against_cycles(name: str, points: Sequence[Point], unit: str) -> str:
    """Area over cycles of one sample, both logarithmic; a shape says what a point is, a name which circuit's it is."""
    with canvas(name, 9.2, 4.4) as (figure, svg):
        axes = figure.subplots()
        for kind, series in KINDS.items():
            chosen = [point for point in points if point.kind == kind]
            if chosen:
                axes.plot(
                    [point.cycles for point in chosen], [point.area for point in chosen], ls="", ms=8,
                    marker=series.marker, mfc="none" if kind == "published" else series.colour, mec=INK, mew=0.9, label=TITLES[kind],
                )  # fmt: skip
        named: list[Point] = []
        for point in sorted(points, key=lambda one: list(KINDS).index(one.kind), reverse=True):
            if not any(point.beside(other) for other in named):
                named.append(point)
                axes.annotate(
                    point.circuit,
                    (point.cycles, point.area),
                    xytext=(8, 4),
                    textcoords="offset points",
                    fontsize=SMALL,
                )
        axes.set(xscale="log", yscale="log", xlabel="cycles of one sample", ylabel=unit)
        axes.margins(x=0.18, y=0.12)
    return svg[0]


def points_of(table: PaperTable, column: str) -> list[Point]:
    """Of a table 3: rows with cycles and this area, one of AREAS; none where only the paper has it."""
    columns = {column: place for place, column in enumerate(table.columns)}
    made = []
    for row in table.rows:
        cycles, area = (row.cells[columns[name]].value for name in ("cycles", column))
        if (
            row.circuit
            and row.accounting
            and isinstance(cycles, int | float)
            and isinstance(area, int | float)
        ):
            made.append(Point(row.circuit, row.accounting, float(cycles), float(area)))
    return made if any(point.kind != "published" for point in made) else []


def energies_of(table: PaperTable) -> Bars:
    """Of a table 4: columns whose products are all known, part by part; at the end the sum, and that of products alone."""
    sums = (PRODUCTS, GAIN, WHOLE, GAIN_WHOLE)
    by_label = {row.label: row for row in table.rows}
    parts, ends = {}, {}
    for place, column in enumerate(table.columns):
        figures = {label: row.cells[place].value for label, row in by_label.items()}
        known = {label: float(value) for label, value in figures.items() if isinstance(value, int | float)}
        if PRODUCTS not in known:
            continue
        parts[column] = [(label, value) for label, value in known.items() if label not in sums]
        ends[column] = significant(known[PRODUCTS])
        if WHOLE in known:
            ends[column] = f"{significant(known[WHOLE])}, products {ends[column]}"
    return Bars([label for label in by_label if label not in sums], parts, ends)
