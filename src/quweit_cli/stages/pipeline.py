"""The whole flow: every stage in order, redoing only what its key says is out of date.

The stages that need torch are not even imported when they are up to date, so that a finished run
is recognised in a moment. The others are asked to reuse, since their verdict counts again: an RTL
that did not equal the program before still does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from quweit_cli import artifacts, config, toolbox
from quweit_cli.documents import DUMP, Summary
from quweit_cli.errors import ConfigError, ToolNotFound
from quweit_cli.progress import SILENT, Progress
from quweit_cli.simulators import simulator
from quweit_cli.stages import keys, later
from quweit_cli.stages.keys import Key
from quweit_cli.stages.summary import write_summary
from quweit_cli.synthesizers import synthesizer

CHECKPOINT = Path("train") / "ckpt.pt"


def run(experiment: config.Experiment, project: Path, *, progress: Progress = SILENT) -> Summary:
    """Train, dump, rtl, sim, synth, front, energy, report.

    A model without blocks has no front, and is trained and reported only unless `rtl.side` asks for hardware of all of it.

    Tools are looked for before anything runs, and settings of later stages checked before training. A simulator that the settings list and this machine
    lacks is skipped, said so, and named in the summary, as long as another one remains.

    Raises:
        ConfigError, ArtifactError, ToolError, CheckFailed: from the stages; what was finished stays.
    """
    artifacts.open_project(project)
    blocks = experiment.model.mlp == "weightless"
    if not blocks:
        _check_without_blocks(project, experiment.model.mlp)
        if experiment.rtl.side is None:
            return _run_baseline(experiment, project, progress)
    simulation, skipped = usable_tools(experiment)
    for name, reason in skipped.items():
        progress.note(f"skipping {name}: {reason}")
    usable = experiment.model_copy(update={"sim": simulation})
    for arrow in (one for one in FLOW if blocks or one is not FRONT):
        _bring_up_to_date(project, arrow, usable if arrow.name == "sim" else experiment, progress)
    return write_summary(project, skipped=skipped)


def _check_without_blocks(project: Path, mlp: config.Mlp) -> None:
    """Raises ConfigError where the project holds blocks."""
    if (project / "dump").is_dir() and DUMP.load(project).blocks:
        raise ConfigError(
            f"`{project}` holds the hardware of a weightless model, and `model.mlp` is {mlp}",
            hint="name another directory with --out",
        )


def _run_baseline(experiment: config.Experiment, project: Path, progress: Progress) -> Summary:
    for arrow in BASELINE:
        _bring_up_to_date(project, arrow, experiment, progress)
    progress.note(f"`model.mlp` is {experiment.model.mlp}: there is no block to dump, render or synthesize")
    return write_summary(project)


class Arrow(NamedTuple):
    """A stage of the flow: what it is made from, and what does it; modules are imported when it runs."""

    name: str
    key: Callable[[Path, config.Experiment], Key]
    run: Callable[[Path, config.Experiment, Progress], object]
    needs_torch: bool = False


def _train(project: Path, experiment: config.Experiment, progress: Progress) -> object:
    from quweit_cli.stages import train

    if experiment.model.mlp == "weightless":
        later.check(experiment)
    return train.run(experiment, project, progress=progress)


def _dump(project: Path, experiment: config.Experiment, progress: Progress) -> object:
    from quweit_cli.stages import dump

    data_path = experiment.data.path
    return dump.run(project / CHECKPOINT, project, experiment.dump, data_path=data_path, progress=progress)


def _rtl(project: Path, experiment: config.Experiment, progress: Progress) -> object:
    from quweit_cli.stages import rtl

    return rtl.run(project, experiment.rtl, progress=progress, reuse=True)


def _sim(project: Path, experiment: config.Experiment, progress: Progress) -> object:
    from quweit_cli.stages import sim

    return sim.run(project, experiment.sim, progress=progress, reuse=True)


def _synth(project: Path, experiment: config.Experiment, progress: Progress) -> object:
    from quweit_cli.stages import synth

    return synth.run(project, experiment.synth, progress=progress, reuse=True)


def _front(project: Path, _: config.Experiment, progress: Progress) -> object:
    from quweit_cli.stages import front

    return front.run(project, progress=progress, reuse=True)


def _energy(project: Path, experiment: config.Experiment, progress: Progress) -> object:
    from quweit_cli.stages import energy

    return energy.run(project, experiment.energy, progress=progress, reuse=True)


def _report(project: Path, _: config.Experiment, progress: Progress) -> object:
    from quweit_cli.stages import report

    return report.run(project, progress=progress, reuse=True)


TRAIN = Arrow("train", lambda _, experiment: keys.train(experiment), _train, needs_torch=True)
# of the first block
FRONT = Arrow("front", lambda project, _: keys.front(project, DUMP.load(project).blocks[0].name), _front)
REPORT = Arrow("report", lambda project, _: keys.report(project), _report)
FLOW = (
    TRAIN,
    Arrow(
        "dump",
        lambda project, one: keys.dump(project / CHECKPOINT, one.dump, one.data.path),
        _dump,
        needs_torch=True,
    ),
    Arrow("rtl", lambda project, one: keys.rtl(project, one.rtl), _rtl),
    Arrow("sim", lambda project, one: keys.sim(project, one.sim), _sim),
    Arrow("synth", lambda project, one: keys.synth(project, one.synth), _synth),
    FRONT,
    Arrow("energy", lambda project, one: keys.energy(project, one.energy), _energy),
    REPORT,
)
BASELINE = (TRAIN, REPORT)  # of a model without blocks


def _bring_up_to_date(project: Path, arrow: Arrow, experiment: config.Experiment, progress: Progress) -> None:
    stage, key = arrow.name, arrow.key(project, experiment)
    current = artifacts.is_current(project, stage, inputs=key.inputs, options=key.options)
    if not (current and arrow.needs_torch):
        started = time.monotonic()
        try:
            arrow.run(project, experiment, progress)
        except KeyboardInterrupt as interrupt:
            if not hasattr(interrupt, "__notes__"):
                interrupt.add_note(
                    f"what is finished stays: run the same command again to go on with `{stage}`"
                )
            raise
        seconds = time.monotonic() - started
    progress.note(f"{stage:<7} up to date" if current else f"{stage:<7} done in {seconds:.1f} s")


def usable_tools(experiment: config.Experiment) -> tuple[config.Sim, dict[str, str]]:
    """Settings with the simulators that this machine has, and those that it lacks with the reason.

    Raises:
        ToolError: there is no simulator, or no synthesizer.
    """
    for tool in synthesizer(experiment.synth.tool).tools(experiment.synth):
        toolbox.find(tool)
    return _usable_simulators(experiment.sim)


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
