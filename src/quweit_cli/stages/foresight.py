"""What can be known before the first step of a training, and would otherwise show after the last one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from quweit_cli import config
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.models import Network, build, check_size, parameter_count
from quweit_cli.models.low_bits import with_gains_folded
from quweit_cli.models.resnet import ResNet
from quweit_cli.training import checkpoint, datasets, metrics

STATE_COPIES = 4  # of the weights: themselves, two moments of AdamW, and the checkpoint


def check(
    experiments: Sequence[config.Experiment],
    data: datasets.Dataset,
    start_from: checkpoint.Checkpoint | None,
    project: Path,
) -> None:
    """experiments: of the models, in the order in which they will be trained.

    Raises:
        ConfigError: no teacher, no TensorBoard, too little data, a model that cannot be built or not start from there.
        ArtifactError: the disk has no room for the states and checkpoints.
    """
    _check_teacher(experiments)
    if any(one.training.tensorboard for one in experiments):
        metrics.check_tensorboard()
    needed = 0
    for one in experiments:
        if one.model.family in ("gpt", "encoder"):  # says at once what a wide model would be built for
            data.check(one.model.context)
        check_size(one.model, data.meta)
        model = build(_shallow(one.model), data.meta)
        data.check(model.tokens)
        if start_from is not None:
            weights_to_start_from(start_from, one.model, model)
        needed += _bytes_on_disk(one, model)
    free = shutil.disk_usage(project).free
    if free < needed:
        raise ArtifactError(
            f"states and checkpoints of this training take {needed / 1e6:,.1f} MB, and `{project}` has {free / 1e6:,.1f} MB left",
            hint="free some space, or name another directory with --out",
        )


def weights_to_start_from(
    start_from: checkpoint.Checkpoint, settings: config.Model, model: Network
) -> dict[str, Tensor]:
    """Those that the model has, too.

    Raises:
        ConfigError: the checkpoint is of another family, or one of them has another shape.
    """
    hint = "`training.start_from` names a checkpoint of the same family, width and depth"
    if (family := start_from.experiment.model.family) != settings.family:
        raise ConfigError(
            f"training of a {settings.family} cannot start from that checkpoint, which is of a {family}",
            hint=hint,
        )
    own = model.state_dict()
    state = with_gains_folded(start_from.state, own)
    taken = {name: weight for name, weight in state.items() if name in own}
    for name, weight in taken.items():
        if weight.shape != own[name].shape:
            here, there = (list(one.shape) for one in (own[name], weight))
            raise ConfigError(
                f"training cannot start from that checkpoint: `{name}` is {there} there and {here} here",
                hint=hint,
            )
    return taken


def teacher_of(experiment: config.Experiment, data: datasets.Dataset) -> Network | None:
    """The one that the settings name.

    Raises:
        ConfigError: it learned from other data, sees fewer tokens, or has another shape though its states are followed.
    """
    path = experiment.training.distill.teacher
    if not experiment.training.distill.weight or path is None:
        return None
    loaded = checkpoint.load(path)
    model = loaded.model()
    if not datasets.alike(loaded.meta, data.meta):
        raise ConfigError(
            f"the teacher `{path}` learned other classes, shapes or characters than `{experiment.data.source}` has",
            hint="give a checkpoint that was trained on the same data",
        )
    if "vocabulary" in data.meta and model.tokens < experiment.model.context:
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


def _check_teacher(experiments: Sequence[config.Experiment]) -> None:
    for one in experiments:
        distill = one.training.distill
        if distill.weight and distill.teacher is None and len(experiments) == 1:
            raise ConfigError(
                "`training.distill` has a weight, and there is no teacher",
                hint="name a checkpoint in `training.distill.teacher`, or set `twin: true` for the dense twin to teach",
            )


def _shallow(settings: config.Model) -> config.Model:
    """One layer in place of all that are like it: a wide block takes seconds to wire."""
    return settings.model_copy(update={"depth": 1}) if settings.mlp == "weightless" else settings


def _bytes_on_disk(experiment: config.Experiment, shallow: Network) -> int:
    """Of a state and a checkpoint, and of the next state, which is written whole before it takes the place."""
    training, layers = experiment.training, len(shallow.layers)
    copies = STATE_COPIES + (training.average > 0) + (training.keep == "best")
    parameters = parameter_count(shallow)
    if layers < experiment.model.depth:
        parameters += (experiment.model.depth - layers) * parameter_count(shallow.layers[0])
    return 2 * copies * 4 * parameters
