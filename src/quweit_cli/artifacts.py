"""What lies on disk: one folder a stage inside a project directory, whole or absent.

    project/
      quweit.json         says that the directory is ours
      train/ dump/ rtl/ sim/ formal/ synth/ netlist/ front/ energy/ report/
        stage.json        what the stage was made from, with which options, and what it wrote
        ...               the artefact itself
      search/             a study that grows, and what came of it so far: no stage
      summary.json

A stage writes into a temporary sibling and is renamed into place when it is complete, so that an
interrupt or a full disk leaves the earlier artefact as it was.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from quweit_cli import __version__
from quweit_cli.boundary import readers
from quweit_cli.boundary.quantities import (
    Amount,
)
from quweit_cli.errors import ArtifactError, StaleArtifact, ToolError


def inside(folder: Path, name: str) -> Path:
    """`folder/name`, refusing a name from a document that would leave the folder, also by a link.

    Raises:
        ArtifactError: the name is absolute, climbs out, or passes through a link.
    """
    parts = PurePosixPath(name).parts
    if not parts or parts[0] == "/" or ".." in parts:
        raise ArtifactError(f"a document in `{folder}` names `{readers.cut(name)}`, which is outside of it")
    path = Path(os.path.realpath(folder))
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise ArtifactError(
                f"a document in `{folder}` names `{readers.cut(name)}`, where `{path}` is a link",
                hint="put the file itself in its place",
            )
    return path


STAGES = ("train", "dump", "rtl", "sim", "formal", "synth", "netlist", "front", "energy", "report")
MARKER = "quweit.json"
RECORD = "stage.json"
COPIED = "copied"  # in the inputs of a record: the stage was made elsewhere, and brought here as it was


class Artifact(BaseModel):
    """A JSON document with a `schema` key; unknown keys are refused, and so is a number that is not finite."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False, str_max_length=100_000
    )


AnyArtifact = TypeVar("AnyArtifact", bound=BaseModel)


class StageRecord(Artifact):
    """`stage.json`: enough to tell whether the stage must run again, and to explain the folder."""

    stage: str
    quweit: str
    inputs: dict[str, str]  # name -> digest of what was read
    options: dict[str, Any]
    outputs: dict[str, str]  # relative path -> sha256
    seconds: Amount

    @property
    def copied(self) -> bool:
        """Whether this project only has the word of whoever wrote the artefact for what it claims."""
        return COPIED in self.inputs

    def digest(self) -> str:
        """Identifies the content of the artefact: the digest of what was written, not of when."""
        return digest_of(self.outputs)


def open_project(path: Path) -> Path:
    """Make or reopen a project directory.

    Raises:
        ArtifactError: the directory holds something that is not ours, or cannot be written.
    """
    marker = path / MARKER
    if marker.is_file():
        read_json(marker, "quweit.project/1")
        return path
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ArtifactError(
                f"`{path}` exists and is not a quweit project directory, nothing was changed",
                hint="name another directory with --out, or an empty one",
            )
        path.mkdir(parents=True, exist_ok=True)
        write_json(marker, {"schema": "quweit.project/1", "quweit": __version__})
    except OSError as error:
        raise ArtifactError(f"cannot make the project directory `{path}`: {error}") from None
    return path


def existing_project(path: Path) -> Path:
    """The project directory at `path`.

    Raises:
        ArtifactError: there is none.
    """
    if not (path / MARKER).is_file():
        raise ArtifactError(
            f"`{path}` is not a quweit project directory",
            hint="name the directory that was given to --out; `quweit run CONFIG --out DIR` makes one",
        )
    read_json(path / MARKER, "quweit.project/1")
    return path


@contextlib.contextmanager
def writing_stage(
    project: Path, stage: str, *, inputs: Mapping[str, str], options: Mapping[str, Any]
) -> Iterator[Path]:
    """A temporary folder that becomes `project/stage` when the body ends without an exception.

    When a tool failed in the body, scripts and logs are kept in `project/stage.incomplete`.
    """
    started = time.monotonic()
    _sweep_leftovers(project, stage)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{stage}.", dir=project))
        in_use = os.open(folder, os.O_RDONLY)
        fcntl.flock(in_use, fcntl.LOCK_EX)  # ends with this process, however it ends
    except OSError as error:
        raise ArtifactError(f"cannot write in `{project}`: {error}") from None
    try:
        yield folder
        record = StageRecord(
            stage=stage,
            quweit=__version__,
            inputs=dict(inputs),
            options=json.loads(json.dumps(options, default=str)),
            outputs=file_digests(folder),
            seconds=round(time.monotonic() - started, 3),
        )
        write_json(folder / RECORD, record.model_dump(mode="json"))
        folder.chmod(0o755)
        _replace(folder, project / stage)
        shutil.rmtree(_incomplete(project, stage), ignore_errors=True)
    except ToolError as error:
        raise _with_kept_files(error, folder, _incomplete(project, stage)) from error
    except OSError as error:
        raise ArtifactError(
            f"stage `{stage}` could not be written in `{project}`: {error}",
            hint="the earlier artefact, if any, is untouched; free some space or mend the permissions and run again",
        ) from error
    finally:
        os.close(in_use)
        shutil.rmtree(folder, ignore_errors=True)


