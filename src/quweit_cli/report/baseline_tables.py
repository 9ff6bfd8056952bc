"""Baselines and the paper's tables as tables to be read first; like `tables`, which holds those of the stages."""

from __future__ import annotations

from collections.abc import Sequence

from quweit_cli.documents import (
    ArraySilicon,
    BaselineSim,
    BaselineSynthesis,
    BaselineUnits,
    PaperTable,
    PaperTables,
)
from quweit_cli.report.tables import Table

IN_CELLS = ("cycles in cells", "mm²", "vectorless mW", "measured mW", "slack, ns")  # of a library, pipelined


def arrays(result: BaselineSim) -> list[Table]:
    rows: list[Sequence[object]] = [
        (one.array, product, one.steady_cycles[product], cycles, one.fill_and_drain[product], one.bit_exact)
        for one in result.runs
        for product, cycles in one.cycles.items()
    ]
    compared = sum(one.elements_compared for one in result.runs)
    columns = ("array", "product", "cycles by the formula", "measured", "filling and draining", "bit-exact")
    made = [Table(f"arrays equal the products of matrices, {compared:,} elements", columns, rows)]
    between: list[Sequence[object]] = [
        (
            one.unit,
            one.rendering,
            one.cycles_per_row,
            one.most_cycles_per_row,
            one.layer_cycles,
            one.bit_exact,
        )
        for one in result.units
    ]
    columns = ("unit", "rendering", "cycles a row", "at most", "cycles of a layer", "bit-exact")
    compared = sum(one.rows_compared for one in result.units)
    return [
        *made,
        *([Table(f"units equal the integers, {compared:,} rows", columns, between)] if between else []),
    ]


def cells_of_arrays(result: BaselineSynthesis) -> list[Table]:
    rows: list[Sequence[object]] = [
        (one.array, one.luts, one.ffs, one.carries, one.brams, one.dsps, one.version, one.seconds)
        for one in result.arrays
    ]
    columns = ("array", "LUTs", "FFs", "carries", "BRAMs", "DSPs", "tool", "seconds")
    made = [Table("cells of the arrays, each module synthesized once", columns, rows)]
    return [*made, _silicon_of_arrays(result.silicon)] if result.silicon else made


def _silicon_of_arrays(silicon: Sequence[ArraySilicon]) -> Table:
    columns = ("array", "mm²", "slack ns", "vectorless mW", "measured mW")
    rows: list[Sequence[object]] = [
        (one.array, one.area_mm2, one.slack_ns, one.vectorless_mw, one.measured_mw) for one in silicon
    ]
    late = [words for one in silicon for words in (*one.late, *one.mapped_otherwise)]
    first = silicon[0]
    title = f"arrays in cells of {first.library} at {first.clock_mhz:g} MHz"
    return Table(title, columns, rows, [*late, first.method, *filter(None, [first.measured_method])])


def units(result: BaselineUnits) -> list[Table]:
    """In cells of a library too, when one was named."""
    silicon = any(one.silicon for one in result.units)
    rows: list[Sequence[object]] = []
    for one in result.units:
        cells = one.silicon
        figures = (
            (cells.cycles, cells.area_mm2, cells.vectorless_mw, cells.measured_mw, cells.slack_ns)
            if cells
            else (None,) * len(IN_CELLS)
        )
        rows.append((one.unit, one.luts, one.ffs, one.cycles, *(figures if silicon else ())))
    columns = ("unit", "LUTs", "FFs", "cycles of a layer", *(IN_CELLS if silicon else ()))
    refused = [
        f"{one.unit} was mapped by `&nf`, as `map` of ABC refused it"
        for one in result.units
        if one.silicon and one.silicon.mapper != "map"
    ]
    return [Table("units between the products, one lane each", columns, rows, refused)]


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
