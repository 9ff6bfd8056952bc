"""experiment -> checkpoint: train the model, and its dense twin when asked for.

While training runs, what it needs to go on lies in `project/train.unfinished`: the state of each model,
metrics so far, and the key that it belongs to. `project/train` appears when all of it is done.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from quweit_cli import __version__, artifacts, config
from quweit_cli.documents import TrainedModel, TrainResult, UnfinishedTraining
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.models import Network, ResNet, build, parameter_count
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import keys
from quweit_cli.training import checkpoint, datasets, metrics, state
from quweit_cli.training.device import pick_device
from quweit_cli.training.distributed import Processes, joined, local_rank
from quweit_cli.training.loop import Stopped, Trained, fit

DOCUMENT, CHECKPOINT, KEY = "train.json", "ckpt.pt", "key.json"
UNFINISHED = "train.unfinished"
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

    reuse: take what is finished, and go on from an unfinished training of the same settings.
    resume: the same, but refuse an unfinished training of other settings instead of dropping it.

    Raises:
        ConfigError: settings that do not fit the dataset, this machine, or what is to be resumed.
        DataUnavailable: the dataset is not here and cannot be fetched.
        QuweitError: the loss is no longer a number.
    """
    deadline = None if stop_after_minutes is None else time.monotonic() + 60 * stop_after_minutes
    device = pick_device(experiment.training.device, local_rank())
    with joined(device) as processes:
        data = datasets.load(experiment.data)
        _check(experiment)
        key = keys.train(experiment)
        if (reuse or resume) and artifacts.is_current(
            project, "train", inputs=key.inputs, options=key.options
        ):
            return artifacts.load_document(project, "train", TrainResult)
        training = _Training(data, project / UNFINISHED, deadline, processes, progress)
        if processes.first:
            training.open_work(key, resume=resume, reuse=reuse)
        processes.wait()
        try:
            with training.stage_folder(project, key) as folder:
                result = training.all_models(experiment, folder)
        except Stopped as stopped:
            return training.unfinished(experiment, stopped)
        processes.wait()
        if processes.first:
            shutil.rmtree(training.work)
    return result


