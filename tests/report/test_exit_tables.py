"""Tables of samples that leave early."""

from __future__ import annotations

from quweit_cli.documents import DumpedExits, EvalResult, ExitRow, ExitTable, ModelSize, SizePart
from quweit_cli.ir.exits import CRITERIA, Criterion
from quweit_cli.report import exit_plots, exit_tables
from quweit_cli.report.size_tables import sizes


def scored(exits: ExitTable | None) -> EvalResult:
    return EvalResult(
        name="x",
        mlp="weightless",
        data="scans",
        samples=8,
        device="cpu",
        loss=0.5,
        accuracy=0.75,
        exits=exits,
    )


def test_a_model_without_exits_has_its_score_alone() -> None:
    assert len(exit_tables.evaluation(scored(None))) == 1


def test_every_rule_is_a_row_and_that_of_the_settings_is_marked() -> None:
    rule = ExitRow(
        criterion="entropy",
        threshold=0.5,
        accuracy=0.875,
        mean_layers=1.5,
        layers_saved=0.25,
        leaving=[0.5, 0.5],
        chosen=True,
    )
    other = rule.model_copy(update={"criterion": "fall", "chosen": False})
    found = ExitTable(after=[1], layers=2, head_accuracy=[0.75, 1.0], rules=[rule, other])
    _, heads, rules = exit_tables.evaluation(scored(found))
    assert [row[0] for row in heads.rows] == ["after layer 1", "the last"]
    assert [str(row[0]).endswith("*") for row in rules.rows] == [True, False]
    assert len(rules.columns) == len(rules.rows[0]) == 8


def test_what_is_saved_at_no_loss_is_the_best_of_each_criterion_that_keeps_the_accuracy() -> None:
    def row(criterion: Criterion, accuracy: float, saved: float) -> ExitRow:
        return ExitRow(
            criterion=criterion,
            threshold=1,
            accuracy=accuracy,
            mean_layers=1,
            layers_saved=0.5,
            operations_saved=saved,
            leaving=[1, 0],
        )

    rows = [
        row("entropy", 0.8, 0.4),
        row("entropy", 0.8, 0.6),
        row("entropy", 0.7, 0.9),
        row("fall", 0.7, 0.9),
    ]
    found = ExitTable(after=[1], layers=2, head_accuracy=[0.75, 0.8], rules=rows)
    (table,) = exit_tables.free_of_loss(found)
    assert [row[5] for row in table.rows] == ["60 %"]
    assert exit_tables.free_of_loss(found.model_copy(update={"rules": rows[2:]})) == []


def test_curves_have_a_line_a_criterion_and_when_compared_a_line_a_model() -> None:
    rules = [
        ExitRow(
            criterion=one, threshold=1, accuracy=0.7, mean_layers=1.5, layers_saved=0.25, leaving=[0.5, 0.5]
        )
        for one in CRITERIA
    ]
    found = ExitTable(after=[1], layers=2, head_accuracy=[0.75, 0.8], rules=rules)
    alone = exit_plots.accuracy_over_depth(found)
    assert all(label in alone for label, _ in exit_plots.CURVES.values())
    beside = exit_plots.compared({"binary": found, "weightless": found})
    assert "binary" in beside and "weightless" in beside and "currentColor" in beside


def test_sizes_are_told_against_float32_three_times_and_part_by_part() -> None:
    parts = [
        SizePart(part="head", what="weights", format="float32", parameters=2, bits=64),
        SizePart(part="MLPs", what="weights", format="binary", parameters=128, bits=128),
    ]
    found = ModelSize(
        parts=parts,
        parameters=130,
        bits=192,
        bits_of_parameters=192,
        dense_parameters=60,
        times_smaller=21.67,
        times_smaller_by_parameters=21.67,
        times_smaller_than_dense=10,
    )
    against, listed = sizes(found)
    assert [row[-1] for row in against.rows] == ["21.7x", "21.7x", "10x"]
    assert [row[0] for row in listed.rows] == ["MLPs", "head"]


def test_of_tokens_the_loss_is_shown() -> None:
    rule = ExitRow(
        criterion="entropy",
        threshold=0.5,
        accuracy=0.5,
        loss=1.75,
        mean_layers=1.5,
        layers_saved=0.25,
        leaving=[0.5, 0.5],
    )
    found = ExitTable(
        after=[1], layers=2, tokens=8192, head_accuracy=[0.4, 0.6], head_loss=[2.0, 1.5], rules=[rule]
    )
    _, heads, rules = exit_tables.evaluation(scored(found))
    assert "8,192 tokens" in heads.title and [row[1] for row in heads.rows] == [2.0, 1.5]
    assert rules.columns[:3] == ("a token leaves when its", "threshold", "loss") and rules.rows[0][2] == 1.75


def test_who_leaves_where_adds_up_and_has_the_cycles_of_each_way() -> None:
    exits = DumpedExits(criterion="fall", steps=3, after=[1, 2], leaving=[1, 2, 1])
    table = exit_tables.ways_out(exits, [10, 20, 30])
    assert table.title == "exits, by fall, 2^-3"
    assert [row[1] for row in table.rows] == [1, 2, 1] and [row[3] for row in table.rows] == [10, 20, 30]
