"""Settings of a search: what of a block and its folding is tried, for how long a trial learns, and when it is enough."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, model_validator

from quweit_cli.boundary.quantities import Seed, Size
from quweit_cli.config.base import Settings
from quweit_cli.config.model import ValueBits
from quweit_cli.config.training import Steps

Choice = TypeVar("Choice")


def _each_once(choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    if len(set(choices)) < len(choices):
        raise ValueError("a choice stands there twice")
    return choices


Choices = Annotated[tuple[Choice, ...], Field(min_length=1, max_length=64), AfterValidator(_each_once)]


class Search(Settings):
    """Lists are choices: a trial takes one of each."""

    thermometer_bits: Choices[Annotated[int, Field(ge=1, le=255)]] = Field(
        (2, 4, 8), description="choices of `model.block.thermometer.bits`"
    )
    layers: Choices[Annotated[int, Field(ge=1, le=16)]] = Field(
        (1, 2), description="choices of how many LUT layers a block has"
    )
    luts: Choices[Size] = Field((96, 192, 384), description="choices of the LUTs of a layer, each by itself")
    groups: Choices[Annotated[int, Field(ge=1, le=2**16)]] = Field(
        (1, 2, 4),
        description="choices of `model.block.groups`; those that do not divide a block's outputs and LUTs are refused",
    )
    value_bits: Choices[ValueBits] = Field(
        (8, 4, "ternary", "binary"), description="choices of `model.block.value_bits`"
    )
    outputs_per_cycle: Choices[Size] = Field(
        (1, 4, 16), description="choices of the folding, `rtl.outputs_per_cycle`"
    )
    steps: Steps | None = Field(
        None,
        description="training steps of a trial, in place of those of `training`; as many as there when absent",
    )
    trials: int | None = Field(
        40, ge=1, le=10**6, description="trials of the study, of all processes together; no end when absent"
    )
    minutes: float | None = Field(
        None,
        gt=0,
        le=10**6,
        description="time after which a process begins no further trial; no end when absent",
    )
    seed: Seed = Field(0, description="of what is proposed; the initial weights are those of the experiment")

    @model_validator(mode="after")
    def _ends(self) -> Search:
        if self.trials is None and self.minutes is None:
            raise ValueError("a search needs an end: give `trials`, `minutes`, or both")
        return self
