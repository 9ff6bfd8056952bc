"""`quweit doctor` says of every tool what it is good for and how to get it, whatever state it is in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Outcome
from quweit_cli import toolbox
from quweit_cli.errors import ToolFailed, ToolNotFound, ToolTooOld

Quweit = Callable[..., Outcome]
StandIn = Callable[[str, str], Path]


def tools(outcome: Outcome) -> dict[str, dict[str, Any]]:
    return {tool["name"]: tool for tool in json.loads(outcome.stdout)["tools"]}


def test_every_tool_is_listed_with_what_it_unlocks_and_how_to_get_it(quweit: Quweit) -> None:
    listed = tools(quweit("doctor", "--json"))
    assert list(listed) == list(toolbox.TOOLS)
    assert all(tool["unlocks"] and tool["install"] for tool in listed.values())
    table = quweit("doctor").stdout
    assert all(name in table for name in toolbox.TOOLS)


def test_a_tool_that_is_there_gives_its_version(quweit: Quweit, stand_in_tool: StandIn) -> None:
    path = stand_in_tool("icarus", "Icarus Verilog version 12.0 (stable)")
    found = tools(quweit("doctor", "--json"))["icarus"]
    assert (found["found"], found["version"]) == (True, "Icarus Verilog version 12.0")
    assert found["command"] == [str(path)]
    assert found["problem"] is None


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("Icarus Verilog version 10.3 (stable)", ToolTooOld, "is version 10.3, quweit needs 11.0 or newer"),
        ("Segmentation fault", ToolFailed, "does not say its version; it printed: Segmentation fault"),
        ("", ToolFailed, "it printed: nothing"),
    ],
)
def test_a_tool_that_is_too_old_or_broken_is_explained(
    quweit: Quweit, stand_in_tool: StandIn, line: str, error: type[Exception], words: str
) -> None:
    stand_in_tool("icarus", line)
    with pytest.raises(error, match=r".*"):
        toolbox.find(toolbox.ICARUS)
    listed = tools(quweit("doctor", "--json"))["icarus"]
    assert (listed["found"], listed["version"]) == (False, None)
    assert words in listed["problem"]


def test_a_tool_that_is_missing_is_explained(quweit: Quweit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUWEIT_VIVADO", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolNotFound, match="`vivado` is not on this machine") as caught:
        toolbox.find(toolbox.VIVADO)
    assert "QUWEIT_VIVADO" in str(caught.value.hint)
    assert not tools(quweit("doctor", "--json"))["vivado"]["found"]


def test_the_exit_code_says_whether_run_has_what_it_needs(quweit: Quweit, stand_in_tool: StandIn) -> None:
    stand_in_tool("verilator", "Verilator 5.006 2023-01-22")
    outcome = quweit("doctor")
    assert outcome.code == 3
    assert "is version 5.006" in outcome.stdout


def test_a_missing_optional_tool_is_no_failure(
    quweit: Quweit, stand_in_tools: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUWEIT_ICARUS", "/no/such/iverilog")
    assert quweit("doctor").code == 0
