"""dump -> RTL package: read the programs and golden rows, render everything, then write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from quweit_cli import config
from quweit_cli.arrays import read_array
from quweit_cli.artifacts import check_stage, is_current, load, load_document, save, writing_stage
from quweit_cli.documents import DumpedBlock, DumpManifest, ModelShape, RtlManifest, inside
from quweit_cli.energy import workload
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.hdl.package import BlockSource, render_package
from quweit_cli.ir import Program, evaluate
from quweit_cli.ir.neighbours import Neighbourhood
from quweit_cli.ir.program import tensor_types
from quweit_cli.ir.serialization import ProgramRecord, program_from_record
from quweit_cli.progress import SILENT, Progress
from quweit_cli.readers import Unreadable, cut
from quweit_cli.stages import keys
from quweit_cli.stages.sources import PROGRAM_BYTES, read_manifest

MANIFEST = "manifest.json"
ELEMENTS_AT_ONCE = 1 << 23  # of the widest tensor, while golden rows are checked: 64 MB


def run(
    project: Path,
    options: config.Rtl,
    *,
    only: Sequence[str] = (),
    progress: Progress = SILENT,
    reuse: bool = False,
) -> RtlManifest:
    """Render the dump of a project.

    only: names of the blocks that are rendered; all when empty. The manifest names the others.

    Raises:
        ArtifactError: no dump here, or one that is damaged or contradicts itself.
        UnsupportedModel: a program that is not a weightless block.
        ConfigError: the settings or `only` name a block that the dump does not have.
    """
    inputs, chosen = keys.rtl(project, options, only=only)
    if reuse and is_current(project, "rtl", inputs=inputs, options=chosen):
        return load_document(project, "rtl", RtlManifest)
    check_stage(project, "dump")
    dump = read_manifest(project / "dump")
    sources = read_blocks(project / "dump", dump, options, progress, only=only)
    with progress.task("rendering"):
        plan, manifest = render_package(dump, sources, options)
    with writing_stage(project, "rtl", inputs=inputs, options=chosen) as folder:
        plan.write(folder)
        save(manifest, folder / MANIFEST)
    return manifest


def read_blocks(
    folder: Path,
    dump: DumpManifest,
    options: config.Rtl,
    progress: Progress,
    *,
    only: Sequence[str] = (),
) -> list[BlockSource]:
    """Every block of a dump, or those named, with its folding.

    Raises:
        ConfigError: the settings or `only` name a block that the dump does not have.
        ArtifactError: a block is damaged.
    """
    names = [block.name for block in dump.blocks]
    for where, named in (("rtl.blocks", options.blocks), ("--block", only)):
        if unknown := sorted(set(named) - set(names)):
            raise ConfigError(
                f"{where} names `{unknown[0]}`, which the dump does not have",
                hint=f"its blocks: {', '.join(names)}",
            )
    blocks = [block for block in dump.blocks if not only or block.name in only]
    sources = []
    with progress.task("reading the dump", len(blocks)) as task:
        for block in blocks:
            fold = options.blocks.get(block.name, options)
            sources.append(read_block(folder, block, dump.model, paced(fold, dump.model, options.array)))
            task.advance()
    return sources


def paced(fold: config.Fold, shape: ModelShape, array: int) -> config.Fold:
    """`auto` as cycles a row: those that the attention of a layer takes for a token on the array.

    49,896 cycles for the 196 tokens of I-ViT-T on an array of side 32: 254 cycles a row.

    Raises:
        ConfigError: there is no attention to keep pace with.
    """
    if fold.outputs_per_cycle != "auto":
        return fold
    if not shape.attends:
        raise ConfigError(
            "`auto` keeps pace with the attention, and this model has none",
            hint="say how many outputs a cycle, or how many cycles a row",
        )
    cycles = workload.systolic_cycles(workload.attention_of_layer(shape), array) // shape.tokens
    return config.Fold(cycles_per_row=max(1, cycles))


def read_block(
    folder: Path, block: DumpedBlock, shape: ModelShape, fold: config.Fold | None = None
) -> BlockSource:
    """A block of a dump, its golden rows checked against its program.

    Raises:
        ArtifactError: damaged, or the rows are not what the program computes.
    """
    program = _read_program(inside(folder, block.program), block, shape)
    inputs = _load_rows(inside(folder, block.inputs), "int8", block.rows, program.input_type.features)
    outputs = _load_rows(inside(folder, block.outputs), "int16", block.rows, program.output_type.features)
    _check_rows(block.name, program, inputs, outputs)
    around = _neighbourhood(block.name, inputs, shape) if shape.neighbours else None
    return BlockSource(
        block.layer, program, inputs.astype(np.int64), outputs.astype(np.int64), fold or config.Fold(), around
    )


def _neighbourhood(name: str, read_RI: np.ndarray, shape: ModelShape) -> Neighbourhood:
    """Raises ArtifactError when golden rows are not tokens of whole samples with what lies around them."""
    try:
        around = Neighbourhood(shape.tokens, shape.causal)
        expected_RI = around.read(read_RI[:, : read_RI.shape[1] // 2])
    except ValueError as error:
        raise ArtifactError(f"golden rows of `{name}`: {error}", hint="run `quweit dump` again") from None
    if not np.array_equal(read_RI, expected_RI):
        raise ArtifactError(
            f"golden rows of `{name}` do not hold the features of their neighbours",
            hint="run `quweit dump` again",
        )
    return around


def _read_program(path: Path, block: DumpedBlock, shape: ModelShape) -> Program:
    """Raises ArtifactError when it is damaged, or not the program that `dump.json` describes."""
    record = load(ProgramRecord, path, most=PROGRAM_BYTES)
    if record.name != block.name:
        raise ArtifactError(
            f"`{path}` is the program `{cut(record.name)}`, and `dump.json` calls it `{block.name}`"
        )
    try:
        program = program_from_record(record)
    except ValueError as error:
        raise ArtifactError(f"`{path}` is not a sound program: {cut(error)}") from None
    wanted = (2 if shape.neighbours else 1) * shape.dim
    if (features := program.input_type.features) != wanted:
        raise ArtifactError(
            f"`{path}` takes rows of {features}, and the model of `dump.json` gives rows of {wanted}"
        )
    return program


def _load_rows(path: Path, kind: str, rows: int, columns: int) -> np.ndarray:
    """Golden rows [rows, columns]; raises ArtifactError for anything else."""
    try:
        found = read_array(path, kind, 2, most=PROGRAM_BYTES)
    except Unreadable as error:
        raise ArtifactError(f"cannot read golden rows from `{path}`: {error}") from None
    if found.shape != (rows, columns):
        raise ArtifactError(
            f"`{path}` holds {found.shape[0]:,} rows of {found.shape[1]:,}, and {rows:,} rows of {columns:,} are wanted"
        )
    return found


def _check_rows(name: str, program: Program, inputs: np.ndarray, outputs: np.ndarray) -> None:
    """Raises ArtifactError when the outputs are not what the program computes; some rows at a time."""
    widest = max(kind.features for kind in tensor_types(program).values())
    at_once = max(1, ELEMENTS_AT_ONCE // widest)
    for first in range(0, len(inputs), at_once):
        some = slice(first, first + at_once)
        try:
            computed = evaluate(program, inputs[some])
        except ValueError as error:
            raise ArtifactError(f"golden rows of `{name}` do not fit its program: {error}") from None
        if not np.array_equal(computed, outputs[some]):
            raise ArtifactError(
                f"golden rows of `{name}` are not what its program computes", hint="run `quweit dump` again"
            )
