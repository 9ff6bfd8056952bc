"""The cards on top of the page: what a reader takes away."""

from __future__ import annotations

from quweit_cli.documents import EnergyTable, SimResult, SynthesisReport, TrainedModel, TrainResult
from quweit_cli.energy.tables import BLOCK_IMPLEMENTATION
from quweit_cli.equality_documents import of_reachable
from quweit_cli.report.findings import Findings
from quweit_cli.report.numbers import counted, significant, span
from quweit_cli.report.page import Card


def cards(findings: Findings) -> list[Card]:
    made = [
        _quality(findings.train) if findings.train else None,
        _proof(findings.sim) if findings.sim else None,
        _area(findings.synth) if findings.synth else None,
        *(_energy(findings.energy) if findings.energy else []),
    ]
    return [card for card in made if card is not None]


def headline_array(table: EnergyTable) -> str:
    """The strongest of the arrays compared with: the one on which the dense layers spend least."""
    dense = [row for row in table.rows if row.subject == "model" and row.accounting == "formula"]
    return min(dense, key=lambda row: row.value).implementation


def ratio(table: EnergyTable, name: str, accounting: str) -> float:
    (found,) = (one.value for one in table.ratios if (one.name, one.accounting) == (name, accounting))
    return found


def _quality(train: TrainResult) -> Card:
    by_kind = {model.mlp: model for model in train.models}
    first = by_kind.get("weightless") or train.models[0]
    notes = [f"{first.mlp}, {first.parameters:,} parameters, seed {train.seed}"]
    twin = by_kind.get("dense") if first.mlp == "weightless" else None
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
        f"{one.version}: {counted(one.rows_compared, 'row')} of {counted(one.blocks, 'block')}"
        + ("" if one.bit_exact else ", NOT equal")
        + (f", {entries} table entries read" if entries else "")
        for one in sim.simulators
        for entries in (of_reachable(one.table_entries_read, one.table_entries_reachable),)
    ]
    if sim.not_compared:
        notes.append(f"{counted(len(sim.not_compared), 'block')} not compared")
    if sim.bit_exact:
        return Card("RTL against integers", "bit-exact", notes, "" if sim.not_compared else "good")
    return Card("RTL against integers", "NOT equal", notes, "bad")


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


def _energy(table: EnergyTable) -> list[Card]:
    replaced = Card(
        "Multiplications of a layer replaced",
        f"{100 * table.multiplications_replaced:.1f} %",
        [f"and {100 * table.weights_replaced:.1f} % of its weights, by tables and additions"],
    )
    if not table.ratios:
        (row,) = (row for row in table.rows if (row.subject, row.accounting) == ("mlps", "measured"))
        notes = [
            f"at {row.cycles:,} cycles, {row.cycles_source}, {row.clock_mhz:g} MHz",
            f"power: {row.power_source}",
        ]
        return [replaced, Card("Energy of the blocks for one sample", f"{significant(row.value)} µJ", notes)]
    array = headline_array(table)
    mlps, whole = f"all MLPs, {array}", f"all layers end to end, {array}"
    return [
        replaced,
        Card(
            f"Energy of all MLPs: {array} over blocks",
            f"{significant(ratio(table, mlps, 'measured'))}×",
            [
                "at cycles measured in simulation",
                f"{significant(ratio(table, mlps, 'paper'))}× in the paper's accounting of one row a cycle",
                f"power of the blocks: {_power_origin(table)}",
            ],
        ),
        Card(
            "Energy of all layers, attention on the same array",
            f"{significant(ratio(table, whole, 'measured'))}×",
            [
                f"end to end, at measured cycles; {array} is the most frugal array for it",
                f"{significant(ratio(table, whole, 'paper'))}× in the paper's accounting",
            ],
        ),
    ]


def _power_origin(table: EnergyTable) -> str:
    sources = [row.power_source for row in table.rows if row.implementation == BLOCK_IMPLEMENTATION]
    if not any(source.startswith("model") for source in sources):
        return "the vendor's tool"
    smaller = any("extrapolated" in source for source in sources)
    return "a model's estimate" + (", extrapolated to their size" if smaller else "")
