"""Vivado: placed and routed figures, timing and the vendor's power estimate, by a batch project.

The project is written whether Vivado is here or not (`write_project`), complete with its sources, so
that it can be carried to a machine that has it. Its settings are those of the paper's section 5: no
DSP, 200 MHz unless told otherwise, vectorless power at 12.5 % toggle rate.
"""

from __future__ import annotations

import codecs
import shutil
import time
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.artifacts import inside, write_text
from quweit_cli.config import Synth
from quweit_cli.documents import RtlBlock, SynthesizedBlock
from quweit_cli.errors import ConfigError, ToolFailed, ToolNotFound
from quweit_cli.progress import Progress
from quweit_cli.synthesizers.base import Package
from quweit_cli.synthesizers.vivado import reports as vivado_reports
from quweit_cli.technologies import Utilization, technology_of
from quweit_cli.templating import render

PROJECT = "vivado"
TOGGLE_PERCENT = 12.5
POWER_METHOD = f"report_power after routing, dynamic, vectorless, {TOGGLE_PERCENT} % toggle rate"


class Vivado:
    tool = toolbox.VIVADO

    def synthesize(
        self, package: Package, options: Synth, folder: Path, progress: Progress
    ) -> list[SynthesizedBlock]:
        """One Vivado process a block, one after the other: each takes gigabytes of memory."""
        places = utilization_of(options.device)
        found = _find(self.tool)
        project = folder / PROJECT
        if not project.is_dir():
            write_project(package, options, project)
        blocks = package.manifest.blocks
        made = []
        with progress.task("synthesis", total=len(blocks)) as task:
            for block in blocks:
                made.append(_synthesize_block(found, block, options, places, project))
                task.advance()
        return made


def utilization_of(device: str) -> Utilization:
    """Where Vivado's report has the resources of a part.

    Raises:
        ConfigError: a part of another vendor, or of no known family.
    """
    technology = technology_of(device)
    if technology.utilization is None:
        raise ConfigError(
            f"Vivado does not know {technology.name}, the family of `{device}`",
            hint="`--tool yosys` counts its cells; or name a part of AMD",
        )
    return technology.utilization


def _find(tool: toolbox.Tool) -> toolbox.Found:
    try:
        return toolbox.find(tool)
    except ToolNotFound as error:
        raise ToolNotFound(
            error.message,
            hint=f"{error.hint or 'correct it'}; or take the batch project to a machine that has it and run there "
            f"`vivado -mode batch -source run_all.tcl` in `{PROJECT}`",
        ) from None


def write_project(package: Package, options: Synth, folder: Path) -> None:
    """A new folder with sources/, constraints.xdc, one Tcl script a block, run_all.tcl and reports/."""
    blocks = package.manifest.blocks
    for name in ("sources", "reports", "logs"):
        (folder / name).mkdir(parents=True)
    for source in sorted({name for block in blocks for name in block.sources_xilinx}):
        copy = inside(folder / "sources", source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(inside(package.folder, source), copy)
    constraints = render(
        "vivado/constraints.xdc.mako",
        clock_mhz=f"{options.clock_mhz:g}",
        period_ns=f"{1000 / options.clock_mhz:.3f}",
    )
    write_text(folder / "constraints.xdc", constraints)
    for block in blocks:
        text = render(
            "vivado/block.tcl.mako",
            block=block.name,
            top=block.top,
            part=options.device,
            sources=block.sources_xilinx,
            toggle_percent=f"{TOGGLE_PERCENT:g}",
        )
        write_text(folder / f"{block.name}.tcl", text)
    write_text(
        folder / "run_all.tcl", render("vivado/run_all.tcl.mako", blocks=[block.name for block in blocks])
    )


def _synthesize_block(
    found: toolbox.Found, block: RtlBlock, options: Synth, places: Utilization, project: Path
) -> SynthesizedBlock:
    started = time.monotonic()
    log = project / "logs" / f"{block.name}.log"
    command = [*found.command, "-mode", "batch", "-nojournal", "-nolog", "-source", f"{block.name}.tcl"]
    toolbox.run(command, cwd=project, log=log, name=f"vivado on block {block.name}")
    report = project / "reports" / block.name
    used = vivado_reports.utilization(_read(report, "utilization"), block.top, places)
    power_mw = vivado_reports.dynamic_power_mw(_read(report, "power"), block.top)
    return SynthesizedBlock(
        block=block.name,
        tool="vivado",
        version=found.version,
        device=options.device,
        clock_mhz=options.clock_mhz,
        stage="route",
        luts=used.luts,
        ffs=used.ffs,
        carries=used.carries,
        muxes=used.muxes,
        brams=used.brams,
        dsps=used.dsps,
        slack_ns=vivado_reports.worst_setup_slack_ns(_read(report, "timing_summary"), block.top),
        power_mw=power_mw,
        power_method=POWER_METHOD
        if power_mw is not None
        else f"{POWER_METHOD}: less than the 1 mW that it prints",
        seconds=round(time.monotonic() - started, 3),
        log=f"{PROJECT}/logs/{log.name}",
    )


def _read(report: Path, kind: str) -> str:
    path = report.with_name(f"{report.name}_{kind}.rpt")
    try:
        content = path.read_bytes()
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return content.decode("utf-16" if wide else "utf-8-sig", errors="replace").replace("\r\n", "\n")
    except OSError:
        raise ToolFailed(f"vivado ended well and left no report `{path.name}`") from None
