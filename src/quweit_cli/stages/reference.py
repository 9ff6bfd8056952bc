"""What blocks are compared with, as a dump: the products of a dense layer, and a reference block of its width.

The operands are random, or those of a layer of a checkpoint.

What a block costs in hardware depends on its shape and folding, hardly on what it has learned; random
tables and values are the worst case, as nothing in them can be shared or dropped. A block that was
trained takes its place with `quweit energy DIR --tables --block PROJECT`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from quweit_cli.artifacts import digest_of, digest_of_file, file_digests, is_current, save, writing_stage
from quweit_cli.config import Baseline
from quweit_cli.documents import (
    DUMP,
    DumpChecks,
    DumpedBlock,
    DumpManifest,
    ModelShape,
)
from quweit_cli.energy import workload
from quweit_cli.energy.shapes import parse_shape
from quweit_cli.ir.block import block_program, residual_requantize
from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.products import Head, LayerOperands, Operands
from quweit_cli.ir.nodes.sums import ConditionalSummation
from quweit_cli.ir.program import Program, evaluate
from quweit_cli.ir.serialization import program_to_record
from quweit_cli.stages.operands import write_operands

THRESHOLDS = 8
FAN_IN = 6
ROWS = 256
OPERAND_STD = 32.0  # of the random operands, in steps of int8
OPERANDS = f"normal, deviation {OPERAND_STD:g}, rounded and clamped to int8, seed 0"


def write_dump(project: Path, options: Baseline) -> None:
    """`project/dump` with the products of a dense layer, and the paper's block for its width where one is asked for.

    Raises:
        ConfigError: an unknown model.
        ArtifactError: a checkpoint that cannot be read.
        UnsupportedModel: its layers have weightless blocks in place of MLPs.
    """
    inputs = _checkpoint(options.checkpoint)
    with_block = options.cycles_per_row is not None
    chosen = {"model": None if inputs else options.model, "block": with_block}
    if is_current(project, "dump", inputs=inputs, options=chosen):
        return
    name, shape = model_of(options)
    layer = layer_operands(options, shape)
    with writing_stage(project, "dump", inputs=inputs, options=chosen) as folder:
        products, heads = write_operands(folder, layer)
        blocks = [_write_block(folder, shape)] if with_block else []
        manifest = DumpManifest(
            name=name,
            checkpoint=inputs.get("checkpoint", "0" * 64),
            data="random contents, rows of a normal distribution",
            model=shape,
            blocks=blocks,
            products=products,
            heads=heads,
            operands=layer.source,
            checks=DumpChecks(samples=0, rows_compared=0, logits_equal=True),
            digest=digest_of(file_digests(folder)),
        )
        DUMP.save(manifest, folder)


def model_of(options: Baseline) -> tuple[str, ModelShape]:
    """Name and shape of the model, known, given by its numbers, or that of a checkpoint."""
    if options.checkpoint is None:
        return parse_shape(options.model)
    from quweit_cli.stages.dump import shape_of  # noqa: PLC0415  (torch, which only a checkpoint needs)

    return shape_of(options.checkpoint)


def layer_operands(options: Baseline, shape: ModelShape) -> LayerOperands:
    """The products of one layer, the heads of a decoder's attention, and where their operands come from."""
    if options.checkpoint is None:
        heads = random_heads(shape) if shape.causal else []
        return LayerOperands(operands_of(shape), heads, OPERANDS)
    from quweit_cli.export import operands  # noqa: PLC0415  (torch)

    return operands.layer_operands(options.checkpoint)


def operands_of(shape: ModelShape) -> list[Operands]:
    """The products of one layer, on random operands; of the heads' products one each."""
    drawn = _drawn(0)
    return [
        Operands(gemm.name, drawn(gemm.rows, gemm.inner), drawn(gemm.inner, gemm.columns), gemm.copies)
        for gemm in [*workload.mlp_gemms(shape), *workload.attention_gemms(shape)]
    ]


def random_heads(shape: ModelShape) -> list[Head]:
    """The attention of a decoder on random operands, different for every head."""
    drawn = _drawn(1)
    tokens, width = shape.tokens, shape.dim // shape.heads
    return [
        Head(drawn(tokens, width), drawn(width, tokens), np.tril(drawn(tokens, tokens)), drawn(tokens, width))
        for _ in range(shape.heads)
    ]


def _drawn(seed: int) -> Callable[[int, int], np.ndarray]:
    """Matrices [rows, columns] of random operands, one after the other."""
    random = np.random.default_rng(seed)

    def drawn(rows: int, columns: int) -> np.ndarray:
        values = np.rint(random.normal(0, OPERAND_STD, (rows, columns)))
        return np.clip(values, -128, 127).astype(np.int64)

    return drawn


def _checkpoint(path: Path | None) -> dict[str, str]:
    """A checkpoint that cannot be read is refused where it is loaded."""
    if path is None or not path.is_file():
        return {}
    return {"checkpoint": digest_of_file(path, "the checkpoint ")}


def _write_block(folder: Path, shape: ModelShape) -> DumpedBlock:
    program = random_block(shape.dim)
    rows_RD = np.clip(np.rint(np.random.default_rng(1).normal(0, 32, (ROWS, shape.dim))), -128, 127)
    inputs = rows_RD.astype(np.int8)
    (folder / "blocks").mkdir()
    np.save(folder / "blocks/block0.x.npy", inputs)
    np.save(folder / "blocks/block0.y.npy", evaluate(program, inputs).astype(np.int16))
    save(program_to_record(program), folder / "blocks/block0.json", indent=None)
    return DumpedBlock(
        name="block0",
        layer=0,
        program="blocks/block0.json",
        inputs="blocks/block0.x.npy",
        outputs="blocks/block0.y.npy",
        rows=ROWS,
        input_scale=1 / 32,
        output_scale=1 / 32,
    )


def random_block(width: int, seed: int = 0) -> Program:
    """Thresholds over int8, tables and values over their whole range."""
    random = np.random.default_rng(seed)
    thermometer = Thermometer(np.sort(random.integers(-96, 96, (width, THRESHOLDS)), axis=1))
    bits, layers = width * THRESHOLDS, []
    for luts in (4 * width, width):
        tables = random.integers(0, 2**64, luts, dtype=np.uint64)
        layers.append(LutLayer(random.integers(0, bits, (luts, FAN_IN)), tables))
        bits = luts
    summation = ConditionalSummation(
        random.integers(-128, 128, (bits, width)), random.integers(-500, 500, width)
    )
    return block_program("block0", thermometer, layers, summation, residual_requantize(*summation.range()))
