"""summary.json: the figures of a whole project in one document, for users' scripts.

It is put together from the artefacts of the stages and adds nothing of its own. The section of a
stage that has not run is null.
"""

from __future__ import annotations

from pathlib import Path

from quweit_cli.artifacts import read_stage, save
from quweit_cli.documents import (
    DUMP,
    ENERGY,
    SIM,
    SYNTH,
    TRAIN,
    DumpManifest,
    EnergyTable,
    SimResult,
    SimulatorResult,
    TrainResult,
)
from quweit_cli.documents.summary import (
    DumpSummary,
    EnergySummary,
    ModelSummary,
    SimulatorSummary,
    Summary,
    TrainSummary,
)
from quweit_cli.errors import ArtifactError

SUMMARY = "summary.json"


def write_summary(project: Path, *, skipped: dict[str, str] | None = None) -> Summary:
    """Summarize whichever artefacts the project holds, into project/summary.json.

    Raises:
        ArtifactError: the project holds none that a summary is made from.
        StaleArtifact: they were not made from one another.
    """
    train = TRAIN.find(project)
    dump = DUMP.find(project)
    sim = SIM.find(project)
    synth = SYNTH.find(project)
    energy = ENERGY.find(project)
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
        tensors_compared=manifest.checks.tensors_compared,
        declared=copied,
    )


def _sim(result: SimResult) -> dict[str, SimulatorSummary]:
    fields = set(SimulatorSummary.model_fields)
    return {
        one.simulator: SimulatorSummary.model_validate(
            one.model_dump(include=fields)
            | {
                "not_compared": result.not_compared,
                "model": _model(one),
                "table_entries_read": one.table_entries_read,
                "table_entries_reachable": one.table_entries_reachable,
            }
        )
        for one in result.simulators
    }


def _model(one: SimulatorResult) -> ModelSummary | None:
    if not one.models:
        return None
    (run,) = one.models
    return ModelSummary(
        bit_exact=run.bit_exact,
        samples=run.compared,
        cycles_per_sample=run.initiation_interval_cycles,
        decode_latency_cycles=run.decode_latency_cycles,
    )


def _energy(table: EnergyTable) -> EnergySummary:
    return EnergySummary(
        rows=table.rows,
        ratios=table.ratios,
        multiplications_replaced=table.multiplications_replaced,
        weights_replaced=table.weights_replaced,
    )
