"""experiment -> checkpoint: train the model, and its dense twin when asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from quweit_cli import artifacts, config
from quweit_cli.documents import TrainedModel, TrainResult
from quweit_cli.models import parameter_count
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import keys
from quweit_cli.training import checkpoint, datasets
from quweit_cli.training.loop import Trained, fit

DOCUMENT, CHECKPOINT, METRICS = "train.json", "ckpt.pt", "metrics.jsonl"
ROWS_FOR_DUMP = 2048  # tokens of test samples that a checkpoint carries


def run(
    experiment: config.Experiment, project: Path, *, progress: Progress = SILENT, reuse: bool = False
) -> TrainResult:
    """Write `project/train`: ckpt.pt, dense/ckpt.pt for the twin, metrics.jsonl, train.json.

    Raises:
        ConfigError: settings that do not fit the dataset or this machine.
        DataUnavailable: the dataset is not here and cannot be fetched.
        QuweitError: the loss is no longer a number.
    """
    data = datasets.load(experiment.data)
    key = keys.train(experiment)
    if reuse and artifacts.is_current(project, "train", inputs=key.inputs, options=key.options):
        return artifacts.load(TrainResult, project / "train" / DOCUMENT)
    with artifacts.writing_stage(project, "train", inputs=key.inputs, options=key.options) as folder:
        models = [_train_one(experiment, CHECKPOINT, data, folder, progress)]
        if experiment.twin and experiment.model.mlp == "weightless":
            models.append(_train_one(_dense(experiment), f"dense/{CHECKPOINT}", data, folder, progress))
        result = TrainResult(name=experiment.name, seed=experiment.seed, data=data.description, models=models)
        artifacts.save(result, folder / DOCUMENT)
    return result


def _dense(experiment: config.Experiment) -> config.Experiment:
    model = experiment.model.model_copy(update={"mlp": "dense"})
    return experiment.model_copy(update={"model": model, "twin": False})


def _train_one(
    experiment: config.Experiment,
    name: str,
    data: datasets.Dataset,
    folder: Path,
    progress: Progress,
) -> TrainedModel:
    trained = fit(experiment, data, _logger(folder / METRICS, experiment.model.mlp), progress)
    samples = -(-ROWS_FOR_DUMP // trained.model.tokens)
    inputs, targets = data.test(trained.model.tokens, samples)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    checkpoint.save(
        checkpoint.Checkpoint(
            experiment, data.meta, trained.model.state_dict(), inputs, targets, trained.score.figures()
        ),
        path,
    )
    return _document(experiment, trained, name)


def _document(experiment: config.Experiment, trained: Trained, name: str) -> TrainedModel:
    return TrainedModel(
        mlp=experiment.model.mlp,
        checkpoint=name,
        parameters=parameter_count(trained.model),
        steps=experiment.training.steps,
        seconds=round(trained.seconds, 2),
        device=trained.device,
        test_loss=trained.score.loss,
        test_accuracy=trained.score.accuracy,
        curve=trained.curve,
    )


def _logger(path: Path, mlp: str) -> Callable[[dict[str, float]], None]:
    """Appends one line of metrics, of both models in one file."""

    def log(figures: dict[str, float]) -> None:
        with path.open("a") as file:
            file.write(json.dumps({"mlp": mlp, **figures}) + "\n")

    return log
