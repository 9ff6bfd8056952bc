"""The GPU's kernels give what the CPU's give: here in Triton's interpreter, on a GPU by benchmarks/bench_train.py.

The interpreter must be chosen before Triton is imported, so a process of its own runs the comparison.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernel_cases import CASES

pytest.importorskip("triton")


def test_interpreted_gpu_kernels_equal_those_of_the_cpu() -> None:
    run = interpreted(*CASES)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "equal"


def test_a_wrong_gradient_is_found() -> None:
    run = interpreted("first_layer", "--shift-window")
    assert run.returncode != 0
    assert "source_gradient" in run.stderr


def interpreted(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kernel_cases", *arguments],
        env=os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
