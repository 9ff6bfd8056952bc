"""Blocks in cells of a library: mapped one by one, and OpenSTA states timing and power.

No placement: wires are the library's default wire load model, the clock is ideal for timing, and has a buffer
tree for power.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.artifacts import write_text
from quweit_cli.config import Synth
from quweit_cli.documents import AsicFigures, RtlBlock, SynthesizedBlock
from quweit_cli.errors import ConfigError
from quweit_cli.progress import Progress
from quweit_cli.synthesizers.base import Package
from quweit_cli.synthesizers.library import activity, opensta
from quweit_cli.synthesizers.library.clock_tree import clock_gates
from quweit_cli.synthesizers.library.liberty import Library
from quweit_cli.synthesizers.library.mapping import (
    ABC_SHARE_BLOCK,
    ABC_SHARE_FAST,
    LIBRARY,
    Design,
    Mapping,
    Target,
    library_at,
    map_fast,
    map_to_cells,
    target_of,
)
from quweit_cli.synthesizers.library.netlist import Netlist

FOLDER = "asic"


def synthesize(package: Package, options: Synth, folder: Path, progress: Progress) -> list[SynthesizedBlock]:
    """Blocks one after the other, as each takes gigabytes; what the tools read and wrote is in `folder/asic`.

    Raises:
        ConfigError: the library cannot be read, or lacks a cell that every design needs.
        ToolNotFound, ToolTooOld, ToolFailed: as every synthesizer.
    """
    target = target_of(options)
    work = folder / FOLDER
    work.mkdir()
    with (
        library_at(work / LIBRARY, target.library),
        progress.task("synthesis", total=len(package.manifest.blocks)) as task,
    ):
        made = []
        for block in package.manifest.blocks:
            made.append(_synthesize_block(package, block, target, options, work))
            task.advance()
    return made


def analyse(
    netlist: Netlist, target: Target, work: Path, name: str, counted: activity.Activity | None = None
) -> opensta.Analysis:
    """Timing and power of what `map_to_cells` left of `name`; without counted activity the power is vectorless alone.

    OpenSTA sees the cells that are used: what it says against another is of no concern.
    """
    cells, library = {*netlist.cells_by_type(), target.driver}, f"{name}.sta.lib"
    with library_at(work / library, target.library, cells):
        return opensta.analyse(
            toolbox.find(toolbox.OPENSTA),
            netlist,
            work,
            name,
            library,
            period_ns=target.period_ns,
            driver=target.driver,
            load_ff=target.load_ff,
            activity=counted,
        )


def _synthesize_block(
    package: Package, block: RtlBlock, target: Target, options: Synth, work: Path
) -> SynthesizedBlock:
    started = time.monotonic()
    name = block.name
    sources = [Path(os.path.relpath(package.folder / source, work)) for source in block.sources]
    mapped = _map(sources, block, target, options, work)
    netlist = mapped.netlist
    write_cell_models(netlist, target.library, work, name)
    counted = _activity(package, block, netlist, options, work) if options.activity == "measured" else None
    found = toolbox.find(toolbox.OPENSTA)
    analysis = analyse(netlist, target, work, name, counted)
    figures = _figures(mapped, target, options, analysis, counted)
    method = figures.vectorless_method if counted is None else figures.measured_method
    return SynthesizedBlock(
        block=name,
        tool="yosys",
        version=f"{toolbox.find(toolbox.YOSYS).version}, OpenSTA {found.version}",
        device=target.library.name,
        clock_mhz=options.clock_mhz,
        stage="synthesis",
        ffs=sum(one.cell.sequential for one in netlist.instances),
        slack_ns=analysis.slack_ns,
        power_mw=figures.vectorless_mw if figures.measured_mw is None else figures.measured_mw,
        power_method=method,
        seconds=round(time.monotonic() - started, 3),
        log=f"{FOLDER}/{name}.log",
        netlist=f"{FOLDER}/{name}.netlist.v",
        cell_models=f"{FOLDER}/{name}.cells.v",
        asic=figures,
    )


def _map(sources: list[Path], block: RtlBlock, target: Target, options: Synth, work: Path) -> Mapping:
    fast = options.mapping == "speed"
    share = ABC_SHARE_FAST if fast else ABC_SHARE_BLOCK
    design = Design(sources, block.top, block.name, options.clock_gating, share)
    return map_fast(design, target, work) if fast else Mapping(map_to_cells(design, target, work), "nf")


def _how_mapped(mapped: Mapping, options: Synth) -> str:
    """What the method says of the mapper."""
    if options.mapping == "area":
        return ""
    return "; mapped for speed" if mapped.mapper == "map" else "; mapped by `&nf`, as `map` of ABC refused it"


def write_cell_models(netlist: Netlist, library: Library, work: Path, name: str) -> None:
    """`<name>.cells.v`: the cells used, from their functions in the library."""
    output = f"{name}.cells.v"
    with library_at(work / f"{name}.cells.lib", library, netlist.cells_by_type()):
        script = activity.cell_models_script(netlist, f"{name}.cells.lib", output)
        write_text(work / f"{name}.cells.ys", script)
        toolbox.run(
            [*toolbox.find(toolbox.YOSYS).command, f"{name}.cells.ys"],
            cwd=work,
            log=work / f"{name}.cells.log",
            name="yosys on the cell models",
        )
    gates = {gate.cell.name: gate.cell for gate in clock_gates(netlist).values()}
    models = (work / output).read_text() + "".join(activity.clock_gate_model(cell) for cell in gates.values())
    write_text(work / output, models)


def _activity(
    package: Package, block: RtlBlock, netlist: Netlist, options: Synth, work: Path
) -> activity.Activity:
    """The netlist in the package's own bench, on golden rows.

    Raises:
        ConfigError: the package has too few golden rows for it.
    """
    golden = block.vectors.golden_rows
    rows = min(options.activity_rows, golden - activity.ROWS_AROUND)
    if rows < 1:
        raise ConfigError(
            f"block `{block.name}` has {golden} golden rows, activity takes {activity.ROWS_AROUND + 1} at least",
            hint="dump more rows, or set activity to vectorless",
        )
    root = Path(os.path.relpath(package.folder, work))  # Icarus opens no file by a name beyond ASCII
    return activity.simulate(
        netlist,
        [
            Path(f"{block.name}.cells.v"),
            Path(f"{block.name}.netlist.v"),
            *(root / name for name in block.bench_sources),
        ],
        (
            _golden_first(package.folder / block.vectors.inputs, golden * block.input_beats, work),
            _golden_first(package.folder / block.vectors.outputs, golden, work),
        ),
        block.check,
        rows,
        work,
        block.name,
    )


def _golden_first(vectors: Path, lines: int, work: Path) -> Path:
    """A file in `work` of the same vectors, with those of real activations, which stand at the end, at the front."""
    text = vectors.read_text().splitlines(keepends=True)
    write_text(work / vectors.name, "".join([*text[-lines:], *text[:-lines]]))
    return Path(vectors.name)


def _figures(
    mapped: Mapping,
    target: Target,
    options: Synth,
    analysis: opensta.Analysis,
    counted: activity.Activity | None,
) -> AsicFigures:
    netlist, library = mapped.netlist, target.library
    gates = clock_gates(netlist)
    wires = f"wires by its model `{library.wire_load}`" if library.wire_load else "no wires"
    common = f"OpenSTA, {library.supply}, {wires}, clock tree inside, before placement{_how_mapped(mapped, options)}"
    nets = len(netlist.net_names())
    measured = None
    if counted is not None:
        measured = (
            f"{common}; activity of {len(counted.toggles):,} of {nets:,} nets counted in simulation of the netlist "
            f"on {counted.rows} golden rows, {counted.cycles:,} cycles, without glitches"
        )
    return AsicFigures(
        library=library.name,
        library_sha256=library.sha256,
        cells_left_out=sorted(library.left_out),
        area_mm2=netlist.area_um2() / 1e6,
        sequential_area_mm2=netlist.area_um2(sequential=True) / 1e6,
        cells=len(netlist.instances),
        cells_by_type=netlist.cells_by_type(),
        clock_gates=len(gates),
        shortest_period_ns=analysis.shortest_period_ns,
        highest_clock_mhz=1000 / analysis.shortest_period_ns,
        leakage_mw=analysis.leakage_mw,
        vectorless_mw=analysis.vectorless_mw,
        vectorless_method=f"{common}; vectorless, {100 * opensta.GLOBAL_ACTIVITY:g} % activity on every net, "
        "gated clocks counted as running",
        measured_mw=analysis.measured_mw,
        measured_ungated_mw=analysis.ungated_mw,
        measured_method=measured,
        nets=nets,
        nets_annotated=len(counted.toggles) if counted else 0,
        activity_rows=counted.rows if counted else 0,
        activity_cycles=counted.cycles if counted else 0,
    )
