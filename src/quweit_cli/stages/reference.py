"""The reference block of a model: its shape, with random contents, as a dump.

What a block costs in hardware depends on its shape and folding, hardly on what it has learned; random
tables and values are the worst case, as nothing in them can be shared or dropped. A block that was
trained takes its place with `quweit energy DIR --tables --block PROJECT`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from quweit_cli.artifacts import digest_of, file_digests, is_current, open_project, save, writing_stage
from quweit_cli.documents import DumpChecks, DumpedBlock, DumpManifest, ModelShape
from quweit_cli.ir.block import block_program, residual_requantize
from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.sums import ConditionalSummation
from quweit_cli.ir.program import Program, evaluate
from quweit_cli.ir.serialization import program_to_record

THRESHOLDS = 8
FAN_IN = 6
ROWS = 256


def write_dump(project: Path, name: str, shape: ModelShape) -> None:
    """`project/dump` with the paper's block for this width: LUT layers of 4 and 1 times the width."""
    open_project(project)
    options = {"reference": name, "shape": shape.model_dump(mode="json")}
    if is_current(project, "dump", inputs={}, options=options):
        return
    program = random_block(shape.dim)
    rows_RD = np.clip(np.rint(np.random.default_rng(1).normal(0, 32, (ROWS, shape.dim))), -128, 127)
    inputs = rows_RD.astype(np.int8)
    with writing_stage(project, "dump", inputs={}, options=options) as folder:
        (folder / "blocks").mkdir()
        np.save(folder / "blocks/block0.x.npy", inputs)
        np.save(folder / "blocks/block0.y.npy", evaluate(program, inputs).astype(np.int16))
        save(program_to_record(program), folder / "blocks/block0.json", indent=None)
        block = DumpedBlock(
            name="block0",
            layer=0,
            program="blocks/block0.json",
            inputs="blocks/block0.x.npy",
            outputs="blocks/block0.y.npy",
            rows=ROWS,
            input_scale=1 / 32,
            output_scale=1 / 32,
        )
        manifest = DumpManifest(
            name=f"{name[:31]}_reference",  # as long as a name can be
            checkpoint="0" * 64,
            data="random contents, rows of a normal distribution",
            model=shape.model_copy(update={"layers": 1}),
            blocks=[block],
            checks=DumpChecks(samples=0, rows_compared=0, logits_equal=True),
            digest=digest_of(file_digests(folder)),
        )
        save(manifest, folder / "dump.json")


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
