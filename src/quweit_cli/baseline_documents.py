"""The JSON documents of what blocks are compared with: systolic arrays, rendered, simulated, synthesized.

manifest.json  arrays, their products and golden matrices    baseline rtl -> sim, synth
sim.json       equal or not, and cycles of every product     baseline sim -> tables
synth.json     cells of every array, module by module        baseline synth -> tables
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.documents import ModelShape
from quweit_cli.quantities import (
    Amount,
    Count,
    Digest,
    Figure,
    FileName,
    Identifier,
    Integer,
    ModuleName,
    Positive,
    PositiveAmount,
)


class BaselineProduct(Artifact):
    """One product of matrices of a transformer layer, as the bench plays it."""

    name: str
    rows: Positive
    inner: Positive
    columns: Positive
    copies: Positive = Field(
        description="how often a layer does it, such as once a head; the bench does it once"
    )
    multiplier: Count = Field(description="of the requantisation of its results")
    shift: Count

    def steady_cycles(self, side: int) -> int:
        """ceil(rows/side) · ceil(columns/side) · inner: filling and draining overlap with other tiles."""
        return -(-self.rows // side) * -(-self.columns // side) * self.inner


class BaselineArray(Artifact):
    name: Identifier
    side: Positive
    top: ModuleName
    testbench: ModuleName
    sources: list[FileName] = Field(description="in compile order, behavioural: simulation, ASIC")
    sources_xilinx: list[FileName] = Field(
        description="in compile order, multipliers as carry chains: FPGA synthesis; none of a pipelined array"
    )
    causal: list[BaselineProduct] = Field(
        [], description="of a decoder: its attention without masked tiles, played after the common products"
    )
    pipelined: bool = Field(False, description="with registers for library cells at a fast clock")


class BaselineManifest(Artifact):
    schema_name: Literal["quweit.baseline_rtl/1"] = Field("quweit.baseline_rtl/1", alias="schema")
    name: Identifier
    model: ModelShape
    operands: str = Field(description="where the matrices come from")
    products: list[BaselineProduct]
    arrays: list[BaselineArray]
    pipelined: list[BaselineArray] = Field([], description="the same once more, for library cells")
    files: dict[FileName, Digest] = Field(description="relative path -> sha256 of every rendered file")


class ProductDifference(Artifact):
    product: str
    scenario: str
    row: Count
    column: Count
    cycle: Count
    expected: Integer
    got: Integer | None = Field(description="null when the array answered unknown bits (X or Z)")


class ArrayRun(Artifact):
    """One array on one simulator."""

    array: str
    side: Positive
    simulator: str
    version: str
    rendering: Literal["behavioural", "xilinx"]
    bit_exact: bool
    elements_compared: Count = Field(description="over all scenarios")
    different_elements: Count
    cycles: dict[str, Count] = Field(
        description="product -> from the cycle in which it was taken through that of its last row, without gaps and stalls"
    )
    steady_cycles: dict[str, Count] = Field(description="product -> by the formula")
    difference: ProductDifference | None = Field(description="the first one")
    failures: list[str]
    build_seconds: Amount
    run_seconds: Amount

    @property
    def fill_and_drain(self) -> dict[str, Count]:
        return {name: cycles - self.steady_cycles[name] for name, cycles in self.cycles.items()}


class BaselineSim(Artifact):
    schema_name: Literal["quweit.baseline_sim/1"] = Field("quweit.baseline_sim/1", alias="schema")
    rtl: Digest
    bit_exact: bool
    runs: list[ArrayRun]
    pipelined: list[ArrayRun] = Field([], description="of what library cells are made of, when one was named")


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
    cycles: Count = Field(description="of one layer and sample, as the tests measure them in simulation")
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
    cycles: Count = Field(description="of one layer and sample, as the tests measure them in simulation")
    dense_only: bool = Field(description="whether a weightless block takes it away with the MLP")
    log: FileName
    silicon: UnitSilicon | None = Field(None, description="absent when no library was named")


class BaselineUnits(Artifact):
    schema_name: Literal["quweit.baseline_units/1"] = Field("quweit.baseline_units/1", alias="schema")
    units: list[SynthesizedUnit]


# ---------------------------------------------------------------- tables


class Cell(Artifact):
    """One figure of a table; absent (null) when nothing here gives it, with the reason as its method."""

    value: float | int | str | None
    unit: str = ""
    method: str = Field(description="how the figure was obtained, or why it is absent")
    paper: float | int | None = Field(None, description="the paper's figure, where it has one")


class TableRow(Artifact):
    label: str
    cells: list[Cell] = Field(description="one a column")


class PaperTable(Artifact):
    key: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,99}$",
        description="names its files; longer than an identifier, as the name of a model is part of it",
    )
    title: str
    columns: list[str] = Field(description="after the label")
    rows: list[TableRow]
    notes: list[str] = Field(description="which of the paper's figures hold, and why the others do not")


class PaperTables(Artifact):
    schema_name: Literal["quweit.tables/1"] = Field("quweit.tables/1", alias="schema")
    tables: list[PaperTable]
