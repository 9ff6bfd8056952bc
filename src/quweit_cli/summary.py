"""summary.json: the figures of a whole project in one document, for users' scripts.

It is put together from the artefacts of the stages and adds nothing of its own. The section of a
stage that has not run is null.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact, find_document, read_stage, save
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
from quweit_cli.quantities import Amount, Count, Identifier, Seed, Share

SUMMARY = "summary.json"


class TrainSummary(Artifact):
    """By kind of MLP: `weightless`, and `dense` where the twin was trained."""

    seed: Seed
    test_accuracy: dict[str, Share | None] = Field(description="share of test samples, for classifiers")
    test_loss: dict[str, Amount]
    parameters: dict[str, Count]
    seconds: dict[str, Amount]


class DumpSummary(Artifact):
    blocks: Count
    digest: Digest = Field(description="identifies the specification: programs and golden rows")
    samples: Count = Field(
        description="test samples on which PyTorch equals the integer program, as `declared` says"
    )
    rows_compared: Count = Field(description="for each block; every one equal")
    logits_equal: bool
    declared: bool = Field(
        description="whether the dump was made elsewhere, so that samples, rows and logits are what it declares"
    )


class SimulatorSummary(Artifact):
    version: str
    bit_exact: bool
    blocks: Count
    rows_compared: Count
    cycles_per_row: list[Count | None] = Field(
        description="measured initiation interval of each block; null when it could not be measured"
    )
    seconds: Amount
    table_entries_read: Count | None = Field(
        None, description="of all rendered LUTs, by the rows that were compared"
    )
    table_entries_reachable: Count | None = Field(
        None, description="all but those of which it is proven that no input row reads them"
    )
    not_compared: list[str] = Field(
        [], description="blocks that `quweit sim --block` or `quweit rtl --block` left out"
    )


class EnergySummary(Artifact):
    rows: list[EnergyRow]
    ratios: list[EnergyRatio]
    multiplications_replaced: Share = Field(description="share of one layer's multiplications")
    weights_replaced: Share = Field(description="share of one layer's weights")


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
    train = find_document(project, "train", TrainResult)
    dump = find_document(project, "dump", DumpManifest)
    sim = find_document(project, "sim", SimResult)
    synth = find_document(project, "synth", SynthesisReport)
    energy = find_document(project, "energy", EnergyTable)
    named = next((document for document in (train, dump, sim, synth, energy) if document), None)
    if named is None:
        raise ArtifactError(f"`{project}` holds nothing to summarize", hint="run `quweit run` first")
    summary = Summary(
        name=named.name,
        train=_train(train) if train else None,
        dump=_dump(dump, copied=read_stage(project, "dump").copied) if dump else None,
        sim=_sim(sim) if sim else None,
        synth=synth.blocks if synth else None,
        energy=_energy(energy) if energy else None,
        skipped=skipped or {},
    )
    save(summary, project / SUMMARY)
    return summary


def _train(result: TrainResult) -> TrainSummary:
    return TrainSummary(
        seed=result.seed,
        test_accuracy={model.mlp: model.test_accuracy for model in result.models},
        test_loss={model.mlp: model.test_loss for model in result.models},
        parameters={model.mlp: model.parameters for model in result.models},
        seconds={model.mlp: model.seconds for model in result.models},
    )


def _dump(manifest: DumpManifest, *, copied: bool) -> DumpSummary:
    return DumpSummary(
        blocks=len(manifest.blocks),
        digest=manifest.digest,
        samples=manifest.checks.samples,
        rows_compared=manifest.checks.rows_compared,
        logits_equal=manifest.checks.logits_equal,
        declared=copied,
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
