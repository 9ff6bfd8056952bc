"""The whole flow: every stage in order, redoing only what its key says is out of date.

The stages that need torch are not even imported when they are up to date, so that a finished run
is recognised in a moment. The others are asked to reuse, since their verdict counts again: an RTL
that did not equal the program before still does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from quweit_cli import artifacts, config, toolbox
from quweit_cli.documents import DumpManifest, Summary
from quweit_cli.errors import ConfigError, ToolNotFound
from quweit_cli.progress import SILENT, Progress
from quweit_cli.simulators import simulator
from quweit_cli.stages import keys, later
from quweit_cli.stages.keys import Key
from quweit_cli.stages.summary import write_summary
from quweit_cli.synthesizers import synthesizer

CHECKPOINT = Path("train") / "ckpt.pt"
NEED_TORCH = ("train", "dump")


def run(experiment: config.Experiment, project: Path, *, progress: Progress = SILENT) -> Summary:
    """Train, dump, rtl, sim, synth, front, energy, report; a dense baseline is trained and reported only.

    Tools are looked for before anything runs, and settings of later stages checked before training. A simulator that the settings list and this machine
    lacks is skipped, said so, and named in the summary, as long as another one remains.

    Raises:
        ConfigError, ArtifactError, ToolError, CheckFailed: from the stages; what was finished stays.
    """
    artifacts.open_project(project)
    if experiment.model.mlp == "dense":
        return _run_baseline(experiment, project, progress)
    simulation, skipped = _usable_simulators(experiment.sim)
    toolbox.find(synthesizer(experiment.synth.tool).tool)
    for name, reason in skipped.items():
        progress.note(f"skipping {name}: {reason}")
    _train(experiment, project, progress)
    _dump(experiment, project, progress)
    _rtl(experiment.rtl, project, progress)
    _sim(simulation, project, progress)
    _synth(experiment.synth, project, progress)
    _front(project, progress)
    _energy(experiment.energy, project, progress)
    _report(project, progress)
    return write_summary(project, skipped=skipped)


def _run_baseline(experiment: config.Experiment, project: Path, progress: Progress) -> Summary:
    if (project / "dump").is_dir():
        raise ConfigError(
            f"`{project}` holds the hardware of a weightless model, and `model.mlp` is dense",
            hint="name another directory with --out",
        )
    _train(experiment, project, progress)
    _report(project, progress)
    progress.note("the MLPs are dense: there is no block to dump, render or synthesize")
    return write_summary(project)


def _train(experiment: config.Experiment, project: Path, progress: Progress) -> None:
    def work() -> None:
        from quweit_cli.stages import train

        if experiment.model.mlp == "weightless":
            later.check(experiment)
        train.run(experiment, project, progress=progress)

    _bring_up_to_date(project, "train", keys.train(experiment), work, progress)


def _dump(experiment: config.Experiment, project: Path, progress: Progress) -> None:
    checkpoint, options, data_path = project / CHECKPOINT, experiment.dump, experiment.data.path

    def work() -> None:
        from quweit_cli.stages import dump

        dump.run(checkpoint, project, options, data_path=data_path, progress=progress)

    _bring_up_to_date(project, "dump", keys.dump(checkpoint, options, data_path), work, progress)


def _rtl(options: config.Rtl, project: Path, progress: Progress) -> None:
    def work() -> None:
        from quweit_cli.stages import rtl

        rtl.run(project, options, progress=progress, reuse=True)

    _bring_up_to_date(project, "rtl", keys.rtl(project, options), work, progress)


def _sim(options: config.Sim, project: Path, progress: Progress) -> None:
    def work() -> None:
        from quweit_cli.stages import sim

        sim.run(project, options, progress=progress, reuse=True)

    _bring_up_to_date(project, "sim", keys.sim(project, options), work, progress)


def _synth(options: config.Synth, project: Path, progress: Progress) -> None:
    def work() -> None:
        from quweit_cli.stages import synth

        synth.run(project, options, progress=progress, reuse=True)

    _bring_up_to_date(project, "synth", keys.synth(project, options), work, progress)


def _front(project: Path, progress: Progress) -> None:
    """Of the first block."""

    def work() -> None:
        from quweit_cli.stages import front

        front.run(project, progress=progress, reuse=True)

    block = artifacts.load_document(project, "dump", DumpManifest).blocks[0].name
    _bring_up_to_date(project, "front", keys.front(project, block), work, progress)


def _energy(options: config.Energy, project: Path, progress: Progress) -> None:
    def work() -> None:
        from quweit_cli.stages import energy

        energy.run(project, options, progress=progress, reuse=True)

    _bring_up_to_date(project, "energy", keys.energy(project, options), work, progress)


def _report(project: Path, progress: Progress) -> None:
    def work() -> None:
        from quweit_cli.stages import report

        report.run(project, progress=progress, reuse=True)

    _bring_up_to_date(project, "report", keys.report(project), work, progress)


def _bring_up_to_date(
    project: Path, stage: str, key: Key, work: Callable[[], None], progress: Progress
) -> None:
    current = artifacts.is_current(project, stage, inputs=key.inputs, options=key.options)
    if not (current and stage in NEED_TORCH):
        started = time.monotonic()
        try:
            work()
        except KeyboardInterrupt as interrupt:
            if not hasattr(interrupt, "__notes__"):
                interrupt.add_note(
                    f"what is finished stays: run the same command again to go on with `{stage}`"
                )
            raise
        seconds = time.monotonic() - started
    progress.note(f"{stage:<7} up to date" if current else f"{stage:<7} done in {seconds:.1f} s")


def _usable_simulators(options: config.Sim) -> tuple[config.Sim, dict[str, str]]:
    skipped: dict[str, str] = {}
    for name in options.simulators:
        try:
            toolbox.find(simulator(name).tool)
        except ToolNotFound as error:
            skipped[name] = f"{error.message} ({error.hint})"
            missing = error
    usable = tuple(name for name in options.simulators if name not in skipped)
    if not usable:
        raise missing
    return options.model_copy(update={"simulators": usable}), skipped
