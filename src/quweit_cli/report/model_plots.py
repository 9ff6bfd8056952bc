"""Plots of a whole model: its schedule as a Gantt chart, and area and energy by engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from quweit_cli.documents import ModelDesign
from quweit_cli.report.numbers import significant
from quweit_cli.report.plots import DENSE, INK, MEASURED, SMALL, Series, canvas

GIVEN = "logits out"
WORKS = {
    "embed": "embedding", "product": "array", "norm": "normalisation", "softmax": "softmax", "sum": "token sum",
    "block": "blocks", "exit": "exit",
}  # fmt: skip
LABELLED = 0.07  # of the width: a layer that is narrower has no name above it


def schedule(design: ModelDesign) -> str:
    """One sample from its first beat to its last logit, an engine a row; layers between thin lines."""
    loaded = "tokens in" if design.decode else "pixels in"
    jobs = [(WORKS[job.engine], design.features + job.first_cycle, job.cycles) for job in design.schedule]
    end = design.initiation_interval_cycles
    bars = [(loaded, 0, design.features), *jobs, (GIVEN, end - design.outputs, design.outputs)]
    rows = [name for name in (loaded, *WORKS.values(), GIVEN) if any(bar[0] == name for bar in bars)]
    with canvas("schedule", 9.2, 0.36 * len(rows) + 1.0) as (figure, svg):
        axes = figure.subplots()
        for place, name in enumerate(rows):
            spans = [(first, cycles) for engine, first, cycles in bars if engine == name]
            series = DENSE if name in (loaded, GIVEN) else MEASURED
            axes.broken_barh(
                spans,
                (place - 0.36, 0.72),
                facecolor=series.colour,
                edgecolor=INK,
                lw=0.3,
                hatch=series.hatch,
            )
        for layer, first, last in _layers(design):
            for edge in (first, last):
                axes.axvline(edge, color=INK, alpha=0.35, lw=0.6)
            if last - first >= LABELLED * end:
                axes.text(
                    (first + last) / 2, -0.75, layer, ha="center", va="bottom", fontsize=SMALL, clip_on=False
                )
        axes.set_yticks(range(len(rows)), rows)
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(0, end)
        axes.set_ylim(len(rows) - 0.4, -0.7)
        axes.set_xlabel("cycle of a sample")
        axes.grid(visible=False, axis="y")
    return svg[0]


def _layers(design: ModelDesign) -> list[tuple[str, int, int]]:
    """Name, first cycle and end of each layer."""
    spans: dict[str, list[int]] = {}
    for job in design.schedule:
        layer, slash, _ = job.tensor.partition("/")
        if slash:
            first = design.features + job.first_cycle
            spans.setdefault(layer, []).extend((first, first + job.cycles))
    return [(layer.replace("layer", "layer "), min(edges), max(edges)) for layer, edges in spans.items()]


def by_engine(panels: Sequence[tuple[str, Sequence[tuple[str, Mapping[str, float], Series]]]]) -> str:
    """Panels side by side, an engine a row. panels: what the axis says -> (what is drawn, engine -> figure, how)."""
    rows = list(dict.fromkeys(name for _, drawn in panels for _, one, _ in drawn for name in one))
    most = max(len(drawn) for _, drawn in panels)
    with canvas("engines", 9.2, (0.3 + 0.14 * most) * len(rows) + 1.2) as (figure, svg):
        made = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (label, drawn) in zip(made, panels, strict=True):
            _bars(axes, rows, drawn)
            axes.set_xlabel(label)
            axes.tick_params(axis="y", length=0)
            axes.grid(visible=False, axis="y")
            axes.margins(x=0.22)
        made[0].set_yticks(range(len(rows)), rows)
        made[0].invert_yaxis()
    return svg[0]


def _bars(axes: Axes, rows: Sequence[str], drawn: Sequence[tuple[str, Mapping[str, float], Series]]) -> None:
    height = 0.74 / len(drawn)
    for index, (label, values, series) in enumerate(drawn):
        for place, name in enumerate(rows):
            if name not in values:
                continue
            middle = place + (index - (len(drawn) - 1) / 2) * height
            bar = axes.barh(middle, values[name], height, color=series.colour, edgecolor=INK, lw=0.7)
            bar[0].set_hatch(series.hatch)
            axes.annotate(
                significant(values[name]),
                (values[name], middle),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=SMALL,
            )
        if label:
            axes.barh(0, 0, color=series.colour, edgecolor=INK, hatch=series.hatch, label=label)
