"""Functions in pieces as tables."""

from __future__ import annotations

from collections.abc import Sequence

from quweit_cli.documents import Approximation, FunctionTable
from quweit_cli.report.tables import Table


def approximation(made: Approximation) -> list[Table]:
    errors = made.errors
    columns = (
        "method",
        "pieces",
        "bits",
        "scale",
        "codes",
        "mean square",
        "mean magnitude",
        "largest",
        "seconds",
    )
    row = (
        made.method, made.used, made.bits, made.scale, errors.points, _small(errors.mse), _small(errors.mae),
        _small(errors.max_error), made.seconds,
    )  # fmt: skip
    title = f"{made.function}, {made.formula}, on {made.low:g} ... {made.high:g}: errors at every code"
    tables = [Table(title, columns, [row]), _pieces(made)]
    if made.wide is not None:
        wide = made.wide
        row_of_wide = (
            wide.bits,
            wide.points,
            _small(wide.rms_relative_error),
            _small(wide.max_relative_error),
        )
        of_wide = ("bits", "inputs", "root mean square", "largest")
        tables.append(Table("Wide inputs, relative errors", of_wide, [row_of_wide]))
    return tables


def _pieces(made: Approximation) -> Table:
    step, one = made.step, 2.0**-made.fraction
    starts: list[object] = [None, *step.breakpoints]
    rows: list[Sequence[object]] = [
        (start, slope, intercept, f"{slope * one:g} x {intercept * one:+g}")
        for start, slope, intercept in zip(starts, step.slopes, step.intercepts, strict=True)
    ]
    return Table("Pieces", ("first code", "slope", "intercept", "in real numbers"), rows)


def functions(table: FunctionTable) -> list[Table]:
    columns = (
        "function", "method", "source", "segments", "bits", "scale", "errors at", "least", "mean square",
        "mean magnitude", "largest", "seconds",
    )  # fmt: skip
    searched: list[Sequence[object]] = [
        (
            one.function, one.method, one.source, one.segments, one.bits, one.scale, one.errors_at, one.objective,
            _small(one.mse), _small(one.mae), _small(one.max_error), one.seconds,
        )
        for one in table.rows
        if one.unit is None
    ]  # fmt: skip
    made = [Table("Functions in pieces", columns, searched, table.notes)]
    units: list[Sequence[object]] = [
        (
            one.unit, one.function, one.arithmetic, one.coefficients, one.segments, one.equal, one.luts, one.ffs,
            one.area_um2, one.power_mw, one.highest_clock_mhz,
        )
        for one in table.rows
        if one.unit is not None
    ]  # fmt: skip
    if units:
        of_units = (
            "unit", "function", "arithmetic", "pieces are", "segments", "equal", "LUTs", "FFs", "um2", "mW", "highest MHz",
        )  # fmt: skip
        notes = [f"{name}: {method}" for name, method in table.methods.items()]
        made.append(Table("Functions in hardware", of_units, units, notes))
    return made


def _small(value: float | None) -> str | None:
    """Errors lie over many powers of ten."""
    return None if value is None else f"{value:.2e}"
