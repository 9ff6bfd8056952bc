"""From somebody else's model to a project that the toolchain takes: its blocks as integers, compared with PyTorch."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from quweit_cli import artifacts, config
from quweit_cli.boundary.readers import cut
from quweit_cli.documents import DUMP, BlockSite, DumpChecks, DumpManifest, ModelShape
from quweit_cli.errors import ConfigError, UnsupportedModel
from quweit_cli.export.equality import Answering, blocks_replaced, compare, programs_of
from quweit_cli.export.folder import write_block
from quweit_cli.library.inputs import Arguments, Inputs, arguments
from quweit_cli.library.learning import blocks
from quweit_cli.library.replaced import ReplacedMlp
from quweit_cli.models import Placed
from quweit_cli.progress import SILENT, Progress
from quweit_cli.training.evaluation import batches
from quweit_cli.weightless.block import WeightlessBlock

PROJECT = re.compile(r"[a-z][a-z0-9_]{0,40}")
PROBED = 2  # samples that tell how many rows one gives a block


@torch.no_grad()
def export_blocks(
    model: nn.Module,
    inputs: Inputs,
    out: Path | str,
    *,
    name: str = "model",
    data: str = "",
    rows: int = 1024,
    shape: ModelShape | None = None,
    progress: Progress = SILENT,
) -> DumpManifest:
    """Write `out/dump`, which `quweit rtl`, `sim`, `synth`, `energy` and `report` take as one of `quweit dump`.

    Every sample runs twice, in PyTorch and with the blocks replaced by their integer programs. Every row that reaches a
    block must give the same integers, and the model must give the same answer; otherwise nothing is written.

    inputs: samples along the first axis: a tensor, a tuple of arguments, or a dictionary of named ones.
    name: of the project, in lower-case letters, digits and `_`. data: what the samples are, for the report.
    rows: golden rows that are kept of each block.
    shape: of the model, where it is a transformer: energy is then stated of whole layers as well. You vouch for its
    heads; what the blocks show of it is compared.

    Raises:
        UnsupportedModel: no block, a model in train mode or on several devices, a block that is not reached or reached
            twice, or samples that differ in their rows.
        ConfigError: inputs or options that cannot be used.
        Mismatch: PyTorch and the integer program differ.
        ArtifactError: weights that are of no use, or a folder that is no project of quweit.
    """
    if not PROJECT.fullmatch(name):
        raise ConfigError(
            f"`{cut(name, 80)}` cannot name a project",
            hint="a lower-case letter, then at most 40 lower-case letters, digits and `_`",
        )
    options = config.settings(config.Dump, {"rows": rows})
    model = _bare(model)
    found = blocks(model)
    given, samples = arguments(inputs)
    device = _device_of(model)
    programs = programs_of(found, name)
    with _eagerly():
        counts = _rows(model, found, given.part(slice(PROBED), device), min(PROBED, samples))
        parts = list(batches(samples, max(counts.values())))
        answering = Answering(
            model, samples, parts, counts, lambda part: given.part(part, device).call(model)
        )
        verified = compare(answering, programs, options.rows, progress)
    sites = sites_of(model, found, counts)
    if shape is not None:
        _check_shape(shape, sites)
    project = artifacts.open_project(Path(out))
    weights = _digest(model.state_dict())
    made_from = {"weights": weights, "samples": _digest(given.tensors())}
    chosen = options.model_dump(mode="json") | {"name": name}
    with artifacts.writing_stage(project, "dump", inputs=made_from, options=chosen) as folder:
        (folder / "blocks").mkdir()
        dumped = [
            write_block(
                folder, programs[one], Placed(block, layer, "block"), verified.golden[one], sites[one]
            )
            for layer, (one, block) in enumerate(found.items())
        ]
        manifest = DumpManifest(
            name=name,
            checkpoint=weights,
            data=cut(data, 1000) or f"{samples:,} samples that {type(model).__name__} was exported with",
            model=shape,
            blocks=dumped,
            checks=DumpChecks(samples=samples, rows_compared=verified.rows_compared, logits_equal=True),
            digest=artifacts.digest_of(artifacts.file_digests(folder)),
        )
        DUMP.save(manifest, folder)
    return manifest


def _bare(model: nn.Module) -> nn.Module:
    """Without what `torch.compile` and training on several devices put around it."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def _eagerly() -> contextlib.AbstractContextManager[object]:
    """Within, nothing compiled runs, which would not see that blocks are replaced."""
    if "torch._dynamo" not in sys.modules:  # nothing was compiled, and loading it takes a second
        return contextlib.nullcontext()
    stance: contextlib.AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
    return stance


