"""baseline: what blocks are compared with, by the stages that every block takes.

Each model has two projects at most in the project directory, with the arrays, the units between products, and a reference
block:

    i_vit_t/           for an FPGA: dump/, rtl/, sim/, synth/
    i_vit_t_silicon/   the same in cells of a library, with more registers, where one is named
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from quweit_cli import config
from quweit_cli.artifacts import check_fresh, open_project
from quweit_cli.config import Baseline
from quweit_cli.documents import (
    DUMP,
    RTL,
    SIM,
    SYNTH,
    BaselineProject,
    BaselineResult,
    DumpManifest,
    RtlManifest,
    SimResult,
    SynthesisReport,
)
from quweit_cli.errors import StaleArtifact
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import reference, rtl, sim, synth

SILICON = "_silicon"  # of the name of a project: its designs are in cells of a library
STAGES = ("dump", "rtl", "sim", "synth")


class Made(NamedTuple):
    """What the stages of one project left."""

    project: Path
    dump: DumpManifest
    rtl: RtlManifest
    sim: SimResult
    synth: SynthesisReport


def run(project: Path, options: Baseline, *, progress: Progress = SILENT, reuse: bool = True) -> list[Made]:
    """Bring all stages of `project/<model>` up to date, and those of `project/<model>_silicon` where a library is named.

    Raises:
        Mismatch: an array does not equal the products of matrices, or a unit or the block its integers.
        ConfigError: an unknown model, or a side that is no multiple of eight.
        ToolError: a tool is missing or rejects a design.
    """
    name, _ = reference.model_of(options)
    open_project(project)
    fpga = config.Synth(device=options.device)
    made = [_stages(project / name, options, fpga, progress=progress, reuse=reuse)]
    if options.liberty:
        library = config.Synth(
            liberty=options.liberty,
            clock_mhz=1000 * options.clock_ghz,
            mapping="speed",
            activity=options.activity,
            allow_negative_slack=True,
        )
        folder = project / f"{name}{SILICON}"
        made.append(_stages(folder, options, library, progress=progress, reuse=reuse))
    return made


def result(made: Sequence[Made]) -> BaselineResult:
    return BaselineResult(
        projects=[BaselineProject(project=str(one.project), sim=one.sim, synth=one.synth) for one in made]
    )


def _stages(
    project: Path, options: Baseline, target: config.Synth, *, progress: Progress, reuse: bool
) -> Made:
    silicon = bool(target.liberty)
    reference.write_dump(open_project(project), options)
    rendered = config.Rtl(
        arrays=options.arrays,
        pipelined=silicon,
        cycles_per_row=options.cycles_per_row,
        pipeline_depth=options.pipeline_depth if silicon else "auto",
    )
    rtl.run(project, rendered, progress=progress, reuse=reuse)
    compared = config.Sim(simulators=options.simulators, array_forms=("xilinx",))
    sim.run(project, compared, progress=progress, reuse=reuse)
    synth.run(project, target, progress=progress, reuse=reuse)
    return read(project)


def read(project: Path) -> Made:
    """What an earlier run left.

    Raises:
        ArtifactError: a stage is missing.
        StaleArtifact: a stage was made from other RTL than there is now.
        Mismatch, CheckFailed: what was simulated is not what it must be.
    """
    for stage in STAGES:
        try:
            check_fresh(project, stage)
        except StaleArtifact as error:
            raise StaleArtifact(error.message, hint="run `quweit baseline` again") from None
    made = Made(
        project,
        DUMP.load(project),
        RTL.load(project),
        SIM.load(project),
        SYNTH.load(project),
    )
    sim.verdict(made.sim)
    return made
