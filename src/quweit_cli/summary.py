"""summary.json: the figures of a whole project in one document, for users' scripts.

It is put together from the artefacts of the stages and adds nothing of its own. The section of a
stage that has not run is null.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import RECORD, AnyArtifact, Artifact, check_fresh, load, save
from quweit_cli.config import Identifier
from quweit_cli.documents import (
    Digest,
    DumpManifest,
    EnergyRatio,
    EnergyRow,
    EnergyTable,
    SimResult,
    SynthesisReport,
    SynthesizedBlock,
    TrainResult,
)
from quweit_cli.errors import ArtifactError

SUMMARY = "summary.json"


class TrainSummary(Artifact):
    """By kind of MLP: `weightless`, and `dense` where the twin was trained."""

    seed: int
    test_accuracy: dict[str, float | None] = Field(description="share of test samples, for classifiers")
    test_loss: dict[str, float]
    parameters: dict[str, int]
    seconds: dict[str, float]


class DumpSummary(Artifact):
    blocks: int
    digest: Digest = Field(description="identifies the specification: programs and golden rows")
    samples: int = Field(description="test samples on which PyTorch equals the integer program")
    rows_compared: int = Field(description="for each block; every one equal")
    logits_equal: bool


class SimulatorSummary(Artifact):
    version: str
    bit_exact: bool
    blocks: int
    rows_compared: int
    cycles_per_row: list[int] = Field(description="measured initiation interval of each block")
    seconds: float
    table_entries_read: int | None = Field(
        None, description="of all rendered LUTs, by the rows that were compared"
    )
    table_entries_reachable: int | None = Field(
        None, description="all but those of which it is proven that no input row reads them"
    )
    not_compared: list[str] = Field(
        [], description="blocks that `quweit sim --block` or `quweit rtl --block` left out"
    )


class EnergySummary(Artifact):
    rows: list[EnergyRow]
    ratios: list[EnergyRatio]
    multiplications_replaced: float = Field(description="share of one layer's multiplications")
    weights_replaced: float = Field(description="share of one layer's weights")


class Summary(Artifact):
    schema_name: Literal["quweit.summary/1"] = Field("quweit.summary/1", alias="schema")
    name: Identifier
    train: TrainSummary | None = None
    dump: DumpSummary | None = None
    sim: dict[str, SimulatorSummary] | None = Field(None, description="by simulator")
    synth: list[SynthesizedBlock] | None = None
    energy: EnergySummary | None = None
    skipped: dict[str, str] = Field(
        default_factory=dict, description="simulators of the settings that this machine lacks, and why"
    )


def write_summary(project: Path, *, skipped: dict[str, str] | None = None) -> Summary:
    """Summarize whichever artefacts the project holds, into project/summary.json.

    Raises:
        ArtifactError: the project holds none that a summary is made from.
        StaleArtifact: they were not made from one another.
    """
    train = _read(project, "train", "train.json", TrainResult)
    dump = _read(project, "dump", "dump.json", DumpManifest)
    sim = _read(project, "sim", "sim.json", SimResult)
    synth = _read(project, "synth", "synth.json", SynthesisReport)
    energy = _read(project, "energy", "energy.json", EnergyTable)
    named = next((document for document in (train, dump, sim, synth, energy) if document), None)
    if named is None:
        raise ArtifactError(f"`{project}` holds nothing to summarize", hint="run `quweit run` first")
    summary = Summary(
        name=named.name,
        train=_train(train) if train else None,
        dump=_dump(dump) if dump else None,
        sim=_sim(sim) if sim else None,
        synth=synth.blocks if synth else None,
        energy=_energy(energy) if energy else None,
        skipped=skipped or {},
    )
    save(summary, project / SUMMARY)
    return summary


def _read(project: Path, stage: str, document: str, kind: type[AnyArtifact]) -> AnyArtifact | None:
    if not (project / stage / RECORD).is_file():
        return None
    check_fresh(project, stage)
    return load(kind, project / stage / document)


def _train(result: TrainResult) -> TrainSummary:
    return TrainSummary(
        seed=result.seed,
        test_accuracy={model.mlp: model.test_accuracy for model in result.models},
        test_loss={model.mlp: model.test_loss for model in result.models},
        parameters={model.mlp: model.parameters for model in result.models},
        seconds={model.mlp: model.seconds for model in result.models},
    )


def _dump(manifest: DumpManifest) -> DumpSummary:
    return DumpSummary(
        blocks=len(manifest.blocks),
        digest=manifest.digest,
        samples=manifest.checks.samples,
        rows_compared=manifest.checks.rows_compared,
        logits_equal=manifest.checks.logits_equal,
    )


def _sim(result: SimResult) -> dict[str, SimulatorSummary]:
    fields = set(SimulatorSummary.model_fields)
    return {
        one.simulator: SimulatorSummary.model_validate(
            one.model_dump(include=fields)
            | {
                "not_compared": result.not_compared,
                "table_entries_read": one.table_entries_read,
                "table_entries_reachable": one.table_entries_reachable,
            }
        )
        for one in result.simulators
    }


def _energy(table: EnergyTable) -> EnergySummary:
    return EnergySummary(
        rows=table.rows,
        ratios=table.ratios,
        multiplications_replaced=table.multiplications_replaced,
        weights_replaced=table.weights_replaced,
    )
