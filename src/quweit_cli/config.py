"""experiment.yaml as validated settings: one class a section, each field with its meaning.

The settings are the only thing that a user writes by hand. Unknown keys are errors, and the
message names the nearest key that exists.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from quweit_cli.errors import ConfigError

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(Settings):
    source: str = Field(
        description="which dataset: digits, pydoc_text, text_file, shakespeare_char or cifar10"
    )
    path: Path | None = Field(
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
        0, ge=0, description="seed of that split; not the training seed, so that seeds compare on one split"
    )
    augment: Literal["none", "shift", "crop_flip"] = Field(
        "none",
        description="random change of each training image: `shift` moves digits by up to one pixel, `crop_flip` is the usual CIFAR padding, crop and mirror",
    )


class Thermometer(Settings):
    bits: int = Field(8, ge=1, le=255, description="thresholds a feature")
    scheme: Literal["uniform", "gaussian", "distributive"] = Field(
        "gaussian",
        description="initial thresholds: evenly spaced over ±2.5, quantiles of a unit Gaussian, or quantiles of the first batch",
    )
    learnable: bool = Field(False, description="move the thresholds by straight-through gradients")
    window: float = Field(
        0.5,
        gt=0,
        description="half width, in input standard deviations, in which the straight-through gradient passes a threshold",
    )
    noise: float = Field(
        0.0, ge=0, description="half width of the uniform noise added to the block's input while training"
    )


class Block(Settings):
    """A weightless block: what replaces one MLP."""

    thermometer: Thermometer = Field(Thermometer(), description="how features become bits")
    lut_layers: tuple[int, ...] = Field(
        (192,),
        min_length=1,
        description="LUTs of each layer, first to last; every LUT of the last layer owns a vector of encoded values",
    )
    fan_in: int = Field(6, ge=2, le=6, description="inputs of a LUT")
    mapping: Literal["random", "learnable"] = Field(
        "random",
        description="wiring of the first layer: drawn once, or learned (the other layers are always drawn)",
    )
    mapping_candidates: int = Field(
        16, ge=2, description="with a learnable mapping: inputs that a pin can choose from"
    )
    mapping_freeze: float = Field(
        0.6,
        ge=0,
        le=1,
        description="with a learnable mapping: share of the steps after which the wiring stays as it is",
    )
    rule: str = Field("efd", description="how tables learn; registered rules only")
    tables: Literal["linear_threshold", "uniform"] = Field(
        "linear_threshold",
        description="initial tables: linear threshold units (first-order signal), or uniform random entries",
    )
    epsilon: float = Field(
        0.05, ge=0, lt=0.5, description="noise of the smoothing operator of Extended Finite Difference"
    )
    value_std: float = Field(0.002, gt=0, description="standard deviation of the initial encoded values")
    dropout: float = Field(0.05, ge=0, lt=1, description="dropout on the block's output while training")
    table_rate: float = Field(
        10.0, gt=0, description="learning rate of tables and mapping, as a multiple of the base rate"
    )
    value_rate: float = Field(
        0.3, gt=0, description="learning rate of the encoded values, as a multiple of the base rate"
    )
    threshold_rate: float = Field(
        1.0, gt=0, description="learning rate of learnable thresholds, as a multiple of the base rate"
    )


class Model(Settings):
    family: str = Field(description="transformer family: vit or gpt")
    mlp: Literal["dense", "weightless"] = Field(
        "weightless", description="what follows the attention of each layer"
    )
    dim: int = Field(ge=1, description="width of the residual stream")
    depth: int = Field(ge=1, description="encoder or decoder layers")
    heads: int = Field(ge=1, description="attention heads; they divide dim")
    mlp_ratio: int = Field(4, ge=1, description="hidden width of a dense MLP over dim")
    image: int | None = Field(
        None,
        ge=1,
        description="vit: pixels along the side that images are enlarged to before they are cut; as they are when absent",
    )
    patch: int = Field(2, ge=1, description="vit: pixels along the side of a patch")
    context: int = Field(256, ge=1, description="gpt: tokens that the decoder sees")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout of embeddings, attention and a dense MLP")
    block: Block = Field(Block(), description="the weightless block that replaces each MLP")

    @model_validator(mode="after")
    def _heads_divide_dim(self) -> Model:
        if self.dim % self.heads:
            raise ValueError(f"dim ({self.dim}) must be a multiple of heads ({self.heads})")
        return self


class Training(Settings):
    steps: int = Field(ge=1, description="updates of the weights")
    batch_size: int = Field(ge=1, description="samples of one step")
    learning_rate: float = Field(
        1e-3, gt=0, description="peak of the base rate (AdamW, linear warm-up, cosine)"
    )
    final_rate: float = Field(0.1, ge=0, le=1, description="base rate at the end, as a multiple of the peak")
    warmup: int = Field(0, ge=0, description="steps of linear warm-up")
    weight_decay: float = Field(
        0.1, ge=0, description="for matrices of the dense parts; never for tables, mapping or values"
    )
    betas: tuple[float, float] = Field((0.9, 0.99), description="of AdamW")
    gradient_clip: float = Field(1.0, gt=0, description="largest norm of the gradient")
    average: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="decay a step of the moving average of the weights that is evaluated and kept; 0 keeps the weights themselves",
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="of the cross entropy")
    evaluate_every: int = Field(250, ge=1, description="steps between evaluations on held-out data")
    evaluate_samples: int = Field(
        2048, ge=1, description="samples of those evaluations; the one at the end takes all"
    )
    keep: Literal["last", "best"] = Field(
        "last",
        description="which weights the checkpoint holds: the last, or the best evaluated on held-out data (`best` selects on the data it reports)",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where training runs; `auto` takes a GPU when there is one"
    )
    threads: int | None = Field(
        None, ge=1, description="CPU threads that training uses; as many as torch takes when absent"
    )


class Dump(Settings):
    rows: int = Field(1024, ge=1, description="golden rows kept for each block")
    samples: int | None = Field(
        None, ge=1, description="test samples checked against the integer program; all when absent"
    )


class Fold(Settings):
    """How a block is spread over time; at most one of the three is given."""

    outputs_per_cycle: Annotated[int, Field(ge=1)] | Literal["all", "auto"] = Field(
        1,
        description="outputs of a row that are summed in one cycle; `auto` takes as few as keep pace with the attention on the array",
    )
    bits_per_cycle: Annotated[int, Field(ge=1)] | Literal["all"] | None = Field(
        None,
        description="the same as the share of work: LUT outputs of the last layer whose values, for all outputs, are added in one cycle on average (equal to outputs_per_cycle where there are as many LUTs as outputs)",
    )
    cycles_per_row: int | None = Field(
        None,
        ge=1,
        description="in place of outputs_per_cycle: as few outputs a cycle as keep a row within so many cycles; `target_cycles_per_row` is the same key",
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
        32, ge=1, description="side of the systolic array whose attention `auto` keeps pace with"
    )
    blocks: dict[Identifier, Fold] = Field(
        {}, description="by name of a block: its own outputs_per_cycle, bits_per_cycle or cycles_per_row"
    )
    features_per_beat: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto",
        description="features of one input beat, and outputs of one output beat; `auto` takes the fewest that keep up with the summation",
    )
    random_rows: int = Field(
        256,
        ge=0,
        description="uniformly random rows added to the golden ones: they reach table entries that real activations seldom do",
    )


class Sim(Settings):
    simulators: tuple[str, ...] = Field(
        ("verilator", "icarus"),
        min_length=1,
        description="who compares; `run` skips, visibly, one that this machine lacks",
    )
    rows: dict[str, int] = Field(
        {"icarus": 200}, description="rows compared in each scenario, by simulator; all where none is named"
    )


class Synth(Settings):
    tool: str = Field("yosys", description="yosys or vivado")
    device: str = Field("xcvu9p-flgb2104-2-i", description="part; Yosys uses its family only")
    clock_mhz: float = Field(200.0, gt=0, description="clock that timing and power are asked for")
    cache: bool = Field(
        True, description="reuse what Yosys made of the same RTL before, whatever the project"
    )
    allow_negative_slack: bool = Field(
        False, description="keep figures of a design that misses the clock, instead of failing"
    )


class Energy(Settings):
    arrays: tuple[int, ...] = Field(
        (8, 16, 32, 64), min_length=1, description="sides of the systolic arrays compared with"
    )
    clock_mhz: float = Field(200.0, gt=0, description="clock that the energies are stated for")


class Experiment(Settings):
    name: Identifier = Field(description="of the design: lower-case letters, digits and underscores")
    seed: int = Field(0, ge=0, description="of the initial weights and of the order of the samples")
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
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the experiment file `{path}`: {error}") from None
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"`{path}` is not YAML: {error}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"`{path}` holds no settings", hint="start from one of the files in examples/")
    experiment = experiment_from_dict(raw, where=str(path))
    data_path = experiment.data.path
    if data_path is not None and not data_path.is_absolute():
        data = experiment.data.model_copy(update={"path": (path.parent / data_path).resolve()})
        experiment = experiment.model_copy(update={"data": data})
    return experiment


def experiment_from_options(
    path: Path, overrides: list[str] | None, seed: int | None, data: Path | None
) -> Experiment:
    """An experiment file with the changes of a command line; raises ConfigError."""
    changes = list(overrides or [])
    if seed is not None:
        changes.append(f"seed={seed}")
    if data is not None:
        changes.append(f"data.path={json.dumps(str(data.absolute()))}")
    experiment = load_experiment(path)
    return with_overrides(experiment, changes) if changes else experiment


def experiment_from_dict(raw: dict[str, Any], *, where: str) -> Experiment:
    """Validate plain settings; `where` names their origin in messages."""
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(*_explain(error, where)) from None


AnySettings = TypeVar("AnySettings", bound=Settings)


def settings(kind: type[AnySettings], **values: Any) -> AnySettings:
    """One section from the options of a command.

    Raises:
        ConfigError: a value out of range.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError(*_explain(error, "options")) from None


