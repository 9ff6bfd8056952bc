"""synth: RTL package -> cells of every block, and a Vivado batch project that gives the vendor's figures."""

from __future__ import annotations

from pathlib import Path

from quweit_cli import config
from quweit_cli.artifacts import check_stage, is_current, load_document, save, writing_stage
from quweit_cli.documents import RtlManifest, SynthesisReport
from quweit_cli.errors import ConstraintMissed
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import keys
from quweit_cli.synthesizers import synthesizer
from quweit_cli.synthesizers.base import Package
from quweit_cli.synthesizers.vivado.flow import PROJECT, write_project
from quweit_cli.technologies import technology_of


def run(
    project: Path, options: config.Synth, *, progress: Progress = SILENT, reuse: bool = False
) -> SynthesisReport:
    """Synthesize every block of `project/rtl`.

    Raises:
        ArtifactError: no RTL package here, or not the one that was rendered.
        ConfigError: an unknown tool or device.
        ToolError: the tool is missing or failed; what was written is kept in `project/synth.incomplete`.
        ConstraintMissed: the clock is not met (after the artefact was written).
    """
    tool = synthesizer(options.tool)
    inputs, settings = keys.synth(project, options)
    if not (reuse and is_current(project, "synth", inputs=inputs, options=settings)):
        check_stage(project, "rtl")
        rtl = project / "rtl"
        package = Package(rtl, load_document(project, "rtl", RtlManifest))
        with writing_stage(project, "synth", inputs=inputs, options=settings) as folder:
            for_vivado = bool(options.liberty) or technology_of(options.device).utilization is not None
            if for_vivado:
                write_project(package, options, folder / PROJECT)
            blocks = tool.synthesize(package, options, folder, progress)
            save(
                SynthesisReport(
                    name=package.manifest.name,
                    rtl=inputs["rtl"],
                    blocks=blocks,
                    vivado_project=f"{PROJECT}/run_all.tcl" if for_vivado else None,
                ),
                folder / "synth.json",
            )
    report = load_document(project, "synth", SynthesisReport)
    check_timing(report, options)
    return report


def check_timing(report: SynthesisReport, options: config.Synth) -> None:
    """Raises ConstraintMissed when a block misses its clock and that was not allowed."""
    missed = [block for block in report.blocks if block.slack_ns is not None and block.slack_ns < 0]
    if missed and not options.allow_negative_slack:
        worst = min(missed, key=lambda block: block.slack_ns or 0)
        raise ConstraintMissed(
            f"{len(missed)} of {len(report.blocks)} blocks miss {worst.clock_mhz:g} MHz; "
            f"the worst is {worst.block} with {worst.slack_ns:.3f} ns of slack",
            hint="ask for a slower clock, or set synth.allow_negative_slack in the experiment file",
        )
