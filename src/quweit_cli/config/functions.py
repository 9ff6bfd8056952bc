"""Settings of functions in pieces: what `quweit approximate` searches, and what a model has in place of exact arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from quweit_cli.boundary.quantities import File, Seed
from quweit_cli.config.base import Settings
from quweit_cli.ir.nodes.functions import (
    LayerNormalisation,
    check_exponential,
    check_gelu,
    check_reciprocal,
)
from quweit_cli.ir.nodes.piecewise import PiecesRecord, PiecewiseLinear


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


class Pieces(Settings):
    """A search of its own, when training begins."""

    segments: int = Field(8, ge=2, le=64, description="pieces at most")
    bits: int = Field(9, ge=4, le=12, description="of a slope, and of an intercept")
    method: Literal["exact", "genetic"] = Field("exact", description="the best there is, or GQA-LUT")


def _document(path: Path) -> Path:
    if path.suffix.lower() != ".json":
        raise ValueError(
            "`exact`, a number of `segments` and `bits`, or a document (.json) of `quweit approximate` is wanted"
        )
    return path


def _kind(value: Any) -> str:
    if isinstance(value, PiecesRecord) or (isinstance(value, dict) and "slopes" in value):
        return "found"
    if isinstance(value, Pieces | dict):
        return "search"
    return "exact" if value == "exact" else "document"


def _choice(check: Callable[[PiecewiseLinear], object]) -> Any:
    """check: raises ValueError for pieces that are no such part."""

    def checked(found: PiecesRecord) -> PiecesRecord:
        check(found.pieces())
        return found

    return Annotated[
        Annotated[Literal["exact"], Tag("exact")]
        | Annotated[Pieces, Tag("search")]
        | Annotated[File, AfterValidator(_document), Tag("document")]
        | Annotated[PiecesRecord, AfterValidator(checked), Tag("found")],
        Discriminator(_kind),
    ]


if TYPE_CHECKING:
    Gelu = Literal["exact"] | Pieces | Path | PiecesRecord
    Exponential = Literal["exact"] | Pieces | Path | PiecesRecord
    Reciprocal = Literal["exact"] | Pieces | Path | PiecesRecord
    Root = Literal["exact"] | Pieces | Path | PiecesRecord
else:
    Exponential, Reciprocal = _choice(check_exponential), _choice(check_reciprocal)
    Root, Gelu = _choice(LayerNormalisation), _choice(check_gelu)


class Functions(Settings):
    """What models in integers compute in pieces. A checkpoint holds the pieces themselves."""

    exponential: Exponential = Field(
        "exact",
        description="exp of a softmax: `exact`, pieces to search (`segments`, `bits`, `method`), or a document of `quweit approximate exp`, relative to the experiment file",
    )
    reciprocal: Reciprocal = Field(
        "exact", description="1/x of a softmax: the same, of `quweit approximate reciprocal --wide-bits N`"
    )
    gelu: Gelu = Field("exact", description="GELU of a dense MLP: the same, of `quweit approximate gelu`")
    root: Root = Field(
        "exact",
        description="1/√ of a normalisation: the same, of `quweit approximate reciprocal_root --wide-bits N`",
    )
