"""Plots of functions in pieces, in the style of `plots`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quweit_cli.documents import Approximation, FunctionTable
from quweit_cli.report.plots import DENSE, INK, MEASURED, PAPER, canvas

Reals = NDArray[np.floating[Any]]


def approximation(made: Approximation, x_P: Reals, target_P: Reals, answer_P: Reals) -> str:
    """The function and its pieces, and the error of every code; lines where pieces start."""
    starts = [one * made.scale for one in made.step.breakpoints]
    name = f"{made.function}_{made.method}_{made.segments}"
    with canvas(name, 9.2, 3.2) as (figure, svg):
        shape, errors = figure.subplots(1, 2)
        shape.plot(
            x_P, target_P, color=PAPER.colour, lw=4, alpha=0.6, label=f"{made.function}, {made.formula}"
        )
        shape.plot(x_P, answer_P, lw=1.2, color=MEASURED.colour, label="integers, every code")
        errors.plot(x_P, answer_P - target_P, lw=1, color=MEASURED.colour, drawstyle="steps-mid")
        for axes in (shape, errors):
            for start in starts:
                axes.axvline(start, color=INK, lw=0.5, alpha=0.5, ls=":")
            axes.set_xlabel("x")
        shape.set_ylabel("y")
        errors.set_ylabel("integers less function")
        errors.axhline(0, color=INK, lw=0.6)
    return svg[0]


SERIES = {"published": PAPER, "genetic": DENSE, "exact": MEASURED}


def errors(table: FunctionTable, segments: int = 8) -> str:
    """Mean squared error over the scale of codes, of the functions with published pieces."""
    found = [
        row
        for row in table.rows
        if row.errors_at == "codes" and row.segments == segments and row.unit is None
    ]
    functions = list(dict.fromkeys(row.function for row in found if row.method == "published"))
    with canvas(f"errors_{segments}", 9.2, 3.2) as (figure, svg):
        panels = figure.subplots(1, len(functions), sharey=True, squeeze=False)[0]
        for axes, function in zip(panels, functions, strict=True):
            for method, series in SERIES.items():
                chosen = [
                    row
                    for row in found
                    if (row.function, row.method) == (function, method) and row.objective in (None, "squared")
                ]
                axes.plot(
                    [row.scale for row in chosen],
                    [row.mse for row in chosen],
                    ls=series.dash,
                    marker=series.marker,
                    ms=5,
                    color=series.colour,
                    markeredgecolor=INK,
                    label=f"{method}, {segments} pieces",
                )
            axes.set(xscale="log", yscale="log", xlabel=f"{function}: real value of a code of 1")
        figure.axes[0].set_ylabel("mean squared error at every code")
    return svg[0]
