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
from quweit_cli.documents.package import Kind, RtlEstimate
from quweit_cli.errors import ArtifactError

RESOURCES = ("luts", "ffs", "carries", "muxes", "brams", "urams", "dsps")


class ModuleCells(Artifact):
    """One module on an FPGA, synthesized once."""

    module: str
    count: Count = Field(description="instances in the design")
    luts: Count
    ffs: Count
    carries: Count
    muxes: Count
    brams: Amount = Field(0, description="36 kb blocks; an 18 kb block counts one half")
    urams: Count = 0
    dsps: Count = 0
    engine: Identifier | None = Field(None, description="of a model, to which it belongs")
    memory: Identifier | None = Field(None, description="of a model, which of its memories it is")


Mapper = Literal["map", "nf"]


class ModuleInCells(Artifact):
    """One module in cells of a library, synthesized once."""

    module: str
    count: Count = Field(description="how often the design has it")
    area_um2: Amount
    vectorless_mw: Amount
    measured_mw: Amount | None = Field(
        None, description="with the activity of what the design computes; null when not simulated"
    )
    idle_mw: Amount | None = Field(None, description="its clock running, and nothing else moving")
    slack_ns: Figure
    engine: Identifier | None = Field(None, description="of a model, to which it belongs")
    mapper: Mapper = Field("map", description="`nf` where the faster `map` of ABC refused the module")


class LibraryFigures(Artifact):
    """A design in cells of a library. Never compare figures of two libraries."""

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
        description="with the activity of golden rows or operands; absent when none was measured"
    )
    measured_ungated_mw: Amount | None = Field(description="the same, were every gated clock running")
    measured_method: str | None
    nets: Count = Field(description="of all modules, each once")
    nets_annotated: Count = Field(description="nets whose activity was counted")
    activity_rows: Count
    activity_cycles: Count
    modules: list[ModuleInCells] = Field(
        [], description="of which the figures are the sum; one of a design that was mapped whole"
    )


class ResourceUse(Artifact):
    """One kind of place of a device, as nextpnr counts it."""

    name: str
    used: Count
    available: Count


class CriticalPath(Artifact):
    """The slowest path from a flip-flop to a flip-flop, after routing."""

    start: str = Field(description="what the first cell drives, behind the instances that it is in")
    end: str
    cells: Count = Field(description="passed between the two flip-flops")
    logic_ns: Amount = Field(description="in cells, with the setup time of the last one")
    routing_ns: Amount = Field(description="in wires")


class SeedFigures(Artifact):
    """One placement of several."""

    seed: Positive
    placed_mhz: PositiveAmount | None = Field(
        description="estimate after placement; null where nextpnr states none"
    )
    reached_mhz: PositiveAmount = Field(description="after routing")
    seconds: Amount


class RoutedFigures(Artifact):
    """A block with its wrapper and register slices, placed and routed by nextpnr."""

    reached_mhz: PositiveAmount = Field(description="of the fastest seed, after routing")
    seed: Positive = Field(description="which one that is")
    critical_path: CriticalPath
    resources: list[ResourceUse] = Field(description="those of which it takes any")
    seeds: list[SeedFigures]
    bitstream: FileName
    report: FileName = Field(description="of nextpnr, with the whole path")
    board: str | None = Field(
        None, description="whose pins and clock it is for; absent where pins lie freely"
    )
    method: str

    @property
    def placed_mhz(self) -> float | None:
        return next(one.placed_mhz for one in self.seeds if one.seed == self.seed)

    @property
    def remarks(self) -> list[str]:
        """What the path is, and how far seeds differ."""
        path = self.critical_path
        sentences = [
            f"slowest path: {path.start} to {path.end}, {path.cells} cells, "
            f"{path.logic_ns:.1f} ns in cells and {path.routing_ns:.1f} ns in wires"
        ]
        if len(self.seeds) > 1:
            reached = [one.reached_mhz for one in self.seeds]
            sentences.append(
                f"{len(reached)} seeds reach {min(reached):.1f} to {max(reached):.1f} MHz; seed {self.seed} is kept"
            )
        return [
            *sentences,
            f"bitstream: {self.bitstream}{f', for the board {self.board}' if self.board else ''}",
        ]


