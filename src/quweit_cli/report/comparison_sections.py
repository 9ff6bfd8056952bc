"""Sections of projects beside one another: what their stages found, in the same axes; absent where there is nothing to compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from quweit_cli.documents import EnergyTable, SearchTrial, SynthesisReport
from quweit_cli.energy.foldings import undominated
from quweit_cli.report import comparison_plots, model_plots, plots
from quweit_cli.report.comparison_plots import Panel, Points
from quweit_cli.report.findings import Findings
from quweit_cli.report.numbers import counted
from quweit_cli.report.page import Section, Table
from quweit_cli.report.plots import BESIDE, Learned, Series
from quweit_cli.report.whole import AREA, ENERGY, TOTAL, area_by_engine, energy_by_engine


class Side(NamedTuple):
    """A project. report: address of its page, from the page that is written; empty where it has none."""

    label: str
    findings: Findings
    report: str = ""


def learning(sides: Sequence[Side]) -> Iterator[Section]:
    learned = [
        Learned(side.label, train.main, series, side.findings.course.get(train.main.mlp) or ())
        for side, series in _drawn(sides)
        if (train := side.findings.train) is not None and train.main.curve
    ]
    if learned:
        rows = [
            (
                one.label, one.model.mlp, None if one.model.test_accuracy is None else 100 * one.model.test_accuracy,
                one.model.test_loss, one.model.parameters, one.model.steps, one.model.seconds, one.model.device,
            )
            for one in learned
        ]  # fmt: skip
        columns = (
            "project",
            "MLPs",
            "test accuracy, %",
            "test loss",
            "parameters",
            "steps",
            "seconds",
            "device",
        )
        yield Section(
            "Learning curves",
            plot=plots.learning_curves(learned),
            tables=[Table("", columns, rows).known()],
            method="one run each; of a project with a dense twin, the weightless model. The table is of the whole held-out data at "
            "the end; curves are what training reported on the way, marks are evaluations.",
        )


def engines(sides: Sequence[Side]) -> Iterator[Section]:
    areas: dict[str, list[tuple[str, dict[str, float], Series]]] = {}
    spent = []
    for side, series in _drawn(sides):
        if side.findings.synth and (found := _area(side.findings.synth)):
            areas.setdefault(found[0], []).append((side.label, found[1], series))
        if side.findings.energy and (energies := _spent(side.findings.energy)):
            spent.append((side.label, energies, series))
    panels = [*areas.items(), *([(ENERGY, spent)] if spent else [])]
    if panels:
        yield Section(
            "Area and energy by engine",
            plot=model_plots.by_engine(panels),
            tables=[_by_engine(unit, drawn) for unit, drawn in panels],
            method="of a whole model where it is hardware, else of its blocks alone. Area: each module synthesized once, times how often the "
            "design has it; LUTs of an FPGA and area in cells of a library stand apart. Energy: power while an engine works, times its "
            "cycles as simulated, of one sample; what waits is not in it.",
        )


def _area(synth: SynthesisReport) -> tuple[str, dict[str, float]] | None:
    """Of the engines of a whole model, else of the blocks; with what it is counted in."""
    if synth.model and synth.model.modules_by_engine:
        return area_by_engine(synth.model)
    areas = {one.design: one.asic.area_mm2 for one in synth.blocks if one.asic}
    luts = {one.design: float(one.luts) for one in synth.blocks if one.luts is not None}
    return (AREA, areas) if areas else ("LUTs", luts) if luts else None


def _spent(energy: EnergyTable) -> dict[str, float]:
    """The same of energies, in µJ."""
    if energy.model:
        return energy_by_engine(energy.model)
    return {
        row.subject: row.value for row in energy.rows if row.scope == "block" and row.accounting == "measured"
    }


def _by_engine(unit: str, drawn: Sequence[tuple[str, dict[str, float], Series]]) -> Table:
    engines = dict.fromkeys(name for _, figures, _ in drawn for name in figures)
    rows: list[Sequence[object]] = [
        (engine, *(whole(figures.get(engine)) for _, figures, _ in drawn)) for engine in engines
    ]
    rows.append((TOTAL, *(whole(sum(figures.values())) if figures else None for _, figures, _ in drawn)))
    return Table(f"{unit[0].upper()}{unit[1:]}", ("engine", *(label for label, _, _ in drawn)), rows)


def energies(sides: Sequence[Side]) -> Iterator[Section]:
    """Every energy of a sample that more than one project states, by operation."""
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for side in sides:
        for row in side.findings.energy.rows if side.findings.energy else []:
            of = (row.subject, row.operation, row.implementation, row.accounting)
            found.setdefault(of, {})[side.label] = row.value
    shared = {of: values for of, values in found.items() if len(values) > 1}
    if shared:
        names = [side.label for side in sides]
        rows = [(*of, *(values.get(name) for name in names)) for of, values in shared.items()]
        own = sorted({of[3] for of in shared})
        yield Section(
            "Energy of one sample by operation",
            [f"{counted(len(rows), 'figure')} that more than one project states."],
            details=[
                Table("Energy, µJ", ("subject", "operation", "implementation", "cycles are", *names), rows)
            ],
            method=f"energy = power · cycles / clock, dynamic power only; cycles are {' or '.join(own)}, and never mixed in a sum. Where each figure comes from "
            "stands in the report of its project.",
        )


def foldings(sides: Sequence[Side]) -> Iterator[Section]:
    """The fronts of foldings, where two projects have one."""
    with_front = [
        (side, series, side.findings.front) for side, series in _drawn(sides) if side.findings.front
    ]
    if len(with_front) < 2:
        return
    panels = []
    for key, label in (("luts", "LUTs"), ("energy_uj", ENERGY)):
        drawn = []
        for side, series, front in with_front:
            best, measured = (
                [(one.sample_cycles, getattr(one, key)) for one in points]
                for points in (
                    undominated([one for one in front.points if one.source == "estimated"]),
                    [one for one in front.points if one.source == "measured"],
                )
            )
            drawn.append(Points(f"{side.label}, {front.block}", series, best, measured))
        panels.append(Panel("cycles of a sample", label, drawn))
    yield Section(
        "Foldings",
        [
            "A block of each project spread over more or fewer cycles: what no other folding beats in LUTs and cycles."
        ],
        plot=comparison_plots.fronts("foldings", panels, joined=True),
        method="lines: cells and cycles counted before any tool runs, power by the model; filled: cycles by simulation, cells by synthesis.",
    )


def searches(sides: Sequence[Side]) -> Iterator[Section]:
    """The fronts of searches, where two projects have one."""
    searched = [
        (side, series, side.findings.search.front)
        for side, series in _drawn(sides)
        if side.findings.search and side.findings.search.front
    ]
    if len(searched) < 2:
        return
    panels = []
    for key, label in (
        ("luts", "LUTs of all blocks"),
        ("energy_uj", "energy of all blocks for one sample, µJ"),
    ):
        drawn = [
            Points(side.label, series, _trials(front, key), _measured(front, key))
            for side, series, front in searched
        ]
        panels.append(Panel(label, "loss on held-out data, nats", drawn))
    yield Section(
        "Searches",
        ["Trials on the front of each search: no other trial of it is as good in loss, LUTs and energy."],
        plot=comparison_plots.fronts("searches", panels, joined=False),
        method="LUTs and energy by counting, power by the model; filled: LUTs by synthesis, energy with cycles by simulation. Losses of two searches "
        "compare where data and steps are the same.",
    )


def _trials(front: Sequence[SearchTrial], key: str) -> list[tuple[float, float]]:
    return [(getattr(trial, key), trial.loss) for trial in front if trial.loss is not None]


def _measured(front: Sequence[SearchTrial], key: str) -> list[tuple[float, float]]:
    found = [(getattr(trial.measured, key, None), trial.loss) for trial in front]
    return [(value, loss) for value, loss in found if value and loss is not None]


def whole(value: float | None) -> float | None:
    """A count as one, however large it is."""
    return int(value) if value is not None and float(value).is_integer() else value


def _drawn(sides: Sequence[Side]) -> list[tuple[Side, Series]]:
    """With how each is drawn; those beyond the last way are not."""
    return list(zip(sides, BESIDE, strict=False))
