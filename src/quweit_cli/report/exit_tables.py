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
    return [Table(title, _columns(found), rows)] if rows else []


def heads(found: ExitTable) -> Table:
    places = [*(f"after layer {layer}" for layer in found.after), "the last"]
    if found.tokens is not None:
        of_tokens: list[Sequence[object]] = [
            (place, round(loss, 4), percent(accuracy))
            for place, loss, accuracy in zip(places, found.head_loss, found.head_accuracy, strict=True)
        ]
        title = f"heads, each by itself on {found.tokens:,} tokens that go through all layers"
        return Table(title, ("head", "loss", "next token right"), of_tokens)
    rows: list[Sequence[object]] = [
        (place, percent(accuracy)) for place, accuracy in zip(places, found.head_accuracy, strict=True)
    ]
    return Table("heads, each by itself on all test samples", ("head", "accuracy"), rows)


def rules(found: ExitTable) -> Table:
    """A line a rule; the one of the settings is marked."""
    rows = [_row(one) for one in found.rules]
    title = f"leaving early, of {found.layers} layers; * the rule of the settings"
    return Table(title, _columns(found), rows)


def _columns(found: ExitTable) -> tuple[str, ...]:
    of_text = found.tokens is not None
    return (
        f"a {'token' if of_text else 'sample'} leaves when its",
        "threshold",
        "loss" if of_text else "accuracy",
        "mean layers",
        "layers saved",
        "operations saved",
        *(f"leave after {layer}" for layer in found.after),
        "stay",
    )


def _row(one: ExitRow) -> Sequence[object]:
    return (
        RULES[one.criterion] + (" *" if one.chosen else ""),
        one.threshold,
        percent(one.accuracy) if one.loss is None else round(one.loss, 4),
        round(one.mean_layers, 3),
        percent(one.layers_saved),
        None if one.operations_saved is None else percent(one.operations_saved),
        *map(percent, one.leaving),
    )


def ways_out(exits: DumpedExits, cycles: Sequence[int], who: str = "samples") -> Table:
    """Which test samples or tokens leave where, in how many cycles of hardware."""
    total, places = sum(exits.leaving), [*(f"after layer {layer}" for layer in exits.after), "the end"]
    rows: list[Sequence[object]] = [
        (place, count, percent(count / total), taken)
        for place, count, taken in zip(places, exits.leaving, cycles, strict=True)
    ]
    columns = (f"test {who} leave", who, "share", "cycles")
    limit = f"{exits.steps}/128" if exits.criterion != "fall" else f"2^-{exits.steps}"
    return Table(f"exits, by {exits.criterion}, {limit}", columns, rows)
