"""Small modules in library cells, by the faster mapper of ABC where it takes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from quweit_cli.baseline_documents import Mapper
from quweit_cli.errors import ToolFailed
from quweit_cli.synthesizers.asic import ABC_SCRIPT, ABC_SCRIPT_FAST, Target, map_to_cells
from quweit_cli.synthesizers.netlist import Netlist


class Mapping(NamedTuple):
    netlist: Netlist
    mapper: Mapper


def map_fast(sources: Sequence[Path], top: str, target: Target, work: Path, name: str) -> Mapping:
    """`map` of ABC ends at an assertion when a gate has no delay by its reckoning; `&nf` takes every library.

    The log of a mapper that refused stays beside the other, as `<name>.map.log`.
    """
    try:
        return Mapping(_mapped(sources, top, target, work, name, ABC_SCRIPT_FAST), "map")
    except ToolFailed:
        log = work / f"{name}.log"
        if log.is_file():
            log.replace(work / f"{name}.map.log")
        return Mapping(_mapped(sources, top, target, work, name, ABC_SCRIPT), "nf")


def _mapped(
    sources: Sequence[Path], top: str, target: Target, work: Path, name: str, abc_script: str
) -> Netlist:
    return map_to_cells(
        list(sources),
        top,
        target,
        work,
        name,
        clock_gating=True,
        clock_port="clk_i",
        abc_script=abc_script,
    )
