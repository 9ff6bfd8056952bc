"""The paper's table 4: energy of one layer by operation, on the array alone or with a block for the MLP."""

from __future__ import annotations

from quweit_cli.documents import Cell, PaperTable, PowerModel, TableRow
from quweit_cli.energy import published
from quweit_cli.energy.paper.comparison import (
    BLOCK,
    GAIN,
    GAIN_WHOLE,
    OPERATIONS,
    PRODUCTS,
    WHOLE,
    accountings,
    bound,
    gain,
    layer,
)
from quweit_cli.energy.paper.measured import IN_CELLS, TITLES, Attention, Measured, Target

PLACES: dict[Target, str] = {
    "fpga": "FPGA",
    "silicon": "library cells, activity counted in simulation",
    "silicon_vectorless": "library cells, vectorless",
}
POWERS: dict[Target, str] = {
    "silicon": "Power is of the activity of every net, counted in simulation of each netlist, on both sides alike: arrays on "
    "the operands of the products, block and units on rows; without glitches.",
    "silicon_vectorless": "Power is vectorless, one activity on every net, on both sides alike. The units keep a row in "
    "flip-flops whose clocks all count as running: theirs are upper bounds.",
}
WAYS: dict[Attention, str] = {"square": "as the full square", "causal": "without masked tiles"}


def table4(measured: Measured, model: PowerModel, target: Target = "fpga") -> PaperTable:
    """Energy of one layer by operation, all on the array or with a block for the MLP."""
    columns, by_column = [], []
    for side in measured.sides:
        for accounting in accountings(measured, side, target):
            dense, hybrid = layer(measured, side, accounting, model, target)
            columns += [
                f"{side}×{side} dense, {TITLES[accounting]}",
                f"{side}×{side} weightless, {TITLES[accounting]}",
            ]
            by_column += [dense, hybrid]
    units = [one.unit for one in measured.units]
    labels = [*OPERATIONS.values(), BLOCK, PRODUCTS, GAIN, *units, WHOLE, GAIN_WHOLE]
    absent = Cell(value=None, unit="µJ", method="not in this column")
    rows = [
        TableRow(label=label, cells=[cells.get(label, absent) for cells in by_column]) for label in labels
    ]
    causal = "_causal" if measured.attention == "causal" else ""
    way = f", attention {WAYS[measured.attention]}" if measured.shape.causal else ""
    return PaperTable(
        key=f"table4_{measured.name}{causal}" + ("" if target == "fpga" else f"_{target}"),
        title=f"Table 4, {PLACES[target]}: energy of one {measured.name} layer by operation, one sample, µJ{way}",
        columns=columns,
        rows=rows,
        notes=_notes4(measured, model, target),
    )


def _notes4(measured: Measured, model: PowerModel, target: Target) -> list[str]:
    notes = [
        "The paper's sum is of products alone. The units between them (GELU of the dense MLP, softmax, two layer "
        "normalisations) are listed below it, one lane each, and the sum is stated with and without them.",
        "What waits is taken to spend nothing, on both sides.",
        *_notes_on_attention(measured),
        *(_notes_on_silicon(measured, target) if target in IN_CELLS else []),
    ]
    for side in measured.sides:
        values = []
        for accounting in accountings(measured, side, target):
            value = gain(measured, side, accounting, model, target)
            if value is not None:
                values.append(f"{value:.2f} ({TITLES[accounting]})")
        if values:
            notes.append(
                f"{side}×{side}: {', '.join(values)}; a block that took no energy at all would give "
                f"{bound(measured, side, 'counted', target):.2f} by the formula and {bound(measured, side, 'measured', target):.2f} at measured cycles."
            )
    return [*notes, *_verdicts(measured, model, target)]


def _notes_on_attention(measured: Measured) -> list[str]:
    if not measured.shape.causal:
        return []
    if measured.attention == "square":
        return [
            "The model is a decoder. Its causal attention is counted as the full square here, as the paper seems to count: "
            "every query with every key. The table without masked tiles stands beside this one."
        ]
    return [
        "The model is a decoder, and its mask makes every tile above the diagonal zero. Those tiles are left out here, "
        "on both sides: an array computes a product a row of tiles, the heads below one another, tiles on the "
        "diagonal whole. The cycles are of those products in simulation. Softmax is counted over full rows, as its "
        "unit takes them."
    ]


def _notes_on_silicon(measured: Measured, target: Target) -> list[str]:
    """How power is known, and what misses the clock that energies are stated at, and by how much."""
    made = {f"array {side}×{side}": measured.array_silicon(side) for side in measured.sides}
    made["block"] = measured.block.silicon if measured.block else None
    made |= {one.unit: measured.unit_silicon(one) for one in measured.units}
    arrays = measured.silicon.synth.arrays if measured.silicon else []
    slacks = {name: one.slack_ns for name, one in made.items() if one}
    late = ", ".join(f"{name} {slack:.3f} ns" for name, slack in slacks.items() if slack < 0)
    return [
        POWERS[target],
        "Energies are power over cycles at the clock asked for, before placement; dynamic energy does not depend on "
        f"whether the clock is met. {f'These miss it, with their slack: {late}.' if late else 'All meet it.'}",
        *(sentence for one in arrays for sentence in one.remarks if "&nf" in sentence),
    ]


def _verdicts(measured: Measured, model: PowerModel, target: Target) -> list[str]:
    """Whether the paper's figure holds at measured cycles, by every counting of the attention."""
    paper = published.END_TO_END.get(measured.name)
    if paper is None or 32 not in measured.sides:
        return []
    made = []
    for one in measured.countings():
        ours = gain(one, 32, "measured", model, target)
        if ours is not None:
            way = f" with attention {WAYS[one.attention]}" if one.shape.causal else ""
            made.append(
                f"The paper's {paper:g} on a 32×32 array {'holds' if ours >= paper else 'does not hold'}{way}: ours is "
                f"{ours:.2f} at measured cycles, and a block without energy would give {bound(one, 32, 'measured', target):.2f}."
            )
    return made


def power_table(model: PowerModel) -> PaperTable:
    """The calibrated model with its residuals."""
    method = f"{model.formula}; least squares in the logarithm over the published points"
    rows = [
        TableRow(
            label=point.name,
            cells=[
                Cell(value=point.luts, method=published.SOURCE),
                Cell(value=point.ffs, method=published.SOURCE),
                Cell(
                    value=point.published_mw,
                    unit="mW",
                    method=f"{published.SOURCE}: energy · clock / cycles",
                ),
                Cell(value=point.predicted_mw, unit="mW", method=method),
                Cell(value=point.residual_percent, unit="%", method=method),
                Cell(value=point.left_out_percent, unit="%", method="predicted from the other four"),
            ],
        )
        for point in model.points
    ]
    coefficients = ", ".join(f"{name} = {value:.4g}" for name, value in model.coefficients.items())
    return PaperTable(
        key="power_model",
        title=f"The FPGA power model: {coefficients}",
        columns=["LUTs", "FFs", "published mW", "model mW", "off by, %", "left out, off by, %"],
        rows=rows,
        notes=[
            f"{model.formula}. Five points, four of one kind: it orders designs and gives their magnitude."
        ],
    )
