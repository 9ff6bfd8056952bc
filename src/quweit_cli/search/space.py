"""Which settings a search chooses, and the experiment that a choice becomes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from quweit_cli import config
from quweit_cli.documents import Setting
from quweit_cli.errors import ConfigError

Choose = Callable[[str, Sequence[Any]], Any]  # the name of a list of choices, and the list
# Of a trial: blocks alone, one model, and nothing of the folding but what the search chooses.
ALONE = (
    "twin=false",
    "rtl.side=null",
    "rtl.outputs_per_cycle=1",
    "rtl.bits_per_cycle=null",
    "rtl.cycles_per_row=null",
)
LISTS = ("thermometer_bits", "layers", "luts", "groups", "value_bits", "outputs_per_cycle")


def base(experiment: config.Experiment) -> config.Experiment:
    """The experiment that all trials share.

    Raises:
        ConfigError: it has no blocks, folds some of them by themselves, or has its twin teach.
    """
    if experiment.model.mlp != "weightless":
        raise ConfigError(
            f"`model.mlp` is {experiment.model.mlp}, and a search chooses settings of weightless blocks",
            hint="search with `model.mlp: weightless`",
        )
    if experiment.rtl.blocks:
        raise ConfigError(
            "`rtl.blocks` folds blocks by themselves, and a search folds all of them alike",
            hint="leave out `rtl.blocks`",
        )
    distill = experiment.training.distill
    if distill.weight and distill.teacher is None:
        raise ConfigError(
            "`training.distill` has the dense twin teach, which a trial does not train",
            hint="train it once, and name its checkpoint in `training.distill.teacher`",
        )
    length = () if experiment.search.steps is None else _length(experiment.search.steps)
    shared = config.with_overrides(experiment, [*ALONE, *length])
    return shared.model_copy(update={"search": config.Search()})


def proposed(choices: config.Search, choose: Choose) -> dict[str, Setting]:
    """One choice of each list: key of the experiment -> value."""

    def one(name: str) -> Any:
        return choose(name, getattr(choices, name))

    return {
        "model.block.thermometer.bits": one("thermometer_bits"),
        "model.block.lut_layers": [
            choose(f"luts_{layer}", choices.luts) for layer in range(1, one("layers") + 1)
        ],
        "model.block.groups": one("groups"),
        "model.block.value_bits": one("value_bits"),
        "rtl.outputs_per_cycle": one("outputs_per_cycle"),
    }


def candidate(shared: config.Experiment, settings: dict[str, Setting]) -> config.Experiment:
    """The experiment of a trial. Raises ConfigError for settings that do not go together."""
    overrides = [f"{name}={json.dumps(value)}" for name, value in settings.items()]
    return config.with_overrides(shared, overrides, where="settings of a trial")


def lists(choices: config.Search) -> dict[str, list[int | str]]:
    """What a trial takes one each of."""
    return {name: list(getattr(choices, name)) for name in LISTS}


def _length(steps: int) -> tuple[str, ...]:
    return f"training.steps={steps}", "training.epochs=null"
