"""Examples: every file loads, says what it costs, and builds its model and its dense twin."""

from pathlib import Path
from typing import Any

import pytest

from conftest import REPOSITORY
from quweit_cli import config
from quweit_cli.models import blocks_of, build, parameter_count
from quweit_cli.training import datasets

FOLDER = REPOSITORY / "examples"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))
TEACHERS = sorted((FOLDER / "teachers").glob("*.yaml"))
META: dict[str, dict[str, Any]] = {
    "digits": {
        "kind": "images",
        "side": 8,
        "channels": 1,
        "classes": [str(digit) for digit in range(10)],
        "mean": [0.3],
        "std": [0.4],
    },
    "cifar10": {"kind": "images", "side": 32, "channels": 3, "classes": list("0123456789")},
    "library_source": {"kind": "passages", "vocabulary": ["?"] * 512, "classes": [str(n) for n in range(8)]},
    "pydoc_text": {"kind": "text", "vocabulary": "".join(map(chr, range(32, 127)))},
    "shakespeare_char": {"kind": "text", "vocabulary": "".join(map(chr, range(32, 97)))},
}


def named(path: Path) -> str:
    return path.stem


def test_the_promised_examples_are_there() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "cifar10",
        "cifar10_224",
        "cifar10_224_neighbours",
        "cifar10_224_neighbours_wide",
        "cifar10_32",
        "cifar10_32_neighbours",
        "digits",
        "digits_early_exits",
        "digits_no_multiplications",
        "digits_no_multiplications_early_exits",
        "library_source",
        "pydoc_gpt",
        "pydoc_gpt_early_exits",
        "shakespeare_char",
        "shakespeare_char_grouped",
        "shakespeare_char_no_multiplications",
        "shakespeare_char_wide",
    ]


@pytest.mark.parametrize("path", EXAMPLES + TEACHERS, ids=named)
def test_an_example_says_what_it_trains_needs_and_costs(path: Path) -> None:
    comments = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert path.read_text().startswith("#")
    assert any("Needs" in line for line in comments)
    assert any(line.startswith("# Cost: ") and "TODO" not in line for line in comments)


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.slow if "neighbours" in path.stem else ()) for path in EXAMPLES],
    ids=named,
)
def test_an_example_builds_its_model_with_a_block_in_every_layer(path: Path) -> None:
    experiment = config.load_experiment(path)
    assert experiment.name == path.stem
    assert experiment.data.source in datasets.SOURCES
    settings = experiment.model.model_copy(update={"depth": min(experiment.model.depth, 4)})
    model = build(settings, META[experiment.data.source])
    assert len(blocks_of(model)) == settings.depth
    dense = settings.model_copy(update={"mlp": "dense"})
    assert parameter_count(build(dense, META[experiment.data.source])) > 10_000


@pytest.mark.parametrize("path", TEACHERS, ids=named)
def test_a_teacher_builds_and_is_where_others_look_for_it(path: Path) -> None:
    experiment = config.load_experiment(path)
    assert experiment.name == f"{path.stem}_teacher"
    build(experiment.model, META[experiment.data.source])
    written = FOLDER.parent / "build" / experiment.name / "train/ckpt.pt"
    taught = [config.load_experiment(other).training.distill.teacher for other in EXAMPLES + TEACHERS]
    assert written in taught
    assert f": {written.relative_to(FOLDER.parent)}\n" in (FOLDER.parent / "Makefile").read_text()
