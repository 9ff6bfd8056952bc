"""experiment -> checkpoint: train the model, and its dense twin when asked for.

While training runs, what it needs to go on lies in `project/train.unfinished`: the state of each model,
metrics so far, and the key that it belongs to. `project/train` appears when all of it is done.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from quweit_cli import artifacts, config, interrupts
from quweit_cli.documents import TRAIN, ExitTable, TrainedModel, TrainResult, UnfinishedTraining
from quweit_cli.errors import QuweitError
from quweit_cli.models import Classifier, Network, build, extension_of, parameter_count
from quweit_cli.models.size import size_of
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import foresight, keys, parts
from quweit_cli.stages.unfinished import Unfinished
from quweit_cli.training import checkpoint, datasets, metrics, state
from quweit_cli.training.device import pick_device
from quweit_cli.training.distributed import Processes, joined, local_rank
from quweit_cli.training.evaluation import Score, evaluate
from quweit_cli.training.leaving import table
from quweit_cli.training.loop import Stopped, Trained, fit

CHECKPOINT = "ckpt.pt"
ROWS_FOR_DUMP = 2048  # tokens of test samples that a checkpoint carries


def run(
    experiment: config.Experiment,
    project: Path,
    *,
    progress: Progress = SILENT,
    reuse: bool = False,
    resume: bool = False,
    stop_after_minutes: float | None = None,
) -> TrainResult | UnfinishedTraining:
    """Write `project/train`: ckpt.pt, dense/ckpt.pt for the twin, metrics.jsonl, train.json.

    Goes on from an unfinished training of the same settings; one of others is kept beside.
    reuse: take what is finished.
    resume: the same, and refuse an unfinished training of other settings.

    Raises:
        ConfigError: settings that do not fit the dataset, this machine, or what is to be resumed.
        ArtifactError: a function in pieces that cannot be read.
        DataUnavailable: the dataset is not here and cannot be fetched.
        QuweitError: the loss is no longer a number.
        KeyboardInterrupt: with a note of what is saved.
    """
    deadline = None if stop_after_minutes is None else time.monotonic() + 60 * stop_after_minutes
    device = pick_device(experiment.training.device, local_rank())
    with joined(device) as processes:
        progress = progress if processes.first else SILENT
        extension_of(experiment.model)
        with progress.task(f"data {experiment.data.source}"):
            data = datasets.load(experiment.data)
        key = keys.train(experiment)
        if (reuse or resume) and artifacts.is_current(
            project, "train", inputs=key.inputs, options=key.options
        ):
            return TRAIN.load(project)
        experiment = parts.with_pieces(experiment, progress=progress)
        training = _Training(experiment, data, Unfinished(project, key), deadline, processes, progress)
        foresight.check(training.models, data, training.start_from, project)
        try:
            if processes.first:
                training.work.open(progress, resume=resume)
            processes.wait()
            with _stage_folder(project, key, processes) as folder:
                result = training.all_models(folder)
            processes.wait()
            if processes.first:
                training.work.close()
        except Stopped as stopped:
            if not stopped.signal:
                return training.unfinished(stopped)
            interrupt = interrupts.error(stopped.signal)
            interrupt.add_note(training.work.sentence())
            raise interrupt from None
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(training.work.sentence())
            raise
    return result


@contextlib.contextmanager
def _stage_folder(project: Path, key: keys.Key, processes: Processes) -> Iterator[Path | None]:
    if not processes.first:
        yield None
        return
    with artifacts.writing_stage(project, "train", inputs=key.inputs, options=key.options) as folder:
        yield folder


class _Training:
    """Trains the models of one experiment; the first process alone writes and tells."""

    def __init__(
        self,
        experiment: config.Experiment,
        data: datasets.Dataset,
        work: Unfinished,
        deadline: float | None,
        processes: Processes,
        progress: Progress,
    ) -> None:
        self.experiment, self.data, self.work, self.deadline = experiment, data, work, deadline
        self.processes, self.progress = processes, progress
        self.models = [experiment]
        if experiment.twin and experiment.model.mlp != "dense":
            self.models.append(_dense(experiment))
        path = experiment.training.start_from
        self.start_from = None if path is None else checkpoint.load(path)
        self.teacher = foresight.teacher_of(experiment, data)
        self.mlp = experiment.model.mlp

    def all_models(self, folder: Path | None) -> TrainResult:
        """A twin comes after the model, or before it when it is the teacher."""
        distill, teacher = self.experiment.training.distill, self.teacher
        order = list(zip(self.models, (CHECKPOINT, f"dense/{CHECKPOINT}"), strict=False))
        documents: dict[str, TrainedModel] = {}
        twin_teaches = bool(distill.weight) and distill.teacher is None
        for one, name in reversed(order) if twin_teaches else order:
            taught = bool(one.training.distill.weight)
            trained = self._model(one, teacher if taught else None, folder is not None)
            if folder is not None:
                self._write_checkpoint(one, trained, folder / name)
            documents[name] = self._document(one, trained, name)
            teacher = trained.model if twin_teaches else teacher
        result = TrainResult(
            name=self.experiment.name,
            seed=self.experiment.seed,
            data=self.data.description,
            models=[documents[name] for _, name in order],
        )
        if folder is not None:
            metrics.copy(self.work.folder, folder)
            TRAIN.save(result, folder)
        return result

    def unfinished(self, stopped: Stopped) -> UnfinishedTraining:
        return UnfinishedTraining(
            name=self.experiment.name,
            mlp=self.mlp,
            step=stopped.step,
            steps=stopped.steps,
            state=self.work.folder.name,
        )

    def _model(self, experiment: config.Experiment, teacher: Network | None, writes: bool) -> Trained:
        self.mlp = mlp = experiment.model.mlp
        path = self.work.state_of(mlp)
        start = state.load(path) if path.is_file() else None
        if start is not None:
            self.work.saved[mlp] = (start.step, start.steps)
            self.progress.note(f"  {mlp}: going on after step {start.step:,} of {start.steps:,}")
        course = metrics.Metrics(self.work.folder, mlp, tensorboard=experiment.training.tensorboard)
        if writes:
            course.begin(0 if start is None else start.step)

        def save(now: state.State) -> None:
            state.save(now, path)
            self.work.saved[mlp] = (now.step, now.steps)

        weights = None
        if self.start_from is not None:
            own = build(experiment.model, self.data.meta)
            weights = foresight.weights_to_start_from(self.start_from, experiment.model, own)
            self.progress.note(f"  {mlp}: starting from {len(weights)} tensors of {len(own.state_dict())}")
        try:
            return fit(
                experiment,
                self.data,
                course.write if writes else (lambda figures: None),
                self.progress,
                teacher=teacher,
                weights=weights,
                start=start,
                save=save if writes else None,
                deadline=self.deadline,
                processes=self.processes,
            )
        finally:
            course.close()

    def _write_checkpoint(self, experiment: config.Experiment, trained: Trained, path: Path) -> None:
        samples = -(-ROWS_FOR_DUMP // trained.model.tokens)
        inputs, targets = self.data.test(trained.model.tokens, samples)
        path.parent.mkdir(exist_ok=True)
        weights, figures = trained.model.state_dict(), trained.score.figures()
        checkpoint.save(
            checkpoint.Checkpoint(experiment, self.data.meta, weights, inputs, targets, figures), path
        )

    def _document(self, experiment: config.Experiment, trained: Trained, name: str) -> TrainedModel:
        in_float = self._in_float(experiment, trained.model)
        return TrainedModel(
            mlp=experiment.model.mlp,
            checkpoint=name,
            parameters=parameter_count(trained.model),
            steps=trained.steps,
            seconds=round(trained.seconds, 2),
            device=trained.device,
            test_loss=trained.score.loss,
            test_accuracy=trained.score.accuracy,
            float_loss=in_float.loss if in_float else None,
            float_accuracy=in_float.accuracy if in_float else None,
            exits=self._exits(trained.model),
            size=size_of(trained.model, experiment.model, self.data.meta),
            curve=trained.curve,
        )

    def _exits(self, trained: Network) -> ExitTable | None:
        """What leaving early is worth; None without exits."""
        if not isinstance(trained, Classifier) or not trained.exit_heads or not self.processes.first:
            return None
        return table(trained, *self.data.test(trained.tokens))

    def _in_float(self, experiment: config.Experiment, trained: Network) -> Score | None:
        """What the weights of a model in integers are worth in float arithmetic; None where that is no number."""
        settings = experiment.model
        if settings.arithmetic == "float" or not self.processes.first:
            return None
        settings = settings.model_copy(update={"arithmetic": "float", "functions": config.Functions()})
        model = build(settings, self.data.meta).to(next(trained.parameters()).device)
        own = model.state_dict()
        model.load_state_dict({name: weight for name, weight in trained.state_dict().items() if name in own})
        with contextlib.suppress(
            QuweitError
        ):  # integers are clamped, so that these weights may be of use all the same
            return evaluate(model, *self.data.test(model.tokens), model.tokens)
        return None


def _dense(experiment: config.Experiment) -> config.Experiment:
    """The same training of a dense model; one that teaches the other has no teacher itself."""
    model, training = experiment.model.dense_twin, experiment.training
    if training.distill.teacher is None:
        training = training.model_copy(update={"distill": config.Distillation()})
    return experiment.model_copy(update={"model": model, "training": training, "twin": False})
