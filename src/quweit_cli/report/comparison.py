"""The page of projects beside one another: figures, settings, and what each stage found, in the same axes."""

from __future__ import annotations

from collections.abc import Sequence

from quweit_cli import __version__
from quweit_cli.artifacts import listed
from quweit_cli.documents import Comparison
from quweit_cli.report import comparison_plots, comparison_sections
from quweit_cli.report.comparison_sections import Side, whole
from quweit_cli.report.comparison_tables import MARKS, named
from quweit_cli.report.findings import Findings
from quweit_cli.report.page import Card, Section, Table, rendered
from quweit_cli.report.plots import BESIDE

LONGEST = 32  # characters of a label
DRAWN = len(BESIDE)  # projects; tables have all of them


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
        *comparison_sections.learning(sides),
        *comparison_sections.engines(sides),
        *comparison_sections.energies(sides),
        *comparison_sections.foldings(sides),
        *comparison_sections.searches(sides),
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
        figure = f"{len(better)} better, {len(worse)} worse" + (
            f", {len(missing)} missing" if missing else ""
        )
        notes = [f"better: {listed(better)}"] if better else []
        notes += [f"WORSE: {listed(worse)}"] if worse else []
        notes += [f"MISSING: {listed(missing)}"] if missing else []
        mood = "bad" if worse or missing else "good" if better else ""
        cards.append(Card(f"{name} beside {names[0]}", figure, notes, mood))
    return cards


def _figures(found: Comparison, names: Sequence[str]) -> Section:
    columns = ["figure", "better is", names[0]]
    for name in names[1:]:
        columns += [name, "change, %", "verdict"]
    rows = []
    for one in found.metrics:
        row: list[object] = [named(one), one.better, whole(one.reference)]
        for other in one.others:
            verdict = None if other.verdict is None else MARKS[other.verdict]
            row += [whole(other.value), other.change_percent, verdict]
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


def _not_drawn(names: Sequence[str]) -> str:
    return f"Plots are of the first {DRAWN} projects; tables have {listed([*names[DRAWN:]])} as well."
