"""Projects beside one another as plots, in the style of `plots`: each has its hatch, dash pattern and marker in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from quweit_cli.documents import ComparedMetric, Comparison
from quweit_cli.report.comparison_tables import change, named
from quweit_cli.report.plots import BESIDE, INK, SMALL, Series, canvas

LEAST_RANGE = 1.1  # times, to each side of 1


class Points(NamedTuple):
    """What one project has in a panel: (across, up) each. measured: drawn filled."""

    label: str
    series: Series
    best: Sequence[tuple[float, float]]
    measured: Sequence[tuple[float, float]]


class Panel(NamedTuple):
    across: str
    up: str
    drawn: Sequence[Points]


def comparable(found: Comparison) -> list[ComparedMetric]:
    """Metrics that are drawn: above 0 in the first project, and another above 0 in one that is drawn."""
    places = range(min(len(found.projects), len(BESIDE)) - 1)
    return [
        one for one in found.metrics if any(times_as_good(one, place) not in (None, 1) for place in places)
    ]


def changes(found: Comparison, labels: Sequence[str]) -> str:
    """A bar from 1 for each figure of each project: to the right where it is better than that of the first one."""
    metrics = comparable(found)
    others = list(zip(labels[1:], BESIDE[1:], strict=False))
    height = 0.74 / len(others)
    with canvas("changes", 9.2, (0.22 + 0.16 * len(others)) * len(metrics) + 1.3) as (figure, svg):
        axes = figure.subplots()
        furthest = LEAST_RANGE
        for row, metric in enumerate(metrics):
            for place, (_, series) in enumerate(others):
                times = times_as_good(metric, place)
                if not times:
                    continue
                furthest = max(furthest, times, 1 / times)
                middle = row + (place - (len(others) - 1) / 2) * height
                axes.barh(
                    middle, times - 1, height, left=1, color=series.colour, edgecolor=INK, hatch=series.hatch, lw=0.7
                )  # fmt: skip
                axes.annotate(
                    change(metric.others[place].change_percent or 0),
                    (times, middle),
                    xytext=(4 if times >= 1 else -4, 0),
                    textcoords="offset points",
                    ha="left" if times >= 1 else "right",
                    va="center",
                    fontsize=SMALL,
                )
        if len(others) > 1:
            for label, series in others:
                axes.barh(0, 0, left=1, color=series.colour, edgecolor=INK, hatch=series.hatch, label=label)
        axes.axvline(1, color=INK, lw=0.9)
        axes.set_yticks(range(len(metrics)), [named(one) for one in metrics])
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        room = furthest**1.5  # for what is written at the end of a bar
        axes.set(xscale="log", xlim=(1 / room, room))
        axes.set_xlabel(f"← worse | times as good as {labels[0]}, logarithmic | better →")
        axes.grid(visible=False, axis="y")
    return svg[0]


def fronts(name: str, panels: Sequence[Panel], *, joined: bool) -> str:
    """What is best of each project, measured points filled. joined: by a line, and upwards by its logarithm as well."""
    with canvas(name, 9.2, 3.8) as (figure, svg):
        for axes, panel in zip(figure.subplots(1, len(panels)), panels, strict=True):
            for one in panel.drawn:
                _mark(axes, one.best, one, label=one.label, filled=False, joined=joined)
                _mark(axes, one.measured, one, label=f"{one.label}, measured", filled=True, joined=False)
            axes.set(xscale="log", yscale="log" if joined else "linear", xlabel=panel.across, ylabel=panel.up)
    return svg[0]


def _mark(
    axes: Axes, points: Sequence[tuple[float, float]], one: Points, *, label: str, filled: bool, joined: bool
) -> None:
    if points:
        axes.plot(
            *zip(*points, strict=True),
            ls=one.series.dash if joined else "",
            marker=one.series.marker,
            ms=6,
            color=one.series.colour,
            markerfacecolor=one.series.colour if filled else "none",
            markeredgecolor=INK,
            label=label,
        )


def times_as_good(metric: ComparedMetric, place: int) -> float | None:
    """How many times as good that one of the others is as the first project; nothing where there is no ratio."""
    value, reference = metric.others[place].value, metric.reference
    if not reference or reference < 0 or not value or value < 0:
        return None
    return value / reference if metric.better == "higher" else reference / value
