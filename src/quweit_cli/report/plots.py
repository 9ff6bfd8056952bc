"""Plots as inline SVG: in the colour of the text around them, readable in black and white.

What distinguishes two series is never colour alone but a hatch, a marker or a dash pattern too.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from quweit_cli.documents import FrontPoint, PowerModel, TrainedModel
from quweit_cli.report.numbers import significant

# Drawn in this colour, then replaced by the page's text colour, which follows light and dark.
INK = "#010203"
STYLE: Any = {  # the keys are checked by matplotlib when it is applied
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.parse_math": False,
    "hatch.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "grid.color"), INK
    ),
}


class Series(NamedTuple):
    """How one thing is drawn wherever it appears."""

    colour: str
    hatch: str
    dash: str = "-"
    marker: str = "o"


DENSE = Series("#9a9a94", "", "--", "s")
MEASURED = Series("#2f7ed8", "//", "-", "o")
PAPER = Series("#e0a030", "..", ":", "^")


class Bar(NamedTuple):
    label: str
    value: float
    series: Series


def training_curves(models: Sequence[TrainedModel]) -> str:
    """Loss over steps, accuracy where the task has one, and the learning rate; the twin beside the model."""
    scored = any("test_accuracy" in point for model in models for point in model.curve)
    with canvas("curves", 9.2, 3.2) as (figure, svg):
        widths = [3, 3, 2] if scored else [3, 2]
        panels = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
        for model in models:
            series = DENSE if model.mlp == "dense" else MEASURED
            _line(panels[0], model, "test_loss", f"{model.mlp}, held out", series)
            panels[0].plot(
                *_points(model, "train_loss"),
                color=series.colour,
                lw=0.9,
                ls=":",
                label=f"{model.mlp}, training",
            )
            if scored:
                _line(panels[1], model, "test_accuracy", model.mlp, series, scale=100)
            _line(panels[-1], model, "learning_rate", model.mlp, series)
        panels[0].set(xlabel="step", ylabel="loss")
        panels[0].legend(fontsize=8)
        panels[-1].set(xlabel="step", ylabel="base learning rate", ylim=(0, None))
        panels[-1].ticklabel_format(axis="y", scilimits=(-2, 3))
        if scored:
            panels[1].set(xlabel="step", ylabel="accuracy on held-out data, %")
            panels[1].legend(fontsize=8)
    return svg[0]


def energy_bars(name: str, groups: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """Horizontal bars on a logarithmic axis, a group a heading; every bar says its value."""
    count = sum(len(bars) + 1 for _, bars in groups)
    with canvas(name, 9.2, 0.31 * count + 0.7) as (figure, svg):
        axes = figure.subplots()
        position, ticks = 0.0, []
        values = [bar.value for _, bars in groups for bar in bars]
        for heading, bars in groups:
            axes.text(0, position, heading, transform=axes.get_yaxis_transform(), weight="bold", va="center")
            for bar in bars:
                position += 1
                drawn = axes.barh(position, bar.value, 0.72, color=bar.series.colour, edgecolor=INK, lw=0.7)
                drawn[0].set_hatch(bar.series.hatch)
                axes.text(bar.value * 1.06, position, significant(bar.value), va="center", fontsize=9)
                ticks.append((position, bar.label))
            position += 1.2
        axes.set_yticks([place for place, _ in ticks], [label for _, label in ticks])
        axes.tick_params(axis="y", length=0)
        axes.set(xscale="log", xlabel="energy of one sample, µJ (logarithmic)")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlim(min(values) / 2, max(values) * 2.2)
        axes.set_ylim(position - 0.7, -0.8)
        axes.grid(visible=False, axis="y")
    return svg[0]


def front(points: Sequence[FrontPoint], title: str = "") -> str:
    """LUTs and energy over the cycles of a sample: estimated points joined, measured ones filled."""
    panels = (("luts", "LUTs"), ("energy_uj", "energy of one sample, µJ"))
    with canvas("front", 9.2, 3.6) as (figure, svg):
        for axes, (key, label) in zip(figure.subplots(1, 2), panels, strict=True):
            for name, series, chosen, filled in (
                ("estimated", DENSE, [p for p in points if p.source == "estimated"], False),
                ("measured", MEASURED, [p for p in points if p.source == "measured"], True),
                ("paper, its structure's cycles", PAPER, _paper_points(points, "measured"), True),
                ("paper, one row a cycle", PAPER, _paper_points(points, "paper"), False),
            ):
                if chosen:
                    axes.plot(
                        [point.sample_cycles for point in chosen],
                        [getattr(point, key) for point in chosen],
                        ls=series.dash if name == "estimated" else "",
                        marker=series.marker,
                        ms=6,
                        color=series.colour,
                        markerfacecolor=series.colour if filled else "none",
                        markeredgecolor=INK,
                        label=name,
                    )
            axes.set(xscale="log", yscale="log", xlabel="cycles of a sample", ylabel=label)
        if title:
            figure.suptitle(title, fontsize=9)
        axes.legend(fontsize=8)
    return svg[0]


def _paper_points(points: Sequence[FrontPoint], accounting: str) -> list[FrontPoint]:
    return [point for point in points if point.source == "paper" and point.accounting == accounting]


def power_residuals(model: PowerModel) -> str:
    """How far the power model is off at each published point, fitted with and without it."""
    with canvas("residuals", 9.2, 2.9) as (figure, svg):
        axes = figure.subplots()
        for shift, key, label, series in (
            (-0.19, "residual_percent", "fitted with the point", MEASURED),
            (0.19, "left_out_percent", "fitted without it", PAPER),
        ):
            for place, point in enumerate(model.points):
                value = getattr(point, key)
                drawn = axes.barh(place + shift, value, 0.36, color=series.colour, edgecolor=INK, lw=0.7)
                drawn[0].set_hatch(series.hatch)
                drawn.set_label(label if place == 0 else "")
                axes.annotate(
                    f"{value:+.0f}",
                    (value, place + shift),
                    xytext=(3 if value >= 0 else -3, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8,
                    ha="left" if value >= 0 else "right",
                )
        axes.set_yticks(range(len(model.points)), [point.name for point in model.points])
        axes.invert_yaxis()
        axes.axvline(0, color=INK, lw=0.8)
        axes.margins(x=0.12)
        axes.set_xlabel("predicted over published power, %")
        axes.grid(visible=False, axis="y")
        axes.legend(fontsize=8, loc="lower right")
    return svg[0]


def _line(axes: Axes, model: TrainedModel, key: str, label: str, series: Series, *, scale: float = 1) -> None:
    steps, values = _points(model, key)
    axes.plot(
        steps,
        [scale * value for value in values],
        label=label,
        color=series.colour,
        ls=series.dash,
        marker=series.marker,
        ms=4,
        lw=1.6,
    )


def _points(model: TrainedModel, key: str) -> tuple[list[float], list[float]]:
    points = [(point["step"], point[key]) for point in model.curve if key in point]
    return [step for step, _ in points], [value for _, value in points]


@contextmanager
def canvas(name: str, width: float, height: float) -> Iterator[tuple[Figure, list[str]]]:
    """A figure to draw on; its SVG is in the list when the body has ended.

    The name makes ids differ between the plots of one page, and be the same on every run.
    """
    svg: list[str] = []
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, svg
        _plain_logarithms(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata=_no_metadata())
    svg.append(_inline(buffer.getvalue()))


def _plain_logarithms(figure: Figure) -> None:
    """Powers of ten as numbers: matplotlib writes them in its formula language, which `text.parse_math` leaves as it is.

    An axis of little more than a decade also has its twos and fives.
    """
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                low, high = axis.get_view_interval()
                between = "25" if high < 20 * low else ""
                axis.set_major_formatter(FuncFormatter(lambda value, _: significant(value)))
                axis.set_minor_formatter(
                    FuncFormatter(
                        lambda value, _, between=between: (
                            significant(value) if f"{value:e}"[0] in between else ""
                        )
                    )
                )


def _no_metadata() -> dict[str, Any]:
    return dict.fromkeys(("Date", "Creator", "Format", "Type"))


def _inline(document: str) -> str:
    """The <svg> element alone, scaled to the page, in its text colour, without ids that repeat."""
    element = document[document.index("<svg") :]
    element = re.sub(r' (?:width|height)="[\d.]+pt"', "", element, count=2)
    element = re.sub(r' id="[a-zA-Z0-9.]+_\d+"', "", element)
    element = re.sub(r"<metadata>.*?</metadata>\s*", "", element, flags=re.DOTALL)
    return element.replace(INK, "currentColor")
