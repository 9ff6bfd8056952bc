"""Area and power of systolic arrays in cells of a library: each module once, and counted.

    cells          side²                      columns        side
    skew           side · (side - 1) / 2      one register each of 9 + 8 bits of operands and 8 of results
    buffer, operand register    side / 8      slices of eight lanes, which count the pointers once too often
    control        1

Mapped like a block (synthesizers/asic.py), every module with a clock tree of its own. Power is
vectorless: 12.5 % activity on every net, at the clock asked for.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import NamedTuple

from quweit_cli import toolbox
from quweit_cli.artifacts import write_text
from quweit_cli.baseline_documents import ArraySilicon, BaselineArray, BaselineManifest, ModuleSilicon
from quweit_cli.config import Baseline, Synth
from quweit_cli.errors import ToolFailed
from quweit_cli.progress import Progress
from quweit_cli.synthesizers import opensta
from quweit_cli.synthesizers.asic import LIBRARY, Target, map_to_cells, target_of

STEP = "silicon"
SLICE = 8  # lanes of a slice
CELL = "quweit_systolic_cell"


class Part(NamedTuple):
    """A module with its parameters, and how often an array has it."""

    module: str
    parameters: tuple[tuple[str, int], ...]
    times: int

    @property
    def name(self) -> str:
        return "_".join([self.module, *(f"{key.lower()}{value}" for key, value in self.parameters)])


class Mapped(NamedTuple):
    area_um2: float
    vectorless_mw: float
    slack_ns: float


def parts(side: int) -> list[Part]:
    return [
        Part(CELL, (), side**2),
        Part("quweit_systolic_column", (("Side", side),), side),
        Part("quweit_skew", (("Lanes", 2), ("Bits", 9 + 8 + 8)), side * (side - 1) // 2),
        Part("quweit_operand_buffer", (("Depth", 16), ("Bits", 2 * 8 * SLICE)), side // SLICE),
        Part("quweit_operand_register", (("Bits", 8 * SLICE),), side // SLICE),
        Part("quweit_systolic_control", (("Side", side), ("Latency", side + 4)), 1),
    ]


def synthesize(
    package: Path, manifest: BaselineManifest, options: Baseline, folder: Path, progress: Progress
) -> list[ArraySilicon]:
    """All arrays; a module that several have is mapped once. Scripts and logs are in `folder/silicon`.

    Raises:
        ConfigError: the library cannot be read, or lacks a cell that every design needs.
        ToolError: a tool is missing, or refused a module.
    """
    assert options.liberty is not None
    target = target_of(
        Synth(liberty=options.liberty, clock_mhz=1000 * options.clock_ghz, activity="vectorless")
    )
    work = folder / STEP
    work.mkdir()
    write_text(work / LIBRARY, target.text)
    mapped: dict[str, Mapped] = {}
    try:
        wanted = {part.name: part for array in manifest.arrays for part in parts(array.side)}
        with progress.task("library cells of arrays", len(wanted)) as task:
            for part in wanted.values():
                mapped[part.name] = _map(package, manifest.arrays[0], part, target, work)
                task.advance()
    finally:
        (work / LIBRARY).unlink(missing_ok=True)
    return [_describe(array, mapped, target, options) for array in manifest.arrays]


def with_parameters(text: str, part: Part) -> str:
    """The source of a module with other defaults, so that it can be a top.

    Raises:
        ToolFailed: the module has no such parameter.
    """
    for key, value in part.parameters:
        text, times = re.subn(
            rf"(parameter integer {key} +|parameter integer {key})= \d+", rf"\g<1>= {value}", text
        )
        if times != 1:
            raise ToolFailed(f"`{part.module}` has no parameter `{key}`")
    return text


def _map(package: Path, array: BaselineArray, part: Part, target: Target, work: Path) -> Mapped:
    sources = []
    for name in array.sources:
        path = Path(name)
        if path.stem.startswith("quweit_"):
            text = (package / name).read_text()
            copy = work / f"{part.name}.{path.name}"
            write_text(copy, with_parameters(text, part) if path.stem == part.module else text)
            if path.stem in (part.module, "quweit_scale"):
                sources.append(Path(copy.name))
            else:
                copy.unlink()
    netlist = map_to_cells(
        sources, part.module, target, work, part.name, clock_gating=True, clock_port="clk_i"
    )
    analysis = opensta.analyse(
        toolbox.find(toolbox.OPENSTA),
        netlist,
        work,
        part.name,
        LIBRARY,
        period_ns=target.period_ns,
        driver=target.driver,
        load_ff=target.load_ff,
        activity=None,
    )
    return Mapped(netlist.area_um2(), analysis.vectorless_mw, analysis.slack_ns)


def _describe(
    array: BaselineArray, mapped: dict[str, Mapped], target: Target, options: Baseline
) -> ArraySilicon:
    started = time.monotonic()
    modules = [
        ModuleSilicon(module=part.module, count=part.times, **mapped[part.name]._asdict())
        for part in parts(array.side)
    ]
    cells = next(one for one in modules if one.module == CELL)
    library = target.library
    return ArraySilicon(
        array=array.name,
        side=array.side,
        library=library.name,
        library_sha256=library.sha256,
        clock_mhz=1000 * options.clock_ghz,
        area_mm2=sum(one.count * one.area_um2 for one in modules) / 1e6,
        cell_area_mm2=cells.count * cells.area_um2 / 1e6,
        vectorless_mw=sum(one.count * one.vectorless_mw for one in modules),
        cell_vectorless_mw=cells.count * cells.vectorless_mw,
        slack_ns=min(one.slack_ns for one in modules),
        modules=modules,
        method=f"Yosys and OpenSTA, {library.name} at {library.voltage:g} V, module by module, before placement; "
        f"vectorless, {100 * opensta.GLOBAL_ACTIVITY:g} % activity on every net",
        seconds=round(time.monotonic() - started, 3),
    )
