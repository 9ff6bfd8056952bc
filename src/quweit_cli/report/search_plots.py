"""The front of a search, in the style of `plots`."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from quweit_cli.documents import SearchResult, SearchTrial
from quweit_cli.report.plots import APART, DENSE, INK, MEASURED, SMALL, Series, canvas

Place = tuple[float, float | None]  # figure, loss


def front(result: SearchResult) -> str:
    """Loss over LUTs, and over energy: trials on the front with their numbers, others as crosses; what was measured beside its estimate."""
    best = result.front
    beaten = [trial for trial in result.tried if not trial.on_front]
    with canvas("search", 9.2, 3.8) as (figure, svg):
        panels = (("luts", "LUTs of all blocks"), ("energy_uj", "energy of all blocks for one sample, µJ"))
        for axes, (key, label) in zip(figure.subplots(1, 2, sharey=True), panels, strict=True):
            for trials, series, name in (
                (beaten, APART, "another trial is as good in all three"),
                (best, DENSE, "on the front"),
            ):
                _mark(axes, [(getattr(trial, key), trial.loss) for trial in trials], series, name)
            for trial in best:
                _number(axes, trial, key)
            _mark(axes, _measured(best, key), MEASURED, "measured")
            axes.set(xscale="log", xlabel=label)
        figure.axes[0].set_ylabel("loss on held-out data, nats")
    return svg[0]


def _measured(best: Sequence[SearchTrial], key: str) -> list[Place]:
    found = [(getattr(trial.measured, key, None), trial.loss) for trial in best]
    return [(value, loss) for value, loss in found if value]


def _mark(axes: Axes, places: Sequence[Place], series: Series, label: str) -> None:
    if places:
        axes.plot(
            *zip(*places, strict=True),
            ls="",
            marker=series.marker,
            ms=6,
            color=series.colour,
            markeredgecolor=series.colour if series is APART else INK,
            label=label,
        )


def _number(axes: Axes, trial: SearchTrial, key: str) -> None:
    axes.annotate(
        str(trial.number),
        (getattr(trial, key), trial.loss),
        xytext=(6, 4),
        textcoords="offset points",
        fontsize=SMALL,
    )
