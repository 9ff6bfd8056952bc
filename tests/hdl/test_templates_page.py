"""templates/README.md lists every file, and every hand-written module with the parameters that it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import REPOSITORY

TEMPLATES = REPOSITORY / "templates"
ROW = re.compile(r"^\| (.*) \|$", re.MULTILINE)
PARAMETER = re.compile(r"^ +parameter +(?:\w+ +)*?(?:\[[^\]]*\] +)?(\w+) *=", re.MULTILINE)


def listed(page: str) -> dict[str, list[str]]:
    """File -> the cells after it."""
    found: dict[str, list[str]] = {}
    for row in ROW.findall(page):
        first, *rest = row.split(" | ")
        for name in re.findall(r"`([\w/]+(?:\.\w+)+)`", first):
            assert name not in found, f"{name} is listed twice"
            found[name] = rest
    return found


def lacks(page: str, folder: Path) -> list[str]:
    """What page and folder do not agree on."""
    rows = listed(page)
    files = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "README.md" and "__pycache__" not in path.parts
    }
    problems = [f"{name} is listed and not there" for name in sorted(rows.keys() - files)]
    problems += [f"{name} is not listed" for name in sorted(files - rows.keys())]
    for name in sorted(files & rows.keys()):
        if name.endswith((".sv", ".v")):
            parameters = PARAMETER.findall((folder / name).read_text())
            told = re.findall(r"`(\w+)`", rows[name][1])
            if told != parameters:
                problems.append(f"{name} has the parameters {parameters}, and {told} are listed")
            if len(rows[name]) != 5 or not all(rows[name]):
                problems.append(f"{name} does not say its stream, cycles and area")
    return problems


def test_every_template_and_module_is_listed_with_what_it_takes() -> None:
    assert lacks((TEMPLATES / "README.md").read_text(), TEMPLATES) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("| `units/quweit_root.sv` | a square root", "| a square root", "units/quweit_root.sv is not listed"),
        ("`tb/replay.sv.mako`", "`tb/replays.sv.mako`", "tb/replays.sv.mako is listed and not there"),
        ("`Elements`, `Multiplier` | beats", "`Elements` | beats", "has the parameters"),
    ],
)
def test_a_page_that_drifted_is_found(old: str, new: str, problem: str) -> None:
    page = (TEMPLATES / "README.md").read_text()
    assert old in page
    assert any(problem in one for one in lacks(page.replace(old, new, 1), TEMPLATES))
