"""dump -> RTL package: read the programs and golden rows, render everything, then write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from quweit_cli import config
from quweit_cli.artifacts import check_stage, writing_stage
from quweit_cli.documents import RTL, DumpManifest, ModelShape, RtlManifest
from quweit_cli.energy import workload
from quweit_cli.errors import ConfigError, UnsupportedModel
from quweit_cli.hdl.array.design import FEW_BITS_STEPS
from quweit_cli.hdl.block.design import BlockSource
from quweit_cli.hdl.package import render_package
from quweit_cli.ir.nodes.products import systolic_cycles
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import keys
from quweit_cli.stages.sources import read_block, read_manifest, read_model, read_operands


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
        ConfigError: the settings or `only` name a block that the dump does not have, or a side that no model can have.
    """
    inputs, chosen = keys.rtl(project, options, only=only)
    if reuse and (found := RTL.current(project, inputs, chosen)):
        return found
    check_stage(project, "dump")
    dump = read_manifest(project / "dump")
    if options.side is None and not dump.blocks and not dump.products:
        raise UnsupportedModel(
            f"`{dump.name}` has no block, and nobody asks for hardware of all of it",
            hint="`--set side=8` renders the whole model on an array of 8 x 8 cells",
        )
    sources = read_blocks(project / "dump", dump, options, progress, only=only)
    layer = read_operands(project / "dump", dump)
    whole = None
    if options.side is not None:
        if only:
            raise ConfigError(
                "a whole model has all blocks", hint="leave out `--block`, or `rtl.side` of the settings"
            )
        whole = read_model(project / "dump", dump)
    with progress.task("rendering"):
        plan, manifest = render_package(dump, sources, layer, options, whole)
    with writing_stage(project, "rtl", inputs=inputs, options=chosen) as folder:
        plan.write(folder)
        RTL.save(manifest, folder)
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
            sources.append(read_block(folder, dump, block, paced(fold, dump.model, options.array)))
            task.advance()
    return sources


def paced(fold: config.Fold, shape: ModelShape | None, array: int) -> config.Fold:
    """`auto` as cycles a row: those that the attention of a layer takes for a token on the array.

    49,896 cycles for the 196 tokens of I-ViT-T on an array of side 32: 254 cycles a row.

    Raises:
        ConfigError: there is no attention to keep pace with.
    """
    if fold.outputs_per_cycle != "auto":
        return fold
    if shape is None or not shape.attends:
        why = "of this model none is known" if shape is None else "this model has none"
        raise ConfigError(
            f"`auto` keeps pace with the attention, and {why}",
            hint="say how many outputs a cycle, or how many cycles a row",
        )
    attention = workload.attention_split(shape)
    cycles = systolic_cycles(attention.multiplied, array)
    cycles += systolic_cycles(attention.of_few_bits, array, FEW_BITS_STEPS)
    return config.Fold(cycles_per_row=max(1, cycles // shape.tokens))
