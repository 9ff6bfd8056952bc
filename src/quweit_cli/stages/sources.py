"""Where `quweit rtl` takes its dump from: a checkpoint, another project, or a folder with a dump."""

from __future__ import annotations

import shutil
from pathlib import Path

from quweit_cli import artifacts, config
from quweit_cli.documents import DumpManifest, inside
from quweit_cli.errors import ArtifactError
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import keys

DOCUMENT = "dump.json"


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
    artifacts.open_project(project)
    if folder.resolve() != (project / "dump").resolve():
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
        if (folder / DOCUMENT).is_file():
            return folder
    if not source.exists():
        raise ArtifactError(f"there is no `{source}`", hint="name a checkpoint, a project or a dump folder")
    raise ArtifactError(
        f"`{source}` holds no dump",
        hint="`quweit dump CKPT --out DIR` writes one; `quweit rtl` also takes a checkpoint",
    )


def _copy(folder: Path, project: Path) -> None:
    """Only what the manifest names is copied, so that a dump by another writer is taken as well."""
    manifest = artifacts.load(DumpManifest, folder / DOCUMENT)
    names = [name for block in manifest.blocks for name in (block.program, block.inputs, block.outputs)]
    inputs = {"copied": artifacts.digest_of_file(folder / DOCUMENT)}
    with artifacts.writing_stage(project, "dump", inputs=inputs, options={}) as new:
        for name in [DOCUMENT, *names]:
            if not inside(folder, name).is_file():
                raise ArtifactError(f"`{folder / DOCUMENT}` names `{name}`, which is not there")
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, new / name)
