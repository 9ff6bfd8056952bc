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
    """What is compiled, in a folder that holds it under plain names: tools split and expand what paths may hold."""

    top: str
    sources: tuple[str, ...]  # relative to the folder, in compile order
    waves: bool = False
    cells: bool = False  # of a vendor or library: their warnings are not ours to mend
    brief: bool = False  # so few rows that what is compiled need not be fast
    long: bool = False  # it runs for millions of cycles, with a clock of its own: the simulator's runtime is worth optimising


class Simulator(Protocol):
    """A tool that compiles a bench and runs it, with names relative to the folder in which it does.

    Both raise ToolError, with the tool's own words, when the tool rejects the bench or a part of it is missing.
    """

    name: str
    tool: Tool
    four_state: bool  # whether it knows X

    def build(self, found: Found, bench: Bench, folder: Path) -> None:
        """Compile in `folder`; warnings about the design are errors, but not those about foreign cells."""
        ...

    def check(self, found: Found, bench: Bench, folder: Path) -> None:
        """Compile in `folder` and keep nothing, whatever the warnings; the log is `build.log`."""
        ...

    def command(self, found: Found, bench: Bench) -> list[str]:
        """The words that run what was built, in the same folder; cocotb's environment is added by the caller."""
        ...
