"""Projects beside one another, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from quweit_cli.documents.comparison import ComparedFigure, ComparedMetric, Comparison
from quweit_cli.report.numbers import significant, text
from quweit_cli.report.tables import Table

TITLE = "figures, compared with "
ABSENT = "missing"
MARKS = {
    "better": "better",
    "same": "same",
    "within": "worse, within the tolerance",
    "worse": "WORSE",
    "missing": "MISSING",
    "new": "new",
}


def comparison(found: Comparison) -> list[Table]:
    """Figures first, then the settings that explain them."""
    names = [one.path for one in found.projects]
    columns = ("figure", "better", *names)
    if not found.settings:
        return [Table(TITLE + names[0], columns, list(_figures(found)), notes=["no settings differ"])]
    rows: list[Sequence[object]] = [
        (one.stage, one.name, *("absent" if value is None else value for value in one.values))
        for one in found.settings
    ]
    return [
        Table(TITLE + names[0], columns, list(_figures(found))),
        Table("settings that differ", ("stage", "setting", *names), rows),
    ]


def _figures(found: Comparison) -> Iterator[tuple[str, ...]]:
    for metric in found.metrics:
        yield (
            named(metric),
            metric.better,
            _number(metric.reference),
            *(_beside(one) for one in metric.others),
        )


def named(metric: ComparedMetric) -> str:
    """With its unit, where it has one."""
    return f"{metric.name}, {metric.unit}" if metric.unit else metric.name


def _beside(one: ComparedFigure) -> str:
    """The figure, its change and the verdict on it."""
    if one.verdict is None:
        return ABSENT
    if one.verdict == "missing":
        return MARKS[one.verdict]
    said = [change(one.change_percent)] if one.change_percent else []
    return f"{_number(one.value)} ({', '.join([*said, MARKS[one.verdict]])})"


def change(percent: float) -> str:
    """With its sign: +10 %."""
    return f"{'+' if percent > 0 else ''}{significant(percent)} %"


def _number(value: float | None) -> str:
    """A count whole, however large it is."""
    return text(int(value) if value is not None and value.is_integer() else value, ABSENT)
