"""An experiment file is validated before anything runs, and its errors say which key and what next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

import standins
from conftest import REPOSITORY, Outcome
from quweit_cli import config
from quweit_cli.errors import ConfigError

EXAMPLES = sorted((REPOSITORY / "examples").glob("*.yaml"))


def sections(kind: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Every section of the settings with its dotted name."""
    yield prefix, kind
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from sections(field.annotation, f"{prefix}{name}.")


@pytest.mark.parametrize(("prefix", "section"), list(sections(config.Experiment)))
def test_every_setting_says_what_it_means(prefix: str, section: type[BaseModel]) -> None:
    silent = [prefix + name for name, field in section.model_fields.items() if not field.description]
    assert silent == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_load(path: Path) -> None:
    experiment = config.load_experiment(path)
    assert experiment.name == path.stem.replace("-", "_")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("trainig.steps=3", "unknown key `trainig`, did you mean `training`?"),
        ("training.step=3", "unknown key `training.step`, did you mean `steps`?"),
        ("model.block.fanin=3", "unknown key `model.block.fanin`, did you mean `fan_in`?"),
        (
            "model.block.thermometer.bit=3",
            "unknown key `model.block.thermometer.bit`, did you mean `bits`?",
        ),
        ("rtl.zzz=3", "unknown key `rtl.zzz`; known: array, arrays, bits_per_cycle"),
        ("training.steps=0", "`training.steps`: Input should be greater than or equal to 1, got 0"),
        ("training.steps=many", "`training.steps`"),
        ("model.block.fan_in=7", "`model.block.fan_in`: Input should be less than or equal to 6, got 7"),
        ("model.block.epsilon=0.5", "`model.block.epsilon`"),
        (
            "model.mlp=sparse",
            "`model.mlp`: Input should be 'dense', 'weightless' or 'learn_forget', got 'sparse'",
        ),
        ("model.heads=3", "dim (8) must be a multiple of heads (3)"),
        ("name=Digits Tiny", "`name`"),
        ("training.steps", "is not of the form section.key=value"),
        ("name.first=x", "`name` in `name.first=x` is not a section"),
        ("training.steps=[1", "is not YAML"),
    ],
)
def test_a_wrong_setting_is_named(override: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.with_overrides(tiny(), [override])
    assert words in caught.value.message


@pytest.mark.parametrize("length", [{}, {"steps": 5, "epochs": 2}])
def test_training_is_as_long_as_one_setting_says(length: dict[str, int]) -> None:
    raw = yaml.safe_load(standins.EXPERIMENT)
    raw["training"] = {"batch_size": 1, **length}
    with pytest.raises(ConfigError, match="`training`: .*give either steps or epochs$"):
        config.experiment_from_dict(raw, where="x.yaml")


def test_all_mistakes_are_reported_at_once() -> None:
    raw = yaml.safe_load(standins.EXPERIMENT)
    raw["training"] = {"step": 1}
    with pytest.raises(ConfigError) as caught:
        config.experiment_from_dict(raw, where="x.yaml")
    for words in (
        "x.yaml: ",
        "`training.batch_size` is missing",
        "training.step`",
    ):
        assert words in caught.value.message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no settings"),
        ("- a\n- b\n", "holds no settings"),
        ("name: [", "is not YAML"),
        ("name: tiny\n\tdata: x", "is not YAML"),
        ("name: tiny\n", "`data` is missing"),
        (b"\xff\xfe\x00", "cannot read"),
        ("name: !!python/object/apply:os.system ['true']\n", "is not YAML"),
    ],
)
def test_a_file_that_is_no_experiment_is_2(
    quweit: Callable[..., Outcome], tmp_path: Path, content: str | bytes, words: str
) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    outcome = quweit("run", path, "--out", tmp_path / "project")
    assert outcome.code == 2
    assert words in outcome.stderr
    assert str(path) in outcome.stderr
    assert not (tmp_path / "project").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        config.load_experiment(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("training.steps=7", ("training", "steps", 7)),
        ("sim.simulators=[verilator]", ("sim", "simulators", ("verilator",))),
        ("sim.rows={icarus: 5}", ("sim", "rows", {"icarus": 5})),
        ("rtl.outputs_per_cycle=all", ("rtl", "outputs_per_cycle", "all")),
        ("dump.samples=null", ("dump", "samples", None)),
        ("data.path=/a/b c", ("data", "path", Path("/a/b c"))),
    ],
)
def test_overrides_are_read_as_yaml(override: str, expected: tuple[str, str, Any]) -> None:
    section, key, value = expected
    assert getattr(getattr(config.with_overrides(tiny(), [override]), section), key) == value


def test_a_data_path_is_relative_to_the_experiment_file(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(standins.EXPERIMENT.replace("{source: digits}", "{source: text, path: corpus/text.txt}"))
    assert config.load_experiment(path).data.path == tmp_path / "corpus" / "text.txt"


def test_one_section_from_options_is_validated_too() -> None:
    assert config.settings(config.Synth, clock_mhz=150).clock_mhz == 150
    with pytest.raises(ConfigError, match="clock_mhz"):
        config.settings(config.Synth, clock_mhz=-1)


def tiny() -> config.Experiment:
    return config.experiment_from_dict(yaml.safe_load(standins.EXPERIMENT), where="tiny")
