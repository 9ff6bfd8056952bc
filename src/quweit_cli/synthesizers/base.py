"""What a synthesizer is: an RTL package in, the cells of each block out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from quweit_cli.config import Synth
from quweit_cli.documents import BaselineArray, RtlBlock, RtlManifest, SynthesizedBlock
from quweit_cli.progress import Progress
from quweit_cli.technologies import Technology
from quweit_cli.toolbox import Tool


@dataclass(frozen=True)
class Package:
    """An RTL package on disk; the names in `manifest` are relative to `folder`."""

    folder: Path
    manifest: RtlManifest


def sources_for(design: RtlBlock | BaselineArray, technology: Technology) -> list[str]:
    """The rendering in the vendor's cells where the technology has them, else the behavioural one; in compile order."""
    return design.sources_xilinx if technology.vendor_cells else design.sources


class Synthesizer(Protocol):
    @property
    def tool(self) -> Tool:
        """The program that does the work."""

    def synthesize(
        self, package: Package, options: Synth, folder: Path, progress: Progress
    ) -> list[SynthesizedBlock]:
        """Cells of every block of the package, in its order.

        Scripts, logs, netlists and reports are left below `folder`, which is a sibling of the
        package's folder: they name the sources as `../<package>/...`, so that no absolute path
        is written and the artefact may be moved.

        Raises:
            ToolNotFound, ToolTooOld: the tool is not usable here.
            ToolFailed: it refused the design, or its report lacks a figure.
            ConfigError: a device that the tool does not know.
        """
