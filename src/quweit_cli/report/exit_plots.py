"""What leaving early costs and saves, in the style of `plots`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from quweit_cli.documents import ExitTable
from quweit_cli.ir.exits import Criterion
from quweit_cli.report.plots import DENSE, INK, MEASURED, PAPER, SMALL, Series, canvas

CURVES: Mapping[Criterion, tuple[str, Series]] = {
    "fall": ("by the fall of entropy", PAPER),
    "entropy": ("by entropy", MEASURED),
    "probability": ("by the largest probability", DENSE),
}
LINES = (MEASURED, DENSE, PAPER, Series("#3c9d5b", "", "-.", "D"), Series("#b0508f", "", "-", "v"))


def compared(found: Mapping[str, ExitTable], name: str = "compared") -> str:
    """Accuracy over the share of layers that a sample goes through: a panel a criterion, a line a model by its name."""
    with canvas(name, 9.2, 3.8) as (figure, svg):
        panels = figure.subplots(1, len(CURVES), sharey=True, squeeze=False)[0]
        for axes, (criterion, (label, _)) in zip(panels, CURVES.items(), strict=True):
            for place, (model, exits) in enumerate(found.items()):
                series = LINES[place % len(LINES)]
                rules = [one for one in exits.rules if one.criterion == criterion]
                points = sorted((one.mean_layers / exits.layers, 100 * one.accuracy) for one in rules)
                _line(axes, [*points, (1, 100 * exits.head_accuracy[-1])], series, model)
            axes.set_title(label, fontsize=SMALL)
            axes.set(xlabel="share of the layers, mean", xlim=(0, 1.03))
        panels[0].set_ylabel("accuracy on held-out data, %")
    return svg[0]


def accuracy_over_depth(found: ExitTable, name: str = "exits") -> str:
    """Accuracy over the mean number of layers, a mark a threshold, a line a criterion; heads by themselves as dots.

    name: of the plot; those of one page differ.
    """
    with canvas(name, 9.2, 3.6) as (figure, svg):
        axes = figure.subplots()
        for criterion, (label, series) in CURVES.items():
            rules = sorted(
                (one.mean_layers, 100 * one.accuracy) for one in found.rules if one.criterion == criterion
            )
            if rules:
                _line(axes, rules, series, label)
        heads = [100 * accuracy for accuracy in found.head_accuracy]
        axes.plot([*found.after, found.layers], heads, ".", color=INK, ms=5, label="a head by itself")
        axes.axhline(heads[-1], color=INK, lw=0.8, alpha=0.6)
        axes.set(xlabel="layers that a sample goes through, mean", ylabel="accuracy on held-out data, %")
    return svg[0]


def _line(axes: Axes, points: Sequence[tuple[float, float]], series: Series, label: str) -> None:
    axes.plot(
        *zip(*points, strict=True),
        color=series.colour,
        ls=series.dash,
        marker=series.marker,
        ms=4,
        lw=1.4,
        label=label,
    )
