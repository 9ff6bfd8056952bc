"""Cells of a library: Yosys and ABC map, buffer and size each block, OpenSTA states timing and power.

The behavioural rendering is flattened, flip-flops with an enable get clock gates where the library has
them, and ABC maps against a delay target with a driving cell and a load. No placement: wires are the
library's default wire load model, the clock is ideal for timing, and has a buffer tree for power.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from quweit_cli import toolbox
from quweit_cli.artifacts import write_text
from quweit_cli.config import Synth
from quweit_cli.documents import AsicFigures, RtlBlock, SynthesizedBlock
from quweit_cli.errors import ConfigError
from quweit_cli.progress import Progress
from quweit_cli.synthesizers import activity, opensta
from quweit_cli.synthesizers.base import Package
from quweit_cli.synthesizers.clock_tree import add_clock_tree, clock_gates
from quweit_cli.synthesizers.flip_flop_loads import buffer_flip_flops
from quweit_cli.synthesizers.liberty import Library, read_library
from quweit_cli.synthesizers.netlist import Netlist, read_netlist, verilog

FOLDER = "asic"
LIBRARY = "library.lib"  # there while the tools run; the library itself is not part of the artefact
ABC_SHARE = (
    0.8  # of the period is left to logic: a flip-flop takes the rest from clock to output and to set up
)
# The same of blocks: ABC knows no wires, and in a block the bits of a time slot drive hundreds of cells. With 0.8 a block
# of 192 features that ABC took for met missed 1 GHz by 16 ps in Nangate 45 nm with trained contents and by 10 ps with
# random ones, at pipeline depth 6; with this it has 132 and 136 ps to spare, for 0.1 % of area.
BLOCK_SHARE = 0.65
FANOUT_LOAD = 4  # inputs of the driving cell that every output is taken to drive
SMALLEST_GATED = 4  # flip-flops with one enable for which a clock gate is smaller than their multiplexers
# What Yosys runs by itself, but for `buffer -c`: without it a net of a thousand sinks gets a chain of buffers
# in place of a tree, eight of them in a row on the critical path of the I-ViT-T block.
ABC_SCRIPT = (
    "strash;&get -n;&fraig -x;&put;scorr;dc2;dretime;strash;&get -n;&dch -f;&nf {D};&put;"
    "buffer -c;upsize {D};dnsize {D};stime -p"
)
# For small modules with multipliers: `dc2` would take prefix adders apart, which makes them 5 % smaller and late
# (the cell of the systolic array at 1 GHz in Nangate 45 nm: 957 um² and 0.06 ns to spare with this script).
ABC_SCRIPT_FAST = (
    "strash;&get -n;&fraig -x;&put;scorr;dch;dch;map -B 0.9 {D};topo;buffer -c;upsize {D};dnsize {D};stime -p"
)
FLIP_FLOPS = "$_DFF_P_ $_DFFE_PP_ $_DFF_PN0_ $_DFF_PN1_ $_DFFE_PN0P_ $_DFFE_PN1P_"


class Target(NamedTuple):
    """What every block is mapped to."""

    library: Library
    text: str
    driver: str
    load_ff: float
    period_ns: float


def synthesize(package: Package, options: Synth, folder: Path, progress: Progress) -> list[SynthesizedBlock]:
    """Blocks one after the other, as each takes gigabytes; what the tools read and wrote is in `folder/asic`.

    Raises:
        ConfigError: the library cannot be read, or lacks a cell that every design needs.
        ToolNotFound, ToolTooOld, ToolFailed: as every synthesizer.
    """
    assert options.liberty is not None
    target = target_of(options)
    work = folder / FOLDER
    work.mkdir()
    with library_at(work, target), progress.task("synthesis", total=len(package.manifest.blocks)) as task:
        made = []
        for block in package.manifest.blocks:
            made.append(_synthesize_block(package, block, target, options, work))
            task.advance()
    return made


def target_of(options: Synth) -> Target:
    """The library with its driving cell and load, found in it or given.

    Raises:
        ConfigError: the library cannot be read, or lacks such a cell.
    """
    assert options.liberty is not None
    library, text = read_library(options.liberty, options.dont_use)
    driver = library.buffer() if options.driving_cell is None else library.cell(options.driving_cell)
    load_ff = options.load_ff
    if load_ff is None:
        load_ff = FANOUT_LOAD * max(pin.capacitance_ff for pin in driver.inputs)
    return Target(library, text, driver.name, load_ff, 1000 / options.clock_mhz)


def map_to_cells(
    sources: list[Path],
    top: str,
    target: Target,
    work: Path,
    name: str,
    *,
    clock_gating: bool,
    clock_port: str,
    abc_script: str = ABC_SCRIPT,
    logic_share: float = ABC_SHARE,
) -> Netlist:
    """Yosys and ABC on the sources of one flat design; leaves `<name>.netlist.v`, with a clock tree.

    Raises:
        ToolFailed: Yosys refused the design, or could not map all of it.
    """
    found = toolbox.find(toolbox.YOSYS)
    library = target.library
    gates = clock_gating and bool(library.clock_gates())
    write_text(work / f"{name}.constr", f"set_driving_cell {target.driver}\nset_load {target.load_ff:.6g}\n")
    write_text(
        work / f"{name}.ys",
        script(
            sources, top, target, name, clock_gating=gates, abc_script=abc_script, logic_share=logic_share
        ),
    )
    toolbox.run(
        [*found.command, f"{name}.ys"], cwd=work, log=work / f"{name}.log", name=f"yosys on block {name}"
    )
    json = work / f"{name}.json"
    netlist = read_netlist(json, top, library)
    json.unlink()
    buffer_flip_flops(netlist, library)
    add_clock_tree(netlist, library, clock_port)
    write_text(work / f"{name}.netlist.v", verilog(netlist, f"// {top} in cells of {library.name}"))
    return netlist


def analyse(
    netlist: Netlist, target: Target, work: Path, name: str, counted: activity.Activity | None = None
) -> opensta.Analysis:
    """Timing and power of what `map_to_cells` left of `name`; without counted activity the power is vectorless alone."""
    return opensta.analyse(
        toolbox.find(toolbox.OPENSTA),
        netlist,
        work,
        name,
        LIBRARY,
        period_ns=target.period_ns,
        driver=target.driver,
        load_ff=target.load_ff,
        activity=counted,
    )


def script(
    sources: list[Path],
    top: str,
    target: Target,
    name: str,
    *,
    clock_gating: bool,
    abc_script: str = ABC_SCRIPT,
    logic_share: float = ABC_SHARE,
) -> str:
    """The Yosys script of one design; it runs where the library lies as `library.lib`."""
    library = target.library
    avoid = "".join(f" -dont_use {cell}" for cell in library.refused())
    legal = " ".join(f"-cell {kind} x" for kind in FLIP_FLOPS.split())
    gate = f"clockgate -liberty {LIBRARY}{avoid} -min_net_size {SMALLEST_GATED}\n" if clock_gating else ""
    high, low = (" ".join(library.tie(value)) for value in (1, 0))
    reads = "\n".join(f"read_verilog -sv {source}" for source in sources)
    return f"""\
{reads}
synth -flatten -noabc -top {top}
check -assert
dfflegalize {legal}
opt_clean
{gate}dfflibmap{avoid} -liberty {LIBRARY}
setundef -zero
abc{avoid} -liberty {LIBRARY} -constr {name}.constr -D {round(1000 * logic_share * target.period_ns)} -script +{abc_script.replace(" ", ",")}
hilomap -hicell {high} -locell {low}
delete t:$scopeinfo
opt_clean -purge
write_json {name}.json
"""


def _synthesize_block(
    package: Package, block: RtlBlock, target: Target, options: Synth, work: Path
) -> SynthesizedBlock:
    started = time.monotonic()
    name = block.name
    sources = [Path(os.path.relpath(package.folder / source, work)) for source in block.sources]
    netlist = map_to_cells(
        sources,
        block.top,
        target,
        work,
        name,
        clock_gating=options.clock_gating,
        clock_port="clk_i",
        logic_share=BLOCK_SHARE,
    )
    write_cell_models(netlist, work, name)
    counted = _activity(package, block, netlist, options, work) if options.activity == "measured" else None
    found = toolbox.find(toolbox.OPENSTA)
    analysis = analyse(netlist, target, work, name, counted)
    figures = _figures(netlist, target, analysis, counted)
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


def write_cell_models(netlist: Netlist, work: Path, name: str) -> None:
    """`<name>.cells.v`: the cells used, from their functions in the library."""
    output = f"{name}.cells.v"
    write_text(work / f"{name}.cells.ys", activity.cell_models_script(netlist, LIBRARY, output))
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
    golden = block.vectors.rows - block.vectors.random_rows
    rows = min(options.activity_rows, golden - activity.ROWS_AROUND)
    if rows < 1:
        raise ConfigError(
            f"block `{block.name}` has {golden} golden rows, activity takes {activity.ROWS_AROUND + 1} at least",
            hint="dump more rows, or set activity to vectorless",
        )
    root = package.folder.resolve()
    return activity.simulate(
        netlist,
        [
            Path(f"{block.name}.cells.v"),
            Path(f"{block.name}.netlist.v"),
            *(root / name for name in block.bench_sources),
        ],
        (root / block.vectors.inputs, root / block.vectors.outputs),
        block.check,
        rows,
        work,
        block.name,
    )


def _figures(
    netlist: Netlist, target: Target, analysis: opensta.Analysis, counted: activity.Activity | None
) -> AsicFigures:
    library = target.library
    gates = clock_gates(netlist)
    wires = f"wires by its model `{library.wire_load}`" if library.wire_load else "no wires"
    common = f"OpenSTA, {library.name} at {library.voltage:g} V, {wires}, clock tree inside, before placement"
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


@contextlib.contextmanager
def library_at(work: Path, target: Target) -> Iterator[None]:
    """The unpacked library beside the scripts while they run: no path of this machine stands in them."""
    path = work / LIBRARY
    write_text(path, target.text)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
