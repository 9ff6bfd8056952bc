"""Energies with their provenance, foldings, and the power model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import (
    Count,
    Digest,
    Figure,
    Identifier,
    Positive,
    PositiveAmount,
    Share,
    TotalAmount,
    TotalCount,
)


class EnergyRow(Artifact):
    """One figure with all that is needed to obtain it again."""

    subject: str = Field(
        description="what spends the energy: a block, an MLP on an array, a layer, the model"
    )
    operation: str
    implementation: str
    accounting: Literal["measured", "paper", "formula"] = Field(
        description="where the cycles come from: simulation, the paper's one row a cycle, or the steady-state formula"
    )
    value: TotalAmount = Field(description="energy of one sample")
    unit: Literal["uJ"] = "uJ"
    cycles: TotalCount
    cycles_source: str
    power_mw: TotalAmount
    power_source: str
    clock_mhz: PositiveAmount
    tool: str
    device: str
    stage: str
    luts: TotalCount | None = None
    ffs: TotalCount | None = None
    area_mm2: TotalAmount | None = Field(None, description="in cells of a library")
    full_array: TotalAmount | None = Field(
        None,
        description="energy of one sample, were every multiplier of the array at work in every cycle; absent without an array",
    )

    @property
    def utilisation(self) -> float | None:
        """Share of the array's multipliers at work in an average cycle; of rows that an array computes alone."""
        if self.accounting != "formula" or self.full_array is None or not self.value:
            return None
        return self.full_array / self.value


class EnergyRatio(Artifact):
    name: str
    value: TotalAmount
    numerator: str
    denominator: str
    accounting: str
    full_array: float | None = Field(
        None, description="the ratio, were every multiplier of the array at work in every cycle"
    )


class FrontPoint(Artifact):
    """One folding of one block: its area, its cycles, and the energy of a sample."""

    block: str
    source: Literal["estimated", "measured", "paper"] = Field(
        description="by counting; by simulation and synthesis; as published"
    )
    accounting: Literal["measured", "counted", "paper"] = Field(
        description="where the cycles come from: simulation, counting what the structure takes, or the paper's one row a cycle"
    )
    outputs_per_cycle: TotalCount | None
    bits_per_cycle: TotalAmount = Field(
        description="LUT outputs' worth of values added in a cycle, on average"
    )
    cycles_per_row: TotalCount
    sample_cycles: TotalCount
    luts: TotalCount
    ffs: TotalCount
    power_mw: TotalAmount
    power_source: str
    energy_uj: TotalAmount


class EstimateTable(Artifact):
    schema_name: Literal["quweit.estimate/1"] = Field("quweit.estimate/1", alias="schema")
    name: Identifier
    clock_mhz: PositiveAmount
    points: list[FrontPoint] = Field(description="a block each")


class Front(Artifact):
    schema_name: Literal["quweit.front/1"] = Field("quweit.front/1", alias="schema")
    name: Identifier
    block: Identifier
    clock_mhz: PositiveAmount
    points: list[FrontPoint] = Field(description="a folding each, then what was measured, then the paper's")


class CalibrationPoint(Artifact):
    """A published point, and what the model says of it."""

    name: str
    luts: Positive
    ffs: Positive
    published_mw: PositiveAmount
    predicted_mw: PositiveAmount
    residual_percent: Figure = Field(description="of a fit to all points")
    left_out_percent: Figure = Field(description="of a fit to the others")


class PowerModel(Artifact):
    """The calibrated power model with its residuals."""

    formula: str
    coefficients: dict[str, Figure]
    points: list[CalibrationPoint] = Field(min_length=1)
    valid_luts: list[Count] = Field(min_length=2, max_length=2, description="smallest and largest")


class EnergyTable(Artifact):
    schema_name: Literal["quweit.energy/1"] = Field("quweit.energy/1", alias="schema")
    name: Identifier
    synth: Digest
    sim: Digest
    rows: list[EnergyRow]
    ratios: list[EnergyRatio]
    multiplications_replaced: Share = Field(description="share of one layer's multiplications")
    weights_replaced: Share = Field(description="share of one layer's weights")
    power_model: PowerModel
