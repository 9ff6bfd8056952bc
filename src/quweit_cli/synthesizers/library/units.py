"""Area, timing and power of the units between products, in cells of a library: each whole, one lane.

The pipelined rendering, mapped like a module of an array (synthesizers/library/mapping.py). A row waits in flip-flops, as
there is no memory macro: each of its elements has a clock gate. Vectorless, all of them count as running; with the
activity of rows (hdl/units/streams.py) they hold back what they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.artifacts import write_text
from quweit_cli.config import Baseline, Synth
from quweit_cli.documents import BaselineSim, UnitSilicon
from quweit_cli.hdl.units import streams as unit_streams
from quweit_cli.hdl.units.design import FOLDER, PIPELINED, Unit
from quweit_cli.progress import Progress
from quweit_cli.synthesizers.library import mapping, opensta
from quweit_cli.synthesizers.library import replay as systolic_activity
from quweit_cli.synthesizers.library.flow import analyse, write_cell_models
from quweit_cli.synthesizers.library.mapping import LIBRARY, Target, library_at, target_of
from quweit_cli.synthesizers.library.parameters import with_parameters
from quweit_cli.templating import static_text

STEP = "silicon"


def synthesize(
    units: Sequence[Unit], sim: BaselineSim, options: Baseline, folder: Path, progress: Progress
) -> dict[str, UnitSilicon]:
    """Module -> its figures, one after the other; scripts and logs are in `folder/silicon`.

    Raises:
        ConfigError: the library cannot be read, or lacks a cell that every design needs.
        ToolError: a tool is missing, or refused a module.
    """
    clock_mhz = 1000 * options.clock_ghz
    target = target_of(Synth(liberty=options.liberty, clock_mhz=clock_mhz, activity=options.activity))
    work = folder / STEP
    work.mkdir()
    made = {}
    with (
        library_at(work / LIBRARY, target.library),
        progress.task("library cells of units", len(units)) as task,
    ):
        for unit in units:
            cycles = sim.unit_cycles(unit.module, "pipelined")
            made[unit.module] = _make(unit, cycles, target, options, work)
            task.advance()
    return made


def _make(unit: Unit, cycles: int, target: Target, options: Baseline, work: Path) -> UnitSilicon:
    name, library = unit.module, target.library
    sources = _write_sources(unit, work)
    made = mapping.map_fast(mapping.Design(sources, unit.module, name), target, work)
    counted = None
    if options.activity == "measured":
        write_cell_models(made.netlist, library, work, name)
        stream = unit_streams.stream_of(unit)
        counted = systolic_activity.measure(made.netlist, sources, [stream], work, name)
    analysis = analyse(made.netlist, target, work, name, counted)
    common = (
        f"{toolbox.find(toolbox.YOSYS).version}, OpenSTA {toolbox.find(toolbox.OPENSTA).version}, {library.supply}, "
        "one lane, its row in flip-flops, before placement"
    )
    measured = None
    if counted is not None:
        measured = (
            f"{common}; activity of every net counted in simulation of the netlist over {counted.cycles:,} cycles, equal to "
            f"its RTL in each, without glitches; {unit_streams.SAID}"
        )
    return UnitSilicon(
        library=library.name,
        library_sha256=library.sha256,
        clock_mhz=1000 * options.clock_ghz,
        area_mm2=made.netlist.area_um2() / 1e6,
        cycles=cycles,
        vectorless_mw=analysis.vectorless_mw,
        measured_mw=analysis.measured_mw,
        measured_method=measured,
        activity_cycles=counted.cycles if counted else 0,
        slack_ns=analysis.slack_ns,
        mapper=made.mapper,
        method=f"{common}; vectorless, {100 * opensta.GLOBAL_ACTIVITY:g} % activity on every net, gated clocks counted "
        "as running",
    )


def _write_sources(unit: Unit, work: Path) -> list[Path]:
    """Files of its own for every unit, since its parameters stand in them."""
    sources = []
    for name in PIPELINED:
        text = static_text(f"{FOLDER}/{name}")
        if Path(name).stem == unit.module:
            text = with_parameters(text, unit.module, unit.parameters)
        source = Path(f"{unit.module}.{Path(name).name}")
        write_text(work / source, text)
        sources.append(source)
    return sources
