"""Which tools are there."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact


class ToolHealth(Artifact):
    name: str
    found: bool
    version: str | None = Field(description="as the tool prints it; null when it cannot be used")
    command: list[str] | None = Field(description="the words that start it")
    problem: str | None = Field(description="why it cannot be used")
    needed_by_run: bool = Field(description="`quweit run` with default settings cannot do without it")
    unlocks: str
    install: str


class ExtensionHealth(Artifact):
    """A model family or a dataset of another package."""

    group: str = Field(description="of its entry point")
    name: str
    package: str
    version: str
    problem: str | None = Field(description="why it is not used")


class Health(Artifact):
    """Printed, never written."""

    schema_name: Literal["quweit.doctor/1"] = Field("quweit.doctor/1", alias="schema")
    quweit: str
    python: str
    platform: str
    packages: dict[str, str | None] = Field(description="version of each Python package, null when absent")
    tools: list[ToolHealth]
    extensions: list[ExtensionHealth] = Field(
        [], description="what other packages bring; none of it is imported"
    )

    @property
    def ready(self) -> bool:
        """Whether `quweit run` with default settings has the tools that it needs."""
        return all(tool.found for tool in self.tools if tool.needed_by_run)
