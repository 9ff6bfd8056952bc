"""The walls between folders: which room imports from which, and what is heavy or dangerous in its one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import REPOSITORY

SOURCE = REPOSITORY / "src" / "quweit_cli"
MODULES = sorted(SOURCE.rglob("*.py"))
MOST_AT_THE_TOP = 8

GROUND = {"errors", "boundary"}
PAPERS = {
    *GROUND,
    "artifacts",
    "config",
    "documents",
    "ir",
}  # what stages hand to one another, and its meaning
# A room, and those that it imports from beside itself.
DOORS: dict[str, set[str]] = {
    "errors": set(),
    "boundary": set(),
    "interrupts": set(),
    "progress": {"errors"},
    "templating": {"errors"},
    "artifacts": GROUND,
    "toolbox": {*GROUND, "artifacts", "interrupts"},
    "technologies": {"errors"},
    "ir": {"errors"},
    "config": {*GROUND, "ir"},
    "documents": {*GROUND, "artifacts", "config", "ir"},
    "approximation": {"errors", "ir"},
    "weightless": {"errors", "config", "ir"},
    "models": {"errors", "config", "ir", "weightless", "documents"},
    "training": {*PAPERS, "interrupts", "progress", "weightless", "models"},
    "export": {*PAPERS, "progress", "weightless", "models", "training"},
    "library": {*PAPERS, "progress", "weightless", "models", "training", "export"},
    "hdl": {*PAPERS, "templating", "technologies"},
    "energy": {*PAPERS, "technologies"},
    "simulators": {*PAPERS, "progress", "templating", "toolbox", "technologies", "hdl"},
    "synthesizers": {*PAPERS, "progress", "templating", "toolbox", "technologies", "hdl"},
    "report": {*PAPERS, "templating", "energy"},
    "search": PAPERS,
}
EVERYTHING = {*DOORS, "stages", "cli"}
DOORS |= {"stages": EVERYTHING - {"cli"}, "cli": EVERYTHING, "__main__": {"cli", "interrupts"}}
ONLY_IN = {
    "torch": {
        "weightless",
        "models",
        "training",
        "export",
        "library",
        "stages.foresight",
        "stages.train",
        "stages.dump",
        "stages.evaluate",
        "stages.sample",
    },
    "typer": {"cli"},
    "rich": {"cli.console"},
    "subprocess": {"toolbox"},
    "pickle": set(),
    "pyosys": {"synthesizers.packaged_yosys"},
    "optuna": {"search.study"},
    "sqlite3": {"search.study"},
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


def imports(source: str) -> Iterator[tuple[str, list[str]]]:
    """Every import, wherever in the text: (module, names taken from it, none of a plain import)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield node.module, [alias.name for alias in node.names]


def rooms(module: str, names: list[str]) -> Iterator[str]:
    """Which rooms of the package an import enters."""
    package, _, inner = module.partition(".")
    if package == "quweit_cli":
        yield from [inner.partition(".")[0]] if inner else (name for name in names if name != "__version__")


def breaches(name: str, source: str) -> list[str]:
    """The walls that a module breaks, each as a sentence."""
    here, found = name.partition(".")[0], []
    for module, names in imports(source):
        for room in rooms(module, names):
            if room != here and room not in DOORS[here]:
                found.append(f"{name} imports {module}: there is a wall between {here} and {room}")
        package = module.partition(".")[0]
        if package in ONLY_IN and not any(
            name == place or name.startswith(f"{place}.") for place in ONLY_IN[package]
        ):
            found.append(f"{name} imports {package}, which only {sorted(ONLY_IN[package])} may")
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_wall_is_broken(path: Path) -> None:
    if name_of(path) != "__init__":
        assert breaches(name_of(path), path.read_text()) == []


@pytest.mark.parametrize(
    ("name", "source", "wall"),
    [
        ("ir.nodes.bits", "from quweit_cli import config", "between ir and config"),
        ("hdl.array.design", "from quweit_cli.stages import rtl", "between hdl and stages"),
        ("hdl.block.design", "from quweit_cli import toolbox", "between hdl and toolbox"),
        ("energy.rows", "def f():\n    import quweit_cli.hdl.units.design", "between energy and hdl"),
        ("models.vit", "from quweit_cli.hdl import literals", "between models and hdl"),
        (
            "simulators.row_designs",
            "from quweit_cli.synthesizers import cache",
            "between simulators and synthesizers",
        ),
        ("synthesizers.yosys", "import quweit_cli.simulators.base", "between synthesizers and simulators"),
        ("report.page", "from quweit_cli.hdl import words", "between report and hdl"),
        ("report.page", "from quweit_cli.technologies import ECP5", "between report and technologies"),
        ("technologies.amd", "from quweit_cli import config", "between technologies and config"),
        ("library.exporting", "from quweit_cli.stages import dump", "between library and stages"),
        ("models.vit", "from quweit_cli.library import replaced", "between models and library"),
        ("stages.rtl", "import torch.nn", "imports torch"),
        ("stages.sim", "from subprocess import run", "imports subprocess"),
        ("report.tables", "from rich.table import Table", "imports rich"),
        ("search.space", "from quweit_cli.stages import train", "between search and stages"),
        ("stages.search", "import optuna", "imports optuna"),
    ],
)
def test_a_planted_import_is_found(name: str, source: str, wall: str) -> None:
    found = breaches(name, source)
    assert len(found) == 1
    assert wall in found[0]


def test_every_room_has_its_doors_and_imports_point_downward() -> None:
    assert {name_of(path).partition(".")[0] for path in MODULES} - {"__init__"} <= set(DOORS)
    below: set[str] = set()
    while waiting := set(DOORS) - below:
        free = {room for room in waiting if DOORS[room] - {room} <= below}
        assert free, f"{sorted(waiting)} import from one another"
        below |= free


def test_few_modules_lie_at_the_top() -> None:
    assert len(list(SOURCE.glob("*.py"))) <= MOST_AT_THE_TOP


def passed_on(source: str) -> list[str]:
    """Names that a module imports only so that others can import them from it."""
    return [
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    ]


def borrowed(source: str) -> set[tuple[str, str]]:
    """(module, name) of what a module takes from another that has only imported it."""
    found = set()
    for module, names in imports(source):
        file = SOURCE.joinpath(*module.split(".")[1:]).with_suffix(".py")
        if module.startswith("quweit_cli.") and file.is_file():
            there = {
                alias.asname or alias.name
                for node in ast.parse(file.read_text()).body
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
            }
            found |= {(module, name) for name in names if name in there}
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_names_come_from_where_they_are_defined(path: Path) -> None:
    """A folder's face offers what its modules define; nobody else passes on what it has imported."""
    if path.name != "__init__.py":
        assert passed_on(path.read_text()) == []
    assert borrowed(path.read_text()) == set()


def test_a_name_that_is_passed_on_or_borrowed_is_found() -> None:
    assert passed_on("from quweit_cli.hdl.plan import FilePlan as FilePlan") == ["FilePlan"]
    planted = "from quweit_cli.simulators.row_designs import Bench, run"
    assert borrowed(planted) == {("quweit_cli.simulators.row_designs", "Bench")}
