"""The host's side of a package at work: its Python as a module, and its driver on a simulated wrapper."""

from __future__ import annotations

import contextlib
import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
from cocotb_tools.runner import get_results, get_runner

from quweit_cli.documents import PortedDesign

STRICT = ("gcc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
MOST_BYTES = 2**14 - 1


def python_of(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """The rendered module of a package, and the one that is the same in all."""
    names = [next(path.stem for path in root.glob("host/*_host.py")), "quweit_stream"]
    monkeypatch.syspath_prepend(root / "host")
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    rendered, static = (importlib.import_module(name) for name in names)
    return rendered, static


def printed_by(root: Path, text: str) -> list[str]:
    """Lines that a program in C prints, compiled as strictly as can be with the headers of a package."""
    (root / "main.c").write_text(text + "\n")
    command = [*STRICT, f"-I{root / 'host'}", "main.c", "-o", "main"]
    done = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(["./main"], cwd=root, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


class Channel(NamedTuple):
    """One side of a DMA; what it is told to transfer is done at once."""

    transfer: Callable[[np.ndarray], None]

    def wait(self) -> None:
        """It is done."""


class Loop:
    """A DMA that plays answers and keeps what it is given."""

    def __init__(self, answers: Sequence[bytes]) -> None:
        self.sendchannel, self.recvchannel = Channel(self.take), Channel(self.give)
        self.answers, self.sent = iter(answers), b""

    def take(self, buffer: np.ndarray) -> None:
        self.sent += buffer.tobytes()

    def give(self, buffer: np.ndarray) -> None:
        buffer[:] = np.frombuffer(next(self.answers), np.uint8)


def golden_of(project: Path, block: PortedDesign, rows: int) -> dict[str, Any]:
    """Golden rows of a block from its dump, of which it takes its own features."""
    inputs, outputs = (np.load(project / f"dump/blocks/{block.name}.{kind}.npy")[:rows] for kind in "xy")
    return {"rows": inputs[:, : block.features].tolist(), "answers": outputs.tolist()}


def passes(project: Path, design: PortedDesign, most_bytes: int = MOST_BYTES, **case: Any) -> bool:
    """Whether the driver gets what is expected on Icarus, in the folder of the package, as memories want it.

    case: `rows` or `requests` that are given, and `answers`.
    """
    root, build = project / "rtl", project / "build"
    module = next(path.stem for path in root.glob("host/*_host.py"))
    case |= {"host": str(root / "host"), "module": module, "design": design.top, "most_bytes": most_bytes}
    build.mkdir()
    (build / "case.json").write_text(json.dumps(case))
    runner = get_runner("icarus")
    sources = (root / f"filelists/{design.axis.top}.f").read_text().split()
    runner.build(
        sources=[root / name for name in sources],
        hdl_toplevel=design.axis.top,
        build_dir=build,
        timescale=("1ns", "1ps"),
        log_file=build / "build.log",
    )
    with contextlib.suppress(SystemExit):  # of a test that failed; the results say so as well
        runner.test(
            test_module="dma_bench",
            hdl_toplevel=design.axis.top,
            build_dir=build,
            test_dir=root,
            results_xml=str(build / "results.xml"),
            extra_env={"QUWEIT_CASE": str(build / "case.json")},
            log_file=build / "test.log",
        )
    tests, failed = get_results(build / "results.xml")
    assert tests == 1
    return failed == 0
