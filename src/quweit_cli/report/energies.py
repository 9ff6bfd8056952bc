"""The section of energies: the headline's ratios, and every row with where it comes from in footnotes."""

from __future__ import annotations

from quweit_cli.documents import Accounting, EnergyRow, EnergyTable
from quweit_cli.energy.headline import frugal_arrays, ratio_rows
from quweit_cli.energy.rows import BLOCK_IMPLEMENTATION
from quweit_cli.report import plots
from quweit_cli.report.footnotes import Noted, sourced
from quweit_cli.report.numbers import times
from quweit_cli.report.page import Section, Table
from quweit_cli.report.plots import DENSE, MEASURED, PAPER, Series, Value

# Of rows with blocks: how they are drawn, and what their names say.
DRAWN: dict[Accounting, tuple[Series, str]] = {
    "measured": (MEASURED, ", measured cycles"),
    "counted": (PAPER, ", paper's accounting"),
}
RATIOS = ("array over blocks", "measured cycles", "full array", "paper's accounting")


def energies(table: EnergyTable) -> Section:
    overall: list[tuple[object, ...]] = []
    single: list[tuple[object, ...]] = []
    for scope, name, *figures in sorted(ratio_rows(table.ratios), key=lambda one: one.scope == "model"):
        row = (name, *(None if figure is None else times(figure, "×") for figure in figures))
        (overall if scope in ("mlps", "model") else single).append(row)
    return Section(
        "Energy of one sample",
        [
            _replaced(table),
            "Two accountings of a block's cycles, never mixed: measured in simulation, and the paper's one row a cycle.",
            *_use(table),
        ],
        plot=plots.energies("energy", _groups(table)) if table.ratios else "",
        tables=[Table("How many times the energy", RATIOS, overall).known()] if overall else [],
        details=[
            *([Table("Ratios of single blocks and layers", RATIOS, single).known()] if single else []),
            _every_row(table),
        ],
        method="energy = power · cycles / clock. Arrays: published power, cycles of the steady state. "
        "Dynamic power only, and what waits is taken to spend nothing, on both sides.",
    )


def _replaced(table: EnergyTable) -> str:
    if table.multiplications_replaced is None or table.weights_replaced is None:
        return (
            "Of the model around the blocks nothing is known, so no layer is stated and nothing end to end."
        )
    blocks = any(row.scope == "block" for row in table.rows)
    what = "The blocks" if blocks or not table.ratios else "Weights of few bits"
    return (
        f"{what} replace {100 * table.multiplications_replaced:.1f} % of the multiplications and "
        f"{100 * table.weights_replaced:.1f} % of the weights of a layer."
    )


def _use(table: EnergyTable) -> list[str]:
    """How much of the arrays the MLPs of one sample use."""
    used = [
        f"{100 * row.utilisation:.3g} % of {row.implementation}"
        for row in table.rows
        if row.scope == "mlps" and row.utilisation is not None
    ]
    if not used:
        return []
    return [
        f"One sample keeps this share of an array's multipliers at work in its MLPs: {', '.join(used)}. "
        "What an idle array spends is no merit of the blocks, so every figure also stands for a full array: one of which every multiplier works in every cycle."
    ]


def _every_row(table: EnergyTable) -> Table:
    rows = [
        (
            row.subject, Noted(row.implementation, _makers(row)), row.accounting, row.value, row.full_array,
            sourced(row.cycles, "Cycles", row.cycles_sources),
            sourced(row.power_mw, "Power", row.power_sources),
            row.luts, row.ffs, row.area_mm2, row.clock_mhz,
        )
        for row in table.rows
    ]  # fmt: skip
    columns = (
        "subject", "implementation", "cycles are", "energy, µJ", "full array, µJ", "cycles", "power, mW",
        "LUTs", "FFs", "area, mm²", "MHz",
    )  # fmt: skip
    return Table("Every figure with where it comes from", columns, rows).known()


def _makers(row: EnergyRow) -> tuple[str, ...]:
    """Nothing of a sum of several circuits, whose rows stand above."""
    if row.array and row.weightless:
        return ()
    return (f"Cells: {', '.join([*row.tools, *row.devices, *row.stages])}.",)


def _groups(table: EnergyTable) -> list[tuple[str, list[Value]]]:
    """All MLPs, then all layers end to end on the headline array where there is attention."""
    array = frugal_arrays(table.rows)[0]
    whole = [row for row in table.rows if row.scope == "model" and row.array == array]
    groups = [
        ("All MLPs", [row for row in table.rows if row.scope == "mlps"]),
        ("All layers end to end", whole),
    ]
    return [(heading, [_value(row) for row in sorted(rows, key=_place)]) for heading, rows in groups if rows]


def _value(row: EnergyRow) -> Value:
    series, suffix = DRAWN[row.accounting] if row.weightless else (DENSE, "")
    return Value(row.implementation.replace(BLOCK_IMPLEMENTATION, "blocks") + suffix, row.value, series)


def _place(row: EnergyRow) -> int:
    """Arrays alone first."""
    return 1 + list(DRAWN).index(row.accounting) if row.weightless else 0
