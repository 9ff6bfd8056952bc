"""An interrupt is raised where a command can explain it: not in an import, not before, and it is never lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import REPOSITORY
from quweit_cli import interrupts

PREPARED = """
import os, signal, sys, time
from pathlib import Path
from quweit_cli import interrupts
from quweit_cli.cli import console
interrupts.install()

def strike(number=signal.SIGINT):
    os.kill(os.getpid(), number)

def work(seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    print("nobody came")
"""


def outcome(tmp_path: Path, script: str, **modules: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a process whose interrupts are seen to."""
    for name, source in modules.items():
        (tmp_path / f"{name}.py").write_text(source)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", PREPARED + script],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_import_is_finished_first(number: str, code: int, tmp_path: Path) -> None:
    script = """
with console.explained(), interrupts.allowed():
    try:
        import outer
    finally:
        sys.stdout.write(f"{outer.inner.whole}\\n")  # at once
    work()
"""
    modules = {
        "outer": "import inner",
        "inner": f"import os, signal\nos.kill(os.getpid(), signal.{number})\nfor _ in range(1000): pass\nwhole = True",
    }
    got, stdout, stderr = outcome(tmp_path, script, **modules)
    assert (got, stdout) == (code, "True\n"), stderr
    assert "hint: every artefact is whole, or absent" in stderr and "Traceback" not in stderr


def test_one_that_comes_before_the_command_begins_waits_for_it(tmp_path: Path) -> None:
    """Typer would print `Aborted!` and end with 1."""
    got, stdout, stderr = outcome(
        tmp_path, "strike()\nprint('begun')\nwith console.explained(), interrupts.allowed(): work()"
    )
    assert (got, stdout) == (130, "begun\n"), stderr


def test_one_that_comes_while_the_outcome_is_printed_changes_nothing(tmp_path: Path) -> None:
    got, stdout, _ = outcome(
        tmp_path,
        "with console.explained(), interrupts.allowed(): pass\nstrike()\nfor _ in range(1000): pass\nprint(1)",
    )
    assert (got, stdout) == (0, "1\n")


def test_one_that_a_finaliser_swallows_comes_again(tmp_path: Path) -> None:
    script = """
class Dropped:
    def __del__(self):
        strike(signal.SIGTERM)
        for _ in range(1000): pass

with console.explained(), interrupts.allowed():
    Dropped()
    work()
"""
    got, stdout, stderr = outcome(tmp_path, script)
    assert (got, stdout) == (143, ""), stderr
    assert "Exception ignored" not in stderr


def test_other_exceptions_of_a_finaliser_are_told_as_ever(tmp_path: Path) -> None:
    script = "class Dropped:\n  def __del__(self): raise ValueError('mine')\nDropped()"
    assert "ValueError: mine" in outcome(tmp_path, script)[2]


def test_held_ones_wait_for_the_end_of_the_outermost_body() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt), interrupts.held():
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
            reached.append(interrupts.waiting())
        reached.append("inner")
    assert reached == [signal.SIGINT, "inner"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not interrupts.waiting()


def test_a_body_that_ends_for_another_reason_tells_that_reason() -> None:
    with pytest.raises(ValueError, match="of the body"), interrupts.held():
        signal.raise_signal(signal.SIGTERM)
        raise ValueError("of the body")
    assert isinstance(interrupts.error(interrupts.waiting()), interrupts.Terminated)


def test_python_as_a_module_and_the_installed_command_begin_with_the_handlers() -> None:
    """Nothing that takes long is imported before them."""
    code = "import sys, quweit_cli.__main__; print(sorted(name for name in sys.modules if name.startswith('quweit')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['quweit_cli', 'quweit_cli.__main__', 'quweit_cli.interrupts']"
    scripts = (REPOSITORY / "pyproject.toml").read_text()
    assert 'quweit = "quweit_cli.__main__:main"' in scripts