class _Training:
    """Trains the models of one experiment; the first process alone writes and tells."""

    def __init__(
        self,
        data: datasets.Dataset,
        work: Path,
        deadline: float | None,
        processes: Processes,
        progress: Progress,
    ) -> None:
        self.data, self.work, self.deadline, self.processes = data, work, deadline, processes
        self.start_from: checkpoint.Checkpoint | None = None
        self.progress = progress if processes.first else SILENT
        self.mlp = ""

    def open_work(self, key: keys.Key, *, resume: bool, reuse: bool) -> None:
        """Make or reopen the folder of what is unfinished."""
        made_from = {"quweit": __version__, **json.loads(json.dumps(key._asdict(), default=str))}
        if (self.work / KEY).is_file() and (resume or reuse):
            found = artifacts.read_json(self.work / KEY)
            if found == made_from:
                return
            if resume:
                raise ConfigError(
                    f"`{self.work}` was made with other settings: {', '.join(_differences(found, made_from))}",
                    hint="resume with the same settings, or start anew without `--resume`",
                )
        if self.work.is_symlink():
            raise ArtifactError(f"`{self.work}` is a link, where quweit writes a folder", hint="remove it")
        if self.work.is_dir():
            self.progress.note(f"starting anew: what was unfinished in `{self.work}` is dropped")
            shutil.rmtree(self.work)
        elif resume:
            self.progress.note("nothing to resume: training starts at step 0")
        self.work.mkdir()
        artifacts.write_json(self.work / KEY, made_from)

    @contextlib.contextmanager
    def stage_folder(self, project: Path, key: keys.Key) -> Iterator[Path | None]:
        if not self.processes.first:
            yield None
            return
        try:
            with artifacts.writing_stage(project, "train", inputs=key.inputs, options=key.options) as folder:
                yield folder
        except KeyboardInterrupt:
            if any(self.work.glob("*.pt")):
                self.progress.note("`quweit train --resume` goes on from the state that was saved last")
            raise

    def all_models(self, experiment: config.Experiment, folder: Path | None) -> TrainResult:
        """A twin comes after the model, or before it when it is the teacher."""
        distill, teacher = experiment.training.distill, self._teacher(experiment)
        if (path := experiment.training.start_from) is not None:
            self.start_from = checkpoint.load(path)
            self.start_from.model()  # whose weights are those of its settings, or it says so
        order = [(experiment, CHECKPOINT)]
        if experiment.twin and experiment.model.mlp == "weightless":
            order.append((_dense(experiment), f"dense/{CHECKPOINT}"))
        documents: dict[str, TrainedModel] = {}
        twin_teaches = bool(distill.weight) and distill.teacher is None
        for one, name in reversed(order) if twin_teaches else order:
            taught = bool(one.training.distill.weight)
            trained = self._model(one, teacher if taught else None, folder is not None)
            if folder is not None:
                self._write_checkpoint(one, trained, folder / name)
            documents[name] = _document(one, trained, name)
            teacher = trained.model if twin_teaches else teacher
        result = TrainResult(
            name=experiment.name,
            seed=experiment.seed,
            data=self.data.description,
            models=[documents[name] for _, name in order],
        )
        if folder is not None:
            metrics.copy(self.work, folder)
            artifacts.save(result, folder / DOCUMENT)
        return result

    def unfinished(self, experiment: config.Experiment, stopped: Stopped) -> UnfinishedTraining:
        mlp = "dense" if self.mlp == "dense" else "weightless"
        return UnfinishedTraining(
            name=experiment.name, mlp=mlp, step=stopped.step, steps=stopped.steps, state=self.work.name
        )

    def _teacher(self, experiment: config.Experiment) -> Network | None:
        """The one that the settings name.

        Raises:
            ConfigError: it learned from other data, sees fewer tokens, or has another shape though its states are followed.
        """
        path = experiment.training.distill.teacher
        if not experiment.training.distill.weight or path is None:
            return None
        loaded = checkpoint.load(path)
        model = loaded.model()
        if loaded.meta != self.data.meta:
            raise ConfigError(
                f"the teacher `{path}` learned other classes, shapes or characters than `{experiment.data.source}` has",
                hint="give a checkpoint that was trained on the same data",
            )
        if self.data.meta["kind"] == "text" and model.tokens < experiment.model.context:
            raise ConfigError(
                f"the teacher `{path}` sees {model.tokens} tokens, fewer than `model.context` ({experiment.model.context})",
                hint="lower `model.context`, or give another teacher",
            )
        alike = ("family", "dim", "depth")
        if experiment.training.distill.states and (
            isinstance(model, ResNet)
            or any(getattr(loaded.experiment.model, one) != getattr(experiment.model, one) for one in alike)
        ):
            raise ConfigError(
                f"the residual stream of the teacher `{path}` is not one that this model can follow",
                hint="`training.distill.states` wants a teacher of the same family, width and depth; 0 follows its answers alone",
            )
        return model

    def _weights(self, settings: config.Model) -> dict[str, Tensor] | None:
        """Of the checkpoint to start from: those that the model has, too.

        Raises:
            ConfigError: it is of another family, or one of them has another shape.
        """
        if self.start_from is None:
            return None
        hint = "`training.start_from` names a checkpoint of the same family, width and depth"
        if (family := self.start_from.experiment.model.family) != settings.family:
            raise ConfigError(
                f"training of a {settings.family} cannot start from that checkpoint, which is of a {family}",
                hint=hint,
            )
        own = build(settings, self.data.meta).state_dict()
        taken = {name: weight for name, weight in self.start_from.state.items() if name in own}
        for name, weight in taken.items():
            if weight.shape != own[name].shape:
                here, there = (list(one.shape) for one in (own[name], weight))
                raise ConfigError(
                    f"training cannot start from that checkpoint: `{name}` is {there} there and {here} here",
                    hint=hint,
                )
        self.progress.note(f"  {settings.mlp}: starting from {len(taken)} tensors of {len(own)}")
        return taken

    def _model(self, experiment: config.Experiment, teacher: Network | None, writes: bool) -> Trained:
        self.mlp = experiment.model.mlp
        path = self.work / f"{self.mlp}.pt"
        start = state.load(path) if path.is_file() else None
        if start is not None:
            self.progress.note(f"  {self.mlp}: going on after step {start.step:,}")
        course = metrics.Metrics(self.work, self.mlp, tensorboard=experiment.training.tensorboard)
        if writes:
            course.begin(0 if start is None else start.step)
        try:
            return fit(
                experiment,
                self.data,
                course.write if writes else (lambda figures: None),
                self.progress,
                teacher=teacher,
                weights=self._weights(experiment.model),
                start=start,
                save=(lambda now: state.save(now, path)) if writes else None,
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


def _check(experiment: config.Experiment) -> None:
    """Raises ConfigError for what would otherwise show after the first model is trained."""
    if experiment.training.tensorboard:
        metrics.check_tensorboard()
    distill = experiment.training.distill
    twin = experiment.twin and experiment.model.mlp == "weightless"
    if distill.weight and distill.teacher is None and not twin:
        raise ConfigError(
            "`training.distill` has a weight, and there is no teacher",
            hint="name a checkpoint in `training.distill.teacher`, or set `twin: true` for the dense twin to teach",
        )


def _dense(experiment: config.Experiment) -> config.Experiment:
    """The same training of a dense model; one that teaches the other has no teacher itself."""
    model, training = experiment.model.model_copy(update={"mlp": "dense"}), experiment.training
    if training.distill.teacher is None:
        training = training.model_copy(update={"distill": config.Distillation()})
    return experiment.model_copy(update={"model": model, "training": training, "twin": False})


def _document(experiment: config.Experiment, trained: Trained, name: str) -> TrainedModel:
    return TrainedModel(
        mlp=experiment.model.mlp,
        checkpoint=name,
        parameters=parameter_count(trained.model),
        steps=trained.steps,
        seconds=round(trained.seconds, 2),
        device=trained.device,
        test_loss=trained.score.loss,
        test_accuracy=trained.score.accuracy,
        curve=trained.curve,
    )


def _differences(before: Any, now: Any, where: str = "") -> list[str]:
    """Names of the settings that differ, such as `training.steps`."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return [] if before == now else [where.removeprefix(".options.").removeprefix(".")]
    names = sorted({*before, *now})
    return [one for name in names for one in _differences(before.get(name), now.get(name), f"{where}.{name}")]
