"""synth: RTL package -> cells of every design, and a Vivado batch project that gives the vendor's figures."""

from __future__ import annotations

from pathlib import Path

from quweit_cli import config
from quweit_cli.artifacts import check_stage, digest_of_file, is_current, writing_stage
from quweit_cli.documents import RTL, SYNTH, Implementation, SynthesisPlan, SynthesisReport
from quweit_cli.errors import ConfigError, ConstraintMissed
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import keys
from quweit_cli.synthesizers import synthesizer
from quweit_cli.synthesizers.base import Package
from quweit_cli.synthesizers.vivado.flow import PROJECT, write_project
from quweit_cli.technologies import board_named, part_named, technology_of
from quweit_cli.toolbox import write_archive


def run(
    project: Path, options: config.Synth, *, progress: Progress = SILENT, reuse: bool = False
) -> SynthesisReport:
    """Synthesize every design of `project/rtl`.

    Raises:
        ArtifactError: no RTL package here, or not the one that was rendered.
        ConfigError: an unknown tool or device.
        ToolError: the tool is missing or failed; what was written is kept in `project/synth.incomplete`.
        ConstraintMissed: the clock is not met (after the artefact was written).
    """
    options = _with_part(options)
    tool = synthesizer(options.tool)
    tool.tools(options)  # or a device that they do not know is refused later
    inputs, settings = keys.synth(project, options)
    if not (reuse and is_current(project, "synth", inputs=inputs, options=settings)):
        check_stage(project, "rtl")
        rtl = project / "rtl"
        package = Package(rtl, RTL.load(project))
        with writing_stage(project, "synth", inputs=inputs, options=settings) as folder:
            vendor = _for_vivado(package, options)
            if vendor:
                write_project(package, options, folder / PROJECT)
            designs = tool.synthesize(package, options, folder, progress)
            SYNTH.save(
                SynthesisReport(
                    name=package.manifest.name,
                    rtl=inputs["rtl"],
                    designs=designs,
                    vivado_project=f"{PROJECT}/run_all.tcl" if vendor else None,
                ),
                folder,
            )
    report = SYNTH.load(project)
    check_timing(report, options)
    return report


def _with_part(options: config.Synth) -> config.Synth:
    """The same, with a part in place of a short name, or part and clock of a board.

    Raises:
        ConfigError: there is no such board, or another part or clock is asked for.
    """
    if options.board is None:
        return options.model_copy(update={"device": part_named(options.device)})
    board, free = board_named(options.board), config.Synth()
    if part_named(options.device) not in (free.device, board.part):
        raise ConfigError(
            f"the board {board.name} has the part {board.part}, not {options.device}",
            hint="name a board or a device",
        )
    if options.clock_mhz not in (free.clock_mhz, board.clock_mhz):
        raise ConfigError(
            f"the clock of the board {board.name} is {board.clock_mhz:g} MHz, not {options.clock_mhz:g}",
            hint="leave the clock out: it is the board's",
        )
    return options.model_copy(update={"device": board.part, "clock_mhz": board.clock_mhz})


def _for_vivado(package: Package, options: config.Synth) -> bool:
    """Whether a batch project can be written: Vivado knows the part, and every design has a rendering for it."""
    known = technology_of(options.device).utilization is not None
    return known and all(design.sources_xilinx for design in package.manifest.designs)


def _path(worst: Implementation) -> str:
    path = worst.routed.critical_path if worst.routed else None
    return f", from {path.start} to {path.end}" if path else ""


def write_plan(project: Path, options: config.Synth, path: Path) -> SynthesisPlan:
    """A zip file with scripts, sources and `run.sh`, which runs on another machine what `run` would run here.

    Raises:
        ArtifactError: no RTL package here, or not the one that was rendered; or the file cannot be written.
        ConfigError: an unknown tool or device, or a cell library, whose tools run in turns with quweit.
    """
    options = _with_part(options)
    if options.liberty:
        raise ConfigError(
            "with a cell library quweit works between the runs of the tools: there is no plan without it",
            hint="leave out `--liberty`, or run `quweit synth` on the other machine",
        )
    check_stage(project, "rtl")
    package = Package(project / "rtl", RTL.load(project))
    made = synthesizer(options.tool).plans(package, options, project / "synth")
    write_archive(made, path, "synth")
    return SynthesisPlan(
        name=package.manifest.name,
        tool=options.tool,
        device=options.device,
        runs=len(made),
        file=str(path),
        sha256=digest_of_file(path),
    )


def check_timing(report: SynthesisReport, options: config.Synth) -> None:
    """Raises ConstraintMissed when a design misses its clock and that was not allowed."""
    missed = [one for one in report.designs if one.slack_ns is not None and one.slack_ns < 0]
    if missed and not options.allow_negative_slack:
        worst = min(missed, key=lambda one: one.slack_ns or 0)
        raise ConstraintMissed(
            f"{len(missed)} of {len(report.designs)} designs miss {worst.clock_mhz:g} MHz; "
            f"the worst is {worst.design} with {worst.slack_ns:.3f} ns of slack{_path(worst)}",
            hint="fold the block more, or place it with more seeds: the clock is the board's"
            if options.board
            else "ask for a slower clock, or set synth.allow_negative_slack in the experiment file",
        )
