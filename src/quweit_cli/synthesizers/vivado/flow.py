"""Vivado: placed and routed figures, timing and the vendor's power estimate, by a batch project.

The project is written whether Vivado is here or not (`write_project`), complete with its sources, so
that it can be carried to a machine that has it. Its settings are those of the paper's section 5: no
DSP, 200 MHz unless told otherwise, vectorless power at 12.5 % toggle rate.
"""

from __future__ import annotations

import codecs
import time
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.artifacts import inside, write_text
from quweit_cli.config import Synth
from quweit_cli.documents import Design, Implementation, UnitDesign
from quweit_cli.errors import ConfigError, ToolFailed, ToolNotFound
from quweit_cli.progress import Progress
from quweit_cli.synthesizers.base import Package, sources_for
from quweit_cli.synthesizers.vivado import reports as vivado_reports
from quweit_cli.technologies import Utilization, technology_of
from quweit_cli.templating import render
from quweit_cli.toolbox import Plan

PROJECT = "vivado"
TOGGLE_PERCENT = 12.5
POWER_METHOD = f"report_power after routing, dynamic, vectorless, {TOGGLE_PERCENT} % toggle rate"


class Vivado:
    def tools(self, options: Synth) -> tuple[toolbox.Tool, ...]:
        return (toolbox.VIVADO,)

    def plans(self, package: Package, options: Synth, folder: Path) -> list[Plan]:
        utilization_of(options.device)
        return plans(package, options)

    def synthesize(
        self, package: Package, options: Synth, folder: Path, progress: Progress
    ) -> list[Implementation]:
        """One Vivado process a design, one after the other: each takes gigabytes of memory."""
        places = utilization_of(options.device)
        wanted = plans(package, options)
        found = _find(toolbox.VIVADO)
        project = folder / PROJECT
        if not project.is_dir():
            write_project(package, options, project)
        made = []
        with progress.task("synthesis", total=len(package.manifest.designs)) as task:
            for design, plan in zip(package.manifest.designs, wanted, strict=True):
                made.append(_synthesize(found, design, plan, options, places, project))
                task.advance()
        return made


def _find(tool: toolbox.Tool) -> toolbox.Found:
    try:
        return toolbox.find(tool)
    except ToolNotFound as error:
        raise ToolNotFound(
            error.message,
            hint=f"{error.hint or 'correct it'}; or take the batch project to a machine that has it and run there "
            f"`vivado -mode batch -source run_all.tcl` in `{PROJECT}`",
        ) from None


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


def write_project(package: Package, options: Synth, folder: Path) -> None:
    """A new folder with sources/, constraints.xdc, one Tcl script a design, run_all.tcl and reports/."""
    for plan in plans(package, options):
        plan.lay_out(folder)
    names = [design.name for design in package.manifest.designs]
    write_text(folder / "run_all.tcl", render("vivado/run_all.tcl.mako", designs=names))


def plans(package: Package, options: Synth) -> list[Plan]:
    """What Vivado does in the folder of the project, a design each.

    Raises:
        ArtifactError: a source is outside of the package.
        ConfigError: a design that is rendered for library cells alone.
    """
    constraints = render(
        "vivado/constraints.xdc.mako",
        clock_mhz=f"{options.clock_mhz:g}",
        period_ns=f"{1000 / options.clock_mhz:.3f}",
    )
    technology = technology_of(options.device)
    return [
        Plan(
            tool=toolbox.VIVADO,
            name=f"vivado on {design.kind} {design.name}",
            files={
                f"{design.name}.tcl": _script(design, options),
                "constraints.xdc": constraints,
                **{
                    f"sources/{name}": inside(package.folder, name)
                    for name in sources_for(design, technology)
                },
                # by the names that the RTL has for them: it opens them where Vivado runs
                **{name: inside(package.folder, name) for name in design.memories},
            },
            arguments=("-mode", "batch", "-nojournal", "-nolog", "-source", f"{design.name}.tcl"),
            log=f"logs/{design.name}.log",
            folders=("reports",),
        )
        for design in package.manifest.designs
    ]


def _script(design: Design, options: Synth) -> str:
    return render(
        "vivado/design.tcl.mako",
        design=design.name,
        top=design.top,
        part=options.device,
        sources=design.sources_xilinx,
        memories=design.memories,
        parameters=design.parameters if isinstance(design, UnitDesign) else {},
        toggle_percent=f"{TOGGLE_PERCENT:g}",
    )


def _synthesize(
    found: toolbox.Found, design: Design, plan: Plan, options: Synth, places: Utilization, project: Path
) -> Implementation:
    started = time.monotonic()
    plan.run(found, project)
    report = project / "reports" / design.name
    used = vivado_reports.utilization(_read(report, "utilization"), design.top, places)
    power_mw = vivado_reports.dynamic_power_mw(_read(report, "power"), design.top)
    return Implementation(
        design=design.name,
        kind=design.kind,
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
        urams=used.urams,
        dsps=used.dsps,
        slack_ns=vivado_reports.worst_setup_slack_ns(_read(report, "timing_summary"), design.top),
        power_mw=power_mw,
        power_method=POWER_METHOD
        if power_mw is not None
        else f"{POWER_METHOD}: less than the 1 mW that it prints",
        seconds=round(time.monotonic() - started, 3),
        log=f"{PROJECT}/{plan.log}",
    )


def _read(report: Path, kind: str) -> str:
    path = report.with_name(f"{report.name}_{kind}.rpt")
    try:
        content = path.read_bytes()
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return content.decode("utf-16" if wide else "utf-8-sig", errors="replace").replace("\r\n", "\n")
    except OSError:
        raise ToolFailed(f"vivado ended well and left no report `{path.name}`") from None
