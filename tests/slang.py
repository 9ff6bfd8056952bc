"""slang as a strict fourth reader of SystemVerilog: what the language forbids in a design, as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyslang
from pyslang.ast import Compilation, CompilationOptions
from pyslang.syntax import SyntaxTree

from quweit_cli.simulators.cell_models import vendor_file
from quweit_cli.technologies.amd import LUT6


def vendor_cells(folder: Path) -> Path:
    """The vendor's models without their delays, whose conditions the language forbids."""
    path = folder / "cells_sim.v"
    path.write_text(
        re.sub(r"\bspecify\b.*?\bendspecify\b", "", vendor_file(LUT6).read_text(), flags=re.DOTALL)
    )
    return path


def complaints(sources: Sequence[Path], top: str) -> str:
    """Errors of the design below `top`, each source a compilation unit of its own; empty when there are none."""
    manager = pyslang.SourceManager()
    options = CompilationOptions()
    options.topModules = {top}
    bag = pyslang.Bag()
    bag.compilationOptions = options
    design = Compilation(bag)
    for source in sources:
        design.addSyntaxTree(SyntaxTree.fromFile(str(source), manager, bag))
    forbidden = (pyslang.Diags.IndexOOB, pyslang.Diags.RangeOOB)  # by the other readers; to slang a warning
    errors = [one for one in design.getAllDiagnostics() if one.isError() or one.code in forbidden]
    engine = pyslang.DiagnosticEngine(manager)
    client = pyslang.TextDiagnosticClient()
    engine.addClient(client)
    for error in errors:
        engine.issue(error)
    return str(client.getString())


class Port(NamedTuple):
    """Of a module."""

    name: str
    direction: str
    bits: int


def ports_of(source: Path, top: str) -> list[Port]:
    """Those of a module in their order; the modules within need not be there."""
    design = Compilation()
    design.addSyntaxTree(SyntaxTree.fromFile(str(source)))
    (found,) = (one for one in design.getRoot().topInstances if one.name == top)
    return [Port(one.name, one.direction.name.lower(), one.type.bitWidth) for one in found.body.portList]
