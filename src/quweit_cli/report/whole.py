"""The section of a whole model: when each engine works, what it is made of, and what it spends."""

from __future__ import annotations

from quweit_cli.documents import EngineEnergy, Implementation, ModelDesign, ModelEnergy
from quweit_cli.report import model_plots
from quweit_cli.report.exit_tables import ways_out
from quweit_cli.report.findings import Findings
from quweit_cli.report.footnotes import sourced
from quweit_cli.report.numbers import significant
from quweit_cli.report.page import Section, Table
from quweit_cli.report.plots import DENSE, MEASURED, Series

MEMORIES = "memories"
TOTAL = "total"  # `sum` is an engine
AREA = "area, mm²"
ENERGY = "energy of one sample, µJ"


def whole_model(findings: Findings) -> Section | None:
    """Nothing where none is rendered."""
    design = findings.rtl.model if findings.rtl else None
    if design is None:
        return None
    made = findings.synth.model if findings.synth else None
    spent = findings.energy.model if findings.energy else None
    simulated = findings.sim is not None and any(one.models for one in findings.sim.simulators)
    dense = findings.energy.dense if findings.energy else None
    sides = [(name, one) for name, one in (("weightless", spent), ("dense twin", dense)) if one]
    if spent and not spent.weightless:
        sides = [(spent.kind, spent)]
    return Section(
        "Whole model",
        [_cycles(design), *_energies(sides)],
        plot=model_plots.schedule(design)
        + (_by_engine(made, sides) if made and made.modules_by_engine else ""),
        tables=[
            *_exits(findings, design),
            *([_area(made)] if made and not made.asic and made.modules_by_engine else []),
            *(_engines(name, one) for name, one in sides),
            *(_memories(name, one) for name, one in sides if one.memories),
        ],
        details=[_jobs(design)],
        method=_method(made, spent, simulated=simulated),
    )


def _exits(findings: Findings, design: ModelDesign) -> list[Table]:
    """Who leaves where; none without exits."""
    whole = findings.dump.whole if findings.dump else None
    if whole is None or whole.exits is None:
        return []
    if design.decode:
        table = ways_out(whole.exits, design.decode.exit_latency_cycles, "tokens")
    else:
        table = ways_out(whole.exits, design.exit_cycles)
    return [Table(table.title, table.columns, table.rows)]


def _cycles(design: ModelDesign) -> str:
    jobs = sum(job.cycles for job in design.schedule)
    what = "tokens" if design.decode else "pixels"
    return (
        f"A sample takes {design.initiation_interval_cycles:,} cycles: {design.features:,} {what} come in, {len(design.schedule)} "
        f"jobs take {jobs:,} cycles one after the other, {design.outputs:,} logits go out."
    )


def _energies(sides: list[tuple[str, ModelEnergy]]) -> list[str]:
    said = []
    for name, one in sides:
        if one.energy_uj is not None:
            parts = f"{significant(one.engines_uj or 0)} of engines, {significant(one.memories_uj or 0)} of memories"
            said.append(f"Energy of one sample, {name}: {significant(one.energy_uj)} µJ ({parts}).")
        if one.mean is not None and one.mean.energy_uj is not None:
            said.append(
                f"An average test sample leaves after {round(one.mean.cycles):,} cycles, with {significant(one.mean.energy_uj)} µJ."
            )
        if one.formula_uj is not None:
            why = one.difference if one is sides[0][1] else ""
            said.append(
                f"By the formula, {name}: {significant(one.formula_uj)} µJ for all layers. {why}".strip()
            )
    if len(sides) == 2 and all(one.energy_uj for _, one in sides):
        weightless, dense = (one.energy_uj or 0 for _, one in sides)
        said.append(
            f"The dense twin takes {significant(dense / weightless)} times as much on the same hardware."
        )
    return said


def area_by_engine(made: Implementation) -> tuple[str, dict[str, float]]:
    """With what it is counted in."""
    unit = AREA if made.asic else "LUTs"
    return unit, {
        name: one.get("area_mm2", one.get("luts", 0)) for name, one in made.modules_by_engine.items()
    }


