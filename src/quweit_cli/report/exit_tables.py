"""What a checkpoint scores, and what its samples gain and lose by leaving early, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from quweit_cli.documents import DumpedExits, EvalResult, ExitRow, ExitTable
from quweit_cli.report.numbers import percent
from quweit_cli.report.size_tables import sizes
from quweit_cli.report.tables import Table, fields

RULES = {
    "fall": "entropy falls by less than",
    "entropy": "entropy in bits below",
    "probability": "largest probability at least",
}


def evaluation(result: EvalResult) -> list[Table]:
    """The score, the size, and for a model with exits every rule beside it."""
    scored = fields(result.model_copy(update={"exits": None, "size": None}))
    sized = [] if result.size is None else sizes(result.size)
    return [*scored, *sized, *([] if result.exits is None else leaving(result.exits))]


def leaving(found: ExitTable) -> list[Table]:
    """Heads, what is saved at no loss, and every rule."""
    return [heads(found), *free_of_loss(found), rules(found)]


def free_of_loss(found: ExitTable) -> list[Table]:
    """The best rule of each criterion; nothing where every rule loses."""
    rows = [_row(one) for one in found.free_of_loss()]
    title = "most that is saved at no loss, chosen on these samples"
    return [Table(title, (*RULE_COLUMNS, *_places(found)), rows)] if rows else []


def heads(found: ExitTable) -> Table:
    places = [*(f"after layer {layer}" for layer in found.after), "the last"]
    rows: list[Sequence[object]] = [
        (place, percent(accuracy)) for place, accuracy in zip(places, found.head_accuracy, strict=True)
    ]
    return Table("heads, each by itself on all test samples", ("head", "accuracy"), rows)


def rules(found: ExitTable) -> Table:
    """A line a rule; the one of the settings is marked."""
    rows = [_row(one) for one in found.rules]
    title = f"leaving early, of {found.layers} layers; * the rule of the settings"
    return Table(title, (*RULE_COLUMNS, *_places(found)), rows)


RULE_COLUMNS = (
    "a sample leaves when its",
    "threshold",
    "accuracy",
    "mean layers",
    "layers saved",
    "operations saved",
)


def _places(found: ExitTable) -> list[str]:
    return [*(f"leave after {layer}" for layer in found.after), "stay"]


def _row(one: ExitRow) -> Sequence[object]:
    return (
        RULES[one.criterion] + (" *" if one.chosen else ""),
        one.threshold,
        percent(one.accuracy),
        round(one.mean_layers, 3),
        percent(one.layers_saved),
        None if one.operations_saved is None else percent(one.operations_saved),
        *map(percent, one.leaving),
    )


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
