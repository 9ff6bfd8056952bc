"""What went wrong is an exit code for scripts and a plain sentence, with a hint, for people."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import standins
from conftest import Outcome
from quweit_cli import errors

Quweit = Callable[..., Outcome]
EXPECTED_CODES = {
    errors.ConfigError: 2,
    errors.ArtifactError: 2,
    errors.StaleArtifact: 2,
    errors.DataUnavailable: 2,
    errors.UnsupportedModel: 2,
    errors.OutOfMemory: 3,
    errors.ToolNotFound: 3,
    errors.ToolTooOld: 3,
    errors.ToolFailed: 3,
    errors.Mismatch: 1,
    errors.ConstraintMissed: 1,
}


def leaves(kind: type[errors.QuweitError]) -> set[type[errors.QuweitError]]:
    below = kind.__subclasses__()
    return {kind} | set().union(*map(leaves, below)) if below else {kind}


def test_every_error_has_its_exit_code_listed_here() -> None:
    roots = {errors.QuweitError, errors.InputError, errors.ToolError, errors.CheckFailed}
    assert leaves(errors.QuweitError) - roots == set(EXPECTED_CODES)


@pytest.mark.parametrize(("kind", "code"), EXPECTED_CODES.items())
def test_an_error_is_a_message_a_hint_and_a_code(
    failing_run: Callable[[BaseException], Outcome], kind: type[errors.QuweitError], code: int
) -> None:
    outcome = failing_run(kind("what, and where", hint="what next"))
    assert outcome == Outcome(code, "", "error: what, and where\n\nhint: what next\n")


def test_an_error_without_a_hint_is_one_line(failing_run: Callable[[BaseException], Outcome]) -> None:
    assert failing_run(errors.ConfigError("no")).stderr == "error: no\n"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/y"),
            2,
            "the disk is full while writing `/x/y`",
        ),
        (OSError(errno.EACCES, "Permission denied", "/x/y"), 2, "`/x/y`: Permission denied"),
        (MemoryError(), 3, "out of memory"),
    ],
)
def test_what_the_machine_refuses_is_said_plainly(
    failing_run: Callable[[BaseException], Outcome], error: BaseException, code: int, words: str
) -> None:
    outcome = failing_run(error)
    assert outcome.code == code
    assert words in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_an_unexpected_exception_is_a_bug_and_says_how_to_see_it(
    failing_run: Callable[..., Outcome],
) -> None:
    outcome = failing_run(RuntimeError("tensor of size 3"))
    assert outcome.code == 70
    assert outcome.stderr.startswith("error: RuntimeError: tensor of size 3\n")
    assert "QUWEIT_TRACEBACK=1" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert "Traceback" in failing_run(RuntimeError("tensor of size 3"), QUWEIT_TRACEBACK="1").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-command"],
        ["sim"],
        ["sim", "x", "--simulator", "modelsim"],
        ["run", "x.yaml"],
        ["train", "x.yaml", "--out", "y", "--seed", "-1"],
    ],
)
def test_wrong_usage_is_2(quweit: Quweit, arguments: list[str]) -> None:
    assert quweit(*arguments).code == 2


@pytest.mark.parametrize("command", ["sim", "synth", "energy", "report"])
def test_a_directory_that_is_no_project_is_2(quweit: Quweit, command: str, tmp_path: Path) -> None:
    standins.install()
    outcome = quweit(command, tmp_path)
    standins.remove()
    assert outcome.code == 2
    assert f"`{tmp_path}` is not a quweit project directory" in outcome.stderr
    assert list(tmp_path.iterdir()) == []


def test_colour_is_left_out_where_it_is_not_wanted() -> None:
    command = [sys.executable, "-m", "quweit_cli", "run", "/no/such.yaml", "--out", "/tmp/unused"]
    environment = {"PATH": "/usr/bin:/bin", "FORCE_COLOR": "1", "TERM": "xterm"}
    coloured = subprocess.run(command, capture_output=True, check=False, env=environment)
    plain = subprocess.run(command, capture_output=True, check=False, env={**environment, "NO_COLOR": "1"})
    assert b"\x1b[1;31m" in coloured.stderr
    assert b"\x1b[1;31m" not in plain.stderr
    assert b"31m" not in plain.stderr


@pytest.fixture
def failing_run(quweit: Quweit, experiment_file: Path, tmp_path: Path) -> Callable[..., Outcome]:
    """`quweit train` with a stage that raises the given exception."""

    def invoke(error: BaseException, **environment: str) -> Outcome:
        def fail(*arguments: object, **options: object) -> None:
            raise error

        standins.install(train=fail)
        try:
            return quweit("train", experiment_file, "--out", tmp_path / "project", **environment)
        finally:
            standins.remove()

    return invoke
