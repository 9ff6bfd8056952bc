"""What synthesis counted: blocks, arrays and units, on an FPGA or in cells of a library."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import (
    Amount,
    Count,
    Digest,
    Figure,
    FileName,
    Identifier,
    Positive,
    PositiveAmount,
)
from quweit_cli.documents.package import RtlEstimate


class AsicFigures(Artifact):
    """A block in cells of a library. Never compare figures of two libraries."""

    library: str = Field(description="its name; of one in several files, the names of all")
    library_sha256: Digest = Field(description="of its text; of several files, of one after the other")
    cells_left_out: list[str] = Field([], description="of the library, that could not be used by any design")
    area_mm2: Amount = Field(description="of all cells, before placement")
    sequential_area_mm2: Amount = Field(description="of flip-flops, latches and clock gates")
    cells: Count
    cells_by_type: dict[str, Count]
    clock_gates: Count
    shortest_period_ns: Amount = Field(
        description="that this netlist meets, verified; ports take 20 % on each side"
    )
    highest_clock_mhz: PositiveAmount
    leakage_mw: Amount
    vectorless_mw: Amount
    vectorless_method: str
    measured_mw: Amount | None = Field(
        description="with the activity of golden rows; absent when none was measured"
    )
    measured_ungated_mw: Amount | None = Field(description="the same, were every gated clock running")
    measured_method: str | None
    nets: Count
    nets_annotated: Count = Field(description="nets whose activity was counted")
    activity_rows: Count
    activity_cycles: Count


class SynthesizedBlock(Artifact):
    block: str
    tool: str
    version: str
    device: str = Field(description="part of an FPGA, or name of a cell library")
    clock_mhz: PositiveAmount
    stage: Literal["synthesis", "place", "route"]
    luts: Count | None = Field(
        None, description="absent, as what follows, where an FPGA's resources are not counted"
    )
    ffs: Count
    carries: Count | None = None
    muxes: Count | None = Field(None, description="MUXF7, MUXF8, MUXF9; PFUMX, L6MUX21")
    brams: Amount | None = Field(None, description="36 kb blocks; an 18 kb block counts one half")
    dsps: Count | None = None
    slack_ns: Figure | None = Field(
        None, description="worst setup slack; absent when the tool gives no timing"
    )
    power_mw: PositiveAmount | None = Field(
        None,
        description="as the tool reports it; absent when it reports none, or less than it has digits for",
    )
    power_method: str | None = None
    seconds: Amount
    log: FileName
    netlist: FileName | None = Field(
        None, description="Verilog of the vendor's or the library's cells; absent when none was written"
    )
    cell_models: FileName | None = Field(
        None,
        description="Verilog of the cells, made from the library; absent where the vendor's models serve",
    )
    asic: AsicFigures | None = Field(None, description="when a cell library was the target")
    estimate: RtlEstimate | None = Field(None, description="what the RTL package foretold")
    cached: bool = Field(False, description="the same text was synthesized before, and `seconds` is of then")

    def over_estimate(self) -> tuple[float, float] | tuple[None, None]:
        """LUTs and FFs over those that the RTL package foretold; nothing where either is not known."""
        if self.estimate is None or self.luts is None or not self.estimate.luts or not self.estimate.ffs:
            return None, None
        return self.luts / self.estimate.luts, self.ffs / self.estimate.ffs


class SynthesisReport(Artifact):
    schema_name: Literal["quweit.synth/1"] = Field("quweit.synth/1", alias="schema")
    name: Identifier
    rtl: Digest
    blocks: list[SynthesizedBlock]
    vivado_project: FileName | None = Field(
        None,
        description="batch project that gives the vendor's own figures; absent where Vivado does not know the part",
    )


class ModuleCells(Artifact):
    """One module, synthesized once."""

    module: str
    count: Count = Field(description="instances in the array")
    luts: Count
    ffs: Count
    carries: Count
    muxes: Count


class SynthesizedArray(Artifact):
    array: str
    side: Positive
    tool: str
    version: str
    device: str
    luts: Count
    ffs: Count
    carries: Count
    muxes: Count
    brams: Amount
    dsps: Count
    modules: list[ModuleCells]
    seconds: Amount
    log: FileName


Mapper = Literal["map", "nf"]


class ModuleSilicon(Artifact):
    """One module in cells of a library, synthesized once."""

    module: str
    count: Count = Field(description="how often the array has it")
    area_um2: Amount
    vectorless_mw: Amount
    measured_mw: Amount | None = Field(
        None, description="with the activity of the operands; null when not simulated"
    )
    slack_ns: Figure
    mapper: Mapper = Field("map", description="`nf` where the faster `map` of ABC refused the module")


class ArraySilicon(Artifact):
    """One array in cells of a library. Never compare figures of two libraries."""

    array: str
    side: Positive
    library: str
    library_sha256: Digest
    clock_mhz: PositiveAmount
    area_mm2: Amount
    cell_area_mm2: Amount = Field(description="of the processing cells alone")
    vectorless_mw: Amount
    cell_vectorless_mw: Amount = Field(description="of the processing cells alone")
    measured_mw: Amount | None = Field(
        None, description="with the activity of the operands; null when not simulated"
    )
    cell_measured_mw: Amount | None = Field(None, description="of the processing cells alone")
    measured_method: str | None = None
    activity_cycles: Count = Field(
        0, description="in which activity was counted, over all modules and products"
    )
    slack_ns: Figure = Field(description="the worst of all modules, each by itself")
    modules: list[ModuleSilicon]
    method: str
    seconds: Amount

    @property
    def late(self) -> list[str]:
        """A sentence for each module that misses the clock."""
        return [
            f"{self.array} is late at {self.clock_mhz:g} MHz: {one.module} by {-one.slack_ns:.3f} ns"
            for one in self.modules
            if one.slack_ns < 0
        ]

    @property
    def mapped_otherwise(self) -> list[str]:
        """A sentence for each module that the usual mapper refused."""
        return [
            f"{one.module} of {self.array} was mapped by `&nf`, as `map` of ABC refused it"
            for one in self.modules
            if one.mapper != "map"
        ]


class BaselineSynthesis(Artifact):
    schema_name: Literal["quweit.baseline_synth/1"] = Field("quweit.baseline_synth/1", alias="schema")
    rtl: Digest
    arrays: list[SynthesizedArray]
    silicon: list[ArraySilicon] = Field([], description="absent when no library was named")


class UnitSilicon(Artifact):
    """A unit in cells of a library, one lane, pipelined. Never compare figures of two libraries."""

    library: str
    library_sha256: Digest
    clock_mhz: PositiveAmount
    area_mm2: Amount
    cycles: Count = Field(description="of one layer and sample, by simulation")
    vectorless_mw: Amount
    measured_mw: Amount | None = Field(None, description="with the activity of rows; null when not simulated")
    measured_method: str | None = None
    activity_cycles: Count = Field(0, description="in which activity was counted")
    slack_ns: Figure
    mapper: Mapper = Field("map", description="`nf` where the faster `map` of ABC refused the unit")
    method: str


class SynthesizedUnit(Artifact):
    """What stands between the products of a layer, one lane of it."""

    unit: str
    module: str
    version: str
    device: str
    luts: Count
    ffs: Count
    cycles: Count = Field(description="of one layer and sample, by simulation")
    dense_only: bool = Field(description="whether a weightless block takes it away with the MLP")
    log: FileName
    silicon: UnitSilicon | None = Field(None, description="absent when no library was named")


class BaselineUnits(Artifact):
    schema_name: Literal["quweit.baseline_units/1"] = Field("quweit.baseline_units/1", alias="schema")
    units: list[SynthesizedUnit]
