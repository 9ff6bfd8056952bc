"""checkpoint -> integer programs with golden rows, after checking that PyTorch equals them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quweit_cli import artifacts, config
from quweit_cli.documents import DUMP, DumpChecks, DumpedModel, DumpedProduct, DumpManifest, ModelShape
from quweit_cli.errors import UnsupportedModel
from quweit_cli.export import whole
from quweit_cli.export.equality import programs_of, verify
from quweit_cli.export.folder import write_block
from quweit_cli.export.operands import few_bit_operands
from quweit_cli.export.readings import readings
from quweit_cli.export.samples import samples_for
from quweit_cli.ir.serialization import program_to_record
from quweit_cli.library.exporting import sites_of
from quweit_cli.models import IntegerNetwork, Network, placed_blocks
from quweit_cli.models.layer import TransformerLayer
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import keys
from quweit_cli.stages.operands import write_product
from quweit_cli.training import checkpoint as checkpoints


def run(
    checkpoint: Path,
    project: Path,
    options: config.Dump,
    *,
    data_path: Path | None = None,
    progress: Progress = SILENT,
    reuse: bool = False,
) -> DumpManifest:
    """Write `project/dump`: dump.json, and for each block its program and golden rows.

    data_path: the dataset's file, where it is not shipped; without it, and without a download that
    lies there already, the samples inside the checkpoint are used, and `data` says so.

    Raises:
        ArtifactError: not a checkpoint of ours, or damaged.
        UnsupportedModel: a model in floating point that has no blocks.
        DataUnavailable: `data_path` does not hold the checkpoint's dataset.
        Mismatch: PyTorch and the integer program differ; nothing is written.
    """
    key = keys.dump(checkpoint, options, data_path)
    if reuse and (found := DUMP.current(project, *key)):
        return found
    loaded = checkpoints.load(checkpoint)
    model = loaded.model()
    blocks = placed_blocks(model)
    if not blocks and not isinstance(model, IntegerNetwork):
        raise UnsupportedModel(
            f"`{checkpoint}` is a model of {loaded.experiment.model.mlp} MLPs: it has no weightless block to dump",
            hint="train it with `model.mlp: weightless`, or whole with `model.arithmetic: integer`",
        )
    made = whole.program_of(model, checkpoint) if isinstance(model, IntegerNetwork) else None
    programs = programs_of({name: one.block for name, one in blocks.items()}, checkpoint)
    samples = samples_for(loaded, model.tokens, data_path, options.samples)
    near = loaded.experiment.model.neighbours
    verified = None
    if programs:
        verified = verify(model, programs, samples.inputs, options.rows, progress, whole_samples=near)
    entire = None
    if made is not None and isinstance(model, IntegerNetwork):
        entire = whole.verify(model, made, samples.inputs, options.golden_samples, progress)
    if entire is not None:
        read_B = entire.read_B
    else:
        assert verified is not None, "a model without blocks is one of integers"
        read_B = torch.cat(verified.read)
    shown = readings(samples, read_B, loaded.meta, None if entire is None else entire.golden_G)
    with artifacts.writing_stage(project, "dump", inputs=key.inputs, options=key.options) as folder:
        (folder / "blocks").mkdir()
        shape, sites = _shape(loaded.experiment.model, model), {}
        if shape is None:
            bare = {name: one.block for name, one in blocks.items()}
            sites = sites_of(model, bare, dict.fromkeys(bare, model.tokens))
        dumped = [
            write_block(folder, programs[name], blocks[name], golden, sites.get(name))
            for name, golden in (verified.golden.items() if verified else ())
        ]
        model_files = None if entire is None else _write_model(folder, entire, _characters(loaded.meta))
        projections = _write_projections(folder, model, samples.inputs)
        digest = artifacts.digest_of(artifacts.file_digests(folder))
        if shown is not None and shown.document.images:
            np.save(folder / shown.document.images, shown.images_BXSS)
        manifest = DumpManifest(
            name=loaded.experiment.name,
            checkpoint=key.inputs["checkpoint"],
            data=samples.description,
            model=shape,
            blocks=dumped,
            projections=projections,
            whole=model_files,
            readings=None if shown is None else shown.document,
            checks=DumpChecks(
                samples=len(samples.inputs),
                rows_compared=verified.rows_compared if verified else 0,
                logits_equal=True,
                tensors_compared=0 if entire is None else entire.tensors_compared,
            ),
            digest=digest,
        )
        DUMP.save(manifest, folder)
    return manifest


def shape_of(checkpoint: Path) -> tuple[str, ModelShape]:
    """Name and shape of the model of a checkpoint.

    Raises:
        ArtifactError: no checkpoint, or a damaged one.
        UnsupportedModel: it has no layers of attention and MLP, whose work could be counted.
    """
    loaded = checkpoints.load(checkpoint)
    model = loaded.model()
    shape = _shape(loaded.experiment.model, model)
    if shape is None:
        raise UnsupportedModel(
            f"`{checkpoint}` has other layers than attention and an MLP",
            hint="give a checkpoint of the family `vit` or `gpt`",
        )
    return loaded.experiment.name, shape


def _write_model(folder: Path, verified: whole.VerifiedModel, vocabulary: str | None) -> DumpedModel:
    (folder / "model").mkdir()
    kind = np.int8 if verified.program.input_type.signed else np.int32  # pixels, or tokens
    artifacts.save(program_to_record(verified.program), folder / "model/program.json", indent=None)
    np.save(folder / "model/samples.x.npy", verified.inputs.astype(kind))
    np.save(folder / "model/samples.y.npy", verified.logits.astype(np.int32))
    return DumpedModel(
        program="model/program.json",
        inputs="model/samples.x.npy",
        logits="model/samples.y.npy",
        samples=len(verified.inputs),
        exits=verified.exits,
        vocabulary=vocabulary,
        tensors=verified.tensors,
    )


def _characters(meta: dict[str, Any]) -> str | None:
    """Of a text, that of every token."""
    return meta["vocabulary"] if meta["kind"] == "text" else None


def _write_projections(folder: Path, model: Network, inputs: Tensor) -> list[DumpedProduct]:
    found = few_bit_operands(model, inputs[:1])
    if found:
        (folder / "operands").mkdir()
    return [write_product(folder, one) for one in found]


def _shape(settings: config.Model, model: Network) -> ModelShape | None:
    """None where a layer is not attention and an MLP, as in a convolutional network or in models of other packages."""
    if not all(isinstance(layer, TransformerLayer) for layer in model.layers):
        return None
    return ModelShape(
        family=settings.family,
        layers=settings.depth,
        dim=settings.dim,
        heads=settings.heads,
        tokens=model.tokens,
        mlp_hidden=settings.dim * settings.mlp_ratio,
        mlp=settings.mlp,
        mlp_weights=settings.mlp_weights,
        qkv=settings.attention.projections.qkv,
        projection=settings.attention.projections.output,
        neighbours=settings.neighbours,
    )
