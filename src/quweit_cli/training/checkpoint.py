"""Checkpoints: weights, the settings that made them, and a few test samples, in one file.

Read with torch's safe loader, which builds tensors and plain values and runs nothing.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, TypeAdapter, ValidationError
from torch import Tensor

from quweit_cli import config
from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import Figure, PositiveAmount
from quweit_cli.boundary.readers import DEPTH, NODES, Unreadable, cut, open_file, problems
from quweit_cli.boundary.tables import MOST_COLUMNS
from quweit_cli.config import extensions
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.models import Network, build, least_weights
from quweit_cli.training.datasets.table import MOST_CLASSES, MOST_VALUES

FORMAT, VERSION = "quweit.checkpoint", 1
KEYS = {"format", "version", "experiment", "meta", "model", "samples", "metrics"}
_TYPES = (
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool,
)  # fmt: skip


class _Images(Artifact):
    kind: Literal["images"]
    side: int = Field(ge=1, le=4096)
    channels: int = Field(ge=1, le=16)
    classes: list[str] = Field(min_length=2, max_length=10_000)
    mean: list[Figure] = Field(
        [], max_length=16, description="of the pixels of a channel, which was subtracted"
    )
    std: list[PositiveAmount] = Field([], max_length=16, description="by which they were divided then")


class _Text(Artifact):
    kind: Literal["text"]
    vocabulary: str = Field(min_length=1)


class _Column(Artifact):
    name: str
    mean: Figure | None = None
    std: PositiveAmount | None = None
    categories: list[str] | None = None


class _Table(Artifact):
    """Rows as they are laid out (training/datasets/table.py)."""

    kind: Literal["table"]
    side: int = Field(ge=1, le=64)
    channels: int = Field(ge=1, le=MOST_VALUES)
    classes: list[str] = Field(min_length=2, max_length=MOST_CLASSES)
    mean: list[Figure] = Field(max_length=MOST_VALUES)
    std: list[PositiveAmount] = Field(max_length=MOST_VALUES)
    columns: list[_Column] = Field(max_length=MOST_COLUMNS)


class _Passages(Artifact):
    kind: Literal["passages"]
    vocabulary: list[str] = Field(min_length=1, max_length=2**16)
    classes: list[str] = Field(min_length=2, max_length=10_000)


_Meta = _Images | _Text | _Table | _Passages
_META: TypeAdapter[_Meta] = TypeAdapter(Annotated[_Meta, Field(discriminator="kind")])
_PACKAGES: TypeAdapter[dict[str, tuple[str, str]]] = TypeAdapter(dict[str, tuple[str, str]])
_FIGURES: TypeAdapter[dict[str, float]] = TypeAdapter(dict[str, float])


@dataclass(frozen=True)
class Checkpoint:
    experiment: config.Experiment
    meta: dict[str, Any]  # what the dataset says of itself: models.build
    state: dict[str, Tensor]
    inputs: Tensor  # test samples, so that a bare checkpoint can be dumped without its data
    targets: Tensor
    metrics: dict[str, float]
    packages: dict[str, tuple[str, str]] = field(default_factory=dict)  # as config.extensions has them

    def check_package(self, group: str, name: str) -> None:
        """Raises ToolNotFound where the package that gave a family or a dataset its meaning is not here."""
        package = self.packages.get(extensions.KEYS[group])
        if package is not None and extensions.named(group, name) is None:
            raise extensions.missing(group, name, *package)

    def model(self) -> Network:
        """The model in eval mode on the CPU.

        Raises:
            ConfigError: a family or a rule that no registry has.
            ArtifactError: the weights do not fit the settings.
            ToolNotFound: the family is of a package that is not here.
        """
        self.check_package(extensions.FAMILIES, self.experiment.model.family)
        least = least_weights(self.experiment.model, self.meta)
        held = sum(tensor.numel() for tensor in self.state.values())
        if least > held:  # before memory is taken for them
            raise self._does_not_fit(f"they want {least:,} numbers and more, and it holds {held:,}")
        model = build(self.experiment.model, self.meta)
        for name, weight in model.state_dict().items():
            if name in self.state and self.state[name].dtype != weight.dtype:
                raise self._does_not_fit(f"`{name}` is of {self.state[name].dtype}, not of {weight.dtype}")
        try:
            model.load_state_dict(self.state)
        except (RuntimeError, ValueError) as error:  # ValueError: wiring that reads what is not there
            raise self._does_not_fit(str(error).partition(":\n")[2] or str(error)) from None
        return model.eval()

    def _does_not_fit(self, why: str) -> ArtifactError:
        return ArtifactError(
            f"the weights of checkpoint `{self.experiment.name}` do not fit its settings: {cut(why)}",
            hint="train it again",
        )


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
    packages = extensions.packages(checkpoint.experiment.model.family, checkpoint.experiment.data.source)
    if packages:
        content["packages"] = packages
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
        experiment = config.experiment_from_dict(_plain(content["experiment"]), where="its settings")
        meta = _meta(content["meta"])
        return Checkpoint(
            experiment=experiment,
            meta=meta,
            state=_tensors(content["model"]),
            **_samples(content["samples"], meta, experiment.model.context),
            metrics=_FIGURES.validate_python(_plain(content["metrics"]), strict=True),
            packages=_PACKAGES.validate_python(_plain(content.get("packages", {})), strict=True),
        )
    except ConfigError as error:
        raise ArtifactError(f"the checkpoint `{path}` is damaged: {error.message}", hint=error.hint) from None
    except ValidationError as error:
        raise ArtifactError(
            f"the checkpoint `{path}` is damaged: {problems(error)}", hint="train it again"
        ) from None
    except Unreadable as error:
        raise ArtifactError(f"the checkpoint `{path}` is damaged: {error}", hint="train it again") from None


def _plain(found: Any) -> Any:
    """The same, when it is no more than NODES plain values, DEPTH deep at most: a value may stand in it many times."""
    left, waiting = NODES, [(found, DEPTH)]
    while waiting:
        value, depth = waiting.pop()
        left -= 1
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        if isinstance(inner, list | tuple):
            if not depth or left < len(inner):
                raise Unreadable("its settings are nested without end")
            waiting += [(one, depth - 1) for one in inner]
        elif not isinstance(value, str | int | float | bool | None):
            raise Unreadable(f"a {type(value).__name__} stands where plain values belong")
    return found


def _meta(found: Any) -> dict[str, Any]:
    """What the dataset says of itself, as models are built from it."""
    return _META.validate_python(_plain(found), strict=True).model_dump(exclude_unset=True)


def _tensors(found: Any) -> dict[str, Tensor]:
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise Unreadable("its weights are not tensors by name")
    return {name: sound_tensor(tensor, f"`{cut(name, 80)}`") for name, tensor in found.items()}


def _samples(found: Any, meta: dict[str, Any], context: int) -> dict[str, Tensor]:
    """Test samples such as the dataset of `meta` has."""
    if not isinstance(found, dict) or found.keys() != {"inputs", "targets"}:
        raise Unreadable("its test samples are not inputs and targets")
    inputs, targets = (sound_tensor(found[name], f"its {name}") for name in ("inputs", "targets"))
    known = len(meta.get("vocabulary", ())), len(meta.get("classes", meta.get("vocabulary", ())))
    if meta["kind"] in ("images", "table"):
        shape: tuple[int, ...]
        shape, kind = (meta["channels"], meta["side"], meta["side"]), torch.float32
    else:
        shape, kind = (context,), torch.int64
    answers = inputs.shape if meta["kind"] == "text" else inputs.shape[:1]
    fits = inputs.shape[1:] == shape and targets.shape == answers
    fits &= inputs.dtype == kind and targets.dtype == torch.int64 and targets.numel() > 0
    indices = [pair for pair in zip((inputs, targets), known, strict=True) if pair[0].dtype == torch.int64]
    if not fits or any(int(one.min()) < 0 or int(one.max()) >= most for one, most in indices):
        kind_name = "rows" if meta["kind"] == "table" else meta["kind"]
        raise Unreadable(f"its test samples are not {kind_name} of its dataset")
    return {"inputs": inputs, "targets": targets}


def sound_tensor(tensor: Any, what: str) -> Tensor:
    """A tensor of finite numbers that are all in the file; raises Unreadable for anything else."""
    if not isinstance(tensor, Tensor) or tensor.layout is not torch.strided or tensor.dtype not in _TYPES:
        raise Unreadable(f"{what} is no tensor of numbers")
    if (
        tensor.device.type != "cpu"
        or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes()
    ):
        raise Unreadable(f"{what} is larger than what the file holds of it")
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise Unreadable(f"{what} holds a number that is not finite")
    return tensor.detach()


def _read(path: Path) -> Any:
    if not path.exists():
        raise ArtifactError(
            f"there is no checkpoint `{path}`", hint="`quweit train` writes one to DIR/train/ckpt.pt"
        )
    try:
        return read_tensors(path)
    except Unreadable as error:
        raise ArtifactError(
            f"`{path}` is not a quweit checkpoint, or is damaged: {error}",
            hint="it was not loaded; files that need code to be run are refused",
        ) from None


def read_tensors(path: Path) -> Any:
    """What torch saved, by its safe loader, onto the CPU; no more of it than the file has bytes.

    Raises:
        Unreadable: no file, damaged, or what the safe loader refuses.
    """
    with open_file(path) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            with zipfile.ZipFile(
                file
            ) as archive:  # torch stores as it is: what is compressed is not of torch
                members = archive.infolist()
            if any(one.compress_type for one in members) or sum(one.file_size for one in members) > size:
                raise Unreadable("it unpacks to more than it has bytes")
            file.seek(0)
            return torch.load(file, map_location="cpu", weights_only=True)
        except Unreadable:
            raise
        except (
            Exception
        ) as error:  # torch, zipfile and pickle raise a dozen types on bytes that are not theirs
            raise Unreadable(cut(str(error).strip().partition("\n")[0].partition(". ")[0])) from None
