"""What `quweit baseline` made: a project for an FPGA, and one in library cells where a library was named."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.documents.synthesis import SynthesisReport
from quweit_cli.documents.verdict import SimResult


class BaselineProject(Artifact):
    project: str = Field(description="its directory")
    sim: SimResult
    synth: SynthesisReport


class BaselineResult(Artifact):
    """Printed, never written: each project holds its own documents."""

    schema_name: Literal["quweit.baseline/1"] = Field("quweit.baseline/1", alias="schema")
    projects: list[BaselineProject]
