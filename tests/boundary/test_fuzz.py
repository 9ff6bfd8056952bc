"""Damaged files and settings of every kind, given to every command: never a bug, a hang, much memory, or a stray file.

`make fuzz` does the same for ten minutes, and tells the seed of what it finds.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import fuzzing

ATTEMPTS = 30  # a third of a second each


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz") / "whole"
    fuzzing.build(folder)
    return folder


@settings(
    max_examples=ATTEMPTS,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_damage_is_a_bug(sandbox: Path, seed: int) -> None:
    found = fuzzing.attempt(sandbox, Random(seed))
    assert not found.problem, found


@pytest.mark.parametrize("case", fuzzing.CASES, ids=lambda case: case.words)
def test_every_command_meets_damage(sandbox: Path, case: fuzzing.Case) -> None:
    found = fuzzing.attempt(sandbox, Random(0), case)
    assert not found.problem, found


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["report", "{project}"], ""),
        (["report", "{inputs}"], ""),
        (["no-such-command"], ""),
    ],
)
def test_an_undamaged_command_ends_as_it_should(sandbox: Path, words: list[str], problem: str) -> None:
    named = [word.format(project=sandbox / "project", inputs=sandbox / "inputs") for word in words]
    assert fuzzing.in_process(sandbox, named).problem == problem


def test_a_bug_a_hang_and_much_memory_would_be_found(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("an odd file")

    def wait() -> None:
        while True:
            pass

    def take() -> None:
        assert b"x" * (fuzzing.BYTES + (1 << 30))  # a child begins without the pages of files

    assert fuzzing.in_process(sandbox, ["doctor"], fail).problem == "exit code 70"
    assert fuzzing.in_process(sandbox, ["doctor"], wait, seconds=1).problem.startswith("it takes more than")
    assert "MB" in fuzzing.in_process(sandbox, ["report", str(sandbox / "none")], take).problem


def test_every_command_is_among_those_that_meet_damage() -> None:
    tried = {case.words.split()[0] for case in fuzzing.CASES}
    known = {command.name for command in fuzzing.app.registered_commands}
    assert known - tried == {"doctor", "init"}  # which read nothing that others wrote
