"""No test measures time or is in a hurry: on a busy machine it would fail for no fault of what it tests.

What takes how long is told by benchmarks/. Waiting is done by waiting.py, which gives up after minutes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from conftest import REPOSITORY
from waiting import PATIENCE_SECONDS

SHORTEST_SECONDS = 300
CLOCKS = {
    "time",
    "monotonic",
    "perf_counter",
    "process_time",
    "monotonic_ns",
    "perf_counter_ns",
    "time_ns",
    "sleep",
}
WAITS = {"wait", "communicate", "join", "result"}  # whose first argument may be a time
TESTS = REPOSITORY / "tests"
FILES = sorted({*TESTS.glob("*.py"), *TESTS.rglob("test_*.py")})


def faults(source: str) -> Iterator[str]:
    """What in a test depends on the speed of the machine."""
    for node in ast.walk(ast.parse(source)):
        if (isinstance(node, ast.ImportFrom) and node.module in ("time", "timeit")) or (
            isinstance(node, ast.Import) and any(alias.name in ("time", "timeit") for alias in node.names)
        ):
            yield f"line {node.lineno}: a clock is imported"
        elif isinstance(node, ast.Call):
            yield from (f"line {node.lineno}: {fault}" for fault in _faults_of_call(node))


def _faults_of_call(node: ast.Call) -> Iterator[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    of_time = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "time"
    if of_time and name in CLOCKS:
        yield f"time.{name}"
    limits = [one.value for one in node.keywords if one.arg == "timeout"]
    limits += node.args[:1] if name in WAITS else []
    for limit in limits:
        if (
            isinstance(limit, ast.Constant)
            and isinstance(limit.value, int | float)
            and limit.value < SHORTEST_SECONDS
        ):
            yield f"gives up after {limit.value} s"
    for keyword in node.keywords:
        if keyword.arg == "deadline" and not (
            isinstance(keyword.value, ast.Constant) and keyword.value.value is None
        ):
            yield "has a deadline"


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.name != "waiting.py"], ids=lambda path: path.stem
)
def test_no_test_is_in_a_hurry(path: Path) -> None:
    assert list(faults(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from time import perf_counter",
        "started = time.monotonic()",
        "train.time.sleep(1)\ntime.sleep(0.1)",
        "subprocess.run(command, timeout=60)",
        "process.communicate(timeout=30)",
        "event.wait(5)",
        "@settings(deadline=200)\ndef test(): pass",
    ],
)
def test_a_test_in_a_hurry_would_be_found(source: str) -> None:
    assert len(list(faults(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.run(command)",
        "event.wait(300)",
        "process.wait(timeout=PATIENCE_SECONDS)",
        "settings(deadline=None)",
    ],
)
def test_patience_is_no_fault(source: str) -> None:
    assert list(faults(source)) == []


def test_patience_is_long_and_hypothesis_has_it_too() -> None:
    assert PATIENCE_SECONDS >= SHORTEST_SECONDS
    assert hypothesis.settings.default is not None and hypothesis.settings.default.deadline is None
