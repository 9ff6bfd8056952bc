"""What a project has found so far: its documents, each absent while its stage has not run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from quweit_cli.artifacts import RECORD, read_stage, stage_file
from quweit_cli.documents import (
    DUMP,
    ENERGY,
    FRONT,
    RTL,
    SIM,
    SYNTH,
    TRAIN,
    DumpManifest,
    EnergyTable,
    Front,
    RtlManifest,
    SearchResult,
    SimResult,
    SynthesisReport,
    TrainResult,
    find_search,
)
from quweit_cli.documents.search import FOLDER
from quweit_cli.errors import ArtifactError
from quweit_cli.report.course import METRICS, read_course
from quweit_cli.report.explore.inside import Inside

PAGE = "index.html"  # of a report
WAVE_STAGES = ("sim", "sim_partial", "netlist", "netlist_partial")
WAVES = (".fst", ".vcd")
STAGES = ("train", "dump", "rtl", "sim", "synth", "energy", "front", "search")


class Findings(NamedTuple):
    train: TrainResult | None = None
    dump: DumpManifest | None = None
    rtl: RtlManifest | None = None
    sim: SimResult | None = None
    synth: SynthesisReport | None = None
    energy: EnergyTable | None = None
    front: Front | None = None
    search: SearchResult | None = None
    copied: bool = False  # whether the dump was made elsewhere, so that its checks are what it declares
    course: Mapping[str, Sequence[Mapping[str, float]]] = {}  # kind of MLP -> figures reported while training
    trials: Sequence[str] = ()  # reports of trials that were measured, in the project
    waves: Sequence[str] = ()  # waveforms that simulation left, in the project
    inside: Inside = Inside()  # what is looked into

    @property
    def name(self) -> str:
        return next(document.name for document in self.documents if document is not None)

    @property
    def documents(self) -> tuple[
        TrainResult | DumpManifest | RtlManifest | SimResult | SynthesisReport | EnergyTable | Front | SearchResult | None,
        ...,
    ]:  # fmt: skip
        """In the order of STAGES."""
        stages = (self.train, self.dump, self.rtl, self.sim, self.synth, self.energy, self.front)
        return (*stages, self.search)


def collect(project: Path) -> Findings:
    """Read every finished stage; of a front alone it is not asked whether its dump has changed since.

    Raises:
        ArtifactError: a document is damaged, or there is none at all.
        StaleArtifact: a document was changed since, or made from something that has changed.
    """
    train, energy = TRAIN.find(project), ENERGY.find(project)
    search = find_search(project)
    findings = Findings(
        train=energy.with_twin(train) if train and energy else train,
        dump=DUMP.find(project),
        rtl=RTL.find(project),
        sim=SIM.find(project),
        synth=SYNTH.find(project),
        energy=energy,
        front=FRONT.load(project) if FRONT.ran(project) else None,
        search=search,
        trials=_trials(project, search) if search else (),
        course=_course(project) if train else {},
        copied=(project / "dump" / RECORD).is_file() and read_stage(project, "dump").copied,
        waves=_waves(project),
    )
    if not any(findings.documents):
        raise ArtifactError(f"`{project}` holds nothing to report", hint="run `quweit train` or `quweit run`")
    return findings


def _waves(project: Path) -> list[str]:
    """Of runs for a closer look, too."""
    stages = [stage for stage in WAVE_STAGES if (project / stage / RECORD).is_file()]
    return [
        f"{stage}/{name}"
        for stage in stages
        for name in sorted(read_stage(project, stage).outputs)
        if name.endswith(WAVES) and (project / stage / name).is_file()
    ]


def _trials(project: Path, search: SearchResult) -> list[str]:
    """Those that are there, the least loss first."""
    reports = [f"{FOLDER}/{one.measured.project}/report/{PAGE}" for one in search.front if one.measured]
    return [report for report in reports if (project / report).is_file()]


def _course(project: Path) -> Mapping[str, Sequence[Mapping[str, float]]]:
    if not (project / "train" / METRICS).exists():
        return {}
    return read_course(stage_file(project, "train", METRICS))
