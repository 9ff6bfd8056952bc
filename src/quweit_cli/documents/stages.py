"""Stages as values: the folder of each in a project, and the document that says what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from quweit_cli.artifacts import RECORD, Artifact, check_fresh, is_current, load, save, stage_file
from quweit_cli.documents.dump import DumpManifest
from quweit_cli.documents.energy import EnergyTable, Front
from quweit_cli.documents.package import RtlManifest
from quweit_cli.documents.synthesis import SynthesisReport
from quweit_cli.documents.training import TrainResult
from quweit_cli.documents.verdict import FormalResult, SimResult

Document = TypeVar("Document", bound=Artifact)


@dataclass(frozen=True)
class Stage(Generic[Document]):
    """What a stage leaves behind: `<project>/<name>/<file>` holds its document."""

    name: str
    document: type[Document]
    file: str

    def ran(self, project: Path) -> bool:
        return (project / self.name / RECORD).is_file()

    def load(self, project: Path) -> Document:
        """The document as the stage wrote it; the one way to read what another stage says.

        Raises:
            ArtifactError: no such stage here, or its document is damaged.
            StaleArtifact: the document was changed since.
        """
        return load(self.document, stage_file(project, self.name, self.file))

    def find(self, project: Path) -> Document | None:
        """Like `load`, and made from what lies in the project now; nothing while the stage has not run."""
        if not self.ran(project):
            return None
        check_fresh(project, self.name)
        return self.load(project)

    def current(self, project: Path, inputs: dict[str, str], options: dict[str, Any]) -> Document | None:
        """The document where the stage is whole and was made from exactly these; else nothing."""
        return self.load(project) if is_current(project, self.name, inputs=inputs, options=options) else None

    def save(self, document: Document, folder: Path) -> None:
        """Write the document into the folder that becomes the stage's."""
        save(document, folder / self.file)


TRAIN = Stage("train", TrainResult, "train.json")
DUMP = Stage("dump", DumpManifest, "dump.json")
RTL = Stage("rtl", RtlManifest, "manifest.json")
SIM = Stage("sim", SimResult, "sim.json")
FORMAL = Stage("formal", FormalResult, "formal.json")
SYNTH = Stage("synth", SynthesisReport, "synth.json")
NETLIST = Stage("netlist", SimResult, "sim.json")
FRONT = Stage("front", Front, "front.json")
ENERGY = Stage("energy", EnergyTable, "energy.json")
