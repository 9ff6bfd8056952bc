"""experiment.yaml as validated settings: one class a section, each field with its meaning.

The settings are the only thing that a user writes by hand. Unknown keys are errors, and the
message names the nearest key that exists.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from quweit_cli import readers
from quweit_cli.errors import ConfigError
from quweit_cli.model_settings import Block as Block  # noqa: PLC0414  (also config.Block)
from quweit_cli.model_settings import Model as Model  # noqa: PLC0414  (also config.Model)
from quweit_cli.model_settings import Thermometer as Thermometer  # noqa: PLC0414  (also config.Thermometer)
from quweit_cli.quantities import File, Identifier, Seed, Size
from quweit_cli.training_settings import Deit as Deit  # noqa: PLC0414  (also config.Deit)
from quweit_cli.training_settings import Distillation as Distillation  # noqa: PLC0414  (also config.Distillation)
from quweit_cli.training_settings import Settings as Settings  # noqa: PLC0414  (also config.Settings)
from quweit_cli.training_settings import Training as Training  # noqa: PLC0414  (also config.Training)

# Of cell names; nothing else may come into a tool's script.
Pattern = Annotated[str, Field(pattern=r"^[A-Za-z0-9_$*?]+$")]
Part = Annotated[str, Field(pattern=r"^[A-Za-z0-9]+([_.-][A-Za-z0-9]+)*$", max_length=64)]
Libraries = Annotated[
    tuple[File, ...],
    BeforeValidator(lambda raw: (raw,) if isinstance(raw, str | Path) else raw or ()),
    Field(max_length=64),
]


class Data(Settings):
    source: str = Field(
        description="which dataset: digits, pydoc_text, text_file, shakespeare_char or cifar10"
    )
    path: File | None = Field(
        None,
        description="file of the dataset, for those that are not shipped; relative to the experiment file",
    )
    test_fraction: float = Field(
        0.25,
        gt=0,
        lt=1,
        description="share of the samples held out, where the dataset has no split of its own",
    )
    split_seed: int = Field(
        0,
        ge=0,
        lt=2**32,
        description="seed of that split; not the training seed, so that seeds compare on one split",
    )
    augment: Literal["none", "shift", "crop_flip", "deit"] = Field(
        "none",
        description="random change of each training image: `shift` moves digits by up to one pixel, `crop_flip` is the usual CIFAR padding, crop and mirror, `deit` adds RandAugment, erasing, mixup and cutmix",
    )
    deit: Deit = Field(Deit(), description="with `augment: deit`: how strong each part of it is")


class Dump(Settings):
    rows: int = Field(1024, ge=1, le=10**6, description="golden rows kept for each block")
    samples: int | None = Field(
        None, ge=1, le=10**9, description="test samples checked against the integer program; all when absent"
    )


class Fold(Settings):
    """How a block is spread over time; at most one of the three is given."""

    outputs_per_cycle: Size | Literal["all", "auto"] = Field(
        1,
        description="outputs of a row that are summed in one cycle; `auto` takes as few as keep pace with the attention on the array",
    )
    bits_per_cycle: Size | Literal["all"] | None = Field(
        None,
        description="the same as the share of work: LUT outputs of the last layer whose values, for all outputs, are added in one cycle on average (equal to outputs_per_cycle where there are as many LUTs as outputs)",
    )
    cycles_per_row: int | None = Field(
        None,
        ge=1,
        le=10**9,
        description="in place of outputs_per_cycle: the outputs a cycle that keep a row within so many cycles with the fewest LUTs; `target_cycles_per_row` is the same key",
    )

    @model_validator(mode="before")
    @classmethod
    def _target_is_the_same_key(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("target_cycles_per_row") is not None:
            raw = dict(raw)
            raw["cycles_per_row"] = raw.pop("target_cycles_per_row")
        return raw

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Fold:
        given = ["outputs_per_cycle"] if self.outputs_per_cycle != 1 else []
        given += [name for name in ("bits_per_cycle", "cycles_per_row") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} say the same thing twice: give one of them")
        return self


class Rtl(Fold):
    array: int = Field(
        32, ge=1, le=10**4, description="side of the systolic array whose attention `auto` keeps pace with"
    )
    blocks: dict[Identifier, Fold] = Field(
        {}, description="by name of a block: its own outputs_per_cycle, bits_per_cycle or cycles_per_row"
    )
    features_per_beat: Size | Literal["auto"] = Field(
        "auto",
        description="features of one input beat, and outputs of one output beat; `auto` takes the fewest that keep up with the summation",
    )
    top_name: Identifier | None = Field(
        None, description="what the names of modules start with; the name of the design when not given"
    )
    bus_bytes: Annotated[int, Field(ge=1, le=128)] | Literal["auto"] = Field(
        "auto",
        description="bytes of TDATA of the AXI-Stream wrapper, in and out; `auto` takes the beats of the block as they are",
    )
    pipeline_depth: Annotated[int, Field(ge=1, le=1000)] | Literal["auto", "deepest"] = Field(
        "auto",
        description="registers in a row from the time slot to the output; `auto` suits an FPGA at 200 MHz, library cells at 1 GHz want more, `deepest` is all that a block has places for",
    )
    random_rows: int = Field(
        256,
        ge=0,
        le=10**5,
        description="uniformly random rows added to the golden ones: they reach table entries that real activations seldom do",
    )
    directed_rows: int = Field(
        512,
        ge=0,
        le=10**5,
        description="the most rows that are added, in whole samples where neighbours are read, for what golden and random ones do not show of tables, pins, thresholds, values and biases; 0 searches for none",
    )


class Sim(Settings):
    simulators: tuple[str, ...] = Field(
        ("verilator", "icarus"),
        min_length=1,
        description="who compares; `run` skips, visibly, one that this machine lacks",
    )
    rows: dict[str, Size] = Field(
        {"icarus": 200}, description="rows compared in each scenario, by simulator; all where none is named"
    )


class Synth(Settings):
    tool: str = Field("yosys", description="yosys or vivado")
    device: Part = Field("xcvu9p-flgb2104-2-i", description="part; Yosys uses its family only")
    clock_mhz: float = Field(
        200.0, ge=0.001, le=10**6, description="clock that timing and power are asked for"
    )
    cache: bool = Field(
        True, description="reuse what Yosys made of the same RTL before, whatever the project"
    )
    allow_negative_slack: bool = Field(
        False, description="keep figures of a design that misses the clock, instead of failing"
    )
    liberty: Libraries = Field(
        (),
        description="cell library (Liberty, .lib or .lib.gz), or a list of the files that it comes in: yosys maps to its cells in place of a part; relative to the experiment file",
    )
    dont_use: tuple[Pattern, ...] = Field(
        ("*lpflow*", "*probe*"),
        description="patterns of cells that are not taken; the default names cells for power domains and probing that libraries do not mark",
    )
    driving_cell: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_$]*$",
        description="cell that drives every input of a block; found in the library when not given: a buffer of twice the least strength",
    )
    load_ff: float | None = Field(
        None,
        ge=0.001,
        le=10**6,
        description="load of every output in fF; four inputs of the driving cell when not given",
    )
    clock_gating: bool = Field(True, description="clock gates for flip-flops with an enable")
    mapping: Literal["area", "speed"] = Field(
        "area",
        description="to library cells: `speed` keeps the prefix adders that `area` takes apart, and more of the period to spare",
    )
    activity: Literal["measured", "vectorless"] = Field(
        "measured",
        description="power of library cells from the activity of every net on golden rows, which needs Icarus Verilog, or vectorless alone",
    )
    activity_rows: Size = Field(4, description="golden rows over which activity is counted")

    @model_validator(mode="after")
    def _cells_are_mapped_by_yosys(self) -> Synth:
        if self.liberty and self.tool != "yosys":
            raise ValueError(f"liberty is for the tool yosys, not for {self.tool}")
        return self


class Energy(Settings):
    arrays: tuple[Annotated[int, Field(ge=1, le=10**4)], ...] = Field(
        (8, 16, 32, 64),
        min_length=1,
        max_length=100,
        description="sides of the systolic arrays compared with",
    )
    clock_mhz: float = Field(200.0, ge=0.001, le=10**6, description="clock that the energies are stated for")


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


def with_overrides(experiment: Experiment, overrides: list[str]) -> Experiment:
    """Settings changed by `section.key=value` strings; values are read as YAML."""
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
    return experiment_from_dict(raw, where="--set")


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
