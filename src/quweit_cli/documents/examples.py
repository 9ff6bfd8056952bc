"""The experiments that come with quweit."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact


class Example(Artifact):
    name: str
    summary: str = Field(description="the first sentence of its comment")


class Examples(Artifact):
    """What there is, and what was written."""

    schema_name: Literal["quweit.init/1"] = Field("quweit.init/1", alias="schema")
    examples: list[Example]
    written: str | None = Field(None, description="the file; absent when nothing was asked for")
    next: str | None = Field(None, description="the command that runs it")
