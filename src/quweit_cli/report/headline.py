"""The cards on top of the page: what a reader takes away."""

from __future__ import annotations

from quweit_cli.documents import (
    EnergyTable,
    ModelEnergy,
    SimResult,
    SimulatorResult,
    SynthesisReport,
    TrainedModel,
    TrainResult,
    of_reachable,
)
from quweit_cli.energy.headline import Comparison, comparisons, least_when_full, power_origin
from quweit_cli.report.findings import Findings
from quweit_cli.report.numbers import counted, percent, significant, span, times
from quweit_cli.report.page import Card
from quweit_cli.report.proof import STEADY


def cards(findings: Findings) -> list[Card]:
    made = [
        _quality(findings.train) if findings.train else None,
        _proof(findings.sim) if findings.sim else None,
        _area(findings.synth) if findings.synth and findings.synth.blocks else None,
        _model(findings.energy.model) if findings.energy and findings.energy.model else None,
        *(_energy(findings.energy) if findings.energy else []),
    ]
    return [card for card in made if card is not None]


def _quality(train: TrainResult) -> Card:
    by_kind = {model.mlp: model for model in train.models}
    first = train.main
    notes = [f"{first.mlp}, {first.parameters:,} parameters, seed {train.seed}"]
    twin = by_kind.get("dense") if first.mlp != "dense" else None
    if twin is not None:
        notes.append(f"dense twin {_reached(twin)}, {twin.parameters:,} parameters")
    title = "Test accuracy" if first.test_accuracy is not None else "Test loss"
    return Card(title, _reached(first), notes)


def _reached(model: TrainedModel) -> str:
    if model.test_accuracy is not None:
        return f"{100 * model.test_accuracy:.2f} %"
    return f"{model.test_loss:.4f}"


def _proof(sim: SimResult) -> Card:
    notes = [
        f"{one.version}: {_what_was_compared(one)}"
        + ("" if one.bit_exact else ", NOT equal")
        + (f", {entries} table entries read" if entries and one.blocks else "")
        for one in sim.simulators
        for entries in (of_reachable(one.table_entries_read, one.table_entries_reachable),)
    ]
    if sim.not_compared:
        notes.append(f"{counted(len(sim.not_compared), 'block')} not compared")
    if sim.steady_only:
        notes.append(STEADY)
    if sim.bit_exact:
        partial = sim.not_compared or sim.steady_only
        return Card("RTL against integers", "bit-exact", notes, "" if partial else "good")
    return Card("RTL against integers", "NOT equal", notes, "bad")


def _what_was_compared(one: SimulatorResult) -> str:
    said = [f"{counted(one.rows_compared, 'row')} of {counted(one.blocks, 'block')}"] if one.blocks else []
    others = ((one.models, "whole model"), (one.units, "unit"), (one.arrays, "array"))
    return ", ".join([*said, *(counted(len(runs), kind) for runs, kind in others if runs)])


def _area(synth: SynthesisReport) -> Card:
    one = synth.blocks[0]
    if one.asic:
        areas = [block.asic.area_mm2 for block in synth.blocks if block.asic]
        slack = min(block.slack_ns for block in synth.blocks if block.slack_ns is not None)
        notes = [
            f"and a slack of {slack:.3f} ns at {one.clock_mhz:g} MHz at worst",
            f"{one.version}, {one.device}, after {one.stage}, before placement",
        ]
        return Card("Area of the largest block", f"{max(areas):.4f} mm²", notes)
    notes = [
        f"and {span(block.ffs for block in synth.blocks)} flip-flops, "
        f"{max(block.dsps or 0 for block in synth.blocks)} DSPs, {max(block.brams or 0 for block in synth.blocks):g} BRAMs",
        f"{one.version}, {one.device}, after {one.stage}",
    ]
    return Card(
        "LUTs of a block", span(block.luts for block in synth.blocks if block.luts is not None), notes
    )


def _model(model: ModelEnergy) -> Card:
    """From pixels to logits."""
    figure = "not known" if model.energy_uj is None else f"{significant(model.energy_uj)} µJ"
    notes = [
        f"{model.cycles:,} cycles at {model.clock_mhz:g} MHz, as simulated",
        f"on an array of {model.side} x {model.side} cells, {model.tool}, {model.device}",
        f"accesses of memories {model.memory_source}",
    ]
    return Card("Energy of one sample, pixels to logits", figure, notes)


def _energy(table: EnergyTable) -> list[Card]:
    replaced = _replaced(table)
    compared = comparisons(table.rows, table.ratios)
    if not compared:
        row = next((one for one in table.rows if (one.scope, one.accounting) == ("mlps", "measured")), None)
        if row is None:  # a dense model has no blocks
            return []
        notes = [
            f"at {row.cycles:,} cycles, {'; '.join(row.cycles_sources)}, {row.clock_mhz:g} MHz",
            f"power: {'; '.join(row.power_sources)}",
        ]
        return [*replaced, Card("Energy of the blocks for one sample", f"{significant(row.value)} µJ", notes)]
    return [*replaced, *(_compared(one, table) for one in compared)]


def _replaced(table: EnergyTable) -> list[Card]:
    """Nothing where the layer around the blocks is not known."""
    if table.multiplications_replaced is None or table.weights_replaced is None:
        return []
    return [
        Card(
            "Multiplications of a layer replaced",
            f"{100 * table.multiplications_replaced:.1f} %",
            [f"and {100 * table.weights_replaced:.1f} % of its weights, by tables and additions"],
        )
    ]


def _compared(one: Comparison, table: EnergyTable) -> Card:
    """An array that stands idle most of the time is no measure: then the figure is of arrays in full use."""
    measured, paper, full = (
        times(value, "×")
        for value in (one.times["measured"], one.times["counted"], one.times_full["measured"])
    )
    used = "" if one.utilisation is None else f"{percent(one.utilisation)} of the array in use"
    if one.scope == "model":
        notes = [
            f"end to end, at measured cycles; {one.array} is the most frugal array for it",
            f"{paper} in the paper's accounting",
            *([f"{used}; {full} were it full"] if used else []),
        ]
        return Card("Energy of all layers, attention on the same array", measured, notes)
    best = least_when_full(table.ratios)
    assert best is not None  # the comparison is one of MLPs
    least, array = best
    origin = f"power of the blocks: {power_origin(table.rows)}"
    if one.idle:
        notes = [
            "at cycles measured in simulation, as if all multipliers of the array worked in every cycle",
            f"{measured} over {one.array} as one sample uses it: {used}",
            origin,
        ]
        return Card(f"Energy of all MLPs: {array} in full use over blocks", times(least, "×"), notes)
    notes = [
        "at cycles measured in simulation" + (f"; {used}" if used else ""),
        f"{paper} in the paper's accounting of one row a cycle",
        *([f"{times(least, '×')} over {array}, were it full"] if least < one.times["measured"] else []),
        origin,
    ]
    return Card(f"Energy of all MLPs: {one.array} over blocks", measured, notes)
