"""The page of projects beside one another: figures, settings, and what each stage found, in the same axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from quweit_cli import __version__
from quweit_cli.artifacts import listed
from quweit_cli.documents import Comparison, SearchTrial
from quweit_cli.energy.foldings import undominated
from quweit_cli.report import comparison_plots, model_plots, plots
from quweit_cli.report.comparison_plots import Panel, Points
from quweit_cli.report.comparison_tables import MARKS, named
from quweit_cli.report.findings import Findings
from quweit_cli.report.numbers import counted
from quweit_cli.report.page import Card, Section, Table, rendered
from quweit_cli.report.plots import BESIDE, Learned, Series
from quweit_cli.report.whole import ENERGY, TOTAL, area_by_engine, energy_by_engine

LONGEST = 32  # characters of a label
DRAWN = len(BESIDE)  # projects; tables have all of them


class Side(NamedTuple):
    """A project. report: address of its page, from the page that is written; empty where it has none."""

    label: str
    findings: Findings
    report: str = ""


def labels(paths: Sequence[str]) -> list[str]:
    """The last part of each path, or all of it where two would be alike; what is long has its end."""
    short = [path.rstrip("/").rpartition("/")[2] or path for path in paths]
    chosen = short if len(set(short)) == len(short) else paths
    cut = [one if len(one) <= LONGEST else f"…{one[1 - LONGEST :]}" for one in chosen]
    return cut if len(set(cut)) == len(cut) else [f"{place} {one}" for place, one in enumerate(cut, start=1)]


def html(found: Comparison, sides: Sequence[Side]) -> str:
    """Self-contained, and without a script. sides: of the projects of `found`, in their order."""
    names = [side.label for side in sides]
    made = [
        _figures(found, names),
        _settings(found, names),
        *_learning(sides),
        *_engines(sides),
        *_energies(sides),
        *_foldings(sides),
        *_searches(sides),
        _projects(found, sides),
    ]
    subtitle = f"{names[0]} is the reference, with which {listed(names[1:])} {'is' if len(names) == 2 else 'are'} compared"
    return rendered(
        " beside ".join(names), f"{subtitle}.", made, [f"quweit {__version__}"], cards=_cards(found, names)
    )


def _cards(found: Comparison, names: Sequence[str]) -> list[Card]:
    """A card for each project but the first."""
    cards = []
    for place, name in enumerate(names[1:]):
        verdicts = [(one.name, one.others[place].verdict) for one in found.metrics]
        better, worse = (
            [one for one, verdict in verdicts if verdict == wanted] for wanted in ("better", "worse")
        )
        missing = [one for one, verdict in verdicts if verdict == "missing"]
        notes = [f"better: {listed(better)}"] if better else []
        notes += [f"WORSE: {listed(worse)}"] if worse else []
        notes += [f"MISSING: {listed(missing)}"] if missing else []
        mood = "bad" if worse or missing else "good" if better else ""
        cards.append(
            Card(f"{name} beside {names[0]}", f"{len(better)} better, {len(worse)} worse", notes, mood)
        )
    return cards


def _figures(found: Comparison, names: Sequence[str]) -> Section:
    columns = ["figure", "better is", names[0]]
    for name in names[1:]:
        columns += [name, "change, %", "verdict"]
    rows = []
    for one in found.metrics:
        row: list[object] = [named(one), one.better, _whole(one.reference)]
        for other in one.others:
            verdict = None if other.verdict is None else MARKS[other.verdict]
            row += [_whole(other.value), other.change_percent, verdict]
        rows.append(row)
    drawn = comparison_plots.comparable(found)
    return Section(
        "Figures",
        [_not_drawn(names)] if len(names) > DRAWN else [],
        plot=comparison_plots.changes(found, names) if drawn else "",
        tables=[Table("", columns, rows)],
        method="each figure as the document of its stage states it; a figure that a project has not obtained is missing, and never 0; "
        f"worse by no more than {found.tolerance_percent:g} % is within the tolerance. Drawn are figures above 0 that differ: a bar that goes to the right is better, "
        "whichever direction of the figure is.",
    )


def _settings(found: Comparison, names: Sequence[str]) -> Section:
    rows = [
        (one.stage, one.name, *("absent" if value is None else value for value in one.values))
        for one in found.settings
    ]
    return Section(
        "Settings that differ",
        [] if rows else ["None: the stages that both have were given the same."],
        tables=[Table("", ("stage", "setting", *names), rows)] if rows else [],
        method="as the stages recorded them, of stages that ran in more than one project; data and files by their digest.",
    )


def _learning(sides: Sequence[Side]) -> Iterator[Section]:
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


def _engines(sides: Sequence[Side]) -> Iterator[Section]:
    """Area and energy of whole models, or of their blocks, side by side."""
    areas: dict[str, list[tuple[str, dict[str, float], Series]]] = {}
    spent = []
    for side, series in _drawn(sides):
        synth, energy = side.findings.synth, side.findings.energy
        for made in [synth.model] if synth and synth.model else []:
            unit, area = area_by_engine(made)
            areas.setdefault(unit, []).append((side.label, area, series))
        if energy and energy.model:
            spent.append((side.label, energy_by_engine(energy.model), series))
    panels = [*areas.items(), *([(ENERGY, spent)] if spent else [])]
    panels = [(unit, drawn) for unit, drawn in panels if any(figures for _, figures, _ in drawn)]
    if panels:
        yield Section(
            "Area and energy by engine",
            plot=model_plots.by_engine(panels),
            tables=[_by_engine(unit, drawn) for unit, drawn in panels],
            method="of whole models. Area: each module synthesized once, times how often the model has it; LUTs of an FPGA and area in cells "
            "of a library stand apart. Energy: power while an engine works, times the cycles of its jobs; what waits is not in it.",
        )


def _by_engine(unit: str, drawn: Sequence[tuple[str, dict[str, float], Series]]) -> Table:
    engines = dict.fromkeys(name for _, figures, _ in drawn for name in figures)
    rows: list[Sequence[object]] = [
        (engine, *(_whole(figures.get(engine)) for _, figures, _ in drawn)) for engine in engines
    ]
    rows.append((TOTAL, *(_whole(sum(figures.values())) if figures else None for _, figures, _ in drawn)))
    return Table(f"{unit[0].upper()}{unit[1:]}", ("engine", *(label for label, _, _ in drawn)), rows)


def _energies(sides: Sequence[Side]) -> Iterator[Section]:
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


def _foldings(sides: Sequence[Side]) -> Iterator[Section]:
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


def _searches(sides: Sequence[Side]) -> Iterator[Section]:
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


def _projects(found: Comparison, sides: Sequence[Side]) -> Section:
    rows = [
        (side.label, one.path, one.name, _data(side.findings), ", ".join(one.stages))
        for side, one in zip(sides, found.projects, strict=True)
    ]
    reports = [side.report for side in sides if side.report]
    return Section(
        "Projects",
        ["Reports of each, where this page was written:"] if reports else [],
        tables=[Table("", ("project", "folder", "name", "data", "stages that have run"), rows)],
        links=reports,
    )


def _data(findings: Findings) -> str | None:
    """What was learned or compared, in words."""
    stated = findings.train or findings.dump
    return stated.data if stated else None


def _drawn(sides: Sequence[Side]) -> list[tuple[Side, Series]]:
    return list(zip(sides, BESIDE, strict=False))


def _not_drawn(names: Sequence[str]) -> str:
    return f"Plots are of the first {DRAWN} projects; tables have {listed([*names[DRAWN:]])} as well."


def _whole(value: float | None) -> float | None:
    """A count as one, however large it is."""
    return int(value) if value is not None and float(value).is_integer() else value
