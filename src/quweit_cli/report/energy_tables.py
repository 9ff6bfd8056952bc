"""Energies and foldings as tables to be read first; like `tables`, which holds those of the other stages."""

from __future__ import annotations

from collections.abc import Sequence

from quweit_cli.documents import (
    Accounting,
    EnergyTable,
    EstimateTable,
    Front,
    FrontPoint,
    PaperTable,
    PaperTables,
)
from quweit_cli.energy.foldings import undominated
from quweit_cli.energy.headline import comparisons, least_when_full, power_origin, ratio_rows
from quweit_cli.energy.rows import ALL_MLPS
from quweit_cli.report.footnotes import Footnotes
from quweit_cli.report.numbers import percent, significant, times
from quweit_cli.report.tables import Table

ACCOUNTINGS: dict[Accounting, str] = {
    "measured": "measured",
    "counted": "paper's",
}  # whose cycles the blocks are taken to need


def energy(table: EnergyTable) -> list[Table]:
    """What the table comes down to; `energy_rows` has all of it."""
    return [*_of_blocks(table), *_of_models(table)]


def _of_models(table: EnergyTable) -> list[Table]:
    """The whole model by engine, and its dense twin beside it."""
    made = []
    for model in filter(None, (table.model, table.dense)):
        rows: list[Sequence[object]] = [
            (one.engine, one.cycles, one.power_mw, one.energy_uj, one.idle_mw) for one in model.engines
        ]
        accesses = sum(one.accesses for one in model.memories)
        rows.append((f"{len(model.memories)} memories, accesses", accesses, None, model.memories_uj, None))
        rows.append(("sum", model.cycles, None, model.energy_uj, None))
        if model.mean is not None:
            rows.append(
                ("average sample, leaving early", round(model.mean.cycles), None, model.mean.energy_uj, None)
            )
        notes = [model.memory_source, f"what waits, not in the sum: {_said(model.idle_uj)}"]
        if model.formula_uj is not None:
            notes.append(
                f"by the formula all layers take {significant(model.formula_uj)} uJ. {model.difference}"
            )
        columns = ("engine", "cycles", "power mW", "energy uJ", "mW waiting")
        title = f"{table.name}: a sample of the whole model, {model.kind}, {model.clock_mhz:g} MHz"
        made.append(Table(title, columns, rows, notes))
    return made


def _said(energy_uj: float | None) -> str:
    return "not known" if energy_uj is None else f"{significant(energy_uj)} uJ"


def _of_blocks(table: EnergyTable) -> list[Table]:
    if not any(row.scope == "block" for row in table.rows):
        return []
    replaced = "of the model around the blocks nothing is known: no layer is stated"
    if table.multiplications_replaced is not None and table.weights_replaced is not None:
        replaced = (
            f"{percent(table.multiplications_replaced)} of a layer's multiplications "
            f"and {percent(table.weights_replaced)} of its weights are replaced"
        )
    whole = "every row with where it comes from: the same command with `--all`, or energy.json"
    compared = comparisons(table.rows, table.ratios)
    if not compared:
        return _blocks_alone(table, [replaced, whole])
    several = len({one.array for one in compared}) > 1
    rows: list[Sequence[object]] = [
        (
            f"{one.what}, {one.array}" if several else one.what, ACCOUNTINGS[accounting], one.dense_uj, one.blocks_uj[accounting], times(one.times[accounting]),
            one.utilisation and percent(one.utilisation), times(one.times_full[accounting]),
        )
        for one in compared
        for accounting in one.times
    ]  # fmt: skip
    columns = ("", "cycles", "array uJ", "blocks uJ", "times less", "array in use", "were it full")
    notes = [replaced, f"power of the blocks: {power_origin(table.rows)}", whole]
    best = least_when_full(table.ratios)
    least, full = best or (0.0, "")
    if best and compared[0].idle:
        notes.insert(
            0,
            f"go by arrays in full use: {ALL_MLPS} take {times(least)} less than {full}; what an array spends while "
            "most of it idles is no merit of the blocks",
        )
    elif best and least < compared[0].times["measured"]:
        notes.insert(0, f"{ALL_MLPS} take {times(least)} less than {full}, were it in full use")
    array = "the most frugal array of each" if several else f"{compared[0].array}, the most frugal array"
    title = f"{table.name}: energy of one sample beside {array}"
    return [Table(title, columns, rows, notes)]