def read_stage(project: Path, stage: str) -> StageRecord:
    """The record of a finished stage.

    Raises:
        ArtifactError: no such stage here, or its record is damaged.
    """
    path = project / stage / RECORD
    if (project / stage).is_symlink():
        raise ArtifactError(
            f"`{project / stage}` is a link, where quweit writes folders",
            hint=f"remove it, and run `quweit {stage}`",
        )
    if not path.is_file():
        raise ArtifactError(
            f"`{project}` has no {stage} artefact", hint=f"run `quweit {stage}` first, or `quweit run`"
        )
    return load(StageRecord, path)


def stage_file(project: Path, stage: str, name: str) -> Path:
    """A file of a finished stage.

    Raises:
        ArtifactError: no such stage here, or its record is damaged.
        StaleArtifact: it is not what the stage wrote.
    """
    path, record = project / stage / name, read_stage(project, stage)
    if not path.is_file() or record.outputs.get(name) != digest_of_file(path):
        raise StaleArtifact(
            f"`{project / stage}` is not what `quweit {stage}` wrote: {name}",
            hint=f"run `quweit {stage}` again",
        )
    return path


def check_stage(project: Path, stage: str) -> StageRecord:
    """Like `read_stage`, and every file must still be what the stage wrote.

    Raises:
        StaleArtifact: a file was changed, added or removed since.
    """
    record = read_stage(project, stage)
    if differ := changed_files(project, stage):
        raise StaleArtifact(
            f"`{project / stage}` is not what `quweit {stage}` wrote: {', '.join(differ[:5])}"
            + (f" and {len(differ) - 5} more" if len(differ) > 5 else ""),
            hint=f"run `quweit {stage}` again",
        )
    return record


def changed_files(project: Path, stage: str) -> list[str]:
    """What of a finished stage was changed, added or removed since. Raises ArtifactError where there is no such stage."""
    recorded, found = read_stage(project, stage).outputs, file_digests(project / stage)
    return sorted(name for name in {*found, *recorded} if found.get(name) != recorded.get(name))


def is_current(project: Path, stage: str, *, inputs: Mapping[str, str], options: Mapping[str, Any]) -> bool:
    """Whether the stage on disk is whole and was made from exactly these inputs and options."""
    try:
        record = check_stage(project, stage)
    except ArtifactError:
        return False
    wanted = json.loads(json.dumps(options, default=str))
    return (record.quweit, record.inputs, record.options) == (__version__, dict(inputs), wanted)


def check_fresh(project: Path, stage: str) -> None:
    """A stage must have been made from what lies in the project now, and so on up to training.

    Raises:
        ArtifactError: no such stage here, or its record is damaged.
        StaleArtifact: an earlier stage was run again since, with another outcome.
    """
    record = read_stage(project, stage)
    for name, digest in record.inputs.items():
        source = "train" if name == "checkpoint" else name
        if source not in STAGES or not (project / source).is_dir():
            continue
        made = read_stage(project, source)
        if digest not in (made.outputs.values() if name == "checkpoint" else (made.digest(),)):
            raise StaleArtifact(
                f"the {stage} artefact in `{project}` was made from another {source} artefact than the one there now",
                hint=f"run `quweit {stage}` again, or `quweit run`, which redoes what is out of date",
            )
        check_fresh(project, source)


def load(kind: type[AnyArtifact], path: Path, *, most: int = readers.DOCUMENT_BYTES) -> AnyArtifact:
    """Read and validate one JSON artefact: a number is a number, never text or a truth value.

    most: bytes of the file.

    Raises:
        ArtifactError: unreadable, not JSON, without its `schema`, or not of this kind.
    """
    return validated(kind, read_json(path, *_schemas_of(kind), most=most), path)


def validated(kind: type[AnyArtifact], content: Any, path: Path) -> AnyArtifact:
    """What was read from a file, as a document of this kind. Raises ArtifactError where it is none."""
    try:
        return kind.model_validate(content, strict=True)
    except ValidationError as error:
        raise ArtifactError(f"`{path}` is not a valid {kind.__name__}: {readers.problems(error)}") from None


