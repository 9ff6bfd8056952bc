"""One block as hardware: its folding, bus, golden rows, and the promise in the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from quweit_cli import config
from quweit_cli.artifacts import json_text
from quweit_cli.documents import BlockDesign, RtlEstimate, RtlVectors, VectorCoverage
from quweit_cli.hdl import literals
from quweit_cli.hdl.axis import RowShape, axis_port
from quweit_cli.hdl.block import neighbours
from quweit_cli.hdl.block.estimate import estimate
from quweit_cli.hdl.block.modules import STATIC, STATIC_BEHAVIOURAL, STATIC_XILINX, Beats
from quweit_cli.hdl.block.structure import Structure, structure_of
from quweit_cli.hdl.block.terms import terms_of, tree_of
from quweit_cli.hdl.directed.circuit import Circuit
from quweit_cli.hdl.directed.coverage import coverage_of
from quweit_cli.hdl.directed.rows import directed_rows
from quweit_cli.hdl.directed.samples import Samples
from quweit_cli.hdl.vectors import BENCH_MODULES, INPUT_BITS, OUTPUT_BITS, beats, packed, sha256
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.ir.program import Program, evaluate


class BenchRows(NamedTuple):
    """What the program reads, and what it answers; `played_RD` is what the bench plays for it."""

    inputs_RD: Integers
    outputs_RE: Integers
    played_RD: Integers
    directed_rows: int
    random_rows: int
    coverage: VectorCoverage


class Vectors(NamedTuple):
    """Names of the files with golden rows, and their texts."""

    inputs: str
    outputs: str
    coverage: str
    bus_inputs: str  # in beats of the wrapper; where those are the block's own, the same file
    texts: dict[str, str]

    def sha256(self, name: str) -> str:
        return sha256(self.texts[name])


@dataclass(frozen=True, eq=False)
class BlockSource:
    """What one block is rendered from: its program, golden rows, and how it is folded.

    around: what it reads beside its token; the golden rows are then those of whole samples.
    """

    layer: int
    program: Program
    inputs_RD: Integers
    outputs_RE: Integers
    fold: config.Fold
    around: Neighbourhood | None = None


class Foretold(NamedTuple):
    """A folding of a block by counting alone."""

    cells: RtlEstimate
    outputs_per_cycle: int
    bits_per_cycle: float  # of the last layer, whose values for all outputs a cycle adds on average
    cycles_per_row: int


def foretell(
    program: Program, fold: config.Fold, options: config.Rtl, around: Neighbourhood | None = None
) -> Foretold:
    """What `render_package` would render of a block, without rendering it.

    Raises:
        UnsupportedModel: not a weightless block, or not foldable so.
    """
    structure = structure_of(program, fold)
    terms = terms_of(structure)
    per_beat = features_per_beat(structure, options, around)
    beats = Beats(-(-structure.features // per_beat), per_beat)
    folding = structure.folding
    near = None if around is None else neighbours.describe(around, structure.features // 2, per_beat)
    return Foretold(
        estimate(beats, structure, terms, tree_of(terms), near),
        folding.outputs_per_cycle,
        structure.bits * folding.outputs_per_cycle / folding.outputs,
        max(beats.input_beats, folding.cycles),
    )


def beats_of(block: BlockDesign) -> Beats:
    return Beats(block.row_beats, block.features_per_beat)


def bench_rows(source: BlockSource, structure: Structure, options: config.Rtl) -> BenchRows:
    """Directed rows, so that few rows say much; random ones over the whole input range (seed 0); then the golden ones."""
    kind, around = source.program.input_type, source.around
    circuit, samples = Circuit(structure), Samples(structure, kind, around)
    units = -(-options.random_rows // samples.rows_of_unit)
    golden_RD = source.inputs_RD[:, : samples.features]
    shape = (units * samples.rows_of_unit, samples.features)
    random_RD = np.random.default_rng(0).integers(kind.low, kind.high, shape, endpoint=True)
    others_RI = samples.read(np.concatenate([random_RD, golden_RD]))
    directed = directed_rows(circuit, samples, others_RI, options.directed_rows)
    inputs_RI = np.concatenate([samples.read(directed.played_RD), others_RI])
    return BenchRows(
        inputs_RI,
        evaluate(source.program, inputs_RI),
        np.concatenate([directed.played_RD, random_RD, golden_RD]),
        len(directed.played_RD),
        len(random_RD),
        coverage_of(source.program.name, circuit, inputs_RI, directed),
    )


def describe(
    design: str,
    source: BlockSource,
    structure: Structure,
    stages: int,
    options: config.Rtl,
    rows: BenchRows,
    vectors: Vectors,
) -> BlockDesign:
    top = literals.identifier(f"{design}_{source.program.name}")
    cycles = structure.folding.cycles
    around, features = source.around, structure.features
    per_beat = features_per_beat(structure, options, around)
    row_beats = input_beats = -(-features // per_beat)
    near, waiting = None, 0
    if around is not None:
        features //= 2
        near, input_beats = neighbours.describe(around, features, per_beat), features // per_beat
        waiting = neighbours.waiting_cycles(around, features, input_beats)
    bytes_in, bytes_out = _bus_bytes(source, structure, options)
    interval = max(row_beats, cycles)
    return BlockDesign(
        name=source.program.name,
        layer=source.layer,
        top=top,
        testbench=f"tb_{top}",
        check=f"check_{top}",
        features=features,
        outputs=structure.outputs,
        features_per_beat=per_beat,
        outputs_per_beat=structure.folding.outputs_per_cycle,
        input_bits=INPUT_BITS,
        output_bits=OUTPUT_BITS,
        input_beats=input_beats,
        output_beats=cycles,
        # Beats in; code register, bit store and row register; the pipeline of the summation; beats out.
        latency_cycles=waiting + row_beats + 1 + stages + cycles,
        initiation_interval_cycles=interval,
        thresholds=structure.thresholds,
        luts_by_layer=[layer.luts for layer in structure.layers],
        sources=_sources(top, len(structure.layers), around, xilinx=False),
        bench_sources=[*BENCH_MODULES, f"tb/tb_{top}.sv", f"tb/check_{top}.sv"],
        sources_xilinx=_sources(top, len(structure.layers), around, xilinx=True),
        cells_xilinx=_cells(top, len(structure.layers)),
        vectors=RtlVectors(
            rows=len(rows.inputs_RD),
            directed_rows=rows.directed_rows,
            random_rows=rows.random_rows,
            tables=rows.coverage.tables,
            inputs=vectors.inputs,
            outputs=vectors.outputs,
            coverage=vectors.coverage,
            inputs_sha256=vectors.sha256(vectors.inputs),
            outputs_sha256=vectors.sha256(vectors.outputs),
            coverage_sha256=vectors.sha256(vectors.coverage),
        ),
        axis=axis_port(
            top,
            RowShape(features, 2 * structure.outputs, interval),
            bytes_in,
            bytes_out,
            (vectors.bus_inputs, vectors.sha256(vectors.bus_inputs)),
        ),
        neighbours=near,
    )


def features_per_beat(structure: Structure, options: config.Rtl, around: Neighbourhood | None) -> int:
    """Fewest features a beat that keep up with the summation, unless told otherwise.

    Raises:
        UnsupportedModel: a block with neighbours cannot take as many as were told.
    """
    chosen, features = options.features_per_beat, structure.features
    wanted = -(-features // structure.folding.cycles)
    if around is None:
        return wanted if chosen == "auto" else chosen
    if chosen == "auto":
        return neighbours.features_of_a_beat(around, features // 2, wanted)
    neighbours.check_features_of_a_beat(around, features // 2, chosen)
    return chosen


def _sources(top: str, layers: int, around: Neighbourhood | None, *, xilinx: bool) -> list[str]:
    """In compile order; `xilinx` chooses the rendering of tables and adders."""
    tables = "xilinx/" if xilinx else ""
    return [
        *(f"rtl/{name}" for name in (*STATIC, *(STATIC_XILINX if xilinx else STATIC_BEHAVIOURAL))),
        *([] if around is None else [f"rtl/{top}_neighbours.sv"]),
        f"rtl/{tables}{top}_encoder.sv",
        *(f"rtl/{tables}{top}_lut_layer{index}.sv" for index in range(layers)),
        f"rtl/{tables}{top}_value_table.sv",
        f"rtl/{tables}{top}_adder_tree.sv",
        f"rtl/{top}.sv",
    ]


def _bus_bytes(source: BlockSource, structure: Structure, options: config.Rtl) -> tuple[int, int]:
    """Bytes of TDATA, in and out."""
    if options.bus_bytes != "auto":
        return options.bus_bytes, options.bus_bytes
    return features_per_beat(structure, options, source.around), 2 * structure.folding.outputs_per_cycle


def _cells(top: str, layers: int) -> list[str]:
    tables = ["encoder", *(f"lut_layer{index}" for index in range(layers)), "value_table"]
    return ["rtl/xilinx/quweit_greater.sv", *(f"rtl/xilinx/{top}_{table}.sv" for table in tables)]


def render_vectors(
    source: BlockSource, bench: BenchRows, structure: Structure, options: config.Rtl
) -> Vectors:
    """Inputs one beat a line, outputs one row a line, both hexadecimal, lane 0 in the low digits; what they
    read; and the inputs in beats of the wrapper, where those are others."""
    name, per_beat = source.program.name, features_per_beat(structure, options, source.around)
    bytes_in, _ = _bus_bytes(source, structure, options)
    inputs, outputs, coverage, bus_inputs = (
        f"tb/vectors/{name}.{kind}"
        for kind in ("inputs.hex", "outputs.hex", "coverage.json", "bus_inputs.hex")
    )
    rows = [packed(row, OUTPUT_BITS) for row in bench.outputs_RE.tolist()]
    texts = {
        inputs: beats(bench.played_RD, per_beat),
        outputs: "\n".join(rows) + "\n",
        coverage: json_text(bench.coverage.model_dump(mode="json", by_alias=True)),
    }
    if bytes_in == per_beat:
        return Vectors(inputs, outputs, coverage, inputs, texts)
    return Vectors(
        inputs, outputs, coverage, bus_inputs, texts | {bus_inputs: beats(bench.played_RD, bytes_in)}
    )
