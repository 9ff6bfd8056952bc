"""How many of each resource of an FPGA a cell takes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from quweit_cli.errors import ToolFailed
from quweit_cli.technologies import Technology

RESOURCES = ("luts", "ffs", "carries", "muxes", "urams", "dsps")  # whole numbers, as a block RAM is not


def cell_counts(path: Path) -> dict[str, int]:
    """Cells of the flattened design by type, from what `stat -json` wrote.

    Raises:
        ToolFailed: no such file, no `design` section, or a design without cells.
    """
    try:
        counts = json.loads(path.read_text())["design"]["num_cells_by_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ToolFailed(f"Yosys left no cell counts of the design in `{path.name}`: {error!r}") from None
    if not counts:
        raise ToolFailed(f"the synthesized design of `{path.name}` is empty")
    return {str(name): int(count) for name, count in counts.items()}


def resources(counts: Mapping[str, int], technology: Technology) -> dict[str, float]:
    """Cell counts as LUTs, FFs, carries, muxes, BRAMs, DSPs and UltraRAMs.

    Raises:
        ToolFailed: a cell type that belongs to none of them; dropping it would be a silent error.
    """
    kinds: dict[str, Mapping[str, float]] = technology.cells.resources._asdict()
    unknown = sorted(set(counts) - {name for kind in kinds.values() for name in kind})
    if unknown:
        raise ToolFailed(
            f"the netlist has cells that are counted as no resource of {technology.name}: {', '.join(unknown)}",
            hint="latches and tri-states are design errors; a new primitive belongs into the tables of technologies/",
        )
    return {
        resource: sum(count * weight[name] for name, count in counts.items() if name in weight)
        for resource, weight in kinds.items()
    }


class ModuleCount(NamedTuple):
    """A module, its instances in a design and its own cells by type."""

    module: str
    engine: str | None
    times: int
    cells: dict[str, int]


def module_cells(path: Path, top: str, engines: Mapping[str, str] | None = None) -> list[ModuleCount]:
    """Modules of a design, from what `stat -json` wrote.

    One module with other parameters stands there again, and so does one that two engines have.

    engines: module -> engine, of a module right below the top and of all below that; or of the top.

    Raises:
        ToolFailed: no such file, or its statistics are not of this design.
    """
    try:
        modules = {
            name.lstrip("\\"): value["num_cells_by_type"]
            for name, value in json.loads(path.read_text())["modules"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolFailed(f"Yosys left no cell counts of modules in `{path.name}`: {error!r}") from None
    if top not in modules:
        raise ToolFailed(f"the statistics have no module `{top}`")
    instances: Counter[tuple[str, str | None]] = Counter()

    def visit(name: str, engine: str | None, times: int, depth: int) -> None:
        if depth <= 1:
            engine = (engines or {}).get(_plain(name), engine)
        instances[name, engine] += times
        for kind, count in modules[name].items():
            if kind.lstrip("\\") in modules:
                visit(kind.lstrip("\\"), engine, times * count, depth + 1)

    visit(top, None, 1, 0)
    return [
        ModuleCount(
            _plain(name),
            engine,
            times,
            {kind: count for kind, count in modules[name].items() if kind.lstrip("\\") not in modules},
        )
        for (name, engine), times in instances.items()
    ]


def _plain(name: str) -> str:
    """`$paramod$<digest>\\\\quweit_skew` as `quweit_skew`; a module of one instance alone, `top.u_weights`, as that."""
    found = re.search(r"(?<=\.)\w+$", name) or re.search(r"quweit_\w+", name)
    return found[0] if found else name
