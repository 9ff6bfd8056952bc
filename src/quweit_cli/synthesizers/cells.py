"""How many of each resource of an FPGA a cell takes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from quweit_cli.errors import ToolFailed

# How many units of each resource a cell takes. RAM and SRL cells sit in LUTs (UG574, table 2-2).
LUTS = {
    **{f"LUT{inputs}": 1 for inputs in range(1, 7)},
    **{"LUT6_2": 1, "INV": 1, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1, "CFGLUT5": 1},
    **{"RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8},
    **{"RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8},
    **{"RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8},
}


FFS = {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1}
CARRIES = {"CARRY4": 1, "CARRY8": 1}
MUXES = {"MUXF7": 1, "MUXF8": 1, "MUXF9": 1}
BRAMS = {"RAMB36E1": 1.0, "RAMB36E2": 1.0, "RAMB18E1": 0.5, "RAMB18E2": 0.5}
DSPS = {"DSP48E1": 1, "DSP48E2": 1}


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


def resources(counts: Mapping[str, int]) -> dict[str, float]:
    """Cell counts as LUTs, FFs, carries, muxes, BRAMs and DSPs.

    Raises:
        ToolFailed: a cell type that belongs to none of them; dropping it would be a silent error.
    """
    kinds: dict[str, Mapping[str, float]] = {
        "luts": LUTS,
        "ffs": FFS,
        "carries": CARRIES,
        "muxes": MUXES,
        "brams": BRAMS,
        "dsps": DSPS,
    }
    unknown = sorted(set(counts) - {name for kind in kinds.values() for name in kind})
    if unknown:
        raise ToolFailed(
            f"the netlist has cells that are counted as no resource: {', '.join(unknown)}",
            hint="latches and tri-states are design errors; a new primitive belongs into synthesizers/yosys.py",
        )
    return {
        resource: sum(count * weight[name] for name, count in counts.items() if name in weight)
        for resource, weight in kinds.items()
    }


def module_cells(path: Path, top: str) -> list[tuple[str, int, dict[str, int]]]:
    """Modules, their instances in the design and their own cells by type, from what `stat -json` wrote.

    One module with other parameters stands there again.

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
    instances: Counter[str] = Counter()

    def visit(name: str, times: int) -> None:
        instances[name] += times
        for kind, count in modules[name].items():
            if kind.lstrip("\\") in modules:
                visit(kind.lstrip("\\"), times * count)

    visit(top, 1)
    return [
        (
            _plain(name),
            times,
            {kind: count for kind, count in modules[name].items() if kind.lstrip("\\") not in modules},
        )
        for name, times in instances.items()
    ]


def _plain(name: str) -> str:
    """`$paramod$<digest>\\\\quweit_skew` as `quweit_skew`."""
    found = re.search(r"quweit_\w+", name)
    return found[0] if found else name
