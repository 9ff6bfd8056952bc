"""Plots of functions in pieces, in the style of `plots`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from quweit_cli.documents import Approximation
from quweit_cli.report.plots import INK, MEASURED, PAPER, canvas

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
