"""Cells of the units between the products of a layer, by Yosys for an FPGA: no DSP, no block RAM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.artifacts import write_text
from quweit_cli.config import Baseline
from quweit_cli.documents import BaselineSim, SynthesizedUnit
from quweit_cli.hdl.units.design import FOLDER, SOURCES, Unit
from quweit_cli.progress import Progress
from quweit_cli.synthesizers.cells import cell_counts, resources
from quweit_cli.technologies import Technology, technology_of
from quweit_cli.templating import static_text


def synthesize(
    units: Sequence[Unit], sim: BaselineSim, options: Baseline, folder: Path, progress: Progress
) -> list[SynthesizedUnit]:
    """One process each; RTL, scripts and logs are left in `folder`."""
    technology = technology_of(options.device)
    found = toolbox.find(toolbox.YOSYS)
    (folder / "rtl").mkdir()
    for name in SOURCES:
        write_text(folder / "rtl" / name, static_text(f"{FOLDER}/{name}"))
    with progress.task("synthesis of units", len(units)) as task:

        def run(unit: Unit) -> SynthesizedUnit:
            write_text(folder / f"{unit.module}.ys", script(unit, technology))
            log = folder / f"{unit.module}.log"
            command = [*found.command, f"{unit.module}.ys"]
            toolbox.run(command, cwd=folder, log=log, name=f"yosys on {unit.module}")
            used = resources(cell_counts(folder / f"{unit.module}.stat.json"), technology)
            task.advance()
            return SynthesizedUnit(
                unit=unit.name,
                module=unit.module,
                version=found.version,
                device=options.device,
                luts=int(used["luts"]),
                ffs=int(used["ffs"]),
                cycles=sim.unit_cycles(unit.module, "behavioural"),
                dense_only=unit.dense_only,
                log=log.name,
            )

        return toolbox.side_by_side(run, units)


def script(unit: Unit, technology: Technology) -> str:
    reads = "".join(f"read_verilog -sv rtl/{name}\n" for name in SOURCES)
    changes = "".join(f"chparam -set {key} {value} {unit.module}\n" for key, value in unit.parameters.items())
    return f"""\
{reads}{changes}{technology.synthesis(unit.module, flatten=True)}
delete t:$scopeinfo
check -assert
tee -q -o {unit.module}.stat.json stat -json -top {unit.module}
"""
