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
    of_text = found.tokens is not None
    columns = (
        f"a {'token' if of_text else 'sample'} leaves when its",
        "threshold",
        "loss" if of_text else "accuracy",
        "mean layers",
        "layers saved",
        *(f"leave after {layer}" for layer in found.after),
        "stay",
    )
    rows: list[Sequence[object]] = [
        (
            RULES[one.criterion] + (" *" if one.chosen else ""),
            one.threshold,
            percent(one.accuracy) if one.loss is None else round(one.loss, 4),
            round(one.mean_layers, 3),
            percent(one.layers_saved),
            *map(percent, one.leaving),
        )
        for one in found.rules
    ]
    return Table(f"leaving early, of {found.layers} layers; * the rule of the settings", columns, rows)


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
