"""`quweit compare` sets projects side by side, says which is worse, and in which settings they differ."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conftest import Outcome
from quweit_cli import config
from quweit_cli.artifacts import file_digests, open_project
from quweit_cli.documents import ComparedMetric, Comparison
from quweit_cli.stages import compare, pipeline

Quweit = Callable[..., Outcome]


@pytest.fixture
def first(experiment_file: Path, tmp_path: Path, stand_in_stages: list[str], stand_in_tools: None) -> Path:
    """A project from training to synthesis."""
    project = tmp_path / "first"
    pipeline.run(config.load_experiment(experiment_file), project)
    for later in ("energy", "report"):
        shutil.rmtree(project / later)
    return project


def copied(project: Path, name: str) -> Path:
    return Path(shutil.copytree(project, project.with_name(name)))


def changed(project: Path, name: str, document: str, change: Callable[[Any], object]) -> Path:
    """A copy with another document, as if its stage had written it so."""
    other = copied(project, name)
    stage = other / document.partition("/")[0]
    rewritten(other / document, change)
    rewritten(stage / "stage.json", lambda record: record.update(outputs=file_digests(stage)))
    return other


def rewritten(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def metric(found: Comparison, name: str) -> ComparedMetric:
    return next(one for one in found.metrics if one.name == name)


def test_a_project_and_its_copy_are_the_same(quweit: Quweit, first: Path) -> None:
    outcome = quweit("compare", first, copied(first, "second"), "--fail-if-worse", "--json")
    assert outcome.code == 0, outcome.stderr
    found = Comparison.model_validate_json(outcome.stdout)
    assert {one.others[0].verdict for one in found.metrics} == {"same"}
    assert metric(found, "LUTs of all blocks").reference == 100
    assert metric(found, "test accuracy").reference == pytest.approx(97)
    assert metric(found, "cycles of a row, slowest block").reference == 8
    assert found.settings == []
    assert "no settings differ" in quweit("compare", first, first.with_name("second")).stdout


def test_more_luts_are_worse_and_fewer_are_better(quweit: Quweit, first: Path) -> None:
    second = changed(first, "second", "synth/synth.json", lambda it: it["designs"][0].update(luts=110))
    outcome = quweit("compare", first, second)
    assert outcome.code == 0 and "110 (+10 %, WORSE)" in outcome.stdout
    outcome = quweit("compare", first, second, "--fail-if-worse")
    assert outcome.code == 1 and "is worse in LUTs of all blocks, compared with" in outcome.stderr
    assert quweit("compare", first, second, "--fail-if-worse", "--tolerance", 9.9).code == 1
    outcome = quweit("compare", first, second, "--fail-if-worse", "--tolerance", 10)
    assert outcome.code == 0 and "within the tolerance" in outcome.stdout
    outcome = quweit("compare", second, first, "--fail-if-worse")
    assert outcome.code == 0 and "100 (-9.09 %, better)" in outcome.stdout


def test_of_an_accuracy_less_is_worse(first: Path) -> None:
    second = changed(
        first, "second", "train/train.json", lambda it: it["models"][0].update(test_accuracy=0.96)
    )
    found = metric(compare.run([first, second]), "test accuracy")
    assert (found.better, found.others[0].verdict) == ("higher", "worse")
    assert metric(compare.run([second, first]), "test accuracy").others[0].verdict == "better"


def test_a_third_project_is_compared_with_the_first(quweit: Quweit, first: Path) -> None:
    second = copied(first, "second")
    third = changed(first, "third", "synth/synth.json", lambda it: it["designs"][0].update(ffs=60))
    outcome = quweit("compare", first, second, third, "--fail-if-worse")
    assert outcome.code == 1
    assert f"`{third}` is worse in FFs of all blocks" in outcome.stderr and "second" not in outcome.stderr


def test_what_is_missing_is_never_zero_and_counts_as_worse(quweit: Quweit, first: Path) -> None:
    second = copied(first, "second")
    shutil.rmtree(second / "synth")
    outcome = quweit("compare", first, second, "--fail-if-worse", "--tolerance", 1000)
    assert outcome.code == 1 and "MISSING" in outcome.stdout
    found = metric(compare.run([first, second]), "LUTs of all blocks").others[0]
    assert (found.value, found.change_percent, found.verdict) == (None, None, "missing")
    outcome = quweit("compare", second, first, "--fail-if-worse")
    assert outcome.code == 0 and "100 (new)" in outcome.stdout


def test_from_nothing_any_difference_is_worse(first: Path) -> None:
    second = changed(
        first, "second", "sim/sim.json", lambda it: it["simulators"][0]["runs"][0].update(different=3)
    )
    found = metric(compare.run([first, second], tolerance_percent=500), "differences in simulation")
    assert (found.reference, found.others[0].value) == (0, 3)
    assert (found.others[0].change_percent, found.others[0].verdict) == (None, "worse")


def test_a_change_over_next_to_nothing_is_no_number() -> None:
    found = compare.compared(compare.LOSS, [5e-324, 1e12], 0).others[0]
    assert (found.change_percent, found.verdict) == (None, "worse")


def test_settings_that_differ_are_named_with_both_values(quweit: Quweit, first: Path) -> None:
    second = copied(first, "second")

    def other(record: Any) -> None:
        record["options"]["training"]["steps"] = 2
        del record["options"]["model"]["block"]["fan_in"]

    rewritten(second / "train" / "stage.json", other)
    shutil.rmtree(second / "synth")  # whose settings then are not compared
    found = {(one.stage, one.name): one.values for one in compare.run([first, second]).settings}
    assert found == {("train", "training.steps"): ["1", "2"], ("train", "model.block.fan_in"): ["6", None]}
    assert "absent" in quweit("compare", first, second).stdout


def test_a_setting_that_moves_the_cursor_is_shown_harmless(quweit: Quweit, first: Path) -> None:
    second = copied(first, "second")
    rewritten(
        second / "train" / "stage.json", lambda it: it["options"].update({"\x1b[2J": "\x1b[1A" + "x" * 500})
    )
    outcome = quweit("compare", first, second)
    assert outcome.code == 0 and "\x1b" not in outcome.stdout and "x" * 300 not in outcome.stdout


def test_what_cannot_be_compared_is_refused(quweit: Quweit, first: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(first)
    empty = open_project(tmp_path / "empty")
    for others, words in (
        ([], "two projects or more are compared"),
        ([first], "is compared with itself"),
        ([tmp_path / "link"], "is compared with itself"),
        ([tmp_path / "nowhere"], "is not a quweit project directory"),
        ([empty], "holds nothing to compare"),
    ):
        outcome = quweit("compare", first, *others)
        assert outcome.code == 2 and words in outcome.stderr and "hint:" in outcome.stderr
    second = copied(first, "second")
    (second / "synth" / "synth.json").write_text("{}")
    outcome = quweit("compare", first, second)
    assert outcome.code == 2 and "is not what `quweit synth` wrote" in outcome.stderr


def test_what_is_printed_is_as_its_schema_says(quweit: Quweit, first: Path, repository: Path) -> None:
    schema = json.loads((repository / "docs/schemas/compare.json").read_text())
    printed = json.loads(quweit("compare", first, copied(first, "second"), "--json").stdout)
    jsonschema.validate(printed, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(printed | {"projects": printed["projects"][:1]}, schema)
