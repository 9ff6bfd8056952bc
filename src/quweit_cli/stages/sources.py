"""Where `quweit rtl` takes its dump from: a checkpoint, another project, or a folder with a dump."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from quweit_cli import artifacts, config
from quweit_cli.artifacts import inside, load
from quweit_cli.boundary import readers
from quweit_cli.boundary.arrays import read_array
from quweit_cli.boundary.readers import PROGRAM_BYTES, Unreadable, cut
from quweit_cli.documents import (
    DUMP,
    MOST_PIXELS,
    BlockSite,
    DumpedBlock,
    DumpedModel,
    DumpManifest,
    ModelShape,
    RtlManifest,
)
from quweit_cli.errors import ArtifactError, UnsupportedModel
from quweit_cli.hdl.block.design import BlockSource
from quweit_cli.hdl.model.design import ModelSource
from quweit_cli.ir.exits import ExitRule, answers_with_exits
from quweit_cli.ir.nodes.products import Head, LayerOperands, Operands
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.ir.program import Program, decides, evaluate, tensor_types, trace
from quweit_cli.ir.serialization import ProgramRecord, program_from_record
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import keys

ELEMENTS_AT_ONCE = 1 << 23  # of the widest tensor, while golden rows are checked: 64 MB


def read_block(
    folder: Path, dump: DumpManifest, block: DumpedBlock, fold: config.Fold | None = None
) -> BlockSource:
    """A block of a dump, its golden rows checked against its program.

    Raises:
        ArtifactError: damaged, or the rows are not what the program computes.
    """
    shape = dump.model
    program = _read_program(inside(folder, block.program), block, dump.site(block))
    inputs = _load_rows(inside(folder, block.inputs), "int8", block.rows, program.input_type.features)
    outputs = _load_rows(inside(folder, block.outputs), "int16", block.rows, program.output_type().features)
    _check_rows(block.name, program, inputs, outputs)
    beside = (
        shape is not None and shape.neighbours and block.role == "block"
    )  # a projection reads a row alone
    around = _neighbourhood(block.name, inputs, shape) if shape and beside else None
    return BlockSource(
        block.layer, program, inputs.astype(np.int64), outputs.astype(np.int64), fold or config.Fold(), around
    )


def read_model(folder: Path, dump: DumpManifest) -> ModelSource:
    """The whole model of a dump, its golden logits checked against its program.

    Raises:
        UnsupportedModel: the dump has none, since its arithmetic is of floating point.
        ArtifactError: damaged, or the logits are not what the program computes.
    """
    program, whole = read_whole_program(folder, dump)
    inputs, logits = read_samples(folder, program, whole)
    rule = None if whole.exits is None else ExitRule(whole.exits.criterion, whole.exits.steps)
    try:
        computed = evaluate(program, inputs)
        if rule is not None and whole.exits is not None and not decides(program):
            tensors = trace(program, inputs, nested=True)
            computed = answers_with_exits(tensors, computed, rule, len(whole.exits.after))
        same = np.array_equal(computed, logits)
    except (ValueError, LookupError) as error:
        raise ArtifactError(
            f"golden samples of `{dump.name}`: {error}", hint="run `quweit dump` again"
        ) from None
    if not same:
        raise ArtifactError(
            f"golden logits of `{dump.name}` are not what its program computes",
            hint="run `quweit dump` again",
        )
    return ModelSource(program, inputs, logits, rule, whole.exits.leaving if whole.exits else ())


def read_whole_program(folder: Path, dump: DumpManifest) -> tuple[Program, DumpedModel]:
    """The program of a whole model, and what the dump says of it.

    Raises:
        UnsupportedModel: the dump has none, since its arithmetic is of floating point.
        ArtifactError: damaged.
    """
    if dump.whole is None:
        raise UnsupportedModel(
            f"`{dump.name}` computes in floating point around its blocks, and `rtl.side` asks for hardware of all of it",
            hint="train it with `model.arithmetic: integer`, and dump it again",
        )
    path = inside(folder, dump.whole.program)
    try:
        return program_from_record(load(ProgramRecord, path, most=PROGRAM_BYTES)), dump.whole
    except ValueError as error:
        raise ArtifactError(f"`{path}` is not a sound program: {cut(error)}") from None


def read_samples(folder: Path, program: Program, whole: DumpedModel) -> tuple[np.ndarray, np.ndarray]:
    """Golden samples of a whole model and their logits, int64, in the shapes of its program.

    Raises:
        ArtifactError: damaged, or of other shapes.
    """
    kind, answer = program.input_type, program.output_type()
    inputs = _load_samples(inside(folder, whole.inputs), "int8 int32", (whole.samples, *kind.shape))
    return inputs, _load_samples(inside(folder, whole.logits), "int32", (whole.samples, *answer.shape))


def _load_samples(path: Path, kinds: str, shape: tuple[int, ...]) -> np.ndarray:
    """int64 in that shape; raises ArtifactError for anything else."""
    try:
        found = read_array(path, kinds, len(shape), most=PROGRAM_BYTES)
    except Unreadable as error:
        raise ArtifactError(f"cannot read golden samples from `{path}`: {error}") from None
    if found.shape != shape:
        raise ArtifactError(f"`{path}` holds samples of shape {found.shape}, and {shape} is wanted")
    return found.astype(np.int64)


def read_images(folder: Path, dump: DumpManifest) -> np.ndarray:
    """Images that the model of a dump reads wrongly, uint8 [images, channels, rows, columns]; none where it has none.

    Raises:
        ArtifactError: damaged, or not as many as it says.
    """
    if dump.readings is None or dump.readings.images is None:
        return np.zeros((0, 1, 1, 1), dtype=np.uint8)
    path = inside(folder, dump.readings.images)
    try:
        found = read_array(path, "uint8", 4, most=IMAGES_BYTES)
    except Unreadable as error:
        raise ArtifactError(f"cannot read images from `{path}`: {error}") from None
    count, channels, *sides = found.shape
    if count != len(dump.readings.misread) or not channels or not all(0 < n <= MOST_PIXELS for n in sides):
        raise ArtifactError(
            f"`{path}` holds images of shape {found.shape}, and {len(dump.readings.misread)} of 1 to {MOST_PIXELS} "
            "pixels a side are wanted"
        )
    return found


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


def _read_program(path: Path, block: DumpedBlock, site: BlockSite) -> Program:
    """Raises ArtifactError when it is damaged, or not the program that `dump.json` describes."""
    record = load(ProgramRecord, path, most=PROGRAM_BYTES)
    if record.name != block.name:
        raise ArtifactError(
            f"`{path}` is the program `{cut(record.name)}`, and `dump.json` calls it `{block.name}`"
        )
    if record.schema_name != "quweit.program/1":
        raise ArtifactError(
            f"`{path}` is a graph of schema {record.schema_name}, and a block is a program of schema quweit.program/1"
        )
    try:
        program = program_from_record(record)
    except ValueError as error:
        raise ArtifactError(f"`{path}` is not a sound program: {cut(error)}") from None
    if (features := program.input_type.features) != site.features:
        raise ArtifactError(
            f"`{path}` takes rows of {features}, and the model of `dump.json` gives rows of {site.features}"
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


def check_blocks(named: DumpManifest | RtlManifest) -> None:
    """Raises ArtifactError for a dump or a package that holds no block: there is nothing to say of it."""
    if not named.blocks:
        raise ArtifactError(
            f"`{named.name}` has no block: it holds what blocks are compared with",
            hint="`quweit sim`, `quweit synth` and `quweit report` take it; `quweit energy DIR --tables` compares it",
        )


def read_operands(folder: Path, dump: DumpManifest) -> LayerOperands:
    """What arrays multiply: the products of a dense layer, none where the dump has blocks alone.

    Raises:
        ArtifactError: a matrix is damaged, or does not fit the others.
    """

    def matrix(name: str) -> np.ndarray:
        try:
            return read_array(inside(folder, name), "int8", 2, most=PROGRAM_BYTES).astype(np.int64)
        except Unreadable as error:
            raise ArtifactError(f"cannot read operands from `{folder / name}`: {error}") from None

    products, projections = (
        [Operands(one.name, matrix(one.left), matrix(one.right), one.copies) for one in listed]
        for listed in (dump.products, dump.projections)
    )
    for one in projections:
        if np.abs(one.a_MK).max(initial=0) > 1:
            raise ArtifactError(f"weights of `{one.name}` of `{folder}` are not -1, 0 and 1")
    for one in (*products, *projections):
        if 0 in one.a_MK.shape or 0 in one.b_KN.shape or one.inner != len(one.b_KN):
            raise ArtifactError(
                f"product `{one.name}` of `{folder}` multiplies {one.a_MK.shape} by {one.b_KN.shape}"
            )
    heads = [Head(*map(matrix, (one.queries, one.keys, one.weights, one.values))) for one in dump.heads]
    for head in heads:
        T, D = dump.shape.tokens, dump.shape.dim // max(1, dump.shape.heads)
        if [one.shape for one in head] != [(T, D), (D, T), (T, T), (T, D)]:
            raise ArtifactError(f"a head of `{folder}` is not of {T} tokens and {D} features")
        if np.triu(head.p_TT, 1).any():
            raise ArtifactError(f"the attention of a head of `{folder}` looks ahead")
    return LayerOperands(products, heads, dump.operands, projections)


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


IMAGES_BYTES = 1 << 22


def bring_dump(
    source: Path,
    project: Path,
    options: config.Dump,
    *,
    data_path: Path | None = None,
    progress: Progress = SILENT,
) -> None:
    """Make `project/dump` from `source`: dump a checkpoint, copy a dump, or leave what is there.

    Raises:
        ArtifactError: there is no `source`, or it is none of these.
    """
    if source.is_file():
        artifacts.open_project(project)
        _dump_checkpoint(source, project, options, data_path, progress)
        return
    folder = _dump_folder(source)
    read_manifest(folder)
    artifacts.open_project(project)
    if os.path.realpath(folder) != os.path.realpath(project / "dump"):
        _copy(folder, project)


def _dump_checkpoint(
    checkpoint: Path, project: Path, options: config.Dump, data_path: Path | None, progress: Progress
) -> None:
    inputs, settings = keys.dump(checkpoint, options, data_path)
    if artifacts.is_current(project, "dump", inputs=inputs, options=settings):
        progress.note("dump    up to date")
        return
    from quweit_cli.stages import dump

    dump.run(checkpoint, project, options, data_path=data_path, progress=progress)


def _dump_folder(source: Path) -> Path:
    for folder in (source, source / "dump"):
        if (folder / DUMP.file).is_file():
            return folder
    if not source.exists():
        raise ArtifactError(f"there is no `{source}`", hint="name a checkpoint, a project or a dump folder")
    raise ArtifactError(
        f"`{source}` holds no dump",
        hint="`quweit dump CKPT --out DIR` writes one; `quweit rtl` also takes a checkpoint",
    )


def _copy(folder: Path, project: Path) -> None:
    """Only what the manifest names is copied, so that a dump by another writer is taken as well.

    The record says that the dump was copied: nothing here has compared it with a model.
    """
    manifest = read_manifest(folder)
    inputs = {artifacts.COPIED: artifacts.digest_of_file(folder / DUMP.file)}
    with artifacts.writing_stage(project, "dump", inputs=inputs, options={}) as new:
        for name in [DUMP.file, *manifest.file_names(), *manifest.further_files()]:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            try:
                content = readers.read_bytes(inside(folder, name), PROGRAM_BYTES)
            except Unreadable as error:
                raise ArtifactError(f"cannot read `{folder / name}`: {error}") from None
            (new / name).write_bytes(content)


def read_manifest(folder: Path) -> DumpManifest:
    """`dump.json` of a folder, whose digest is that of the files that it names.

    Raises:
        ArtifactError: it is damaged, names what is not there or lies elsewhere, or has another digest.
    """
    path = inside(folder, DUMP.file)
    manifest = artifacts.load(DumpManifest, path)
    digest = dump_digest(folder, manifest.file_names())
    if digest != manifest.digest:
        raise ArtifactError(
            f"`{path}` has the digest {manifest.digest[:16]}, and its programs and golden rows have {digest[:16]}",
            hint="something was changed since it was written; docs/formats.md says how the digest is made",
        )
    return manifest


def dump_digest(folder: Path, names: Sequence[str]) -> str:
    """Identifies a specification: of the names of its files and the SHA-256 of each.

    Raises:
        ArtifactError: one is not there, is no file, or lies elsewhere.
    """
    return artifacts.digest_of({name: artifacts.digest_of_file(inside(folder, name)) for name in names})
