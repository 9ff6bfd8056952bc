"""Running tools: what an error shows of their output."""

import sys
from pathlib import Path

import pytest

from quweit_cli import toolbox
from quweit_cli.errors import ToolFailed


def test_an_error_shows_the_end_of_the_output_and_no_endless_line(tmp_path: Path) -> None:
    script = "print('first'); print('x' * 100_000); [print(n) for n in range(9)]; raise SystemExit(7)"
    with pytest.raises(ToolFailed, match="`python` ended with code 7") as caught:
        toolbox.run([sys.executable, "-c", script], cwd=tmp_path, log=tmp_path / "log", name="python")
    shown = str(caught.value).splitlines()
    assert shown[1:3] == ["first", "x" * toolbox.LONGEST_LINE] and shown[-1] == "8"
    assert len((tmp_path / "log").read_text()) > 100_000  # the log has all of it
