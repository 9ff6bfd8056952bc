"""energy: measured cycles, synthesized cells and published points -> energy of one sample, with provenance."""

from __future__ import annotations

from pathlib import Path

from quweit_cli import config
from quweit_cli.artifacts import read_stage, writing_stage
from quweit_cli.documents import DUMP, ENERGY, SIM, SYNTH, EnergyTable
from quweit_cli.energy import power, workload
from quweit_cli.energy.rows import build
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
        ConfigError: an array of which no power is published.
    """
    inputs, settings = keys.energy(project, options)
    if reuse and (found := ENERGY.current(project, inputs, settings)):
        return found
    dump = DUMP.load(project)
    check_blocks(dump)
    sim = SIM.load(project)
    synth = SYNTH.load(project)
    check_timing(synth, config.Synth.model_validate(read_stage(project, "synth").options))
    model = power.calibrated()
    rows, ratios = build(dump, sim, synth, options, model)
    table = EnergyTable(
        name=dump.name,
        synth=inputs["synth"],
        sim=inputs["sim"],
        rows=rows,
        ratios=ratios,
        multiplications_replaced=workload.multiplications_replaced(dump.model),
        weights_replaced=workload.weights_replaced(dump.model),
        power_model=model,
    )
    with writing_stage(project, "energy", inputs=inputs, options=settings) as folder:
        ENERGY.save(table, folder)
    return table
