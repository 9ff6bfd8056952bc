"""experiment -> search: settings tried one after another, each trained and counted; then the best of them in hardware.

    project/search/
      study.sqlite3      what was proposed and what came of it; a killed search goes on from here
      models/<digest>/   a project for each model that was trained, whichever trials it serves
      measured/<name>/   a project for each trial that was rendered, simulated and synthesized, with its report
      search.json        all trials, which are on the front, and what was measured; search.csv the same, front.svg drawn

A folding changes nothing in what is learned: trials that differ in it alone share a model.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from quweit_cli import __version__, artifacts, config
from quweit_cli.documents import (
    ENERGY,
    SIM,
    SYNTH,
    EstimateTable,
    MeasuredTrial,
    SearchResult,
    SearchTrial,
    TrainResult,
)
from quweit_cli.documents.search import FILE, FOLDER
from quweit_cli.energy import foldings, published
from quweit_cli.errors import ConfigError, OutOfMemory, QuweitError, UnsupportedModel
from quweit_cli.progress import SILENT, Passing, Progress
from quweit_cli.report import search_plots
from quweit_cli.report.search_tables import csv_text
from quweit_cli.search import space
from quweit_cli.search.compromise import nearest_to_ideal
from quweit_cli.search.study import GRACE_SECONDS, Failed, Figures, Refused, Settings, Study
from quweit_cli.stages import dump, front, keys, later, pipeline, train

STORAGE, TABLE, PLOT = "study.sqlite3", "search.csv", "front.svg"
COUNTED = config.Dump(rows=1, samples=1, golden_samples=1)  # of a model that is only counted
PROPOSALS = 100  # refused in a row, after which nothing new is expected
LOOK_SECONDS = 0.5


def run(
    experiment: config.Experiment,
    project: Path,
    *,
    storage: Path | None = None,
    measure: int = 0,
    progress: Progress = SILENT,
) -> SearchResult:
    """Try settings until it is enough, then write what came of it; a study that is there goes on.

    storage: file of the study, in place of the project's own.
    measure: trials of the front that are rendered, simulated and synthesized, those first that are the best compromise.

    Raises:
        ConfigError: settings that cannot be searched, or a study of others.
        ArtifactError: the study is damaged or cannot be written.
        ToolError, CheckFailed: of what is measured; all that was tried is written before.
        KeyboardInterrupt: with a note of what is kept; what was tried so far is written.
    """
    shared = space.base(experiment)
    later.check(shared)
    if measure:
        pipeline.usable_tools(shared)
    folder = project / FOLDER
    folder.mkdir(exist_ok=True)
    made_from = {"quweit": __version__, **keys.search(shared, experiment.search)._asdict()}
    study = Study(storage or folder / STORAGE, made_from, seed=experiment.search.seed)
    search = _Search(experiment, shared, folder, study, progress)
    try:
        search.go_on()
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(f"trials are kept in `{study.path}`: run the same command again to go on")
        raise
    finally:
        result = search.written()
    if not result.tried:
        reasons = [trial.reason for trial in result.trials]
        raise ConfigError(
            "no trial of the search has figures" + (f"; of the last one: {reasons[-1]}" if reasons else ""),
            hint="give it more time, or other choices in the section `search` of the experiment",
        )
    for trial in nearest_to_ideal(result.front)[:measure]:
        search.measure(trial)
        result = search.written()
    return result


class _Search:
    """One process at work on a study."""

    def __init__(
        self,
        experiment: config.Experiment,
        shared: config.Experiment,
        folder: Path,
        study: Study,
        progress: Progress,
    ) -> None:
        self.experiment, self.shared, self.choices = experiment, shared, experiment.search
        self.folder, self.study, self.progress = folder, study, progress
        minutes = self.choices.minutes
        self.started = time.monotonic()
        self.deadline = None if minutes is None else self.started + 60 * minutes

    def go_on(self) -> None:
        """Try settings until it is enough, or nothing new is proposed."""
        refused = 0
        done = self._done()
        minutes = self.choices.minutes
        seconds = None if minutes is None else 60 * minutes
        with self.progress.task("search", self.choices.trials, done, seconds=seconds) as task:
            while self._goes_on():
                trial = self.study.try_one(lambda choose: space.proposed(self.choices, choose), self._figures)
                if trial is None:
                    continue
                refused = refused + 1 if trial.state == "refused" else 0
                if refused == PROPOSALS:
                    self.progress.note(
                        f"{PROPOSALS} proposals in a row were known or cannot be: the search ends here"
                    )
                    return
                if trial.state != "refused":
                    self.progress.note(_sentence(trial))
                now = self._done()
                task.advance(now - done)
                done = now

    def written(self) -> SearchResult:
        """All that was tried so far, as document, table and plot."""
        trials = self.study.trials()
        tried = [trial for trial in trials if trial.state == "tried"]
        best = {trial.number for trial in foldings.front(tried, lambda trial: trial.figures)}
        result = SearchResult(
            name=self.shared.name,
            seed=self.choices.seed,
            steps=self.shared.training.steps,
            clock_mhz=published.CLOCK_MHZ,
            choices=space.lists(self.choices),
            trials=[
                trial.model_copy(update={"on_front": trial.number in best, "measured": self._measured(trial)})
                for trial in trials
            ],
        )
        artifacts.save(result, self.folder / FILE)
        artifacts.write_text(self.folder / TABLE, csv_text(result))
        if tried:
            artifacts.write_text(self.folder / PLOT, search_plots.front(result))
        return result

    def measure(self, trial: SearchTrial) -> None:
        """Render, simulate and synthesize what was trained, in a project of its own.

        Raises:
            ToolError, CheckFailed: as the stages do.
        """
        candidate = space.candidate(self.shared, trial.settings)
        project = _open(self._hardware(candidate))
        with artifacts.alone(project):
            key = keys.train(candidate)
            if not artifacts.is_current(project, "train", inputs=key.inputs, options=key.options):
                trained = self._model(candidate) / "train"
                shutil.rmtree(project / "train", ignore_errors=True)
                if trained.is_dir():
                    shutil.copytree(trained, project / "train")
            self.progress.note(f"trial {trial.number}:")
            pipeline.run(candidate, project, progress=self.progress)

    def _goes_on(self) -> bool:
        """Whether to begin another trial. At the end others may be at work: one that was killed has its trial proposed again."""
        patience = time.monotonic() + GRACE_SECONDS + LOOK_SECONDS
        while self.deadline is None or time.monotonic() < self.deadline:
            if self.choices.trials is None or self.study.begun() < self.choices.trials:
                return True
            if not self.study.running() or time.monotonic() > patience:
                return False
            time.sleep(LOOK_SECONDS)
        return False

    def _done(self) -> int:
        """How many trials count already, by whichever process."""
        return self.study.begun() - self.study.running()

    def _figures(self, settings: Settings) -> Figures:
        """Train and count. Raises Refused for settings that do not go together, Failed for what does not learn."""
        started = time.monotonic()
        try:
            candidate = space.candidate(self.shared, settings)
            later.check(candidate)
        except ConfigError as error:
            raise Refused(error.message) from None
        try:
            trained, counted = self._counted(candidate)
        except QuweitError as error:
            if type(error) in (QuweitError, OutOfMemory, UnsupportedModel):  # of this trial, and no other
                raise Failed(error.message) from None
            raise
        (model,) = trained.models
        return {
            "loss": model.test_loss,
            "accuracy": model.test_accuracy,
            "luts": sum(point.luts for point in counted.points),
            "ffs": sum(point.ffs for point in counted.points),
            "sample_cycles": sum(point.sample_cycles for point in counted.points),
            "energy_uj": sum(point.energy_uj for point in counted.points),
            "seconds": round(time.monotonic() - started, 2),
        }

    def _counted(self, candidate: config.Experiment) -> tuple[TrainResult, EstimateTable]:
        project = _open(self._model(candidate))
        with artifacts.alone(project):  # another process may be training the same model
            trained = train.run(candidate, project, progress=Passing(self.progress), reuse=True)
            assert isinstance(trained, TrainResult)  # it had all the time there is
            dump.run(
                project / pipeline.CHECKPOINT, project, COUNTED, progress=Passing(self.progress), reuse=True
            )
        return trained, front.estimates(project, candidate.rtl)

    def _measured(self, trial: SearchTrial) -> MeasuredTrial | None:
        if trial.state != "tried":
            return None
        project = self._hardware(space.candidate(self.shared, trial.settings))
        energy = ENERGY.find(project)
        if energy is None:
            return None
        synth, sim = SYNTH.load(project), SIM.load(project)
        blocks = next(row for row in energy.rows if (row.scope, row.accounting) == ("mlps", "measured"))
        luts = [block.luts for block in synth.blocks if block.luts is not None]
        return MeasuredTrial(
            project=project.relative_to(self.folder).as_posix(),
            luts=sum(luts) if len(luts) == len(synth.blocks) else None,
            ffs=sum(block.ffs for block in synth.blocks),
            sample_cycles=blocks.cycles,
            energy_uj=blocks.value,
            modelled=blocks.modelled,
            simulators=[one.version for one in sim.simulators],
            tools=blocks.tools,
        )

    def _model(self, candidate: config.Experiment) -> Path:
        key = keys.train(candidate)
        return self.folder / "models" / artifacts.digest_of(key._asdict())[:12]

    def _hardware(self, candidate: config.Experiment) -> Path:
        name = f"{self._model(candidate).name}_{candidate.rtl.outputs_per_cycle}"
        return self.folder / "measured" / name


def _open(project: Path) -> Path:
    project.parent.mkdir(exist_ok=True)
    return artifacts.open_project(project)


def _sentence(trial: SearchTrial) -> str:
    if trial.state == "failed":
        return f"trial {trial.number} failed: {trial.reason}"
    loss, luts, energy_uj = trial.figures
    accuracy = "" if trial.accuracy is None else f", accuracy {100 * trial.accuracy:.1f} %"
    return f"trial {trial.number}: loss {loss:.3f}{accuracy}, {luts:,} LUTs, {energy_uj:.3g} uJ ({trial.seconds:.1f} s)"
