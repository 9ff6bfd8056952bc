"""A project directory is ours or it is left alone; what is in it fits together or is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Outcome
from quweit_cli import artifacts, config
from quweit_cli.errors import ArtifactError, StaleArtifact
from quweit_cli.stages import pipeline
from quweit_cli.stages.summary import write_summary

Quweit = Callable[..., Outcome]


@pytest.fixture
def project(stand_in_stages: list[str], stand_in_tools: None, experiment_file: Path, tmp_path: Path) -> Path:
    """A finished project."""
    pipeline.run(config.load_experiment(experiment_file), tmp_path / "project")
    return tmp_path / "project"


@pytest.mark.usefixtures("stand_in_stages", "stand_in_tools")
@pytest.mark.parametrize("command", ["run", "train"])
def test_a_directory_of_someone_else_is_not_touched(
    quweit: Quweit, experiment_file: Path, tmp_path: Path, command: str
) -> None:
    foreign = tmp_path / "home"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("all my work")
    outcome = quweit(command, experiment_file, "--out", foreign)
    assert outcome.code == 2
    assert "is not a quweit project directory, nothing was changed" in outcome.stderr
    assert [path.name for path in foreign.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ArtifactError, match="exists and is not a quweit project directory"):
        artifacts.open_project(tmp_path / "out")


def test_an_empty_directory_is_taken_and_reopened(tmp_path: Path) -> None:
    assert artifacts.open_project(tmp_path / "a" / "b") == artifacts.open_project(tmp_path / "a" / "b")


def test_a_marker_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "quweit.json").write_text('{"schema": "quweit.project/9"}')
    with pytest.raises(ArtifactError, match=r"quweit\.project/1"):
        artifacts.open_project(tmp_path)
    with pytest.raises(ArtifactError, match=r"quweit\.project/1"):
        artifacts.existing_project(tmp_path)


@pytest.mark.parametrize(("command", "missing"), [("sim", "rtl"), ("synth", "rtl"), ("energy", "dump")])
@pytest.mark.usefixtures("stand_in_stages")
def test_a_stage_names_the_artefact_that_it_lacks(
    quweit: Quweit, tmp_path: Path, command: str, missing: str
) -> None:
    artifacts.open_project(tmp_path / "project")
    outcome = quweit(command, tmp_path / "project")
    assert outcome.code == 2
    assert f"has no {missing} artefact" in outcome.stderr
    assert f"hint: run `quweit {missing}` first" in outcome.stderr


def test_stages_that_were_not_made_from_one_another_are_refused(project: Path, quweit: Quweit) -> None:
    rtl = quweit("dump", project / "train" / "ckpt.pt", "--out", project, "--rows", 3)
    assert rtl.code == 0
    for command in ("sim", "synth", "energy", "report"):
        outcome = quweit(command, project)
        assert outcome.code == 2
        assert "was made from another dump artefact than the one there now" in outcome.stderr
    with pytest.raises(StaleArtifact, match="the rtl artefact"):
        write_summary(project)


def test_a_checkpoint_that_was_trained_anew_makes_the_dump_stale(
    project: Path, quweit: Quweit, experiment_file: Path
) -> None:
    artifacts.check_fresh(project, "energy")
    assert quweit("train", experiment_file, "--out", project, "--seed", 9).code == 0
    with pytest.raises(StaleArtifact, match=r"dump artefact .* another train artefact"):
        artifacts.check_fresh(project, "energy")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"outputs"', '"output"'),
        lambda text: "[]",
        lambda text: "",
    ],
)
def test_a_damaged_record_is_an_error_for_people_and_a_reason_to_run_again(
    project: Path, quweit: Quweit, experiment_file: Path, damage: Callable[[str], str]
) -> None:
    record = project / "rtl" / "stage.json"
    record.write_text(damage(record.read_text()))
    outcome = quweit("sim", project)
    assert outcome.code == 2
    assert str(record) in outcome.stderr
    again = quweit("run", experiment_file, "--out", project)
    assert again.code == 0
    assert "rtl     done in" in again.stderr


def test_a_dump_that_names_a_file_outside_of_itself_is_refused(
    project: Path, quweit: Quweit, tmp_path: Path
) -> None:
    manifest = project / "dump" / "dump.json"
    content = json.loads(manifest.read_text())
    content["blocks"][0]["program"] = "blocks/../../../tiny.yaml"
    manifest.write_text(json.dumps(content))
    outcome = quweit("rtl", project / "dump", "--out", tmp_path / "other")
    assert outcome.code == 2
    assert "outside of it" in outcome.stderr
    assert not (tmp_path / "other" / "dump").exists()


@pytest.mark.parametrize(
    ("make", "words"),
    [(lambda path: None, "there is no"), (lambda path: path.mkdir(), "holds no dump")],
)
def test_rtl_says_what_it_takes_when_the_source_is_nothing(
    quweit: Quweit, tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    make(tmp_path / "source")
    outcome = quweit("rtl", tmp_path / "source", "--out", tmp_path / "out")
    assert outcome.code == 2
    assert words in outcome.stderr
    assert not (tmp_path / "out").exists()
