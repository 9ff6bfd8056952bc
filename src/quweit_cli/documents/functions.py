"""Non-linear functions in integers: one with its pieces, and the table of all that were searched and measured."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import Amount, Count, Figure, ModuleName, Positive
from quweit_cli.ir.nodes.piecewise import PiecewiseLinearRecord

Method = Literal["exact", "genetic", "published", "table"]


class Errors(Artifact):
    """Of answers, as real numbers, less the function: at every point."""

    points: Positive
    mse: Amount = Field(description="mean of squares")
    mae: Amount = Field(description="mean of magnitudes")
    max_error: Amount = Field(description="largest magnitude")


class Approximation(Artifact):
    """A function in pieces, as a step that a program can have."""

    schema_name: Literal["quweit.function/1"] = Field("quweit.function/1", alias="schema")
    function: str
    formula: str
    source: str = Field(description="built in, or the SHA-256 of the samples")
    method: Literal["exact", "genetic"]
    objective: Literal["squared", "magnitude", "largest"] | None = Field(
        description="that the exact search made least"
    )
    segments: Positive = Field(description="that were asked for")
    used: Positive = Field(description="that there are: no more help")
    bits: Positive = Field(description="of a slope, and of an intercept")
    fraction: Count = Field(description="of these below the point")
    input_bits: Positive
    scale: Amount = Field(description="real value of a code of 1")
    output_scale: Amount = Field(description="real value of an answer of 1")
    low: Figure = Field(description="real value of the first code")
    high: Figure = Field(description="of the last one")
    errors: Errors = Field(description="at every code from first to last, by the integers themselves")
    wide: WideErrors | None = Field(description="where the range of wide inputs is scaled")
    seconds: Amount = Field(description="of the search, on one core of the machine that ran it")
    step: PiecewiseLinearRecord = Field(description="of a program, which may rename it and its source")


class WideErrors(Artifact):
    """Of wide inputs: answers over the function, less one, at every whole number of so many bits above 0."""

    bits: Positive
    points: Positive
    output_scale: Amount = Field(description="real value of an answer of 1")
    max_relative_error: Amount
    rms_relative_error: Amount


Approximation.model_rebuild()


class FunctionRow(Artifact):
    """One way to compute a function. What was not measured is null."""

    function: str
    method: Method
    source: str = Field(description="who says so: `quweit`, or the publication")
    segments: Positive | None = Field(None, description="null of a plain table")
    bits: Positive | None = Field(None, description="of a slope, and of an intercept")
    fraction: Count | None = None
    scale: Amount | None = Field(None, description="real value of a code of 1")
    errors_at: Literal["codes", "rounded codes", "grid"] | None = Field(
        None, description="every code; every code with rounded answers; real numbers 0.01 apart"
    )
    points: Positive | None = None
    objective: Literal["squared", "magnitude", "largest"] | None = Field(
        None, description="that the exact search made least"
    )
    mse: Amount | None = None
    mae: Amount | None = None
    max_error: Amount | None = None
    seconds: Amount | None = Field(None, description="of the search")
    unit: ModuleName | None = Field(
        None, description="the hardware that was measured, as sim.json and synth.json name it"
    )
    arithmetic: Literal["int8", "int16", "int32", "float32"] | None = None
    coefficients: Literal["constant", "loadable"] | None = None
    equal: bool | None = Field(None, description="to the integers, on every simulator that was asked")
    luts: Count | None = None
    ffs: Count | None = None
    area_um2: Amount | None = None
    power_mw: Amount | None = None
    clock_mhz: Amount | None = Field(None, description="of the power")
    highest_clock_mhz: Amount | None = Field(
        None, description="that the slowest path allows, before placement"
    )


class FunctionTable(Artifact):
    schema_name: Literal["quweit.functions/1"] = Field("quweit.functions/1", alias="schema")
    rows: list[FunctionRow]
    notes: list[str] = Field(description="where conditions of a figure are not known")
    methods: dict[str, str] = Field({}, description="of figures of hardware: how they were obtained")
