"""Running tools: what an error shows of their output, and what they are told."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from quweit_cli import toolbox
from quweit_cli.errors import ToolFailed
from quweit_cli.simulators.base import Bench
from quweit_cli.simulators.verilator import LARGEST_OPTIMISED, Verilator


def test_an_error_shows_the_end_of_the_output_and_no_endless_line(tmp_path: Path) -> None:
    script = "print('first'); print('x' * 100_000); [print(n) for n in range(9)]; raise SystemExit(7)"
    with pytest.raises(ToolFailed, match="`python` ended with code 7") as caught:
        toolbox.run([sys.executable, "-c", script], cwd=tmp_path, log=tmp_path / "log", name="python")
    shown = str(caught.value).splitlines()
    assert shown[1:3] == ["first", "x" * toolbox.LONGEST_LINE] and shown[-1] == "8"
    assert len((tmp_path / "log").read_text()) > 100_000  # the log has all of it


@pytest.mark.parametrize(("size", "level"), [(LARGEST_OPTIMISED, "-O1"), (LARGEST_OPTIMISED + 1, "-O0")])
def test_a_model_too_large_to_optimise_is_compiled_as_it_is(
    size: int, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[Sequence[str]] = []

    def run(command: Sequence[str], **_: object) -> str:
        commands.append(command)
        (tmp_path / "build").mkdir(exist_ok=True)
        with (tmp_path / "build/model.cpp").open("wb") as file:
            file.truncate(size)
        return ""

    monkeypatch.setattr(toolbox, "run", run)
    monkeypatch.setattr(toolbox, "find", lambda tool: None)  # the compiler
    found = toolbox.Found(toolbox.VERILATOR, ("verilator",), "Verilator 5.048")
    Verilator().build(found, Bench("tb", ()), tmp_path)
    assert [word for word in commands[-1] if word.startswith("OPT_FAST=")] == [f"OPT_FAST={level}"]
