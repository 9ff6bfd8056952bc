"""Settings of `quweit approximate`."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from quweit_cli.boundary.quantities import Seed
from quweit_cli.config.base import Settings


def _power_of_two(scale: float) -> float:
    if math.frexp(scale)[0] != 0.5:
        raise ValueError(
            "a scale is a power of two, such as 0.0625, so that a shift takes the place of a product"
        )
    return scale


Scale = Annotated[float, Field(ge=2.0**-16, le=1), AfterValidator(_power_of_two)]
Real = Annotated[float, Field(ge=-1e6, le=1e6)]


class Approximate(Settings):
    segments: int = Field(8, ge=1, le=256, description="pieces at most")
    bits: int = Field(8, ge=2, le=12, description="of a slope, and of an intercept")
    fraction: int | None = Field(
        None,
        ge=0,
        le=16,
        description="of these bits below the point; 6 when absent, as published, or two less than there are",
    )
    scale: Scale = Field(2.0**-4, description="real value of a code of 1, a power of two")
    input_bits: int = Field(8, ge=2, le=16, description="of a code")
    wide_bits: int | None = Field(
        None, ge=2, le=31, description="of wide inputs, whose range is scaled by the leading one"
    )
    low: Real | None = Field(
        None, description="first real number of the range; that of the function when absent"
    )
    high: Real | None = Field(None, description="the last one")
    output_scale: Scale | None = Field(
        None, description="real value of an answer of 1, a power of two; sums are not rounded when absent"
    )
    output_bits: int = Field(8, ge=2, le=32, description="to which rounded answers are clamped")
    method: Literal["exact", "genetic"] = Field("exact", description="the best there is, or GQA-LUT")
    objective: Literal["squared", "magnitude", "largest"] = Field(
        "squared", description="which error the exact search makes least"
    )
    seed: Seed = Field(42, description="of the genetic search")

    @property
    def fraction_bits(self) -> int:
        return min(6, self.bits - 2) if self.fraction is None else self.fraction

    @model_validator(mode="after")
    def _range(self) -> Approximate:
        if (self.low is None) != (self.high is None):
            raise ValueError("a range has both ends")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"the range {self.low:g} ... {self.high:g} is empty")
        return self
