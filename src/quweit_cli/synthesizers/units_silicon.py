"""Area, timing and power of the units between products, in cells of a library: each whole, one lane.

Mapped and analysed like a block (synthesizers/asic.py). A row waits in flip-flops, as there is no memory
macro: each of its elements has a clock gate, and all of them count as running.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.artifacts import write_text
from quweit_cli.baseline_documents import UnitSilicon
from quweit_cli.baseline_settings import Baseline
from quweit_cli.config import Synth
from quweit_cli.hdl.render import static_text
from quweit_cli.hdl.units import FOLDER, SOURCES, Unit
from quweit_cli.progress import Progress
from quweit_cli.synthesizers import opensta
from quweit_cli.synthesizers.asic import Target, analyse, library_at, map_to_cells, target_of
from quweit_cli.synthesizers.parameters import with_parameters

STEP = "silicon"


def synthesize(
    units: Sequence[Unit], options: Baseline, folder: Path, progress: Progress
) -> dict[str, UnitSilicon]:
    """Module -> its figures, one after the other; scripts and logs are in `folder/silicon`.

    Raises:
        ConfigError: the library cannot be read, or lacks a cell that every design needs.
        ToolError: a tool is missing, or refused a module.
    """
    assert options.liberty is not None
    clock_mhz = 1000 * options.clock_ghz
    target = target_of(Synth(liberty=options.liberty, clock_mhz=clock_mhz, activity="vectorless"))
    work = folder / STEP
    work.mkdir()
    made = {}
    with library_at(work, target), progress.task("library cells of units", len(units)) as task:
        for unit in units:
            made[unit.module] = _map(unit, target, clock_mhz, work)
            task.advance()
    return made


def _map(unit: Unit, target: Target, clock_mhz: float, work: Path) -> UnitSilicon:
    sources = []
    for name in SOURCES:
        text = static_text(f"static/{FOLDER}/{name}")
        copy = Path(f"{unit.module}.{name}")
        write_text(
            work / copy,
            with_parameters(text, unit.module, unit.parameters)
            if copy.name == f"{unit.module}.{unit.module}.sv"
            else text,
        )
        sources.append(copy)
    netlist = map_to_cells(
        sources, unit.module, target, work, unit.module, clock_gating=True, clock_port="clk_i"
    )
    analysis = analyse(netlist, target, work, unit.module)
    library = target.library
    return UnitSilicon(
        library=library.name,
        library_sha256=library.sha256,
        clock_mhz=clock_mhz,
        area_mm2=netlist.area_um2() / 1e6,
        vectorless_mw=analysis.vectorless_mw,
        slack_ns=analysis.slack_ns,
        method=f"{toolbox.find(toolbox.YOSYS).version}, OpenSTA {toolbox.find(toolbox.OPENSTA).version}, {library.name} at {library.voltage:g} V, "
        f"one lane, its row in flip-flops, before placement; vectorless, {100 * opensta.GLOBAL_ACTIVITY:g} % activity "
        "on every net, gated clocks counted as running",
    )
