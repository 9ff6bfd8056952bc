"""Every function by every method beside published figures: `functions.json`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from quweit_cli import config
from quweit_cli.approximation import exact, genetic, published
from quweit_cli.approximation.exact import Objective
from quweit_cli.approximation.functions import FUNCTIONS, Function
from quweit_cli.approximation.genetic import Pieces
from quweit_cli.approximation.problem import Format, Problem, of_grid
from quweit_cli.artifacts import open_project, save, write_text
from quweit_cli.config import Approximate
from quweit_cli.documents import Errors, FunctionRow, FunctionTable
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear
from quweit_cli.progress import SILENT, Progress
from quweit_cli.report.function_plots import errors
from quweit_cli.stages import approximate, function_units
from quweit_cli.stages.approximate import codes_of, errors_of, problem_of
from quweit_cli.stages.function_units import RANGED, WIDE_BITS, rounded_options

DOCUMENT, PLOT = "functions.json", "errors.svg"
OURS = "quweit"
SEGMENTS = (8, 16)
SCALES = range(7)  # bits below the point of a code


def run(
    project: Path, *, hardware: bool = False, library: config.Synth | None = None, progress: Progress = SILENT
) -> FunctionTable:
    """Search everything, draw every function, write the table.

    hardware: units are rendered, simulated and counted as well; in cells of `library`, too.

    Raises:
        ArtifactError: the directory holds something that is not ours, or cannot be written.
        Mismatch, ToolError: as `function_units` does.
    """
    open_project(project)
    rows: list[FunctionRow] = []
    for name, function in FUNCTIONS.items():
        with progress.task(name):
            rows += rows_of(function)
            _write_pieces(project, name)
    notes = list(published.NOTES)
    methods: dict[str, str] = {}
    if hardware:
        measured, methods = function_units.run(project, library, list(FUNCTIONS), progress=progress)
        rows += measured
        notes += savings(measured)
    table = FunctionTable(rows=rows, notes=notes, methods=methods)
    save(table, project / DOCUMENT)
    if any(row.errors_at == "codes" and row.method == "published" for row in rows):
        write_text(project / PLOT, errors(table))
    return table


def savings(rows: Sequence[FunctionRow]) -> list[str]:
    """Area and power of pieces in int8 against the same in 32 bits, beside what is published of the ratio."""
    loadable = {
        str(row.arithmetic): row for row in rows if row.coefficients == "loadable" and row.segments == 8
    }
    notes = []
    for arithmetic, saved in published.SAVED.items():
        narrow, wide = loadable.get("int8"), loadable.get(arithmetic)
        for figure, words in (("area_um2", "area"), ("power_mw", "power")):
            one, other = getattr(narrow, figure, None), getattr(wide, figure, None)
            if one is not None and other is not None:
                notes.append(
                    f"{words} saved by int8 against {arithmetic}, 8 loadable pieces: {100 - 100 * one / other:.1f} %; "
                    f"published, of another library and clock: {saved}"
                )
    return notes


def rows_of(
    function: Function, segments: tuple[int, ...] = (), scales: tuple[int, ...] = ()
) -> Iterator[FunctionRow]:
    """Of one function: published, genetic and exact, at every scale, on the grid, and with rounded answers."""
    ranged = function.name in RANGED
    for count in segments or SEGMENTS:
        pieces, seconds = _genetic(function.name, count)
        for scale_bits in scales or ((published.GRID_SCALE_BITS,) if ranged else tuple(SCALES)):
            yield from _at_codes(function, count, scale_bits, pieces, seconds)
        if ranged:
            yield from _on_grid(function, count, pieces, seconds)
        yield from _rounded(function, count)
        yield from _magnitudes(function, count)
    yield _table(function)


def _genetic(name: str, segments: int) -> tuple[Pieces, float]:
    started = time.monotonic()
    found = genetic.search(FUNCTIONS[name], segments, fraction=6)
    return found, round(time.monotonic() - started, 3)


def _at_codes(
    function: Function, count: int, scale_bits: int, pieces: Pieces, seconds: float
) -> Iterator[FunctionRow]:
    """At every int8 code of the range; storage is that of the genetic pieces, and of 8 bits where these take more."""
    for one in published.AT_CODES:
        if (one.function, one.segments) == (function.name, count):
            yield FunctionRow(
                function=function.name, method="published", source=published.GQA_LUT, segments=count, bits=8,
                fraction=6, scale=2.0**-scale_bits, errors_at="codes", mse=one.mse_S[scale_bits],
            )  # fmt: skip
    bits = max(8, pieces.bits)
    options = Approximate(segments=count, bits=bits, fraction=6, scale=2.0**-scale_bits)
    problem = problem_of(function, codes_of(function, options), options)
    node = genetic.node(pieces, problem)
    yield _row(function, "genetic", count, problem, errors_of(problem, node), node, seconds, "codes")
    objectives: tuple[Objective, ...] = ("squared", "largest")
    for objective in objectives:
        yield _exact(function, count, problem, "codes", objective)
    if bits > 8:
        narrow = options.model_copy(update={"bits": 8, "fraction": 5})
        yield _exact(function, count, problem_of(function, codes_of(function, narrow), narrow), "codes")


def _on_grid(function: Function, count: int, pieces: Pieces, seconds: float) -> Iterator[FunctionRow]:
    scale_bits, bits = published.GRID_SCALE_BITS, max(9, pieces.bits)
    yield FunctionRow(
        function=function.name, method="published", source=published.GQA_LUT, segments=count, bits=9, fraction=6,
        scale=2.0**-scale_bits, errors_at="grid", mse=published.ON_GRID[function.name, count],
    )  # fmt: skip
    problem = of_grid(function, function.low, function.high, genetic.GRID, Format(bits, 6, scale_bits))
    node = genetic.node(pieces, problem)
    yield _row(function, "genetic", count, problem, errors_of(problem, node), node, seconds, "grid")
    yield _exact(function, count, problem, "grid")
    narrow = of_grid(function, function.low, function.high, genetic.GRID, Format(8, 5, scale_bits))
    yield _exact(function, count, narrow, "grid")


def _rounded(function: Function, count: int) -> Iterator[FunctionRow]:
    options = rounded_options(function.name, count)
    problem = problem_of(function, codes_of(function, options), options)
    yield _exact(function, count, problem, "rounded codes")


def _magnitudes(function: Function, count: int) -> Iterator[FunctionRow]:
    """Ours of ten bits, as the storage of what was published is not known."""
    mae = published.MAGNITUDES.get((function.name, count))
    if mae is None:
        return
    yield FunctionRow(
        function=function.name, method="published", source=published.LUT_APP, segments=count, mae=mae
    )
    ranged = function.name in RANGED
    options = Approximate(
        segments=count,
        bits=10,
        fraction=7 if ranged else 8,
        scale=2.0 ** -(published.GRID_SCALE_BITS if ranged else 4),
    )
    problem = problem_of(function, codes_of(function, options), options)
    yield _exact(function, count, problem, "codes", "magnitude")


def _table(function: Function) -> FunctionRow:
    """A plain table, whose error is that of rounding."""
    options = rounded_options(function.name, 1)
    problem = problem_of(function, codes_of(function, options), options)
    form = problem.format
    error_P = np.abs(form.nearest(problem.targets_P) * form.step - problem.targets_P)
    return FunctionRow(
        function=function.name, method="table", source=OURS, scale=options.scale, errors_at="rounded codes",
        points=len(error_P), mse=float(np.square(error_P).mean()), mae=float(error_P.mean()),
        max_error=float(error_P.max()),
    )  # fmt: skip


def _exact(
    function: Function,
    count: int,
    problem: Problem,
    at: Literal["codes", "rounded codes", "grid"],
    objective: Objective = "squared",
) -> FunctionRow:
    """Where there are fewer codes than pieces asked for, a piece a code."""
    started = time.monotonic()
    node = exact.search(problem, min(count, problem.cells), objective)
    seconds = round(time.monotonic() - started, 3)
    row = _row(function, "exact", count, problem, errors_of(problem, node), node, seconds, at)
    return row.model_copy(update={"objective": objective})


def _row(
    function: Function,
    method: Literal["exact", "genetic"],
    count: int,
    problem: Problem,
    errors: Errors,
    node: PiecewiseLinear,
    seconds: float,
    at: Literal["codes", "rounded codes", "grid"],
) -> FunctionRow:
    form = problem.format
    return FunctionRow(
        function=function.name, method=method, source=OURS, segments=count, bits=max(form.bits, node.word_bits),
        fraction=form.fraction, scale=2.0**-form.scale_bits, errors_at=at, seconds=seconds, **dict(errors),
    )  # fmt: skip


def _write_pieces(project: Path, name: str) -> None:
    """The pieces of every function that a model's settings may name, with their plots."""
    ranged = name in RANGED
    scale = 2.0 ** -(published.GRID_SCALE_BITS if ranged else 4)
    options = Approximate(scale=scale, bits=9 if ranged else 8)
    approximate.write(approximate.run(name, options), project)
    if ranged:
        wide = options.model_copy(update={"wide_bits": WIDE_BITS})
        approximate.write(approximate.run(name, wide), project)
