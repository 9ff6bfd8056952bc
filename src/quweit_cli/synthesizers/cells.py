"""How many of each resource of an FPGA a cell takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from quweit_cli.errors import ToolFailed
from quweit_cli.technologies import Technology


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
    """Cell counts as LUTs, FFs, carries, muxes, BRAMs and DSPs.

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