def energy_by_engine(model: ModelEnergy) -> dict[str, float]:
    """Of one sample, in µJ; nothing of an engine whose power nothing states."""
    found = {one.engine: one.energy_uj for one in model.engines if one.energy_uj is not None}
    return found | ({MEMORIES: _stored(model)} if model.memories and model.memories_uj is not None else {})


def _by_engine(made: Implementation, sides: list[tuple[str, ModelEnergy]]) -> str:
    unit, area = area_by_engine(made)
    series: dict[str, Series] = {"dense": DENSE, "dense twin": DENSE}
    energies = [
        (name if len(sides) > 1 else "", energy_by_engine(model), series.get(name, MEASURED))
        for name, model in sides
    ]
    panels = [(unit, [("", area, MEASURED)]), *([(ENERGY, energies)] if energies else [])]
    return model_plots.by_engine(panels)


def _stored(model: ModelEnergy) -> float:
    """Of memories with what they have of LUTs and flip-flops."""
    logic = sum(one.energy_uj or 0 for one in model.engines if one.engine == MEMORIES)
    return logic + (model.memories_uj or 0)


def _area(made: Implementation) -> Table:
    names = ("luts", "ffs", "carries", "muxes", "brams", "urams", "dsps")
    rows = [
        (engine, *(sums[name] if name == "brams" else int(sums[name]) for name in names))
        for engine, sums in made.modules_by_engine.items()
    ]
    rows.append((TOTAL, *(getattr(made, name) for name in names)))
    columns = ("engine", "LUTs", "FFs", "carries", "wide muxes", "BRAMs", "UltraRAMs", "DSPs")
    return Table("Resources by engine", columns, rows)


def _engines(name: str, model: ModelEnergy) -> Table:
    rows = [_engine(one) for one in model.engines]
    rows.append((TOTAL, model.cycles, None, model.engines_uj, None, model.idle_uj, None))
    columns = (
        "engine", "cycles of a sample", "power at work, mW", "energy, µJ", "power waiting, mW", "energy waiting, µJ",
        "area, mm²",
    )  # fmt: skip
    return Table(f"Energy by engine, {name}, {model.clock_mhz:g} MHz", columns, rows).known()


def _engine(one: EngineEnergy) -> tuple[object, ...]:
    power = None if one.power_mw is None else sourced(one.power_mw, "Power", one.power_sources)
    return one.engine, one.cycles, power, one.energy_uj, one.idle_mw, one.idle_uj, one.area_mm2


def _memories(name: str, model: ModelEnergy) -> Table:
    rows: list[tuple[object, ...]] = [
        (one.memory.replace("_", " "), one.kilobits, one.brams, one.accesses, one.access_pj, one.energy_uj)
        for one in model.memories
    ]
    rows.append((TOTAL, None, None, None, None, model.memories_uj))
    columns = ("memory", "kb", "BRAMs", "accesses of a sample", "pJ an access", "energy, µJ")
    return Table(f"Memories, {name}", columns, rows).known()


def _jobs(design: ModelDesign) -> Table:
    rows = [(job.tensor, job.engine, job.first_cycle, job.cycles) for job in design.schedule]
    return Table("The schedule", ("tensor", "engine", "first cycle", "cycles"), rows)


def _method(made: Implementation | None, spent: ModelEnergy | None, *, simulated: bool) -> str:
    whose = "simulation measured its cycles" if simulated else "its cycles are promised, not yet simulated"
    said = [f"The schedule is the same for every sample, and {whose}."]
    if made is not None and not made.asic:
        said.append(
            "Each module is synthesized once and multiplied, blocks as they are by themselves; no DSP; memories of more than 64 "
            "words are block RAM."
        )
    if spent is not None:
        said.append(
            "Energy: power while an engine works times the cycles of its jobs; memories by the words that engines read and "
            f"write, {spent.memory_source}. What waits is not in the sum."
        )
    return " ".join(said)
