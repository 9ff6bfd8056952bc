"""The RTL package: `manifest.json` of blocks, and that of the arrays which blocks are compared with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import (
    Count,
    Digest,
    FileName,
    Identifier,
    ModuleName,
    Positive,
)
from quweit_cli.documents.model import ModelShape
from quweit_cli.documents.vectors import RtlVectors


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


# ---------------------------------------------------------------- energy
