"""Where `quweit rtl` takes its dump from: a checkpoint, another project, or a folder with a dump."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from quweit_cli import artifacts, config, readers
from quweit_cli.documents import DumpManifest, inside
from quweit_cli.errors import ArtifactError
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import keys

DOCUMENT = "dump.json"
PROGRAM_BYTES = 1 << 28  # of a program or golden rows; that of 24,576 LUTs and 384 outputs has 40 MB


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
        if (folder / DOCUMENT).is_file():
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
    inputs = {artifacts.COPIED: artifacts.digest_of_file(folder / DOCUMENT)}
    with artifacts.writing_stage(project, "dump", inputs=inputs, options={}) as new:
        for name in [DOCUMENT, *manifest.file_names()]:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_bytes(readers.read_bytes(inside(folder, name), PROGRAM_BYTES))


def read_manifest(folder: Path) -> DumpManifest:
    """`dump.json` of a folder, whose digest is that of the files that it names.

    Raises:
        ArtifactError: it is damaged, names what is not there or lies elsewhere, or has another digest.
    """
    path = inside(folder, DOCUMENT)
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