def _schemas_of(kind: type[BaseModel]) -> tuple[str, ...]:
    """What its `schema` can be; nothing where it has none."""
    named = kind.model_fields.get("schema_name")
    return () if named is None else get_args(named.annotation)


def save(artifact: BaseModel, path: Path, *, indent: int | None = 1) -> None:
    """indent: None for what is millions of numbers: on one line, which Python encodes five times faster."""
    write_json(path, artifact.model_dump(mode="json", by_alias=True), indent=indent)


def read_json(path: Path, *schemas: str, most: int = readers.DOCUMENT_BYTES) -> Any:
    """Plain values from a JSON file of at most so many bytes.

    schemas: what its `schema` can be; without any, it needs none.

    Raises:
        ArtifactError: it cannot be read, is damaged, or is of no such schema.
    """
    try:
        content = readers.parse_json(readers.read_text(path, most))
    except readers.Unreadable as error:
        raise ArtifactError(f"cannot read `{path}`: {error}") from None
    if schemas and (not isinstance(content, dict) or content.get("schema") not in schemas):
        raise ArtifactError(f"`{path}` is not of schema {' or '.join(schemas)}")
    return content


def write_json(path: Path, content: Any, *, indent: int | None = 1) -> None:
    """Written whole or not at all."""
    write_text(path, json_text(content, indent=indent))


def json_text(content: Any, *, indent: int | None = None) -> str:
    """Stable bytes: sorted keys, one trailing newline."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(content, indent=indent, separators=separators, sort_keys=True, ensure_ascii=False)
    return text + "\n"


def write_text(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def digest_of(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def digest_of_file(path: Path, kind: str = "") -> str:
    """SHA-256 of the bytes of a regular file; `kind` is what messages call it, such as "the checkpoint ".

    Raises:
        ArtifactError: it is not there, cannot be read, or is no regular file.
    """
    try:
        with readers.open_file(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (readers.Unreadable, OSError) as error:
        raise ArtifactError(
            f"cannot read {kind}`{path}`: {readers.reason(error)}",
            hint="name a file that is there and can be read",
        ) from None


def file_digests(folder: Path) -> dict[str, str]:
    """Relative path -> sha256 of every file below, but for the stage's own record.

    Raises:
        ArtifactError: `folder` is a link, or something below is neither a folder nor a regular file.
    """
    try:
        files = list(readers.files_below(folder))
    except readers.Unreadable as error:
        hint = "remove it, or put the file or folder itself in its place"
        raise ArtifactError(str(error), hint=hint) from None
    return {
        path.relative_to(folder).as_posix(): digest_of_file(path) for path in files if path != folder / RECORD
    }


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Within: of all processes that ask for this folder so, the only one; others wait. It ends with the process.

    Raises:
        ArtifactError: there is no such folder.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise ArtifactError(
            f"cannot use the folder `{folder}`: {readers.reason(error)}", hint="make it, or name another one"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def differences(before: Any, now: Any, where: str = "") -> list[str]:
    """Names of the settings that differ between two keys of a stage, such as `training.steps`."""
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        return [] if before == now else [where.removeprefix(".options.").removeprefix(".")]
    names = sorted({*before, *now})
    return [one for name in names for one in differences(before.get(name), now.get(name), f"{where}.{name}")]


def listed(names: list[str]) -> str:
    """A few names, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _replace(new: Path, final: Path) -> None:
    old = final.with_name(f".{final.name}.old.{os.getpid()}")
    if final.exists():
        final.rename(old)
    try:
        new.rename(final)
    except OSError:
        if old.exists():
            old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _with_kept_files(error: ToolError, folder: Path, kept: Path) -> ToolError:
    """The same error, pointing to where the scripts and logs are to be found."""
    if not any(folder.iterdir()):
        return error
    shutil.rmtree(kept, ignore_errors=True)
    folder.chmod(0o755)
    folder.rename(kept)
    hint = "" if error.hint is None or str(folder) in error.hint else f"{error.hint}; "
    return type(error)(error.message, hint=f"{hint}scripts and logs are in `{kept}`")


def _incomplete(project: Path, stage: str) -> Path:
    return project / f"{stage}.incomplete"


def _sweep_leftovers(project: Path, stage: str) -> None:
    """Restore an artefact that a killed rename left aside, and drop what killed runs left half-written."""
    for old in project.glob(f".{stage}.old.*"):
        if not (project / stage).exists():
            old.rename(project / stage)
    for leftover in project.glob(f".{stage}.*"):
        if not _is_in_use(leftover):
            shutil.rmtree(leftover, ignore_errors=True)


def _is_in_use(folder: Path) -> bool:
    """Whether another process writes the same stage right now; whoever ends last is kept."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
