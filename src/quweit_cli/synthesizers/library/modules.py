"""Area and power of systolic arrays in cells of a library: each module once, and counted.

    cells          side²                      columns        side
    skew           side · (side - 1) / 2      one register each of 9 + 8 bits of operands and 8 of results
    buffer, operand register    side / 8      slices of eight lanes, which count the pointers once too often
    control        1

The pipelined rendering, mapped like a block (synthesizers/library/flow.py), every module with a clock tree of its own.
Power at the clock asked for, twice: vectorless, 12.5 % activity on every net, and with the activity of the operands of
the package (synthesizers/library/replay.py).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from quweit_cli.artifacts import write_text
from quweit_cli.config import Baseline, Synth
from quweit_cli.documents import ArraySilicon, BaselineArray, BaselineManifest, Mapper, ModuleSilicon
from quweit_cli.hdl.array.design import PIPELINE_STAGES
from quweit_cli.hdl.array.streams import SLICE, Matrices, read_matrices, streams
from quweit_cli.progress import Progress
from quweit_cli.synthesizers.library import mapping, opensta
from quweit_cli.synthesizers.library import replay as systolic_activity
from quweit_cli.synthesizers.library.flow import analyse, write_cell_models
from quweit_cli.synthesizers.library.mapping import LIBRARY, Target, library_at, target_of
from quweit_cli.synthesizers.library.parameters import with_parameters

STEP = "silicon"
CELL = "quweit_systolic_cell"


class Part(NamedTuple):
    """A module with its parameters, and how often an array has it."""

    module: str
    parameters: tuple[tuple[str, int], ...]
    times: int

    @property
    def name(self) -> str:
        return "_".join([self.module, *(f"{key.lower()}{value}" for key, value in self.parameters)])


class Figures(NamedTuple):
    area_um2: float
    vectorless_mw: float
    measured_mw: float | None
    slack_ns: float
    mapper: Mapper


class Mapped(NamedTuple):
    """A module, and how many cycles its activity was counted in."""

    figures: Figures
    cycles: int


def parts(side: int) -> list[Part]:
    return [
        Part(CELL, (), side**2),
        Part("quweit_systolic_column", (("Side", side),), side),
        Part("quweit_skew", (("Lanes", 2), ("Bits", 9 + 8 + 8)), side * (side - 1) // 2),
        Part("quweit_operand_buffer", (("Depth", 16), ("Bits", 2 * 8 * SLICE)), side // SLICE),
        Part("quweit_operand_register", (("Bits", 8 * SLICE),), side // SLICE),
        Part("quweit_systolic_control", (("Side", side), ("Latency", side + 4 + PIPELINE_STAGES)), 1),
    ]


def synthesize(
    package: Path, manifest: BaselineManifest, options: Baseline, folder: Path, progress: Progress
) -> list[ArraySilicon]:
    """All arrays, pipelined; a module that several have is mapped once. Scripts and logs are in `folder/silicon`.

    Raises:
        ConfigError: the library cannot be read, or lacks a cell that every design needs.
        ToolError: a tool is missing, or refused a module.
    """
    target = target_of(
        Synth(liberty=options.liberty, clock_mhz=1000 * options.clock_ghz, activity=options.activity)
    )
    work = folder / STEP
    work.mkdir()
    layer = read_matrices(package, manifest) if options.activity == "measured" else None
    wanted = [(array, part) for array in manifest.pipelined for part in parts(array.side)]
    mapped: dict[tuple[int, str], Mapped] = {}
    seconds = dict.fromkeys((array.side for array in manifest.pipelined), 0.0)
    with (
        library_at(work / LIBRARY, target.library),
        progress.task("library cells of arrays", len(wanted)) as task,
    ):
        netlists: dict[str, mapping.Mapping] = {}
        for array, part in wanted:
            started = time.monotonic()
            if part.name not in netlists:
                netlists[part.name] = map_module(package, array, part, target, work)
            made = analyse_module(netlists[part.name], array, part, layer, target, work)
            mapped[array.side, part.name] = made
            seconds[array.side] += time.monotonic() - started
            task.advance()
    return [
        _describe(array, mapped, target, options, manifest.operands, seconds[array.side])
        for array in manifest.pipelined
    ]


def map_module(
    package: Path, array: BaselineArray, part: Part, target: Target, work: Path
) -> mapping.Mapping:
    (name,) = (name for name in array.sources if Path(name).stem == part.module)
    source = Path(f"{part.name}.sv")
    write_text(
        work / source, with_parameters((package / name).read_text(), part.module, dict(part.parameters))
    )
    return mapping.map_fast(mapping.Design([source], part.module, part.name), target, work)


def analyse_module(
    made: mapping.Mapping,
    array: BaselineArray,
    part: Part,
    layer: list[Matrices] | None,
    target: Target,
    work: Path,
) -> Mapped:
    """A module that several arrays have sees other tiles in each."""
    counted, netlist = None, made.netlist
    if layer is not None:
        write_cell_models(netlist, target.library, work, part.name)
        played = streams(part.module, array.side, layer)
        counted = systolic_activity.measure(netlist, [Path(f"{part.name}.sv")], played, work, part.name)
    analysis = analyse(netlist, target, work, part.name, counted)
    return Mapped(
        Figures(
            netlist.area_um2(), analysis.vectorless_mw, analysis.measured_mw, analysis.slack_ns, made.mapper
        ),
        counted.cycles if counted else 0,
    )


def _describe(
    array: BaselineArray,
    mapped: Mapping[tuple[int, str], Mapped],
    target: Target,
    options: Baseline,
    operands: str,
    seconds: float,
) -> ArraySilicon:
    own = parts(array.side)
    modules = [
        ModuleSilicon(module=part.module, count=part.times, **mapped[array.side, part.name].figures._asdict())
        for part in own
    ]
    cells = next(one for one in modules if one.module == CELL)
    library = target.library
    common = f"Yosys and OpenSTA, {library.supply}, module by module, before placement"
    cycles = sum(mapped[array.side, part.name].cycles for part in own)
    measured = None
    if options.activity == "measured":
        measured = (
            f"{common}; activity of every net counted in simulation of the netlist of each module, {cycles:,} cycles in all, "
            "as it passes sampled places of tiles of every product, equal to its RTL in each; products weighted by their "
            f"cycles; operands: {operands}; without glitches"
        )
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
        measured_mw=sum_of_all([(one.count, one.measured_mw) for one in modules]),
        cell_measured_mw=sum_of_all([(cells.count, cells.measured_mw)]),
        measured_method=measured,
        activity_cycles=cycles,
        slack_ns=min(one.slack_ns for one in modules),
        modules=modules,
        method=f"{common}; vectorless, {100 * opensta.GLOBAL_ACTIVITY:g} % activity on every net",
        seconds=round(seconds, 3),
    )


def sum_of_all(parts: Sequence[tuple[int, float | None]]) -> float | None:
    """None when one is missing."""
    if any(power is None for _, power in parts):
        return None
    return sum(times * power for times, power in parts if power is not None)