def _device_of(model: nn.Module) -> torch.device:
    """Raises UnsupportedModel for a model in train mode, or on several devices."""
    if training := [name for name, module in model.named_modules() if module.training]:
        raise UnsupportedModel(
            f"the model is in train mode: `{training[0] or type(model).__name__}`",
            hint="call `model.eval()` first: what is exported is what the model computes then",
        )
    devices = {str(one.device): one.device for one in (*model.parameters(), *model.buffers())}
    if len(devices) > 1:
        raise UnsupportedModel(
            f"the model lies on several devices: {', '.join(sorted(devices))}",
            hint='bring it to one, such as by `model.to("cpu")`',
        )
    return next(iter(devices.values()))


def _rows(
    model: nn.Module, found: Mapping[str, WeightlessBlock], given: Arguments, samples: int
) -> dict[str, int]:
    """How many rows a sample gives each block, told by a few.

    Raises:
        UnsupportedModel: a block is not reached, reached twice, or given rows that samples do not share out.
    """
    seen: dict[str, list[int]] = {name: [] for name in found}

    def counting(name: str) -> Callable[[Tensor], Tensor]:
        def run(code_RD: Tensor) -> Tensor:
            seen[name].append(len(code_RD))
            return found[name].integers(code_RD)

        return run

    with blocks_replaced(model, {name: counting(name) for name in found}):
        given.call(model)
    paths = {id(module): path for path, module in model.named_modules()}
    for name, calls in seen.items():
        where = f"the weightless block at `{paths[id(found[name])]}`"
        if not calls:
            raise UnsupportedModel(
                f"{where} was given no row", hint="give inputs that reach it, or take it out of the model"
            )
        if len(calls) > 1:
            raise UnsupportedModel(
                f"{where} was called {len(calls)} times for one answer",
                hint="give each call a block of its own, by `copy.deepcopy`: a block in hardware stands in one place",
            )
        if calls[0] == 0 or calls[0] % samples:
            raise UnsupportedModel(
                f"{where} was given {calls[0]} rows by {samples} samples, which is not as many by each",
                hint="the first axis of every input counts samples",
            )
    return {name: calls[0] // samples for name, calls in seen.items()}


def sites_of(
    model: nn.Module, found: Mapping[str, WeightlessBlock], counts: Mapping[str, int]
) -> dict[str, BlockSite]:
    """Where blocks stand. counts: rows that a sample gives each."""
    paths = {id(module): path for path, module in model.named_modules()}
    around = {id(one.block): one for one in model.modules() if isinstance(one, ReplacedMlp)}
    sites = {}
    for name, block in found.items():
        replaced = around.get(id(block))
        path = paths[id(block if replaced is None else replaced)]
        sites[name] = BlockSite(
            module=re.sub(r"^[.-]|[^A-Za-z0-9_.-]", "_", path)[:1000] or "model",
            rows=counts[name],
            features=block.features,
            outputs=block.outputs,
            hidden=None if replaced is None else replaced.hidden,
            normalised=replaced is not None and replaced.normalised,
        )
    return sites


def _check_shape(shape: ModelShape, sites: Mapping[str, BlockSite]) -> None:
    """Raises ConfigError where blocks show that the model is of another shape."""
    differences = []
    if shape.layers != len(sites):
        differences.append(f"it has {shape.layers} layers, the model {len(sites)} blocks")
    if shape.neighbours:
        differences.append("its blocks read neighbours, which those of an export do not")
    for name, site in sites.items():
        pairs = {
            "features": (shape.dim, site.features),
            "outputs": (shape.dim, site.outputs),
            "tokens": (shape.tokens, site.rows),
            "mlp_hidden": (shape.mlp_hidden, site.hidden or shape.mlp_hidden),
        }
        differences += [
            f"{what} are {said}, those of `{name}` {shown}"
            for what, (said, shown) in pairs.items()
            if said != shown
        ]
    if differences:
        raise ConfigError(
            f"the shape is not that of the model: {differences[0]}",
            hint="mend it, or leave it out: then blocks are compared with their MLPs alone",
        )


def _digest(tensors: Mapping[str, object]) -> str:
    """Of names, types, shapes and contents; what is no tensor is left out."""
    made = hashlib.sha256()
    for name, one in sorted(tensors.items()):
        if isinstance(one, Tensor):
            made.update(f"{name} {one.dtype} {tuple(one.shape)}\n".encode())
            made.update(one.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return made.hexdigest()
