"""The paper's table 4: energy of one layer by operation, on the array alone or with a block for the MLP."""

from __future__ import annotations

from quweit_cli.baseline_documents import Cell, PaperTable, TableRow
from quweit_cli.documents import PowerModel
from quweit_cli.energy import published
from quweit_cli.energy.comparison import (
    BLOCK,
    GAIN,
    GAIN_WHOLE,
    OPERATIONS,
    PRODUCTS,
    TITLES,
    WHOLE,
    Measured,
    Target,
    accountings,
    bound,
    gain,
    layer,
)  # fmt: skip


def table4(measured: Measured, model: PowerModel, target: Target = "fpga") -> PaperTable:
    """Energy of one layer by operation, all on the array or with a block for the MLP."""
    columns, by_column = [], []
    for side in measured.sides:
        for accounting in accountings(side, target):
            dense, hybrid = layer(measured, side, accounting, model, target)
            columns += [
                f"{side}×{side} dense, {TITLES[accounting]}",
                f"{side}×{side} weightless, {TITLES[accounting]}",
            ]
            by_column += [dense, hybrid]
    units = [one.unit for one in measured.units.units]
    labels = [*OPERATIONS.values(), BLOCK, PRODUCTS, GAIN, *units, WHOLE, GAIN_WHOLE]
    absent = Cell(value=None, unit="µJ", method="not in this column")
    rows = [
        TableRow(label=label, cells=[cells.get(label, absent) for cells in by_column]) for label in labels
    ]
    place = "FPGA" if target == "fpga" else "library cells"
    return PaperTable(
        key=f"table4_{measured.name}" + ("" if target == "fpga" else "_silicon"),
        title=f"Table 4, {place}: energy of one {measured.name} layer by operation, one sample, µJ",
        columns=columns,
        rows=rows,
        notes=_notes4(measured, model, target),
    )


def _notes4(measured: Measured, model: PowerModel, target: Target) -> list[str]:
    notes = [
        "The paper's sum is of products alone. The units between them (GELU of the dense MLP, softmax, two layer "
        "normalisations) are listed below it, one lane each, and the sum is stated with and without them.",
        "Causal attention is counted as the full square, and what waits is taken to spend nothing.",
    ]
    for side in measured.sides:
        values = []
        for accounting in accountings(side, target):
            value = gain(measured, side, accounting, model, target)
            if value is not None:
                values.append(f"{value:.2f} ({TITLES[accounting]})")
        if values:
            notes.append(
                f"{side}×{side}: {', '.join(values)}; a block that took no energy at all would give "
                f"{bound(measured, side, 'counted'):.2f} by the formula and {bound(measured, side, 'measured'):.2f} at measured cycles."
            )
    paper = published.END_TO_END.get(measured.name)
    if paper is not None and 32 in measured.sides:
        ours = gain(measured, 32, "measured", model, target)
        limit = bound(measured, 32, "measured")
        if ours is not None:
            verdict = (
                "holds" if ours >= paper else f"does not hold: the bound at measured cycles is {limit:.2f}"
            )
            notes.append(f"The paper's {paper:g} on a 32×32 array {verdict}; ours is {ours:.2f}.")
    return notes


def power_table(model: PowerModel) -> PaperTable:
    """The calibrated model with its residuals."""
    method = f"{model.formula}; least squares in the logarithm over the published points"
    rows = [
        TableRow(
            label=str(point["name"]),
            cells=[
                Cell(value=point["luts"], method=published.SOURCE),
                Cell(value=point["ffs"], method=published.SOURCE),
                Cell(
                    value=point["published_mw"],
                    unit="mW",
                    method=f"{published.SOURCE}: energy · clock / cycles",
                ),
                Cell(value=point["predicted_mw"], unit="mW", method=method),
                Cell(value=point["residual_percent"], unit="%", method=method),
                Cell(value=point["left_out_percent"], unit="%", method="predicted from the other four"),
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
