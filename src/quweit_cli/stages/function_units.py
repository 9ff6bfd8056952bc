"""Functions in hardware: rendered, proven on both simulators, and counted; in cells of a library where one is named.

Two projects in the project directory, as of a baseline: `fpga`, and `silicon` with rows of many elements behind the words
that they bring, so that power is that of elements and not of loading.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from quweit_cli import config
from quweit_cli.approximation import exact
from quweit_cli.approximation.functions import FUNCTIONS, Reals
from quweit_cli.approximation.problem import Problem
from quweit_cli.approximation.wide import widened
from quweit_cli.artifacts import open_project, writing_stage
from quweit_cli.config import Approximate
from quweit_cli.documents import RTL, FunctionRow, Implementation, RtlManifest, SimResult
from quweit_cli.hdl.plan import FilePlan
from quweit_cli.hdl.units import functions as units
from quweit_cli.hdl.units.functions import FloatPieces, FunctionUnit
from quweit_cli.ir.nodes.functions import Table
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear
from quweit_cli.progress import Progress
from quweit_cli.stages import keys, sim, synth
from quweit_cli.stages.approximate import codes_of, problem_of

FPGA, SILICON = "fpga", "silicon"
DESIGN = "functions"
NO_DUMP = "0" * 64
LOADED = 256  # elements of a row behind the words that it brings, where power is measured
WIDE_BITS = 16
COMPARED = "gelu"  # in arithmetic of 8 and of 32 bits
LARGE = 8  # bits more below the point of a code of 32 bits
# What answers are rounded to, by function: codes of 2^-4 or 2^-5 to int8.
ROUNDED = {
    "gelu": (4, 4), "hswish": (4, 4), "silu": (4, 4), "exp": (4, 7), "reciprocal": (5, 5),
    "reciprocal_root": (5, 5), "sigmoid": (4, 7), "tanh": (5, 6),
}  # fmt: skip
RANGED = ("reciprocal", "reciprocal_root")  # at one scale, which holds their range in int8
Arithmetic = Literal["int8", "int16", "int32", "float32"]


class Subject(NamedTuple):
    """A unit, and what its row of the table says before anything is measured."""

    unit: FunctionUnit
    row: FunctionRow


def rounded_options(name: str, segments: int) -> Approximate:
    """int8 to int8, slopes and intercepts of eight bits, as hardware has them."""
    scale_bits, answer_bits = ROUNDED[name]
    return Approximate(
        segments=segments,
        fraction=5 if name in RANGED else 6,
        scale=2.0**-scale_bits,
        output_scale=2.0**-answer_bits,
    )


def run(
    project: Path, library: config.Synth | None, names: Sequence[str], *, progress: Progress
) -> tuple[list[FunctionRow], dict[str, str]]:
    """A row a unit, and how its figures were obtained.

    names: of the functions in constant pieces.

    Raises:
        Mismatch: a unit differs from its integers, or from float32.
        ToolError: a tool is missing or rejects a design.
    """
    subjects = subjects_of(names)
    _render(project / FPGA, [one.unit for one in subjects])
    every = config.Sim(simulators=("verilator", "icarus"))
    compared = sim.run(project / FPGA, every, progress=progress, reuse=True)
    counted = synth.run(project / FPGA, config.Synth(), progress=progress, reuse=True)
    cells = {}
    if library is not None:
        _render(project / SILICON, [one.unit for one in subjects_of(names, LOADED)], library=True)
        mapped = synth.run(project / SILICON, library, progress=progress, reuse=True)
        cells = {one.design: one for one in mapped.designs}
    luts = {one.design: one for one in counted.designs}
    rows = [_measured(one, compared, luts, cells) for one in subjects]
    return rows, _methods(compared, counted.designs, list(cells.values()))


def subjects_of(names: Sequence[str], elements: int = 1) -> list[Subject]:
    """Constant pieces of these functions; a plain table, and pieces that are loadable, of wide inputs, and of 32 bits.

    elements: of a row behind the words that it brings.
    """
    found = [_constant(name, 8) for name in names]
    found += [_constant(COMPARED, 16), _table(COMPARED)]
    found += [_loadable(pieces, elements) for pieces in (8, 16)]
    found += [_wide(name) for name in RANGED]
    return [*found, _of_32_bits(elements), _of_floats(elements)]


def _constant(name: str, pieces: int) -> Subject:
    problem, node = _pieces(rounded_options(name, pieces), name)
    unit = units.constant_pieces(f"pieces_{name}_{pieces}", node)
    return Subject(unit, _row(unit, name, "int8", problem, problem.errors(node), pieces, "constant"))


def _loadable(pieces: int, elements: int) -> Subject:
    """The errors are those of the function that stands first."""
    made = [_pieces(rounded_options(name, pieces), name) for name in (COMPARED, "exp")]
    unit = units.loadable_pieces(f"loadable_{pieces}", [node for _, node in made], pieces, elements)
    problem, node = made[0]
    return Subject(unit, _row(unit, COMPARED, "int8", problem, problem.errors(node), pieces, "loadable"))


def _wide(name: str) -> Subject:
    """At codes of the window."""
    options = Approximate(bits=9, fraction=6, scale=2.0 ** -ROUNDED[name][0])
    problem, node = _pieces(options, name)
    wide = widened(FUNCTIONS[name], node, ROUNDED[name][0], options.fraction_bits, WIDE_BITS)
    unit = units.wide_pieces(f"wide_{name}_8", wide.node, WIDE_BITS)
    return Subject(unit, _row(unit, name, "int16", problem, problem.errors(node), 8, "constant"))


def _table(name: str) -> Subject:
    problem, _ = _pieces(rounded_options(name, 1), name)
    form, codes = problem.format, np.arange(-128, 128)
    target = FUNCTIONS[name].at(codes * 2.0**-form.scale_bits)
    entries = form.nearest(target)
    unit = units.plain_table(f"table_{name}", Table(-128, entries))
    answers = entries[problem.points_P.astype(int) + 128] * form.step
    row = _row(unit, name, "int8", problem, answers - problem.targets_P, None, "constant")
    return Subject(unit, row.model_copy(update={"method": "table"}))


def _of_32_bits(elements: int) -> Subject:
    """The pieces of int8, with codes, slopes and intercepts of 32 bits: sums are the same real numbers."""
    problem, node = _sums()
    bits = LARGE + LARGE
    large = dataclasses.replace(
        node,
        breakpoints_M=node.breakpoints_M << LARGE,
        slopes_N=node.slopes_N << LARGE,
        intercepts_N=node.intercepts_N << node.align + bits,
        align=0,
        low=-(2**31),
        high=2**31 - 1,
    )
    rows_RN = np.random.default_rng(0).integers(-(2**14), 2**14, (LOADED // elements, elements))
    unit = units.loadable_words("words_8", [large], 8, rows_RN)
    codes = problem.points_P.astype(np.int64) << LARGE
    errors = large.evaluate(codes) * problem.format.step * 2.0**-bits - problem.targets_P
    return Subject(unit, _row(unit, COMPARED, "int32", problem, errors, 8, "loadable"))


def _of_floats(elements: int) -> Subject:
    """The same pieces in float32."""
    problem, node = _sums()
    form = problem.format
    one = 2.0**-form.fraction
    rows = (node.breakpoints_M * 2.0**-form.scale_bits, node.slopes_N * one, node.intercepts_N * one)
    made = FloatPieces(*(row.astype(np.float32) for row in rows))
    drawn_RN = np.random.default_rng(0).normal(0, 2, (LOADED // elements, elements)).astype(np.float32)
    unit = units.loadable_floats("floats_8", made, 8, drawn_RN)
    x = (problem.points_P * 2.0**-form.scale_bits).astype(np.float32)
    return Subject(
        unit, _row(unit, COMPARED, "float32", problem, made.evaluate(x) - problem.targets_P, 8, "loadable")
    )


def _sums() -> tuple[Problem, PiecewiseLinear]:
    """The pieces that are compared, whose sums are not rounded."""
    return _pieces(rounded_options(COMPARED, 8).model_copy(update={"output_scale": None}), COMPARED)


def _pieces(options: Approximate, name: str) -> tuple[Problem, PiecewiseLinear]:
    function = FUNCTIONS[name]
    problem = problem_of(function, codes_of(function, options), options)
    return problem, exact.search(problem, options.segments)


def _row(
    unit: FunctionUnit,
    name: str,
    arithmetic: Arithmetic,
    problem: Problem,
    errors_P: Reals,
    pieces: int | None,
    coefficients: Literal["constant", "loadable"],
) -> FunctionRow:
    form, magnitude_P = problem.format, np.abs(errors_P)
    rounded = form.answer_bits is not None
    wide = arithmetic in ("int32", "float32")
    return FunctionRow(
        function=name,
        method="exact",
        source="quweit",
        segments=pieces,
        bits=None if pieces is None else 32 if wide else form.bits,
        fraction=None if pieces is None or wide else form.fraction,
        scale=2.0**-form.scale_bits,
        errors_at="rounded codes" if rounded else "codes",
        objective=None if pieces is None else "squared",
        points=len(magnitude_P),
        mse=float(np.square(magnitude_P).mean()),
        mae=float(magnitude_P.mean()),
        max_error=float(magnitude_P.max()),
        unit=unit.name,
        arithmetic=arithmetic,
        coefficients=coefficients,
    )


def _render(project: Path, made: Sequence[FunctionUnit], *, library: bool = False) -> None:
    files, designs = units.render_functions(made, library=library)
    plan = FilePlan(files)
    manifest = RtlManifest(name=DESIGN, dump=NO_DUMP, blocks=[], units=designs, files=plan.digests())
    inputs, options = {"renderer": keys.renderer_digest()}, {"units": plan.digests()}
    if RTL.current(open_project(project), inputs, options):
        return
    with writing_stage(project, "rtl", inputs=inputs, options=options) as folder:
        plan.write(folder)
        RTL.save(manifest, folder)


def _measured(
    subject: Subject,
    compared: SimResult,
    luts: dict[str, Implementation],
    cells: dict[str, Implementation],
) -> FunctionRow:
    name = subject.unit.name
    runs = [
        [run for run in (*one.units, *one.further_runs) if run.design == name] for one in compared.simulators
    ]
    update: dict[str, object] = {
        "equal": all(found and all(run.bit_exact for run in found) for found in runs),
        "luts": luts[name].luts,
        "ffs": luts[name].ffs,
    }
    if name in cells and (figures := cells[name].asic):
        update |= {
            "area_um2": round(1e6 * figures.area_mm2, 1),
            "power_mw": cells[name].power_mw,
            "clock_mhz": cells[name].clock_mhz,
            "highest_clock_mhz": figures.highest_clock_mhz,
        }
    return FunctionRow.model_validate(dict(subject.row) | update)


def _methods(
    compared: SimResult, counted: Sequence[Implementation], cells: Sequence[Implementation]
) -> dict[str, str]:
    """How figures were obtained, by what they are."""
    simulators = ", ".join(one.version for one in compared.simulators)
    methods = {
        "equal": f"every row of the unit, and of its rendering in an FPGA's cells, on {simulators}, with gaps, backpressure and resets",
        "luts, ffs": f"{counted[0].version}, {counted[0].device}, flat, no DSP",
    }
    if cells and cells[0].asic:
        figures = cells[0].asic
        methods["area_um2, power_mw"] = (
            f"{cells[0].version}, {figures.library}; {cells[0].power_method}, at {cells[0].clock_mhz:g} MHz"
        )
    return methods
