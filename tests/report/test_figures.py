"""Every figure is readable: the legend covers no data, axes have ticks, text is neither tiny nor cut."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import packages
from figures import flaws
from quweit_cli.documents import FrontPoint
from quweit_cli.energy.foldings import undominated
from quweit_cli.energy.power import calibrated
from quweit_cli.report import paper_plots, plots
from quweit_cli.report.paper_plots import Bars, Point
from quweit_cli.report.plots import DENSE, MEASURED, PAPER, Value


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """Every figure that the test draws."""
    made: list[Figure] = []

    class Kept(Figure):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr(plots, "Figure", Kept)
    yield made


def folding(cycles: int, luts: int, source: str = "estimated", accounting: str = "counted") -> FrontPoint:
    return FrontPoint(
        block="block0", source=source, accounting=accounting, outputs_per_cycle=1, bits_per_cycle=4.0,
        cycles_per_row=cycles // 16, sample_cycles=cycles, luts=luts, ffs=1_000, power_mw=60.0, power_sources=["model"],
        energy_uj=0.0003 * cycles,
    )  # fmt: skip


FRONT = [
    folding(768, 3_078), folding(384, 4_145), folding(256, 3_486), folding(192, 4_547), folding(128, 4_688),
    folding(96, 6_117), folding(64, 6_470), folding(32, 9_634), folding(16, 15_352),
    folding(768, 3_082, "measured", "measured"),
]  # fmt: skip


def test_training_curves(drawn: list[Figure]) -> None:
    models = packages.train_result().models
    course = {
        kind: [
            {"step": step, "loss": 2.3 * math.exp(-step / 300), "learning_rate": 1e-3}
            for step in range(10, 1001, 10)
        ]
        for kind in ("weightless", "dense")
    }
    plots.training_curves(models, course)
    assert flaws(drawn[0]) == []
    plots.training_curves(models)
    assert flaws(drawn[1]) == []


@pytest.mark.parametrize(
    "points", [FRONT, FRONT[-3:], [folding(196, 3_000)], [*FRONT, folding(10**6, 10**5)]]
)
def test_front(drawn: list[Figure], points: list[FrontPoint]) -> None:
    plots.front(points)
    assert flaws(drawn[0]) == []


def test_the_published_block_in_the_front(drawn: list[Figure]) -> None:
    paper = [folding(196, 23_984, "published", "published"), folding(37_632, 23_984, "published", "counted")]
    plots.front([*FRONT, *paper], "LUT layers 768,192, trained contents")
    assert flaws(drawn[0]) == []


@pytest.mark.parametrize(
    "values", [(8.78, 4.72, 0.74, 0.0154), (585.0, 135.0, 28.8, 0.15), (3.0, 2.9, 2.8, 2.7)]
)
def test_energies(drawn: list[Figure], values: tuple[float, ...]) -> None:
    series = (DENSE, DENSE, MEASURED, PAPER)
    rows = [
        Value(f"systolic 16x16 + blocks, way {number}", value, one)
        for number, (value, one) in enumerate(zip(values, series, strict=True))
    ]
    plots.energies("energy", [("All MLPs", rows), ("All layers end to end", rows)])
    assert flaws(drawn[0]) == []


def test_power_residuals(drawn: list[Figure]) -> None:
    plots.power_residuals(calibrated())
    assert flaws(drawn[0]) == []


def test_the_papers_plots(drawn: list[Figure]) -> None:
    parts = {
        f"8×8 {kind}": [(label, 1.0 + place) for place, label in enumerate("abcdefghij")]
        for kind in ("dense", "block")
    }
    paper_plots.stacked_bars(
        "bars", Bars(list("abcdefghij"), parts, dict.fromkeys(parts, "55, products 50")), "µJ", "array"
    )
    paper_plots.area_against_cycles(
        "areas",
        [Point("block", kind, 200.0 * (place + 1), 24_000.0) for place, kind in enumerate(paper_plots.KINDS)],
        "LUTs",
    )
    assert [flaws(figure) for figure in drawn] == [[], []]


def test_a_folding_that_another_beats_is_not_on_the_line(drawn: list[Figure]) -> None:
    plots.front(FRONT)
    for axes in drawn[0].axes:
        joined = next(line for line in axes.lines if line.get_linestyle() != "None")
        apart = next(line for line in axes.lines if "another has fewer" in str(line.get_label()))
        assert 384 not in np.asarray(joined.get_xdata())
        assert np.asarray(apart.get_xdata()).tolist() == [384]
    assert [point.sample_cycles for point in undominated(FRONT[:9])] == [16, 32, 64, 96, 128, 192, 256, 768]


def test_of_equal_foldings_one_is_on_the_front() -> None:
    assert undominated([folding(64, 100), folding(64, 100), folding(64, 90), folding(128, 90)]) == [
        folding(64, 90)
    ]


def test_each_flaw_is_found() -> None:
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    axes.barh([0, 1], [1.0, 2.0], label="bars")
    axes.set_yticks([0], ["one"])
    axes.legend(loc="center")
    axes.text(0.1, 0.5, "tiny", fontsize=5)
    axes.text(1.9, 0.5, "far too long to fit into it", fontsize=12)
    found = " ".join(flaws(figure))
    for words in (
        "the legend covers a bar",
        "the y axis of panel 0 has 1 ticks",
        "`tiny` is set in 5 points",
        "is cut",
    ):
        assert words in found
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], label="line")
    axes.legend(loc="center")
    axes.set_xticks([0, 0.01, 1], ["zero point", "a bit more", "one"])
    found = " ".join(flaws(figure))
    assert "the legend covers a line" in found and "labels of the x axis of panel 0 overlap" in found
