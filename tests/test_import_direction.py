"""Imports point downward, and what is heavy or dangerous is imported in its one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import REPOSITORY

SOURCE = REPOSITORY / "src" / "quweit_cli"
MODULES = sorted(SOURCE.rglob("*.py"))

# From the bottom to the top: a module may import from its own layer and from those before it.
LAYERS: list[set[str]] = [
    {"errors"},
    {"ir"},
    {
        "artifacts",
        "config",
        "model_settings",
        "training_settings",
        "baseline_settings",
        "ranks",
        "toolbox",
        "progress",
    },
    {"documents", "model_documents", "equality_documents", "vector_documents"},
    {"baseline_documents"},
    {"summary"},
    {"models", "training", "weightless", "hdl", "simulators", "synthesizers", "energy", "report"},
    {"stages"},
    {"tables"},
    {"baseline_tables"},
    {"console"},
    {"command_line"},
    {"cli_energy", "cli_training"},
    {"cli"},
    {"__main__"},
]
TORCH = {
    "models",
    "training",
    "weightless",
    "stages.train",
    "stages.dump",
    "stages.evaluate",
    "stages.sample",
}
ONLY_IN = {
    "torch": TORCH,
    "typer": {"cli", "cli_energy", "cli_training", "command_line"},
    "rich": {"console"},
    "subprocess": {"toolbox"},
    "pickle": set(),
    "pyosys": {"synthesizers.packaged_yosys"},
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


def imports(source: str) -> Iterator[str]:
    """Every module that the text imports, wherever in the text it does so."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of(name: str) -> int:
    top = name.split(".", maxsplit=1)[0]
    return next(number for number, names in enumerate(LAYERS) if top in names)


def violations(name: str, source: str) -> list[str]:
    found = []
    for imported in imports(source):
        package, _, rest = imported.partition(".")
        if package == "quweit_cli" and rest and rest != "__version__" and layer_of(rest) > layer_of(name):
            found.append(f"{name} imports {rest}, which lies above it")
        if package in ONLY_IN and not any(
            name == place or name.startswith(f"{place}.") for place in ONLY_IN[package]
        ):
            found.append(f"{name} imports {package}")
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_downward(path: Path) -> None:
    if name_of(path) != "__init__":
        assert violations(name_of(path), path.read_text()) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("ir.nodes", "from quweit_cli import config"),
        ("hdl.render", "from quweit_cli.stages import rtl"),
        ("artifacts", "def f():\n    import quweit_cli.documents"),
        ("stages.rtl", "import torch.nn"),
        ("stages.sim", "from subprocess import run"),
        ("tables", "from rich.table import Table"),
    ],
)
def test_a_wrong_import_is_found(name: str, source: str) -> None:
    assert len(violations(name, source)) == 1


def test_every_module_has_a_layer() -> None:
    for path in MODULES:
        if name_of(path) != "__init__":
            layer_of(name_of(path))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_stay_readable_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
