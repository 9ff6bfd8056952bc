"""What leaving early costs and saves, in the style of `plots`."""

from __future__ import annotations

from collections.abc import Mapping

from quweit_cli.documents import ExitTable
from quweit_cli.ir.exits import Criterion
from quweit_cli.report.plots import DENSE, INK, MEASURED, PAPER, Series, canvas

CURVES: Mapping[Criterion, tuple[str, Series]] = {
    "fall": ("by the fall of entropy", PAPER),
    "entropy": ("by entropy", MEASURED),
    "probability": ("by the largest probability", DENSE),
}


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
                axes.plot(
                    *zip(*rules, strict=True),
                    color=series.colour,
                    ls=series.dash,
                    marker=series.marker,
                    ms=4,
                    lw=1.6,
                    label=label,
                )
        heads = [100 * accuracy for accuracy in found.head_accuracy]
        axes.plot([*found.after, found.layers], heads, ".", color=INK, ms=5, label="a head by itself")
        axes.axhline(heads[-1], color=INK, lw=0.8, alpha=0.6)
        axes.set(xlabel="layers that a sample goes through, mean", ylabel="accuracy on held-out data, %")
    return svg[0]
