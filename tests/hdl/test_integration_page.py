"""What docs/integration.md shows of a package's host is so: its Python and its C run."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from conftest import REPOSITORY, Outcome
from hosts import Loop, printed_by, python_of

PAGE = (REPOSITORY / "docs/integration.md").read_text()
ANYWHERE, ON_A_BOARD = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(IN_C,) = re.findall(r"```c\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def package(tmp_path: Path, quweit: Callable[..., Outcome]) -> Path:
    outcome = quweit("rtl", REPOSITORY / "docs/example/dump", "--out", tmp_path / "integration")
    assert outcome.code == 0, outcome.stderr
    return tmp_path / "integration/rtl"


def test_its_python_packs_and_unpacks_as_it_says(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python_of(package, monkeypatch)
    names: dict[str, np.ndarray] = {}
    exec(ANYWHERE, names)
    assert names["rows"].tolist() == [[32, -32]] and names["real"][0].tolist() == [2 / 16, -1 / 16]


def test_its_overlay_is_driven_as_it_says(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python_of(package, monkeypatch)
    dma = Loop([bytes([2, 0, 255, 255]), bytes([3, 0, 3, 0])])
    board = SimpleNamespace(Overlay=lambda name: SimpleNamespace(axi_dma_0=dma), allocate=np.zeros)
    monkeypatch.setitem(sys.modules, "pynq", board)  # type: ignore[arg-type]
    names: dict[str, np.ndarray] = {}
    exec(ON_A_BOARD, names)
    assert dma.sent == bytes([1, 3, 3, 0]) and names["answers"].tolist() == [[2, -1], [3, 3]]


def test_its_c_compiles_and_finds_what_it_expects_and_nothing_else(package: Path) -> None:
    assert printed_by(package, IN_C) == []
    with pytest.raises(AssertionError, match="outputs"):
        printed_by(package, IN_C.replace("outputs[1] == -1", "outputs[1] == -2"))


def test_every_file_that_it_names_in_the_package_is_there(package: Path) -> None:
    named = re.findall(r"build/integration/rtl/([\w./]+)", PAGE)
    named += [f"host/{name}" for name in re.findall(r"`((?:worked_example_host|quweit_stream)\.\w+)`", PAGE)]
    assert len(named) >= 6
    for name in named:
        assert (package / name).exists(), name
