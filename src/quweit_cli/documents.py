"""The JSON documents that stages hand to one another: one type an arrow.

    train.json   what training reached                 train  -> report
    dump.json    blocks as integers, golden rows       dump   -> rtl, energy
    manifest.json  the RTL package                     rtl    -> sim, synth
    sim.json     equal, or the first differences       sim    -> energy, report
    synth.json   cells of every block                  synth  -> energy
    energy.json  rows with their provenance            energy -> report

Units are in the names. A figure that was not obtained is absent (null), never 0.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import Field

from quweit_cli import readers
from quweit_cli.artifacts import Artifact
from quweit_cli.dump_documents import DumpChecks as DumpChecks  # noqa: PLC0414  (also documents.DumpChecks)
from quweit_cli.dump_documents import DumpedBlock as DumpedBlock  # noqa: PLC0414  (also documents.DumpedBlock)
from quweit_cli.dump_documents import DumpManifest as DumpManifest  # noqa: PLC0414  (also documents.DumpManifest)
from quweit_cli.dump_documents import ModelShape as ModelShape  # noqa: PLC0414  (also documents.ModelShape)
from quweit_cli.equality_documents import Design as Design  # noqa: PLC0414  (also documents.Design)
from quweit_cli.equality_documents import FormalProof as FormalProof  # noqa: PLC0414  (also documents.FormalProof)
from quweit_cli.equality_documents import FormalResult as FormalResult  # noqa: PLC0414  (also documents.FormalResult)
from quweit_cli.equality_documents import SimDifference as SimDifference  # noqa: PLC0414  (also documents.SimDifference)
from quweit_cli.equality_documents import SimResult as SimResult  # noqa: PLC0414  (also documents.SimResult)
from quweit_cli.equality_documents import SimRun as SimRun  # noqa: PLC0414  (also documents.SimRun)
from quweit_cli.equality_documents import SimulatorResult as SimulatorResult  # noqa: PLC0414  (also documents.SimulatorResult)
from quweit_cli.errors import ArtifactError
from quweit_cli.model_documents import EvalResult as EvalResult  # noqa: PLC0414  (also documents.EvalResult)
from quweit_cli.model_documents import SampleResult as SampleResult  # noqa: PLC0414  (also documents.SampleResult)
from quweit_cli.model_documents import TrainedModel as TrainedModel  # noqa: PLC0414  (also documents.TrainedModel)
from quweit_cli.model_documents import TrainResult as TrainResult  # noqa: PLC0414  (also documents.TrainResult)
from quweit_cli.model_documents import UnfinishedTraining as UnfinishedTraining  # noqa: PLC0414  (also documents.UnfinishedTraining)
from quweit_cli.quantities import (
    Amount,
    Count,
    Figure,
    Identifier,
    ModuleName,
    Positive,
    PositiveAmount,
    Share,
    TotalAmount,
    TotalCount,
)
from quweit_cli.quantities import Digest as Digest  # noqa: PLC0414  (also documents.Digest)
from quweit_cli.quantities import FileName as FileName  # noqa: PLC0414  (also documents.FileName)
from quweit_cli.vector_documents import RtlVectors as RtlVectors  # noqa: PLC0414  (also documents.RtlVectors)
from quweit_cli.vector_documents import TableEntries as TableEntries  # noqa: PLC0414  (also documents.TableEntries)
from quweit_cli.vector_documents import TableEntry as TableEntry  # noqa: PLC0414  (also documents.TableEntry)
from quweit_cli.vector_documents import VectorCoverage as VectorCoverage  # noqa: PLC0414  (also documents.VectorCoverage)

# ---------------------------------------------------------------- rtl


class AxisPort(Artifact):
    """The AXI-Stream wrapper of a block, `rtl/wrapper/<top>.v`."""

    top: ModuleName
    testbench: ModuleName
    check: ModuleName = Field(description="the self-checking bench of the wrapper")
    bytes_in: Positive = Field(description="of TDATA")
    bytes_out: Positive
    input_beats: Positive = Field(description="of a row; TLAST marks the last")
    output_beats: Positive
    initiation_interval_cycles: Positive = Field(description="between rows, no gaps, no stalls")
    inputs: FileName = Field(description="golden inputs as beats of this width")
    inputs_sha256: Digest
    sources: list[FileName] = Field(description="added to those of the block, in compile order")


class RtlNeighbours(Artifact):
    """The memory in front of a block that reads the tokens around: it takes their rows one by one, and gives twice as wide ones."""

    tokens: Positive = Field(description="of a sample; rows come in whole samples")
    width: Positive = Field(description="tokens from one to the one below it")
    causal: bool = Field(description="whether neighbours are tokens before, in place of patches around")
    row_beats: Positive = Field(description="in which the block takes a token and its neighbours")
    kept_tokens: Positive = Field(description="that the memory holds, a power of two")


class RtlEstimate(Artifact):
    """Cells of a block by counting what is rendered, before any tool ran."""

    luts: Count
    ffs: Count
    carries: Count
    muxes: Count


class RtlBlock(Artifact):
    """One block of the RTL package; every number is promised here and checked by `sim`."""

    name: Identifier
    layer: Count
    top: ModuleName
    testbench: ModuleName
    features: Positive
    outputs: Positive
    features_per_beat: Positive
    outputs_per_beat: Positive
    input_bits: Positive = Field(description="of one feature on the bus")
    output_bits: Positive = Field(description="of one output on the bus")
    input_beats: Positive
    output_beats: Positive
    latency_cycles: Count = Field(
        description="first input beat taken to last output beat given, idle block, no stalls"
    )
    initiation_interval_cycles: Positive = Field(description="between rows, no gaps, no stalls")
    thresholds: Count = Field(description="comparators rendered; those that nothing reads are pruned")
    luts_by_layer: list[Count] = Field(description="LUTs rendered of each layer")
    sources: list[FileName] = Field(description="in compile order, behavioural tables: simulation, ASIC")
    bench_sources: list[FileName] = Field(
        description="source, sink, bench and self-checking bench, in compile order"
    )
    check: ModuleName = Field(description="the self-checking bench")
    sources_xilinx: list[FileName] = Field(
        description="in compile order, tables as LUT6 cells: FPGA synthesis"
    )
    cells_xilinx: list[FileName] = Field(
        [], description="those of sources_xilinx that are cells already, so that synthesis only counts them"
    )
    estimate: RtlEstimate | None = Field(None, description="what synthesis will count, by our own count")
    vectors: RtlVectors
    axis: AxisPort
    neighbours: RtlNeighbours | None = Field(
        None, description="absent where a token's row is all that is read"
    )

    @property
    def row_beats(self) -> int:
        """In which the thermometer sees all that is read of a token."""
        return self.neighbours.row_beats if self.neighbours else self.input_beats


class RtlManifest(Artifact):
    schema_name: Literal["quweit.rtl/2"] = Field("quweit.rtl/2", alias="schema")
    name: Identifier
    dump: Digest = Field(description="digest of the dump that this was rendered from")
    blocks: list[RtlBlock]
    not_rendered: list[Identifier] = Field([], description="blocks of the dump that nobody asked for")
    files: dict[FileName, Digest] = Field(description="relative path -> sha256 of every rendered file")


# ---------------------------------------------------------------- synth


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
    muxes: Count | None = Field(None, description="MUXF7, MUXF8, MUXF9")
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
    vivado_project: FileName = Field(description="batch project that gives the vendor's own figures")


# ---------------------------------------------------------------- energy


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


def inside(folder: Path, name: str) -> Path:
    """`folder/name`, refusing a name from a document that would leave the folder, also by a link.

    Raises:
        ArtifactError: the name is absolute, climbs out, or passes through a link.
    """
    parts = PurePosixPath(name).parts
    if not parts or parts[0] == "/" or ".." in parts:
        raise ArtifactError(f"a document in `{folder}` names `{readers.cut(name)}`, which is outside of it")
    path = Path(os.path.realpath(folder))
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise ArtifactError(
                f"a document in `{folder}` names `{readers.cut(name)}`, where `{path}` is a link",
                hint="put the file itself in its place",
            )
    return path
