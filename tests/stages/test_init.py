"""`quweit init` lists the examples and writes one to start from, over nothing that is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import REPOSITORY, Outcome
from quweit_cli import config

Quweit = Callable[..., Outcome]
NAMES = sorted(
    path.relative_to(REPOSITORY / "examples").with_suffix("").as_posix()
    for path in (REPOSITORY / "examples").rglob("*.yaml")
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_name_all_are_listed_with_what_they_train(quweit: Quweit, folder: Path) -> None:
    listed = json.loads(quweit("init", "--json").stdout)["examples"]
    assert sorted(one["name"] for one in listed) == NAMES
    assert all(len(one["summary"]) > 20 and not one["summary"].startswith("#") for one in listed)
    assert all(name in quweit("init").stdout for name in NAMES)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_the_example_and_looks_for_the_same_files(
    quweit: Quweit, folder: Path, name: str
) -> None:
    outcome = quweit("init", name)
    assert outcome.code == 0, outcome.stderr
    written = folder / "examples" / f"{name}.yaml"
    assert written.read_bytes() == (REPOSITORY / "examples" / f"{name}.yaml").read_bytes()
    own, source = (
        config.load_experiment(root / "examples" / f"{name}.yaml") for root in (folder, REPOSITORY)
    )
    for read in ("start_from", "distill"):
        here, there = (str(getattr(one.training, read)) for one in (own, source))
        assert here.replace(str(folder), "") == there.replace(str(REPOSITORY), "")
    assert f"quweit run examples/{name}.yaml --out build/{own.name}" in outcome.stdout


def test_another_file_may_be_named(quweit: Quweit, folder: Path) -> None:
    outcome = quweit("init", "digits", "--out", "my own/first.yaml")
    assert (folder / "my own/first.yaml").is_file()
    assert "quweit run 'my own/first.yaml' --out build/digits" in outcome.stdout


@pytest.mark.parametrize("kind", ["file", "folder", "broken link"])
def test_nothing_that_is_there_is_overwritten(quweit: Quweit, folder: Path, kind: str) -> None:
    target = folder / "x.yaml"
    if kind == "file":
        target.write_text("mine")
    elif kind == "folder":
        target.mkdir()
    else:
        target.symlink_to(folder / "nowhere")
    outcome = quweit("init", "digits", "--out", target)
    assert outcome.code == 2 and "is there already, nothing was changed" in outcome.stderr
    assert kind != "file" or target.read_text() == "mine"
    assert not (folder / "nowhere").exists()


def test_a_file_is_written_over_when_that_is_asked_for_and_nothing_else_is(
    quweit: Quweit, folder: Path
) -> None:
    target = folder / "x.yaml"
    target.write_text("mine")
    refused = quweit("init", "digits", "--out", target)
    assert refused.code == 2 and "write over it with --force" in refused.stderr
    assert quweit("init", "digits", "--out", target, "--force").code == 0
    assert target.read_bytes() == (REPOSITORY / "examples/digits.yaml").read_bytes()
    (folder / "folder").mkdir()
    (folder / "link.yaml").symlink_to(target)
    for name in ("folder", "link.yaml"):
        outcome = quweit("init", "cifar10", "--out", name, "--force")
        assert outcome.code == 2 and "is there already" in outcome.stderr and "--force" not in outcome.stderr
    assert target.read_bytes() == (REPOSITORY / "examples/digits.yaml").read_bytes()


def test_a_place_that_cannot_be_written_is_said(quweit: Quweit, folder: Path) -> None:
    (folder / "file").write_text("")
    outcome = quweit("init", "digits", "--out", "file/x.yaml")
    assert outcome.code == 2 and "cannot write `file/x.yaml`" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["digit"], "did you mean `digits`"),
        (["../../secret"], "there is no example"),
        (["--out", "x.yaml"], "no example is named"),
    ],
)
def test_what_there_is_not_is_refused(quweit: Quweit, folder: Path, arguments: list[str], words: str) -> None:
    outcome = quweit("init", *arguments)
    assert outcome.code == 2 and words in outcome.stderr
    assert list(folder.iterdir()) == []
