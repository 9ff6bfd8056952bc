"""Where test samples of a checkpoint come from: its dataset, or the few that it carries itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from quweit_cli.config import extensions
from quweit_cli.errors import DataUnavailable
from quweit_cli.training import datasets
from quweit_cli.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class Samples:
    description: str
    inputs: Tensor
    targets: Tensor


def samples_for(
    checkpoint: Checkpoint, tokens: int, data_path: Path | None, limit: int | None = None
) -> Samples:
    """Held-out samples, at most `limit`.

    tokens: rows of a sample, as its model has them.
    data_path: the dataset's file. Without one, a dataset that is on this machine is read; nothing is
    downloaded for a test.

    Raises:
        DataUnavailable: `data_path` does not hold the dataset that the checkpoint learned from.
        ToolNotFound: the dataset is of a package that is not here, and `data_path` is given.
    """
    settings = checkpoint.experiment.data.model_copy(update={"path": data_path})
    if data_path is not None:
        checkpoint.check_package(extensions.DATASETS, settings.source)
    if data_path is not None or datasets.is_present(settings):
        data = datasets.load(settings)
        if datasets.alike(data.meta, checkpoint.meta):
            inputs, targets = data.test(tokens, limit)
            return Samples(data.description, inputs, targets)
        if data_path is not None:
            raise DataUnavailable(
                f"`{data_path}` holds other classes, shapes or characters than the checkpoint learned",
                hint="give the file that it was trained on",
            )
    inputs, targets = checkpoint.inputs[:limit], checkpoint.targets[:limit]
    return Samples(
        f"{len(inputs)} test samples that the checkpoint carries; its dataset"
        f" `{settings.source}` is not on this machine",
        inputs,
        targets,
    )