def with_overrides(experiment: Experiment, overrides: list[str]) -> Experiment:
    """Settings changed by `section.key=value` strings; values are read as YAML."""
    raw = experiment.model_dump(mode="json")
    for override in overrides:
        dotted, equals, value = override.partition("=")
        if not equals:
            raise ConfigError(
                f"`{override}` is not of the form section.key=value",
                hint="for example `--set training.steps=500`",
            )
        *parents, last = dotted.strip().split(".")
        target = raw
        for parent in parents:
            if not isinstance(target.setdefault(parent, {}), dict):
                raise ConfigError(f"`{parent}` in `{override}` is not a section")
            target = target[parent]
        try:
            target[last] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"the value of `{override}` is not YAML: {error}") from None
    return experiment_from_dict(raw, where="--set")


def _explain(error: ValidationError, where: str) -> tuple[str]:
    lines = []
    for problem in error.errors():
        location = ".".join(str(part) for part in problem["loc"]) or "settings"
        if problem["type"] == "extra_forbidden":
            known = _keys_beside(problem["loc"])
            near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.4)
            lines.append(
                f"unknown key `{location}`"
                + (f", did you mean `{near[0]}`?" if near else f"; known: {', '.join(known)}")
            )
        elif problem["type"] == "missing":
            lines.append(f"`{location}` is missing")
        else:
            lines.append(f"`{location}`: {problem['msg']}, got {problem['input']!r}")
    return (f"{where}: " + "; ".join(lines),)


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    section: type[BaseModel] = Experiment
    for part in location[:-1]:
        field = section.model_fields.get(str(part))
        if field is None or not (
            isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        ):
            return []
        section = field.annotation
    return sorted(section.model_fields)