class Implementation(Artifact):
    """A design as a tool made it."""

    design: str
    kind: Kind = "block"
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
    urams: Count | None = Field(None, description="of 288 kb; absent where the tool does not say")
    dsps: Count | None = None
    modules: list[ModuleCells] = Field(
        [], description="of which the resources are the sum; none of a design that was synthesized whole"
    )
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
    asic: LibraryFigures | None = Field(None, description="when a cell library was the target")
    routed: RoutedFigures | None = Field(None, description="when nextpnr placed and routed it")
    estimate: RtlEstimate | None = Field(None, description="what the RTL package foretold")
    cached: bool = Field(False, description="the same text was synthesized before, and `seconds` is of then")

    def over_estimate(self) -> tuple[float, float] | tuple[None, None]:
        """LUTs and FFs over those that the RTL package foretold; nothing where either is not known."""
        if self.estimate is None or self.luts is None or not self.estimate.luts or not self.estimate.ffs:
            return None, None
        return self.luts / self.estimate.luts, self.ffs / self.estimate.ffs

    @property
    def modules_by_engine(self) -> dict[str, dict[str, float]]:
        """Engine of a model -> sums over its modules: of each resource, or of area in cells of a library."""
        sums: dict[str, dict[str, float]] = {}
        for one in self.modules:
            if one.engine is not None:
                of = sums.setdefault(one.engine, dict.fromkeys(RESOURCES, 0.0))
                for name in RESOURCES:
                    of[name] += one.count * getattr(one, name)
        for cell in self.asic.modules if self.asic else []:
            if cell.engine is not None:
                of = sums.setdefault(cell.engine, {"area_mm2": 0.0})
                of["area_mm2"] += cell.count * cell.area_um2 / 1e6
        return sums

    @property
    def remarks(self) -> list[str]:
        """A sentence for each module that misses the clock, and for each that the usual mapper refused; or on what was routed."""
        if self.routed:
            return [f"{self.design}: {one}" for one in self.routed.remarks]
        modules = self.asic.modules if self.asic else []
        late = [
            f"{self.design} is late at {self.clock_mhz:g} MHz: {one.module} by {-one.slack_ns:.3f} ns"
            for one in modules
            if one.slack_ns < 0
        ]
        refused = [
            f"{one.module} of {self.design} was mapped by `&nf`, as `map` of ABC refused it"
            for one in modules
            if one.mapper != "map"
        ]
        return [*late, *refused]


class SynthesisReport(Artifact):
    schema_name: Literal["quweit.synth/2"] = Field("quweit.synth/2", alias="schema")
    name: Identifier
    rtl: Digest
    designs: list[Implementation]
    vivado_project: FileName | None = Field(
        description="batch project that gives the vendor's own figures; absent where Vivado does not know the part, or a design is for library cells"
    )

    @property
    def blocks(self) -> list[Implementation]:
        return [one for one in self.designs if one.kind == "block"]

    @property
    def arrays(self) -> list[Implementation]:
        return [one for one in self.designs if one.kind == "array"]

    @property
    def units(self) -> list[Implementation]:
        return [one for one in self.designs if one.kind == "unit"]

    @property
    def model(self) -> Implementation | None:
        return next((one for one in self.designs if one.kind == "model"), None)

    def of(self, design: str) -> Implementation:
        """Raises ArtifactError for a design that was not synthesized."""
        for one in self.designs:
            if one.design == design:
                return one
        raise ArtifactError(f"`{design}` was not synthesized", hint="run `quweit synth` again")


class SynthesisPlan(Artifact):
    """What `quweit synth --plan` wrote. Printed, never written."""

    schema_name: Literal["quweit.plan/1"] = Field("quweit.plan/1", alias="schema")
    name: Identifier
    tool: str
    device: str
    runs: Positive = Field(description="of the tool, one after another")
    file: str = Field(description="the zip file, whose run.sh does them")
    sha256: Digest
