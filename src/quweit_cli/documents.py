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

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.config import Identifier
from quweit_cli.equality_documents import Design as Design  # noqa: PLC0414  (also documents.Design)
from quweit_cli.equality_documents import FormalProof as FormalProof  # noqa: PLC0414  (also documents.FormalProof)
from quweit_cli.equality_documents import FormalResult as FormalResult  # noqa: PLC0414  (also documents.FormalResult)
from quweit_cli.equality_documents import SimDifference as SimDifference  # noqa: PLC0414  (also documents.SimDifference)
from quweit_cli.equality_documents import SimResult as SimResult  # noqa: PLC0414  (also documents.SimResult)
from quweit_cli.equality_documents import SimRun as SimRun  # noqa: PLC0414  (also documents.SimRun)
from quweit_cli.equality_documents import SimulatorResult as SimulatorResult  # noqa: PLC0414  (also documents.SimulatorResult)
from quweit_cli.errors import ArtifactError
from quweit_cli.model_documents import Digest as Digest  # noqa: PLC0414  (also documents.Digest)
from quweit_cli.model_documents import EvalResult as EvalResult  # noqa: PLC0414  (also documents.EvalResult)
from quweit_cli.model_documents import FileName as FileName  # noqa: PLC0414  (also documents.FileName)
from quweit_cli.model_documents import SampleResult as SampleResult  # noqa: PLC0414  (also documents.SampleResult)
from quweit_cli.model_documents import TrainedModel as TrainedModel  # noqa: PLC0414  (also documents.TrainedModel)
from quweit_cli.model_documents import TrainResult as TrainResult  # noqa: PLC0414  (also documents.TrainResult)
from quweit_cli.model_documents import UnfinishedTraining as UnfinishedTraining  # noqa: PLC0414  (also documents.UnfinishedTraining)
from quweit_cli.vector_documents import RtlVectors as RtlVectors  # noqa: PLC0414  (also documents.RtlVectors)
from quweit_cli.vector_documents import TableEntries as TableEntries  # noqa: PLC0414  (also documents.TableEntries)
from quweit_cli.vector_documents import TableEntry as TableEntry  # noqa: PLC0414  (also documents.TableEntry)
from quweit_cli.vector_documents import VectorCoverage as VectorCoverage  # noqa: PLC0414  (also documents.VectorCoverage)

# ---------------------------------------------------------------- dump


class ModelShape(Artifact):
    """What energy accounting needs to know of the transformer."""

    family: str = Field(description="gpt and decoder attend causally")
    layers: int
    dim: int
    heads: int
    tokens: int = Field(description="tokens of one sample (rows that a block takes for it)")
    mlp_hidden: int = Field(description="hidden width of the dense MLP that a block replaces")
    neighbours: bool = Field(
        False, description="whether blocks read features of the tokens around as well: rows of 2 · dim"
    )

    @property
    def causal(self) -> bool:
        """Whether a token attends to itself and to those before it alone."""
        return self.family in ("gpt", "decoder")


class DumpedBlock(Artifact):
    name: Identifier
    layer: int
    program: FileName = Field(description="integer program, quweit.program/1")
    inputs: FileName = Field(description="golden input rows, .npy int8 rows x features")
    outputs: FileName = Field(description="golden output rows, .npy int16 rows x features")
    rows: int
    input_scale: float = Field(description="real value of one step of the input")
    output_scale: float = Field(description="real value of one step of the output")


class DumpChecks(Artifact):
    """PyTorch in eval mode against the integer program; a dump exists only when all agree."""

    samples: int
    rows_compared: int = Field(description="for each block; every one equal")
    logits_equal: bool


class DumpManifest(Artifact):
    schema_name: Literal["quweit.dump/1"] = Field("quweit.dump/1", alias="schema")
    name: Identifier
    checkpoint: Digest
    data: str
    model: ModelShape
    blocks: list[DumpedBlock]
    checks: DumpChecks
    digest: Digest = Field(description="of the programs and golden rows: identifies the specification")


# ---------------------------------------------------------------- rtl


class AxisPort(Artifact):
    """The AXI-Stream wrapper of a block, `rtl/wrapper/<top>.v`."""

    top: Identifier
    testbench: Identifier
    check: Identifier = Field(description="the self-checking bench of the wrapper")
    bytes_in: int = Field(description="of TDATA")
    bytes_out: int
    input_beats: int = Field(description="of a row; TLAST marks the last")
    output_beats: int
    initiation_interval_cycles: int = Field(description="between rows, no gaps, no stalls")
    inputs: FileName = Field(description="golden inputs as beats of this width")
    inputs_sha256: Digest
    sources: list[FileName] = Field(description="added to those of the block, in compile order")


class RtlNeighbours(Artifact):
    """The memory in front of a block that reads the tokens around: it takes their rows one by one, and gives twice as wide ones."""

    tokens: int = Field(description="of a sample; rows come in whole samples")
    width: int = Field(description="tokens from one to the one below it")
    causal: bool = Field(description="whether neighbours are tokens before, in place of patches around")
    row_beats: int = Field(description="in which the block takes a token and its neighbours")
    kept_tokens: int = Field(description="that the memory holds, a power of two")


class RtlEstimate(Artifact):
    """Cells of a block by counting what is rendered, before any tool ran."""

    luts: int
    ffs: int
    carries: int
    muxes: int