def _blocks_alone(table: EnergyTable, notes: list[str]) -> list[Table]:
    rows: list[Sequence[object]] = [
        (ALL_MLPS, ACCOUNTINGS[row.accounting], row.cycles, row.power_mw, row.value)
        for row in table.rows
        if row.scope == "mlps"
    ]
    columns = ("", "cycles", "cycles of a sample", "power mW", "energy uJ")
    return [Table(f"{table.name}: energy of the blocks for one sample", columns, rows, notes)]


def energy_rows(table: EnergyTable) -> list[Table]:
    """Every figure; where cycles and power come from, in footnotes."""
    footnotes = Footnotes()
    rows: list[Sequence[object]] = []
    for row in table.rows:
        sources = [f"cycles: {one}" for one in row.cycles_sources]
        sources += [f"power: {one}" for one in row.power_sources]
        notes = footnotes.numbers(sources)
        rows.append(
            (row.subject, row.implementation, row.accounting, row.cycles, row.power_mw, row.value, notes)
        )
    columns = ("subject", "implementation", "cycles are", "cycles", "power mW", "energy uJ", "notes")
    ratios: list[Sequence[object]] = [
        (name, *(None if figure is None else times(figure) for figure in figures))
        for _, name, *figures in ratio_rows(table.ratios)
    ]
    of = ("array over blocks", "measured", "full array", ACCOUNTINGS["counted"])
    rows_of_blocks = Table(f"{table.name}: energy of one sample", columns, rows, (), footnotes.sentences)
    return [*energy(table), rows_of_blocks, *([Table("Ratios", of, ratios)] if ratios else [])]


def front(result: Front) -> list[Table]:
    best = undominated([point for point in result.points if point.source == "estimated"])
    columns, rows = _points(result.points)
    on_front = [
        "yes" if point in best else "no" if point.source == "estimated" else None for point in result.points
    ]
    rows = [[*row[1:], place] for row, place in zip(rows, on_front, strict=True)]
    title = f"{result.name}: foldings of {result.block}, {result.clock_mhz:g} MHz"
    note = "on the front: no other estimate has as few LUTs in as few cycles"
    return [Table(title, (*columns[1:], "on the front"), rows, [note])]


def estimate(result: EstimateTable) -> list[Table]:
    title = f"{result.name}: by counting, before any tool ran; energy of a sample at {result.clock_mhz:g} MHz"
    return [Table(title, *_points(result.points))]


def _points(points: Sequence[FrontPoint]) -> tuple[tuple[str, ...], list[Sequence[object]]]:
    columns = (
        "block", "figures", "cycles", "outputs a cycle", "bits a cycle", "cycles a row", "LUTs", "FFs", "uJ",
    )  # fmt: skip
    return columns, [
        (
            p.block, p.source, p.accounting, p.outputs_per_cycle, p.bits_per_cycle, p.cycles_per_row, p.luts, p.ffs,
            p.energy_uj,
        )
        for p in points
    ]  # fmt: skip


def paper(result: PaperTables) -> list[Table]:
    return [part for table in result.tables for part in _by_array(table)]


def _by_array(table: PaperTable) -> list[Table]:
    """A table with columns of several arrays, such as `8×8 dense`, as one for each: it fits a terminal."""
    arrays = [column.partition(" ")[0] for column in table.columns]
    if not all("×" in array for array in arrays):
        rows: list[Sequence[object]] = [
            (row.label, *(cell.value for cell in row.cells)) for row in table.rows
        ]
        return [Table(table.title, ("", *table.columns), rows, table.notes)]
    names = list(dict.fromkeys(arrays))
    made = []
    for name in names:
        places = [place for place, array in enumerate(arrays) if array == name]
        columns = ("", *(table.columns[place].removeprefix(f"{name} ") for place in places))
        parts: list[Sequence[object]] = [
            (row.label, *(row.cells[place].value for place in places)) for row in table.rows
        ]
        notes = table.notes if name == names[-1] else ()
        made.append(Table(f"{table.title}: {name}", columns, parts, notes))
    return made
