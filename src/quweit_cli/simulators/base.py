"""What every simulator does with a bench: build it, then run it with cocotb inside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from quweit_cli.toolbox import Found, Tool

TIMESCALE = "1ns/1ps"  # the cocotb clock is in nanoseconds; without it Icarus counts in seconds
BUILD_SECONDS = 1800.0
RUN_SECONDS = 3600.0


@dataclass(frozen=True)
class Bench:
    """One block's bench as it lies in an RTL package."""

    package: Path
    top: str
    sources: tuple[str, ...]  # relative to the package or absolute, in compile order
    waves: bool
    netlist: bool = False  # of cells that are not ours: their warnings are not ours to mend


class Simulator(Protocol):
    """A tool that compiles a bench and runs it.

    Both raise ToolFailed, with the tool's own words, when the tool rejects the bench.
    """

    name: str
    tool: Tool

    def build(self, found: Found, bench: Bench, folder: Path) -> None:
        """Compile into `folder`; warnings about the design are errors, but not those about a netlist."""
        ...

    def command(self, bench: Bench, folder: Path) -> list[str]:
        """The words that run what was built; cocotb's environment is added by the caller."""
        ...
