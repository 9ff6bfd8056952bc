"""experiment.yaml as validated settings: one class a section, each field with its meaning.

The settings are the only thing that a user writes by hand. Unknown keys are errors, and the
message names the nearest key that exists.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from quweit_cli.boundary import readers
from quweit_cli.boundary.quantities import Identifier, Seed
from quweit_cli.config.base import Settings
from quweit_cli.config.data import Data
from quweit_cli.config.hardware import Dump, Energy, Rtl, Sim, Synth
from quweit_cli.config.model import Model
from quweit_cli.config.search import Search
from quweit_cli.config.training import Training
from quweit_cli.errors import ConfigError


class Experiment(Settings):
    name: Identifier = Field(description="of the design: lower-case letters, digits and underscores")
    seed: Seed = Field(0, description="of the initial weights and of the order of the samples")
    twin: bool = Field(False, description="train the same model with dense MLPs too, and report both")
    data: Data = Field(description="what is learned")
    model: Model = Field(description="the transformer")
    training: Training = Field(description="how it learns")
    dump: Dump = Field(Dump(), description="checkpoint to integer programs")
    rtl: Rtl = Field(Rtl(), description="integer programs to RTL")
    sim: Sim = Field(Sim(), description="RTL against the integer programs")
    synth: Synth = Field(Synth(), description="RTL to cells")
    energy: Energy = Field(Energy(), description="cells and cycles to energy")
    search: Search = Field(Search(), description="what `quweit search` tries in place of the settings above")


def load_experiment(path: Path) -> Experiment:
    """Read an experiment file.

    Raises:
        ConfigError: no such file, not YAML, an unknown key, a value out of range.
    """
    try:
        raw = readers.parse_yaml(readers.read_text(path, readers.EXPERIMENT_BYTES))
    except readers.Unreadable as error:
        raise ConfigError(f"cannot read the experiment file `{path}`: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"`{path}` holds no settings", hint="start from one of the files in examples/")
    experiment = experiment_from_dict(raw, where=str(path))
    if experiment.data.path is not None:
        data = experiment.data.model_copy(update={"path": _beside(path, experiment.data.path)})
        experiment = experiment.model_copy(update={"data": data})
    if experiment.synth.liberty:
        libraries = tuple(_beside(path, library) for library in experiment.synth.liberty)
        synth = experiment.synth.model_copy(update={"liberty": libraries})
        experiment = experiment.model_copy(update={"synth": synth})
    documents = {
        role: _beside(path, choice) for role, choice in experiment.model.functions if isinstance(choice, Path)
    }
    if documents:
        functions = experiment.model.functions.model_copy(update=documents)
        model = experiment.model.model_copy(update={"functions": functions})
        experiment = experiment.model_copy(update={"model": model})
    training = experiment.training
    if (teacher := training.distill.teacher) is not None:
        distill = training.distill.model_copy(update={"teacher": _beside(path, teacher)})
        training = training.model_copy(update={"distill": distill})
    if training.start_from is not None:
        training = training.model_copy(update={"start_from": _beside(path, training.start_from)})
    return experiment.model_copy(update={"training": training})


def experiment_from_dict(raw: dict[str, Any], *, where: str) -> Experiment:
    """Validate plain settings; `where` names their origin in messages."""
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_explain(error, Experiment)}") from None


AnySettings = TypeVar("AnySettings", bound=Settings)


def settings(
    kind: type[AnySettings], overrides: Mapping[str, Any] | None = None, **values: Any
) -> AnySettings:
    """One section from the options of a command, and from `--set` what has no option.

    Raises:
        ConfigError: a value out of range, or a setting that is an option of the command as well.
    """
    if both := sorted((overrides or {}).keys() & values.keys()):
        raise ConfigError(
            f"`--set {both[0]}=...` says what an option of this command says",
            hint="use the option in its place",
        )
    try:
        return kind.model_validate(values | dict(overrides or {}))
    except ValidationError as error:
        raise ConfigError(f"options: {_explain(error, kind)}") from None


def with_overrides(experiment: Experiment, overrides: list[str], *, where: str = "--set") -> Experiment:
    """Settings changed by `section.key=value` strings; values are read as YAML. `where` names their origin in messages."""
    raw = experiment.model_dump(mode="json")
    for override in overrides:
        dotted, value = _assignment(override, "section.key=value", "training.steps=500")
        *parents, last = dotted.split(".")
        target = raw
        for parent in parents:
            if not isinstance(target.setdefault(parent, {}), dict):
                raise ConfigError(f"`{readers.cut(parent)}` in `{readers.cut(override)}` is not a section")
            target = target[parent]
        target[last] = value
    return experiment_from_dict(raw, where=where)


def assignments(texts: list[str]) -> dict[str, Any]:
    """Settings of one section from `key=value` strings; values are read as YAML."""
    return dict(_assignment(text, "key=value", "activity=vectorless") for text in texts)


def _assignment(text: str, form: str, example: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(
            f"`{readers.cut(text)}` is not of the form {form}", hint=f"for example `--set {example}`"
        )
    try:
        return name.strip(), readers.parse_yaml(value)
    except readers.Unreadable as error:
        raise ConfigError(f"cannot read the value of `{readers.cut(text)}`: {error}") from None


def _beside(experiment_file: Path, named: Path) -> Path:
    """A relative path counts from the experiment file."""
    return named if named.is_absolute() else Path(os.path.realpath(experiment_file.parent / named))


def _explain(error: ValidationError, section: type[BaseModel]) -> str:
    """What is wrong with settings; an unknown key with the nearest that exists."""

    def unknown(found: ErrorDetails) -> str:
        known = _keys_beside(found["loc"], section)
        near = difflib.get_close_matches(str(found["loc"][-1])[:80], known, n=1, cutoff=0.4)
        return readers.problem(found) + (
            f", did you mean `{near[0]}`?" if near else f"; known: {', '.join(known)}"
        )

    return readers.problems(error, special={"extra_forbidden": unknown})


def _keys_beside(location: tuple[int | str, ...], section: type[BaseModel]) -> list[str]:
    for part in location[:-1]:
        field = section.model_fields.get(str(part))
        if field is None or not (
            isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        ):
            return []
        section = field.annotation
    return sorted(section.model_fields)
