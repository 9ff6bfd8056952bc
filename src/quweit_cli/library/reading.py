"""Any document of quweit's, read by what its `schema` says that it is."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from quweit_cli import artifacts, documents
from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.readers import PROGRAM_BYTES, cut
from quweit_cli.errors import ArtifactError
from quweit_cli.ir.program import Program
from quweit_cli.ir.serialization import ProgramRecord, program_from_record


def read(path: Path | str) -> Artifact | Program:
    """What a JSON file of a project holds: a program as `Program`, any other document as its class of `quweit_cli.documents`.

    Raises:
        ArtifactError: it cannot be read, is damaged, or none of quweit's documents.
    """
    file = Path(path)
    content = artifacts.read_json(file, most=PROGRAM_BYTES)
    schema = content.get("schema") if isinstance(content, dict) else None
    kinds = {one: kind for kind in _kinds() for one in get_args(kind.model_fields["schema_name"].annotation)}
    if isinstance(schema, str) and schema in kinds:
        return artifacts.validated(kinds[schema], content, file)
    if isinstance(schema, str) and schema in get_args(ProgramRecord.model_fields["schema_name"].annotation):
        try:
            return program_from_record(artifacts.validated(ProgramRecord, content, file))
        except ValueError as error:
            raise ArtifactError(f"`{file}` is not a sound program: {cut(error)}") from None
    raise ArtifactError(
        f"`{file}` is no document of quweit: its schema is {cut(schema, 80)}",
        hint=f"name a JSON file of a project; known: {', '.join(sorted(kinds))}",
    )


def _kinds() -> list[type[Artifact]]:
    return [
        one
        for one in map(vars(documents).get, documents.__all__)
        if isinstance(one, type) and issubclass(one, Artifact) and "schema_name" in one.model_fields
    ]
