"""energy: measured cycles, synthesized cells and published points -> energy of one sample, with provenance."""

from __future__ import annotations

from pathlib import Path

from quweit_cli import config
from quweit_cli.artifacts import read_stage, writing_stage
from quweit_cli.documents import (
    DUMP,
    ENERGY,
    RTL,
    SIM,
    SYNTH,
    TRAIN,
    DumpManifest,
    EnergyRatio,
    EnergyRow,
    EnergyTable,
    ModelDesign,
    ModelEnergy,
    PowerModel,
    SimResult,
    SynthesisReport,
    TrainedModel,
)
from quweit_cli.energy import power, workload
from quweit_cli.energy.rows import build, dense_rows, initiation_interval
from quweit_cli.energy.whole import beside_formula, model_energy
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import keys
from quweit_cli.stages.sources import check_blocks
from quweit_cli.stages.synth import check_timing


def run(
    project: Path, options: config.Energy, *, progress: Progress = SILENT, reuse: bool = False
) -> EnergyTable:
    """Every energy that `project` has the figures for; takes no tool and a fraction of a second.

    Raises:
        ArtifactError: dump, rtl, sim or synth is missing, or they do not belong together.
        CheckFailed: the RTL is not bit-exact, or misses its clock.
        ConfigError: an array of which no power is published, or a twin that is not on the same hardware.
    """
    inputs, settings = keys.energy(project, options)
    if reuse and (found := ENERGY.current(project, inputs, settings)):
        return found
    dump = DUMP.load(project)
    package = RTL.load(project)
    design = package.model
    if design is None:
        check_blocks(dump)
    sim = SIM.load(project)
    synth = SYNTH.load(project)
    check_timing(synth, config.Synth.model_validate(read_stage(project, "synth").options))
    model = power.calibrated()
    rows: list[EnergyRow] = []
    ratios: list[EnergyRatio] = []
    if dump.blocks or dump.projections:
        rows, ratios = build(dump, sim, synth, package.arrays, options, model)
    else:
        rows = dense_rows(dump, synth, options)
    whole = None if design is None else _whole(design, dump, sim, synth, options, model, rows)
    twin = options.dense
    replaced = {block.role for block in dump.blocks} | ({"projections"} if dump.projections else set())
    mlp = "block" in replaced or not replaced  # of a dense model it is what a block would replace
    table = EnergyTable(
        name=dump.name,
        synth=inputs["synth"],
        sim=inputs["sim"],
        rows=rows,
        ratios=ratios,
        multiplications_replaced=workload.multiplications_replaced(dump.model, mlp=mlp)
        if dump.model
        else None,
        weights_replaced=workload.weights_replaced(dump.model, mlp=mlp) if dump.model else None,
        power_model=model,
        model=whole,
        dense=None if twin is None else _twin(twin, whole),
        twin=None if twin is None else _trained(twin),
    )
    with writing_stage(project, "energy", inputs=inputs, options=settings) as folder:
        ENERGY.save(table, folder)
    return table


def _whole(
    design: ModelDesign,
    dump: DumpManifest,
    sim: SimResult,
    synth: SynthesisReport,
    options: config.Energy,
    model: PowerModel,
    rows: list[EnergyRow],
) -> ModelEnergy:
    """Raises ArtifactError where it was not simulated or not synthesized."""
    cycles = initiation_interval(design.name, sim)
    if synth.model is None:
        raise ArtifactError("the whole model was not synthesized", hint="run `quweit synth` again")
    made = model_energy(
        design,
        cycles,
        synth.model,
        options.clock_mhz,
        model,
        weightless=bool(dump.blocks),
        mlp=dump.shape.mlp,
    )
    return beside_formula(made, dump, rows)


def _trained(project: Path) -> TrainedModel | None:
    """The dense model that lies there. None in a project that began with a dump, or whose dump is of a twin beside its model."""
    train = TRAIN.find(project)
    return train.models[0] if train is not None and train.models[0].mlp == "dense" else None


def _twin(project: Path, whole: ModelEnergy | None) -> ModelEnergy:
    """The energy of the dense twin, as its own project states it.

    Raises:
        ArtifactError: the project states none.
        ConfigError: it is not dense, or on other hardware.
    """
    twin = ENERGY.load(project).model
    if whole is None or twin is None:
        raise ArtifactError(
            f"`{project}` and this project must both be whole models in hardware",
            hint="set `rtl.side` in both, and bring them up to `quweit energy`",
        )
    same = ("side", "device", "clock_mhz", "tool")
    other = [name for name in same if getattr(twin, name) != getattr(whole, name)]
    if twin.kind != "dense" or other:
        why = f"differs in {', '.join(other)}"
        if twin.kind != "dense":
            why = "has blocks" if twin.weightless else f"has {twin.kind} MLPs"
        raise ConfigError(f"`{project}` {why}, and is no dense twin on the same hardware")
    return twin
