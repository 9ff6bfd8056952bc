"""The example of a package in somebody else's design runs as it says, on Icarus, and finds a design that counts wrongly."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cocotb_tools.runner import get_results

import slang
from conftest import REPOSITORY, Outcome
from quweit_cli import toolbox


@pytest.fixture
def example(tmp_path: Path, quweit: Callable[..., Outcome]) -> Path:
    """A copy of its folder where it lies in a checkout, with the package that it names."""
    outcome = quweit("rtl", REPOSITORY / "docs/example/dump", "--out", tmp_path / "build/integration")
    assert outcome.code == 0, outcome.stderr
    return Path(shutil.copytree(REPOSITORY / "examples/integration", tmp_path / "examples/integration"))


def passes(example: Path) -> bool:
    """Runs `make` there."""
    environment = toolbox.tool_environment()
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(["make"], cwd=example, env=environment, check=False, capture_output=True, text=True)
    results = example.parents[1] / "build/integration_example/results.xml"
    assert results.is_file(), done.stdout + done.stderr
    tests, failed = get_results(results)
    assert tests == 1 and (failed == 0) == (done.returncode == 0)
    return failed == 0


@pytest.mark.requires("icarus")
def test_golden_rows_are_counted_and_a_wrong_count_is_found(example: Path) -> None:
    assert passes(example)
    path = example / "win_counter.sv"
    text = path.read_text()
    assert "(value >= best_q)" in text
    path.write_text(text.replace("(value >= best_q)", "(value < best_q)"))
    assert not passes(example)


@pytest.mark.requires("verilator")
def test_its_design_has_no_warning(example: Path) -> None:
    package = example.parents[1] / "build/integration/rtl"
    names = (package / "filelists/worked_example_block0_axis.f").read_text().split()
    sources = [*(package / name for name in names), example / "win_counter.sv"]
    command = [
        *toolbox.find(toolbox.VERILATOR).command,
        "--lint-only",
        "-Wall",
        "--top-module",
        "win_counter",
    ]
    done = subprocess.run([*command, *map(str, sources)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert slang.complaints(sources, "win_counter") == ""
