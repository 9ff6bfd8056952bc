"""What a stage says is read as the stage wrote it: an edited document is refused, and nothing is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import packages
from conftest import Outcome
from quweit_cli import artifacts, config
from quweit_cli.artifacts import file_digests
from quweit_cli.stages import energy

Quweit = Callable[..., Outcome]
DOCUMENTS = ("train/train.json", "dump/dump.json", "rtl/manifest.json", "sim/sim.json", "synth/synth.json")
COURSE = [{"mlp": "weightless", "step": step, "loss": 1.0, "learning_rate": 0.001} for step in (10, 20)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Finished but for its report."""
    path = tmp_path / "project"
    artifacts.open_project(path)
    with artifacts.writing_stage(path, "train", inputs={}, options={}) as folder:
        artifacts.save(packages.train_result(), folder / "train.json")
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in COURSE))
    packages.write_project(path)
    energy.run(path, config.Energy())
    return path


def edit(path: Path) -> None:
    """Change the first figure, as a valid document of its kind."""
    content = json.loads(path.read_text())

    def change(value: object) -> object:
        nonlocal changed
        if isinstance(value, dict):
            return {key: change(one) for key, one in value.items()}
        if isinstance(value, list):
            return [change(one) for one in value]
        if type(value) in (int, float) and not changed:
            changed = True
            return value + 1
        return value

    changed = False
    path.write_text(json.dumps(change(content)))
    assert changed


def written(project: Path) -> dict[str, str]:
    return file_digests(project)


@pytest.mark.parametrize("document", [*DOCUMENTS, "energy/energy.json"])
def test_a_report_of_an_edited_document_is_refused(project: Path, quweit: Quweit, document: str) -> None:
    assert quweit("report", project).code == 0
    edit(project / document)
    before = written(project)
    outcome = quweit("report", project)
    stage, _, name = document.partition("/")
    assert outcome.code == 2
    assert f"is not what `quweit {stage}` wrote: {name}" in outcome.stderr
    assert f"hint: run `quweit {stage}` again" in outcome.stderr
    assert written(project) == before


def test_a_course_that_was_edited_is_refused(project: Path, quweit: Quweit) -> None:
    assert quweit("report", project).code == 0
    with (project / "train" / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(COURSE[0]) + "\n")
    before = written(project)
    assert quweit("report", project).code == 2
    assert written(project) == before


@pytest.mark.parametrize("document", ["dump/dump.json", "sim/sim.json", "synth/synth.json"])
def test_energy_of_an_edited_document_is_refused(project: Path, quweit: Quweit, document: str) -> None:
    edit(project / document)
    before = written(project)
    outcome = quweit("energy", project)
    assert (outcome.code, written(project)) == (2, before)
    assert "is not what `quweit" in outcome.stderr


def test_a_document_that_is_gone_is_refused(project: Path, quweit: Quweit) -> None:
    (project / "sim" / "sim.json").unlink()
    outcome = quweit("report", project)
    assert outcome.code == 2
    assert "wrote: sim.json" in outcome.stderr
    assert not (project / "report").exists()


@pytest.mark.parametrize(
    "line",
    ["[1]", "{", '{"mlp": "dense", "step": "x", "loss": 1, "learning_rate": 1}', '{"step": 1}', "[" * 5000],
)
def test_a_course_that_is_no_report_of_figures_is_refused(tmp_path: Path, quweit: Quweit, line: str) -> None:
    """Written by whoever wrote the record: the digests agree."""
    project = tmp_path / "project"
    artifacts.open_project(project)
    with artifacts.writing_stage(project, "train", inputs={}, options={}) as folder:
        artifacts.save(packages.train_result(), folder / "train.json")
        (folder / "metrics.jsonl").write_text(json.dumps(COURSE[0]) + "\n" + line + "\n")
    outcome = quweit("report", project)
    assert outcome.code == 2
    assert "metrics.jsonl`: line 2 is no report" in outcome.stderr
    assert not (project / "report").exists()


READ_AS_THEY_LIE = {  # with the reason
    ("parts.py", "Approximation"),  # which the settings of a model name
    ("formal.py", "RtlManifest"),  # proves the RTL as it lies there, changed by hand or not
    ("sim.py", "RtlManifest"),  # simulates it so
    ("sim.py", "VectorCoverage"),  # whose digest stands in the manifest
    ("sources.py", "ProgramRecord"),  # of a dump that was checked as a whole
    ("sources.py", "DumpManifest"),  # of a folder that another program wrote
}


def past_the_record(folder: Path) -> set[tuple[str, str]]:
    """File and kind of every document that is read by its path."""
    return {
        (path.name, kind)
        for path in folder.rglob("*.py")
        for kind in re.findall(r"(?<![\w.])(?:artifacts\.)?load\((\w+), ", path.read_text())
    }


def test_no_stage_and_no_reader_goes_past_the_record(repository: Path, tmp_path: Path) -> None:
    source = repository / "src" / "quweit_cli"
    found = (
        past_the_record(source / "stages")
        | past_the_record(source / "report")
        | past_the_record(source / "energy")
    )
    assert found == READ_AS_THEY_LIE
    (tmp_path / "one.py").write_text('load(SimResult, project / "sim" / "sim.json")')
    assert past_the_record(tmp_path) == {("one.py", "SimResult")}
