"""The RTL package, `manifest.json`: its designs (blocks, systolic arrays, the units between products), and what they promise."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import (
    Amount,
    Count,
    Digest,
    FileName,
    Identifier,
    ModuleName,
    ParameterName,
    ParameterValue,
    Positive,
)
from quweit_cli.documents.vectors import GoldenRows, RtlVectors
from quweit_cli.ir.nodes.products import Gemm, systolic_cycles


class Part(Artifact):
    """A module by which a design is synthesized, and how often the design has it."""

    module: ModuleName
    parameters: dict[ParameterName, ParameterValue] = Field(
        {}, description="in place of the module's own defaults"
    )
    count: Positive = 1

    @property
    def name(self) -> str:
        """Of its files: two parts of one name are the same hardware."""
        return "_".join([self.module, *(f"{key.lower()}{value}" for key, value in self.parameters.items())])


Kind = Literal["block", "unit", "array", "model"]


class Design(Artifact):
    """Hardware under one top module: what every simulator and every synthesizer takes."""

    kind: ClassVar[Kind]

    name: Identifier
    top: ModuleName
    testbench: ModuleName
    sources: list[FileName] = Field(description="in compile order, behavioural: simulation, ASIC")
    sources_xilinx: list[FileName] = Field(
        description="in compile order, in an FPGA's cells: its synthesis; none where there is no such rendering"
    )
    memories: list[FileName] = Field(
        [], description="what memories hold before the first cycle, hexadecimal; read where a simulator runs"
    )
    reset_cycles: Count = Field(
        0, description="of the clock, for which its reset is held; 0 where no clock is needed"
    )


class RowDesign(Design):
    """A design that answers rows with rows, beat by beat; every number is promised here and checked by `sim`."""

    features: Positive
    outputs: Positive
    features_per_beat: Positive
    outputs_per_beat: Positive
    input_bits: Positive = Field(description="of one feature on the bus")
    output_bits: Positive = Field(description="of one output on the bus")
    input_beats: Positive
    output_beats: Positive
    latency_cycles: Count = Field(
        description="first input beat taken to last output beat given, idle design, no stalls; the most where it varies"
    )
    initiation_interval_cycles: Positive = Field(
        description="between rows, no gaps, no stalls; the most where it varies"
    )
    vectors: GoldenRows

    @property
    def rows_break(self) -> bool:
        """Whether a mark before the last beat discards what has come of a row, and one that is missing changes nothing."""
        return True


class AxisPort(Artifact):
    """The AXI-Stream wrapper of a block or a model, `rtl/wrapper/<top>.v`."""

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
    sources: list[FileName] = Field(description="added to those of the design, in compile order")


class PortedDesign(RowDesign):
    """A design that others take as it is: with AXI-Stream ports around it, and a bench that checks itself."""

    check: ModuleName = Field(description="the self-checking bench")
    axis: AxisPort

    @property
    def input_beat_bits(self) -> int:
        return self.features_per_beat * self.input_bits

    @property
    def output_beat_bits(self) -> int:
        return self.outputs_per_beat * self.output_bits

    @property
    def straight(self) -> bool:
        """Whether its wrapper passes beats as they are."""
        return (8 * self.axis.bytes_in, 8 * self.axis.bytes_out) == (
            self.input_beat_bits,
            self.output_beat_bits,
        )

    @property
    def rows_of_sample(self) -> int:
        """Rows that come in whole samples alone."""
        return 1


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


class BlockDesign(PortedDesign):
    """A weightless block."""

    kind: ClassVar[Kind] = "block"

    layer: Count
    thresholds: Count = Field(description="comparators rendered; those that nothing reads are pruned")
    luts_by_layer: list[Count] = Field(description="LUTs rendered of each layer")
    bench_sources: list[FileName] = Field(
        description="source, sink, bench and self-checking bench, in compile order"
    )
    cells_xilinx: list[FileName] = Field(
        [], description="those of sources_xilinx that are cells already, so that synthesis only counts them"
    )
    estimate: RtlEstimate | None = Field(None, description="what synthesis will count, by our own count")
    vectors: RtlVectors
    neighbours: RtlNeighbours | None = Field(
        None, description="absent where a token's row is all that is read"
    )

    @property
    def row_beats(self) -> int:
        """In which the thermometer sees all that is read of a token."""
        return self.neighbours.row_beats if self.neighbours else self.input_beats

    @property
    def rows_of_sample(self) -> int:
        return self.neighbours.tokens if self.neighbours else 1


class UnitDesign(RowDesign):
    """One lane of what stands between the products of a layer: an element a beat."""

    kind: ClassVar[Kind] = "unit"

    unit: str = Field(description="which function it computes, in words")
    parameters: dict[ParameterName, ParameterValue]
    rows_of_layer: Positive = Field(description="of one layer and sample")
    random_rows: Positive = Field(
        description="the last of the golden rows, whose cycles are those of a layer"
    )
    dense_only: bool = Field(description="whether a weightless block takes it away with the MLP")
    pipelined: bool = Field(description="with registers for library cells at a fast clock")
    words: list[Count] = Field(
        [],
        description="beats with which a row begins, where rows say how they are computed: those of the first row",
    )
    interval_varies: Literal[True] = True


class Product(Artifact):
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

    def steady_cycles(self, side: int, steps: int = 1) -> int:
        """Once, on an array of so many steps of the inner dimension a cycle."""
        return systolic_cycles([Gemm(self.name, self.rows, self.inner, self.columns)], side, steps)


class ArrayDesign(Design):
    """A systolic array, which computes products of matrices one after the other."""

    kind: ClassVar[Kind] = "array"

    side: Positive
    products: list[Product] = Field(description="of a layer, in the order in which they are played")
    causal: list[Product] = Field(
        [], description="of a decoder: its attention without masked tiles, played after the other products"
    )
    pipelined: bool = Field(False, description="with registers for library cells at a fast clock")
    few_bits: Count = Field(
        0, description="bits of the sums of cells without multipliers, for weights of -1, 0 and 1; 0 of int8"
    )
    steps: Positive = Field(1, description="of the inner dimension that a cell adds up in a cycle")
    columns: Positive = Field(1, description="neighbouring columns whose cells share a register")
    parts: list[Part] = Field(description="modules that are synthesized once and counted")

    @staticmethod
    def name_of(side: int, *, pipelined: bool = False, few_bits: bool = False) -> str:
        """Of an array, and of its top."""
        return f"{'few_bits' if few_bits else 'systolic'}_{side}{'_pipelined' if pipelined else ''}"

    @property
    def played(self) -> list[Product]:
        return [*self.products, *self.causal]


class ScheduledJob(Artifact):
    """What one engine of a model does, and when."""

    tensor: FileName = Field(description="of the program that it makes, or makes a part of")
    engine: Literal["product", "norm", "softmax", "sum", "block", "embed", "exit"]
    first_cycle: Count = Field(description="counted from the one after the last pixel or token")
    cycles: Positive
    rows: Count = Field(0, description="of a product of matrices, rows x inner times inner x columns")
    inner: Count = 0
    columns: Count = 0
    few_bits: bool = Field(False, description="a product with weights of -1, 0 and 1, without multipliers")


class Engine(Artifact):
    """Modules of a model that work at the same time, as synthesis counts them and energy adds them up."""

    name: Identifier
    modules: list[ModuleName] = Field(description="right below the top")
    parts: list[Part] = Field(
        description="modules that are mapped to cells of a library once and counted; of an array those within it"
    )
    cycles: Count = Field(description="of a sample in which it works")
    mean_cycles: Amount | None = Field(
        None, description="the same of an average test sample, where samples may leave early"
    )


class Bank(Artifact):
    """A memory of a model, and what a sample does with it. Words that no engine uses are not counted."""

    name: Identifier
    words: Positive
    bits: Positive = Field(description="of a word")
    copies: Positive = Field(1, description="that hold the same")
    lanes: Positive | None = Field(
        None,
        description="of a word, written one by one; absent where nothing is written, and in packages of earlier versions",
    )
    reads: Count = Field(description="of words, of all copies together")
    writes: Count
    mean_accesses: Amount | None = Field(
        None, description="reads and writes of an average test sample, where samples may leave early"
    )


class DecodeStep(Artifact):
    """What a decoder does with a token that goes on from what is cached."""

    codes: Positive = Field(description="of tokens")
    latency_cycles: Count = Field(description="its word taken to its last logit given")
    initiation_interval_cycles: Positive = Field(description="between steps, no gaps, no stalls")
    schedule: list[ScheduledJob] = Field(description="as that of a prompt")
    requests: GoldenRows = Field(description="prompts of several lengths and steps: what the bench plays")
    requests_of_sample: Positive = Field(description="that a golden sample becomes, after the first of all")
    exit_latency_cycles: list[Positive] = Field(
        [],
        description="of a token that leaves at each exit, its keys and values of later layers included, and of one that goes to the end; none without exits",
    )
    mean_latency_cycles: Amount | None = Field(
        None, description="the same of an average token, by the exits that the dump counted"
    )
    request_cycles: list[Positive] = Field(
        [],
        description="first word taken to last logit given of each golden request, by the exits that its tokens take",
    )
    rest: list[ScheduledJob] = Field(
        [], description="keys and values of a token that has left, layer after layer"
    )
    rest_from: list[Count] = Field([], description="the job among these to which each exit leads")


class ModelDesign(PortedDesign):
    """A whole model: a sample is a row of pixels or tokens, a beat each, and its logits the answer.

    Those of a decoder are those of the last token of a prompt as long as the context.
    """

    kind: ClassVar[Kind] = "model"

    side: Positive = Field(description="of its systolic array, and tokens of a word")
    lanes: Positive = Field(description="units of layer normalisation, and of softmax")
    schedule: list[ScheduledJob] = Field(
        description="one job after the other, the same for every sample; where it may leave early, up to an exit"
    )
    exit_cycles: list[Positive] = Field(
        [],
        description="between samples that leave at each exit, and of those that go to the end; none without exits",
    )
    mean_cycles: Amount | None = Field(
        None, description="the same of an average test sample, by the exits that the dump counted"
    )
    row_cycles: list[Positive] = Field(
        [], description="the same of each golden sample, by the exit that it takes"
    )
    engines: list[Engine] = Field([], description="that it consists of; none in packages of earlier versions")
    banks: list[Bank] = Field([], description="its memories")
    decode: DecodeStep | None = Field(None, description="of a decoder, which caches keys and values")

    @property
    def rows_break(self) -> bool:
        """A prompt may be shorter than the context."""
        return self.decode is None


class RtlManifest(Artifact):
    schema_name: Literal["quweit.rtl/2"] = Field("quweit.rtl/2", alias="schema")
    name: Identifier
    dump: Digest = Field(description="digest of the dump that this was rendered from")
    blocks: list[BlockDesign]
    not_rendered: list[Identifier] = Field([], description="blocks of the dump that nobody asked for")
    arrays: list[ArrayDesign] = Field([], description="where the dump has products of a dense layer")
    units: list[UnitDesign] = Field([], description="what stands between these products")
    model: ModelDesign | None = Field(None, description="the whole model, where `rtl.side` asks for it")
    operands: str = Field("", description="where the matrices that arrays multiply come from")
    files: dict[FileName, Digest] = Field(description="relative path -> sha256 of every rendered file")

    @property
    def designs(self) -> list[Design]:
        return [*self.blocks, *self.units, *self.arrays, *self._models]

    @property
    def ported(self) -> list[PortedDesign]:
        return [*self.blocks, *self._models]

    @property
    def row_designs(self) -> list[RowDesign]:
        return [*self.blocks, *self.units, *self._models]

    @property
    def _models(self) -> list[ModelDesign]:
        return [self.model] if self.model else []
