"""Choices become experiments, and what goes not together is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from experiments import tiny_digits
from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.search import space


def first(name: str, choices: Sequence[Any]) -> Any:
    return choices[0]


def last(name: str, choices: Sequence[Any]) -> Any:
    return choices[-1]


def test_a_choice_of_each_list_becomes_settings_of_the_experiment() -> None:
    choices = config.Search(
        thermometer_bits=(2, 4),
        layers=(1, 3),
        luts=(12, 24),
        groups=(1, 2),
        value_bits=(8, "ternary"),
        outputs_per_cycle=(1, 8),
    )
    shared = space.base(tiny_digits("twin=true", "rtl.side=8", "model.arithmetic=integer"))
    made = space.candidate(shared, space.proposed(choices, last))
    block = made.model.block
    assert (block.thermometer.bits, block.lut_layers, block.groups) == (4, (24, 24, 24), 2)
    assert (block.value_bits, made.rtl.outputs_per_cycle) == ("ternary", 8)
    assert (made.twin, made.rtl.side) == (False, None)
    assert space.candidate(shared, space.proposed(choices, first)).model.block.lut_layers == (12,)


def test_each_layer_has_a_choice_of_its_own() -> None:
    asked: list[str] = []

    def choose(name: str, choices: Sequence[Any]) -> Any:
        asked.append(name)
        return 2 if name == "layers" else choices[len(asked) % len(choices)]

    settings = space.proposed(config.Search(luts=(12, 24)), choose)
    assert {"luts_1", "luts_2"} <= set(asked)
    assert settings["model.block.lut_layers"] in ([12, 24], [24, 12])


def test_every_list_of_the_settings_is_chosen_from() -> None:
    asked: list[Sequence[Any]] = []

    def choose(name: str, choices: Sequence[Any]) -> Any:
        asked.append(choices)
        return choices[0]

    space.proposed(config.Search(), choose)
    listed = {name for name, value in config.Search() if isinstance(value, tuple)}
    assert set(space.LISTS) == listed == set(space.lists(config.Search()))
    assert all(getattr(config.Search(), name) in asked for name in listed)


def test_a_trial_learns_as_long_as_the_search_says() -> None:
    assert space.base(tiny_digits("search.steps=3")).training.steps == 3
    assert space.base(tiny_digits()).training.steps == 6
    epochs = tiny_digits("training.steps=null", "training.epochs=2", "search.steps=3")
    assert (space.base(epochs).training.steps, space.base(epochs).training.epochs) == (3, None)


def test_the_choices_do_not_change_what_a_trial_is() -> None:
    """So that a model is found again when a search goes on with more time."""
    assert space.base(tiny_digits("search.trials=7")) == space.base(tiny_digits())


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model.mlp=dense", "`model.mlp` is dense"),
        ("rtl.blocks={block0: {outputs_per_cycle: 2}}", "`rtl.blocks` folds blocks by themselves"),
        ("training.distill={weight: 0.5}", "has the dense twin teach"),
    ],
)
def test_an_experiment_that_cannot_be_searched_is_refused(override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        space.base(tiny_digits(override))
    assert raised.value.hint


def test_groups_that_do_not_divide_a_block_are_no_candidate() -> None:
    settings = space.proposed(config.Search(groups=(5,)), first)
    with pytest.raises(ConfigError, match=r"block\.groups \(5\) must divide dim \(16\)"):
        space.candidate(space.base(tiny_digits()), settings)


@pytest.mark.parametrize(
    "override",
    [
        "search.luts=[]",
        "search.luts=[8, 8]",
        "search.luts=[0]",
        "search.value_bits=[5]",
        "search.trials=0",
        "search.minutes=0",
        "search={trials: null}",
        "search.bits=[2]",
    ],
)
def test_choices_and_ends_that_mean_nothing_are_refused(override: str) -> None:
    with pytest.raises(ConfigError, match="search"):
        tiny_digits(override)
