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
    RTL,
    SIM,
    SYNTH,
    TRAIN,
    DumpManifest,
    EnergyTable,
    ModelDesign,
    SimResult,
    SimulatorResult,
    SynthesisReport,
    TrainResult,
    find_search,
)
from quweit_cli.documents.summary import (
    DumpSummary,
    EnergySummary,
    HardwareSummary,
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
    rtl = RTL.find(project)
    sim = SIM.find(project)
    synth = SYNTH.find(project)
    energy = ENERGY.find(project)
    train = energy.with_twin(train) if train and energy else train
    named = next(
        (document for document in (train, dump, sim, synth, energy, find_search(project)) if document), None
    )
    if named is None:
        raise ArtifactError(f"`{project}` holds nothing to summarize", hint="run `quweit run` first")
    summary = Summary(
        name=named.name,
        train=_train(train) if train else None,
        dump=_dump(dump, copied=read_stage(project, "dump").copied) if dump else None,
        sim=_sim(sim) if sim else None,
        synth=synth.blocks if synth else None,
        model=_hardware(rtl.model, sim, synth, energy, _accuracy(project, train, dump))
        if rtl and rtl.model
        else None,
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
                "steady_only": result.steady_only,
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
        tensors_compared=run.tensors_compared,
        cycles_per_sample=run.initiation_interval_cycles,
        decode_latency_cycles=run.decode_latency_cycles,
    )


def _hardware(
    design: ModelDesign,
    sim: SimResult | None,
    synth: SynthesisReport | None,
    energy: EnergyTable | None,
    accuracy: dict[str, float | None],
) -> HardwareSummary:
    made = synth.model if synth else None
    runs = {one.simulator: _model(one) for one in sim.simulators} if sim else {}
    spent = [one for one in (energy.model, energy.dense) if one] if energy else []
    return HardwareSummary(
        side=design.side,
        schedule_cycles=sum(job.cycles for job in design.schedule),
        simulators={name: run for name, run in runs.items() if run},
        luts=made.luts if made else None,
        ffs=made.ffs if made else None,
        brams=made.brams if made else None,
        urams=made.urams if made else None,
        dsps=made.dsps if made else None,
        area_mm2=made.asic.area_mm2 if made and made.asic else None,
        energy_uj={one.kind: one.energy_uj for one in spent},
        accuracy=accuracy,
    )


def _accuracy(project: Path, train: TrainResult | None, dump: DumpManifest | None) -> dict[str, float | None]:
    """Of the model that was dumped; one that was trained in float arithmetic has no integers."""
    if train is None or dump is None:
        return {}
    blocks = any(block.role == "block" for block in dump.blocks)
    kind = "weightless" if blocks or dump.model is None else dump.model.mlp
    model = next((one for one in train.models if one.mlp == kind), None)
    if model is None:
        return {"integer": None, "float": None}
    if read_stage(project, "train").options["model"]["arithmetic"] == "float":
        return {"integer": None, "float": model.test_accuracy}
    return {"integer": model.test_accuracy, "float": model.float_accuracy}


def _energy(table: EnergyTable) -> EnergySummary:
    return EnergySummary(
        rows=table.rows,
        ratios=table.ratios,
        multiplications_replaced=table.multiplications_replaced,
        weights_replaced=table.weights_replaced,
    )
