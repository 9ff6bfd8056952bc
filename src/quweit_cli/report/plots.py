"""Plots as inline SVG: in the colour of the text around them, readable in black and white.

What distinguishes two series is never colour alone but a hatch, a marker or a dash pattern too.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from quweit_cli.documents import FrontPoint, PowerModel, TrainedModel
from quweit_cli.energy.foldings import undominated
from quweit_cli.report.numbers import significant

# Drawn in this colour, then replaced by the page's text colour, which follows light and dark.
INK = "#010203"
SMALL = 9  # points, the smallest text: the style sheet keeps a plot wide enough to read it
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
    dash: str | tuple[int, tuple[int, ...]] = "-"  # as matplotlib takes it
    marker: str = "o"


DENSE = Series("#9a9a94", "", "--", "s")
MEASURED = Series("#2f7ed8", "//", "-", "o")
PAPER = Series("#e0a030", "..", ":", "^")


APART = Series("#9a9a94", "", "", "x")

# Projects beside one another; no two share a hatch, a dash pattern or a marker.
BESIDE = (
    DENSE, MEASURED, PAPER,
    Series("#5a9a68", "xx", "-.", "D"), Series("#b06fb5", "\\\\", (0, (1, 1)), "v"), Series("#c4553f", "oo", (0, (6, 1, 1, 1, 1, 1)), "P"),
)  # fmt: skip


class Value(NamedTuple):
    label: str
    value: float
    series: Series


class Learned(NamedTuple):
    """How a model learned. course: what training reported on the way, far more often than it evaluated; or nothing."""

    label: str
    model: TrainedModel
    series: Series
    course: Sequence[Mapping[str, float]] = ()


def training_curves(
    models: Sequence[TrainedModel], course: Mapping[str, Sequence[Mapping[str, float]]] | None = None
) -> str:
    """The twin beside the model. course: by kind of MLP."""
    return learning_curves(
        [
            Learned(
                one.mlp, one, DENSE if one.mlp == "dense" else MEASURED, (course or {}).get(one.mlp) or ()
            )
            for one in models
        ]
    )


def learning_curves(learned: Sequence[Learned]) -> str:
    """Loss over steps, accuracy where the task has one, and the learning rate, all models in the same axes."""
    scored = any("test_accuracy" in point for one in learned for point in one.model.curve)
    with canvas("curves", 9.2, 3.4) as (figure, svg):
        widths = [3, 3, 2] if scored else [3, 2]
        panels = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
        for label, model, series, course in learned:
            loss = "loss" if course else "train_loss"
            panels[0].plot(
                *_points(course or model.curve, loss),
                color=series.colour,
                lw=0.8,
                ls=series.dash,
                label=f"{label}, training",
            )
            _line(panels[0], model.curve, "test_loss", f"{label}, held out", series)
            if scored:
                _line(panels[1], model.curve, "test_accuracy", f"{label}, held out", series, scale=100)
            panels[-1].plot(
                *_points(course or model.curve, "learning_rate"), color=series.colour, ls=series.dash, lw=1.6
            )
        for axes in panels:
            axes.set_xlim(left=0)
        panels[0].set(xlabel="step", ylabel="loss, nats")
        panels[-1].set(xlabel="step", ylabel="base learning rate", ylim=(0, None))
        panels[-1].ticklabel_format(axis="y", scilimits=(-2, 3))
        if scored:
            panels[1].set(xlabel="step", ylabel="accuracy on held-out data, %")
    return svg[0]


def energies(name: str, groups: Sequence[tuple[str, Sequence[Value]]]) -> str:
    """A dot a value on a logarithmic axis, which has no zero for a bar to start from; every dot says its value."""
    count = sum(len(values) + 1 for _, values in groups)
    with canvas(name, 9.2, 0.31 * count + 0.7) as (figure, svg):
        axes = figure.subplots()
        position, ticks = 0.0, []
        sizes = [value.value for _, values in groups for value in values]
        for heading, values in groups:
            axes.text(0, position, heading, transform=axes.get_yaxis_transform(), weight="bold", va="center")
            for value in values:
                position += 1
                axes.axhline(position, color=INK, alpha=0.25, lw=0.6)
                axes.plot(
                    value.value, position, marker=value.series.marker, ms=8, mfc=value.series.colour, mec=INK
                )
                axes.annotate(
                    significant(value.value),
                    (value.value, position),
                    xytext=(9, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=SMALL,
                )
                ticks.append((position, value.label))
            position += 1.2
        axes.set_yticks([place for place, _ in ticks], [label for _, label in ticks])
        axes.tick_params(axis="y", length=0)
        axes.set(xscale="log", xlabel="energy of one sample, µJ (logarithmic)")
        axes.set_xlim(min(sizes) / 2, max(sizes) * 3)
        axes.set_ylim(position - 0.7, -0.8)
        axes.grid(visible=False, axis="y")
    return svg[0]


def front(points: Sequence[FrontPoint], title: str = "") -> str:
    """LUTs and energy over the cycles of a sample: the estimated front joined, measured points filled."""
    panels = (("luts", "LUTs"), ("energy_uj", "energy of one sample, µJ"))
    estimated = [point for point in points if point.source == "estimated"]
    best = undominated(estimated)
    with canvas("front", 9.2, 3.8) as (figure, svg):
        for axes, (key, label) in zip(figure.subplots(1, 2), panels, strict=True):
            for name, series, chosen, filled in (
                ("estimated", DENSE, best, False),
                ("estimated, another has fewer LUTs and cycles", APART, without(estimated, best), False),
                ("measured", MEASURED, [p for p in points if p.source == "measured"], True),
                ("paper, its structure's cycles", PAPER, _paper_points(points, "counted"), True),
                ("paper, one row a cycle", PAPER, _paper_points(points, "published"), False),
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
            figure.suptitle(title, fontsize=SMALL)
    return svg[0]


def without(points: Sequence[FrontPoint], those: Sequence[FrontPoint]) -> list[FrontPoint]:
    return [point for point in points if point not in those]


def _paper_points(points: Sequence[FrontPoint], accounting: str) -> list[FrontPoint]:
    return [point for point in points if point.source == "published" and point.accounting == accounting]


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
                    fontsize=SMALL,
                    ha="left" if value >= 0 else "right",
                )
        axes.set_yticks(range(len(model.points)), [point.name for point in model.points])
        axes.invert_yaxis()
        axes.axvline(0, color=INK, lw=0.8)
        axes.margins(x=0.12)
        axes.set_xlabel("predicted over published power, %")
        axes.grid(visible=False, axis="y")
    return svg[0]


def _line(
    axes: Axes,
    curve: Sequence[Mapping[str, float]],
    key: str,
    label: str,
    series: Series,
    *,
    scale: float = 1,
) -> None:
    steps, values = _points(curve, key)
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


def _points(curve: Sequence[Mapping[str, float]], key: str) -> tuple[list[float], list[float]]:
    points = [(point["step"], point[key]) for point in curve if key in point]
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
        _legend(figure)
        _plain_logarithms(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata=_no_metadata())
    svg.append(_inline(buffer.getvalue()))


def _legend(figure: Figure) -> None:
    """One for all axes, above them: within one it would cover what is drawn there."""
    named: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    if named:
        widest = SMALL * (0.6 * max(map(len, named)) + 5)  # points, with its handle
        columns = max(1, min(4, int(72 * figure.get_figwidth() / widest)))
        figure.legend([*named.values()], [*named], loc="outside upper center", ncols=columns, fontsize=SMALL)


def _plain_logarithms(figure: Figure) -> None:
    """Powers of ten as numbers: matplotlib writes them in its formula language, which `text.parse_math` leaves as it is."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                _few_ticks(axis)


def _few_ticks(axis: Axis) -> None:
    """Powers of ten; where they are fewer than three, twos and fives too; on a short axis round numbers."""
    low, high = sorted(axis.get_view_interval())
    ticks: list[float] = []
    for digits in ((1,), (1, 2, 5)):
        exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        values = [digit * 10.0**exponent for exponent in exponents for digit in digits]
        ticks = ticks if len(ticks) >= 3 else [value for value in values if low <= value <= high]
    if len(ticks) < 3:
        ticks = [value for value in MaxNLocator(4).tick_values(low, high) if low <= value <= high]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: significant(value)))
    axis.set_minor_formatter(NullFormatter())


def _no_metadata() -> dict[str, Any]:
    return dict.fromkeys(("Date", "Creator", "Format", "Type"))


def _inline(document: str) -> str:
    """The <svg> element alone, scaled to the page, in its text colour, without ids that repeat."""
    element = document[document.index("<svg") :]
    element = re.sub(r' (?:width|height)="[\d.]+pt"', "", element, count=2)
    element = re.sub(r' id="[a-zA-Z0-9.]+_\d+"', "", element)
    element = re.sub(r"<metadata>.*?</metadata>\s*", "", element, flags=re.DOTALL)
    return element.replace(INK, "currentColor")
