"""Checkpoints: weights, the settings that made them, and a few test samples, in one file.

Read with torch's safe loader, which builds tensors and plain values and runs nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quweit_cli import config
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.models import Network, build

FORMAT, VERSION = "quweit.checkpoint", 1
KEYS = {"format", "version", "experiment", "meta", "model", "samples", "metrics"}


@dataclass(frozen=True)
class Checkpoint:
    experiment: config.Experiment
    meta: dict[str, Any]  # what the dataset says of itself: models.build
    state: dict[str, Tensor]
    inputs: Tensor  # test samples, so that a bare checkpoint can be dumped without its data
    targets: Tensor
    metrics: dict[str, float]

    def model(self) -> Network:
        """The model in eval mode on the CPU.

        Raises:
            ArtifactError: the weights do not fit the settings.
        """
        try:
            model = build(self.experiment.model, self.meta)
            model.load_state_dict(self.state)
        except (ConfigError, RuntimeError, KeyError, TypeError) as error:
            raise ArtifactError(
                f"the weights of checkpoint `{self.experiment.name}` do not fit its settings: {error}",
                hint="train it again",
            ) from None
        return model.eval()


def save(checkpoint: Checkpoint, path: Path) -> None:
    """Write the file whole or not at all; the same training gives the same bytes."""
    experiment = checkpoint.experiment.model_dump(mode="json")
    experiment["data"]["path"] = None  # a place on one machine says nothing on another
    experiment["training"]["distill"]["teacher"] = experiment["training"]["start_from"] = None
    content = {
        "format": FORMAT,
        "version": VERSION,
        "experiment": experiment,
        "meta": checkpoint.meta,
        "model": {name: tensor.detach().cpu() for name, tensor in checkpoint.state.items()},
        "samples": {"inputs": checkpoint.inputs.clone(), "targets": checkpoint.targets.clone()},
        "metrics": checkpoint.metrics,
    }
    write_whole(content, path)


def write_whole(content: dict[str, Any], path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:  # given a path, torch would write its name into the archive
            torch.save(content, file)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load(path: Path) -> Checkpoint:
    """Raises ArtifactError: no such file, damaged, not ours, or of another version."""
    content = _read(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ArtifactError(f"`{path}` is not a quweit checkpoint", hint="`quweit train` writes one")
    if content.get("version") != VERSION:
        raise ArtifactError(
            f"`{path}` is a checkpoint of version {content.get('version')}, this quweit reads version {VERSION}",
            hint="train it again, or use the quweit that wrote it",
        )
    if missing := KEYS - content.keys():
        raise ArtifactError(f"the checkpoint `{path}` is damaged: it has no {', '.join(sorted(missing))}")
    try:
        return Checkpoint(
            experiment=config.experiment_from_dict(content["experiment"], where=f"checkpoint {path}"),
            meta=dict(content["meta"]),
            state=dict(content["model"]),
            inputs=content["samples"]["inputs"],
            targets=content["samples"]["targets"],
            metrics=dict(content["metrics"]),
        )
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"the checkpoint `{path}` is damaged: {error}", hint="train it again") from None


def _read(path: Path) -> Any:
    if not path.is_file():
        raise ArtifactError(
            f"there is no checkpoint `{path}`", hint="`quweit train` writes one to DIR/train/ckpt.pt"
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, zipfile and pickle raise a dozen types on bytes that are not theirs
        first_line = str(error).strip().partition("\n")[0]
        raise ArtifactError(
            f"`{path}` is not a quweit checkpoint, or is damaged: {first_line}",
            hint="it was not loaded; files that need code to be run are refused",
        ) from None