class RtlBlock(Artifact):
    """One block of the RTL package; every number is promised here and checked by `sim`."""

    name: Identifier
    layer: int
    top: Identifier
    testbench: Identifier
    features: int
    outputs: int
    features_per_beat: int
    outputs_per_beat: int
    input_bits: int = Field(description="of one feature on the bus")
    output_bits: int = Field(description="of one output on the bus")
    input_beats: int
    output_beats: int
    latency_cycles: int = Field(
        description="first input beat taken to last output beat given, idle block, no stalls"
    )
    initiation_interval_cycles: int = Field(description="between rows, no gaps, no stalls")
    thresholds: int = Field(description="comparators rendered; those that nothing reads are pruned")
    luts_by_layer: list[int] = Field(description="LUTs rendered of each layer")
    sources: list[FileName] = Field(description="in compile order, behavioural tables: simulation, ASIC")
    bench_sources: list[FileName] = Field(
        description="source, sink, bench and self-checking bench, in compile order"
    )
    check: Identifier = Field(description="the self-checking bench")
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
    not_rendered: list[str] = Field([], description="blocks of the dump that nobody asked for")
    files: dict[str, str] = Field(description="relative path -> sha256 of every rendered file")


# ---------------------------------------------------------------- synth


class AsicFigures(Artifact):
    """A block in cells of a library. Never compare figures of two libraries."""

    library: str
    library_sha256: Digest
    area_mm2: float = Field(description="of all cells, before placement")
    sequential_area_mm2: float = Field(description="of flip-flops, latches and clock gates")
    cells: int
    cells_by_type: dict[str, int]
    clock_gates: int
    shortest_period_ns: float = Field(
        description="that this netlist meets, verified; ports take 20 % on each side"
    )
    highest_clock_mhz: float
    leakage_mw: float
    vectorless_mw: float
    vectorless_method: str
    measured_mw: float | None = Field(
        description="with the activity of golden rows; absent when none was measured"
    )
    measured_ungated_mw: float | None = Field(description="the same, were every gated clock running")
    measured_method: str | None
    nets: int
    nets_annotated: int = Field(description="nets whose activity was counted")
    activity_rows: int
    activity_cycles: int


class SynthesizedBlock(Artifact):
    block: str
    tool: str
    version: str
    device: str = Field(description="part of an FPGA, or name of a cell library")
    clock_mhz: float
    stage: Literal["synthesis", "place", "route"]
    luts: int | None = Field(
        None, description="absent, as what follows, where an FPGA's resources are not counted"
    )
    ffs: int
    carries: int | None = None
    muxes: int | None = Field(None, description="MUXF7, MUXF8, MUXF9")
    brams: float | None = Field(None, description="36 kb blocks; an 18 kb block counts one half")
    dsps: int | None = None
    slack_ns: float | None = Field(
        None, description="worst setup slack; absent when the tool gives no timing"
    )
    power_mw: float | None = Field(None, description="as the tool reports it; absent when it reports none")
    power_method: str | None = None
    seconds: float
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
        if self.estimate is None or self.luts is None:
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
    value: float = Field(description="energy of one sample")
    unit: Literal["uJ"] = "uJ"
    cycles: int
    cycles_source: str
    power_mw: float
    power_source: str
    clock_mhz: float
    tool: str
    device: str
    stage: str
    luts: int | None = None
    ffs: int | None = None
    area_mm2: float | None = Field(None, description="in cells of a library")


class EnergyRatio(Artifact):
    name: str
    value: float
    numerator: str
    denominator: str
    accounting: str


class FrontPoint(Artifact):
    """One folding of one block: its area, its cycles, and the energy of a sample."""

    block: str
    source: Literal["estimated", "measured", "paper"] = Field(
        description="by counting; by simulation and synthesis; as published"
    )
    accounting: Literal["measured", "paper"] = Field(
        description="cycles that the structure takes, or the paper's one row a cycle"
    )
    outputs_per_cycle: int | None
    bits_per_cycle: float = Field(description="LUT outputs' worth of values added in a cycle, on average")
    cycles_per_row: int
    sample_cycles: int
    luts: int
    ffs: int
    power_mw: float
    power_source: str
    energy_uj: float


class EstimateTable(Artifact):
    schema_name: Literal["quweit.estimate/1"] = Field("quweit.estimate/1", alias="schema")
    name: Identifier
    clock_mhz: float
    points: list[FrontPoint] = Field(description="a block each")


class Front(Artifact):
    schema_name: Literal["quweit.front/1"] = Field("quweit.front/1", alias="schema")
    name: Identifier
    block: Identifier
    clock_mhz: float
    points: list[FrontPoint] = Field(description="a folding each, then what was measured, then the paper's")


class PowerModel(Artifact):
    """The calibrated power model with its residuals."""

    formula: str
    coefficients: dict[str, float]
    points: list[dict[str, Any]] = Field(description="published point, predicted, residual in percent")
    valid_luts: tuple[int, int]


class EnergyTable(Artifact):
    schema_name: Literal["quweit.energy/1"] = Field("quweit.energy/1", alias="schema")
    name: Identifier
    synth: Digest
    sim: Digest
    rows: list[EnergyRow]
    ratios: list[EnergyRatio]
    multiplications_replaced: float = Field(description="share of one layer's multiplications")
    weights_replaced: float = Field(description="share of one layer's weights")
    power_model: PowerModel


def inside(folder: Path, name: str) -> Path:
    """`folder/name`, refusing a name from a document that would leave the folder.

    Raises:
        ArtifactError: the name is absolute or climbs out.
    """
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ArtifactError(f"a document in `{folder}` names `{name}`, which is outside of it")
    return path
