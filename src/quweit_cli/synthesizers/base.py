"""What a synthesizer is: an RTL package in, each design as cells out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from quweit_cli.config import Synth
from quweit_cli.documents import Design, Implementation, RtlManifest
from quweit_cli.errors import ConfigError
from quweit_cli.progress import Progress
from quweit_cli.technologies import Technology
from quweit_cli.toolbox import Plan, Tool


@dataclass(frozen=True)
class Package:
    """An RTL package on disk; the names in `manifest` are relative to `folder`."""

    folder: Path
    manifest: RtlManifest


class Synthesizer(Protocol):
    def tools(self, options: Synth) -> tuple[Tool, ...]:
        """The programs that do the work.

        Raises:
            ConfigError: a device that none of them knows.
        """

    def plans(self, package: Package, options: Synth, folder: Path) -> list[Plan]:
        """What the tool does in `folder` for an FPGA, a design each.

        Raises:
            ConfigError: a device that the tool does not know, or a design that has no rendering for an FPGA.
            ArtifactError: a source is outside of the package.
        """

    def synthesize(
        self, package: Package, options: Synth, folder: Path, progress: Progress
    ) -> list[Implementation]:
        """Every design of the package, in its order.

        Scripts, logs, netlists and reports are left below `folder`, which is a sibling of the
        package's folder: they name the sources as `../<package>/...`, so that no absolute path
        is written and the artefact may be moved.

        Raises:
            ToolNotFound, ToolTooOld: the tool is not usable here.
            ToolFailed: it refused the design, or its report lacks a figure.
            ConfigError: a device that the tool does not know.
        """


def sources_for(design: Design, technology: Technology) -> list[str]:
    """The rendering in the vendor's cells where the technology has them, else the behavioural one; in compile order.

    Raises:
        ConfigError: a design that has no rendering for an FPGA.
    """
    if not design.sources_xilinx:
        raise ConfigError(
            f"`{design.name}` is rendered for library cells alone",
            hint="name a cell library with --liberty, or render it without `rtl.pipelined`",
        )
    return design.sources_xilinx if technology.vendor_cells else design.sources
