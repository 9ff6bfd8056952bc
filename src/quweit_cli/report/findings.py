"""What a project has found so far: its documents, each absent while its stage has not run."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from quweit_cli.artifacts import RECORD, AnyArtifact, Artifact, load, read_stage
from quweit_cli.documents import (
    DumpManifest,
    EnergyTable,
    Front,
    RtlManifest,
    SimResult,
    SynthesisReport,
    TrainResult,
)
from quweit_cli.errors import ArtifactError


class Findings(NamedTuple):
    train: TrainResult | None = None
    dump: DumpManifest | None = None
    rtl: RtlManifest | None = None
    sim: SimResult | None = None
    synth: SynthesisReport | None = None
    energy: EnergyTable | None = None
    front: Front | None = None
    copied: bool = False  # whether the dump was made elsewhere, so that its checks are what it declares

    @property
    def name(self) -> str:
        return next(document.name for document in self if isinstance(document, Artifact))


def collect(project: Path) -> Findings:
    """Read every finished stage.

    Raises:
        ArtifactError: a document is damaged, or there is none at all.
    """
    findings = Findings(
        train=_read(project, "train", TrainResult),
        dump=_read(project, "dump", DumpManifest),
        rtl=_read(project, "rtl", RtlManifest, "manifest.json"),
        sim=_read(project, "sim", SimResult),
        synth=_read(project, "synth", SynthesisReport),
        energy=_read(project, "energy", EnergyTable),
        front=_read(project, "front", Front),
        copied=(project / "dump" / RECORD).is_file() and read_stage(project, "dump").copied,
    )
    if not any(findings):
        raise ArtifactError(f"`{project}` holds nothing to report", hint="run `quweit train` or `quweit run`")
    return findings


def _read(
    project: Path, stage: str, kind: type[AnyArtifact], document: str | None = None
) -> AnyArtifact | None:
    if not (project / stage / RECORD).is_file():
        return None
    return load(kind, project / stage / (document or f"{stage}.json"))
