"""Energies with their provenance, foldings, and the power model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import (
    Amount,
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
from quweit_cli.config import Mlp
from quweit_cli.documents.training import TrainedModel, TrainResult

# Where cycles come from. Published: the paper's own. Counted: ours, as the paper counts, an array by its steady state and a
# block at a row a cycle. Measured: by simulation. What is counted and what is measured are never mixed in one comparison.
Accounting = Literal["published", "counted", "measured"]
Scope = Literal["block", "mlp", "mlps", "attention", "layer", "model"]
SCOPES = "a block; the MLP of a layer; the MLPs of all layers; a layer's attention; a layer; all layers"


class EnergyRow(Artifact):
    """One figure with all that is needed to obtain it again."""

    scope: Scope = Field(description=f"what spends the energy: {SCOPES}")
    subject: str = Field(description="its name: the block, `layer 0`, or the scope")
    array: str | None = Field(description="on which it runs, or a part of it; absent where blocks run alone")
    weightless: bool = Field(
        description="whether blocks, or weights of few bits, stand in it in place of multiplications"
    )
    operation: str
    implementation: str
    accounting: Accounting = Field(
        description="where the cycles come from, of the blocks where there are some: simulation, or counting as the "
        "paper does: the steady state of an array, one row of a block a cycle"
    )
    value: TotalAmount = Field(description="energy of one sample")
    unit: Literal["uJ"] = "uJ"
    cycles: TotalCount
    cycles_sources: list[str]
    power_mw: TotalAmount = Field(description="of a sum of rows, the average over their cycles")
    power_sources: list[str]
    modelled: bool = Field(description="whether the power, or a part of it, is the power model's estimate")
    extrapolated: bool = Field(
        description="whether that estimate is of a design outside of what the model was fitted to"
    )
    clock_mhz: PositiveAmount
    tools: list[str] = Field(description="that counted the cells, each with its version")
    devices: list[str]
    stages: list[str] = Field(description="after which of the tool's steps they were counted")
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
        if self.weightless or self.full_array is None or not self.value:
            return None
        return self.full_array / self.value


class EnergyRatio(Artifact):
    """How many times the energy something takes on an array, over the same with blocks."""

    scope: Scope = Field(description=f"what is compared: {SCOPES}")
    name: str
    value: TotalAmount
    array: str
    numerator: str
    denominator: str
    accounting: Accounting = Field(description="of the blocks' cycles")
    full_array: float | None = Field(
        None, description="the ratio, were every multiplier of the array at work in every cycle"
    )


class FrontPoint(Artifact):
    """One folding of one block: its area, its cycles, and the energy of a sample."""

    block: str
    source: Literal["estimated", "measured", "published"] = Field(
        description="by counting; by simulation and synthesis; as published"
    )
    accounting: Accounting = Field(
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
    power_sources: list[str]
    energy_uj: TotalAmount


class EstimateTable(Artifact):
    schema_name: Literal["quweit.estimate/2"] = Field("quweit.estimate/2", alias="schema")
    name: Identifier
    clock_mhz: PositiveAmount
    points: list[FrontPoint] = Field(description="a block each")


class Front(Artifact):
    schema_name: Literal["quweit.front/2"] = Field("quweit.front/2", alias="schema")
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


class EngineEnergy(Artifact):
    """What one engine of a model spends on a sample."""

    engine: str
    cycles: TotalCount = Field(description="of a sample in which it works, by the schedule")
    power_mw: TotalAmount | None = Field(description="while it works; absent where nothing states it")
    energy_uj: TotalAmount | None = Field(description="power · cycles / clock")
    idle_mw: TotalAmount | None = Field(
        None, description="while it waits, its clock running; absent where nothing states it"
    )
    idle_uj: TotalAmount | None = Field(None, description="over the cycles of a sample in which it waits")
    power_sources: list[str]
    modelled: bool = Field(description="whether the power is the power model's estimate")
    extrapolated: bool = Field(
        description="whether that estimate is of a design outside of what the model was fitted to"
    )
    luts: TotalCount | None = None
    ffs: TotalCount | None = None
    area_mm2: TotalAmount | None = Field(None, description="in cells of a library")


class MemoryEnergy(Artifact):
    """What one memory of a model spends on a sample, by the words that engines read and write."""

    memory: str
    kilobits: TotalAmount = Field(description="of all copies")
    brams: TotalAmount | None = Field(None, description="36 kb blocks of an FPGA, of all copies")
    accesses: TotalCount
    access_pj: TotalAmount | None = Field(
        description="of a word; absent where nothing states it; 0 where it lies in LUTs, which the power of its engine has"
    )
    energy_uj: TotalAmount | None


class MeanSample(Artifact):
    """The average test sample of a model that samples leave early: power while engines work, times their average cycles."""

    cycles: Amount
    energy_uj: TotalAmount | None = Field(description="engines and memories; absent where a part is")


class ModelEnergy(Artifact):
    """What a whole model in hardware spends on a sample, engine by engine."""

    weightless: bool = Field(description="whether blocks stand in it, in place of MLPs")
    mlp: Mlp = Field("dense", description="what follows attention where no block does")
    side: TotalCount = Field(description="of its array")
    cycles: TotalCount = Field(description="of a sample, as simulation measured them")
    clock_mhz: PositiveAmount
    device: str
    tool: str
    engines: list[EngineEnergy]
    memories: list[MemoryEnergy]
    memory_source: str = Field(description="where the energy of an access comes from")
    engines_uj: TotalAmount | None = Field(description="sum over engines; absent where one has none")
    memories_uj: TotalAmount | None = Field(description="sum over memories; absent where one has none")
    idle_uj: TotalAmount | None = Field(description="of what waits; beside the sum, not in it")
    energy_uj: TotalAmount | None = Field(description="engines and memories; absent where a part is")
    mean: MeanSample | None = Field(
        None,
        description="of an average test sample, where samples leave early; the rest is of one that does not",
    )
    formula_uj: TotalAmount | None = Field(
        None, description="of all layers on a published array of this side, by the formula of the rows above"
    )
    difference: str = Field("", description="why the sum and the formula differ")

    @property
    def kind(self) -> Mlp:
        """What its MLPs are."""
        return "weightless" if self.weightless else self.mlp


class EnergyTable(Artifact):
    schema_name: Literal["quweit.energy/2"] = Field("quweit.energy/2", alias="schema")
    name: Identifier
    synth: Digest
    sim: Digest
    rows: list[EnergyRow]
    ratios: list[EnergyRatio]
    multiplications_replaced: Share | None = Field(
        description="share of one layer's multiplications; absent where only the blocks of a model are known"
    )
    weights_replaced: Share | None = Field(description="share of one layer's weights")
    power_model: PowerModel
    model: ModelEnergy | None = Field(None, description="the whole model, where it is hardware")
    dense: ModelEnergy | None = Field(
        None, description="its dense twin on the same hardware, from the project that was named"
    )
    twin: TrainedModel | None = Field(None, description="how that twin was trained, where its project says")

    def with_twin(self, train: TrainResult) -> TrainResult:
        """Beside the models of `train` the twin, where it was trained in its own project."""
        if self.twin is None or any(one.mlp == self.twin.mlp for one in train.models):
            return train
        return train.model_copy(update={"models": [*train.models, self.twin]})
