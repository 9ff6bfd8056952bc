"""What a checkpoint scores, and what its samples gain and lose by leaving early, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from quweit_cli.documents import DumpedExits, EvalResult, ExitTable
from quweit_cli.report.numbers import percent
from quweit_cli.report.tables import Table, fields

RULES = {
    "fall": "entropy falls by less than",
    "entropy": "entropy in bits below",
    "probability": "largest probability at least",
}


def evaluation(result: EvalResult) -> list[Table]:
    """The score, and for a model with exits every rule beside it."""
    scored = fields(result.model_copy(update={"exits": None}))
    return scored if result.exits is None else [*scored, heads(result.exits), rules(result.exits)]


def heads(found: ExitTable) -> Table:
    places = [*(f"after layer {layer}" for layer in found.after), "the last"]
    rows: list[Sequence[object]] = [
        (place, percent(accuracy)) for place, accuracy in zip(places, found.head_accuracy, strict=True)
    ]
    return Table("heads, each by itself on all test samples", ("head", "accuracy"), rows)


def rules(found: ExitTable) -> Table:
    """A line a rule; the one of the settings is marked."""
    columns = (
        "a sample leaves when its",
        "threshold",
        "accuracy",
        "mean layers",
        "layers saved",
        *(f"leave after {layer}" for layer in found.after),
        "stay",
    )
    rows: list[Sequence[object]] = [
        (
            RULES[one.criterion] + (" *" if one.chosen else ""),
            one.threshold,
            percent(one.accuracy),
            round(one.mean_layers, 3),
            percent(one.layers_saved),
            *map(percent, one.leaving),
        )
        for one in found.rules
    ]
    return Table(f"leaving early, of {found.layers} layers; * the rule of the settings", columns, rows)


def ways_out(exits: DumpedExits, cycles: Sequence[int]) -> Table:
    """Which test samples leave where, in how many cycles of hardware."""
    total, places = sum(exits.leaving), [*(f"after layer {layer}" for layer in exits.after), "the end"]
    rows: list[Sequence[object]] = [
        (place, count, percent(count / total), taken)
        for place, count, taken in zip(places, exits.leaving, cycles, strict=True)
    ]
    columns = ("test samples leave", "samples", "share", "cycles")
    limit = f"{exits.steps}/128" if exits.criterion != "fall" else f"2^-{exits.steps}"
    return Table(f"exits, by {exits.criterion}, {limit}", columns, rows)
