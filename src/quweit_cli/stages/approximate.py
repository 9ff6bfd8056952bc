"""A function -> its pieces: searched, then evaluated at every code by the integers themselves."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from quweit_cli.approximation import exact, genetic
from quweit_cli.approximation.functions import FUNCTIONS, Function, Reals, sampled
from quweit_cli.approximation.problem import UNCLAMPED, Format, Problem, of_codes
from quweit_cli.approximation.wide import Widened, widened
from quweit_cli.artifacts import digest_of_file, open_project, save, write_text
from quweit_cli.boundary import readers
from quweit_cli.boundary.samples import read_samples
from quweit_cli.config import Approximate
from quweit_cli.documents import Approximation, Errors, WideErrors
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear
from quweit_cli.progress import SILENT, Progress
from quweit_cli.report.function_plots import approximation

BUILT_IN = "built in"
MOST_CELLS = 512  # codes before which a breakpoint may stand; of more, every second, fourth, ...
EVERY = 2**20  # wide inputs that are evaluated one by one


class Made(NamedTuple):
    document: Approximation
    plot: str
    stem: str  # of its files: what was asked for, so that another question has other files


def run(name: str, options: Approximate, *, progress: Progress = SILENT) -> Made:
    """Search the pieces of a function.

    name: of a function that is known, or of a file of samples.

    Raises:
        ConfigError: an unknown function, a range that codes cannot hold, or more segments than codes.
        ArtifactError: samples that cannot be read.
    """
    function, source = find(name)
    codes_P = codes_of(function, options)
    try:
        problem = problem_of(function, codes_P, options)
        with progress.task(f"{options.method} search"):
            started = time.monotonic()
            pieces = _searched(function, problem, options)
            seconds = time.monotonic() - started
        wide = None if options.wide_bits is None else _wide(function, codes_P, pieces, options)
    except ValueError as error:
        raise ConfigError(f"`{function.name}`: {error}") from None
    node = wide.node if wide else pieces
    document = Approximation(
        function=function.name,
        formula=function.formula,
        source=source,
        method=options.method,
        objective=options.objective if options.method == "exact" else None,
        segments=options.segments,
        used=len(pieces.slopes_N),
        bits=max(options.bits, pieces.word_bits),
        fraction=options.fraction_bits,
        input_bits=options.input_bits,
        scale=options.scale,
        output_scale=problem.format.step,
        low=float(codes_P[0]) * options.scale,
        high=float(codes_P[-1]) * options.scale,
        errors=errors_of(problem, pieces),
        wide=wide and _wide_errors(function, wide, options.wide_bits or 0),
        seconds=round(seconds, 3),
        step=node.record(name="y", source="x", scale=wide.step if wide else problem.format.step),
    )
    answers_P = pieces.evaluate(codes_P) * problem.format.step
    drawn = approximation(document, codes_P * options.scale, problem.targets_P, answers_P)
    return Made(document, drawn, _stem(document, options))


def write(made: Made, folder: Path) -> list[Path]:
    """The document and its plot.

    Raises:
        ArtifactError: the folder holds what is not ours, or cannot be written.
    """
    document, stem = made.document, made.stem
    paths = [folder / f"{stem}.json", folder / f"{stem}.svg"]
    open_project(folder)
    try:
        save(document, paths[0])
        write_text(paths[1], made.plot)
    except OSError as error:
        raise ArtifactError(f"cannot write in `{folder}`: {readers.reason(error)}") from None
    return paths


def find(name: str) -> tuple[Function, str]:
    """A function that is known, or one from a file, and where it comes from.

    Raises:
        ConfigError: no such function, and no such file.
        ArtifactError: samples that cannot be read, or make no function.
    """
    if name in FUNCTIONS:
        return FUNCTIONS[name], BUILT_IN
    path = Path(name)
    if path.suffix.lower() not in (".csv", ".json"):
        raise ConfigError(
            f"there is no function `{readers.cut(name, 60)}`",
            hint=f"there are: {', '.join(FUNCTIONS)}; or name a file of samples (.csv, .json)",
        )
    try:
        x, y = read_samples(path)
        function = sampled("samples", np.array(x), np.array(y))
    except ValueError as error:
        raise ArtifactError(
            f"cannot take `{path}` as a function: {error}", hint="a line a sample: x,y with x ascending"
        ) from None
    return function, digest_of_file(path)


def codes_of(function: Function, options: Approximate) -> Integers:
    """Every code in the range; in that of the function itself, every one that the bits hold.

    Raises:
        ConfigError: the codes do not hold the range that was asked for, or hold none of the function's.
    """
    asked = options.low is not None
    low, high = (options.low, options.high) if asked else (function.low, function.high)
    assert low is not None and high is not None
    first, last = math.ceil(low / options.scale), math.floor(high / options.scale)
    least, most = -(1 << options.input_bits - 1), (1 << options.input_bits - 1) - 1
    outside = first < least or last > most if asked else first > most or last < least
    if outside or first > last:
        held = f"{least * options.scale:g} ... {most * options.scale:g}"
        raise ConfigError(
            f"the range {low:g} ... {high:g} of `{function.name}` is not within {held}, which codes of {options.input_bits} "
            f"bits at scale {options.scale:g} hold" if outside else
            f"the range {low:g} ... {high:g} holds no code of scale {options.scale:g}",
            hint="take another scale, more input bits, or another range",
        )  # fmt: skip
    return np.arange(max(first, least), min(last, most) + 1)


def problem_of(function: Function, codes_P: Integers, options: Approximate) -> Problem:
    """Raises ValueError where the function is not finite, or an output is finer than a sum."""
    cell_bits = 0
    while (codes_P[-1] >> cell_bits) - (codes_P[0] >> cell_bits) >= MOST_CELLS:
        cell_bits += 1
    return of_codes(function, codes_P, format_of(options), cell_bits)


def format_of(options: Approximate) -> Format:
    """Raises ValueError where an output is finer than a sum."""
    scale_bits, answer_bits, limits = _log(options.scale), None, UNCLAMPED
    if options.output_scale is not None:
        answer_bits = _log(options.output_scale)
        limits = (-(1 << options.output_bits - 1), (1 << options.output_bits - 1) - 1)
        finest = 2.0 ** -(options.fraction_bits + scale_bits)
        if options.output_scale < finest:
            raise ValueError(
                f"an output scale of {options.output_scale:g} is finer than a sum of slope and intercept, {finest:g}"
            )
    return Format(options.bits, options.fraction_bits, scale_bits, answer_bits, limits)


def errors_of(problem: Problem, pieces: PiecewiseLinear) -> Errors:
    """At every point of the problem."""
    error_P: Reals = np.abs(problem.errors(pieces))
    return Errors(
        points=len(error_P),
        mse=float(np.square(error_P).mean()),
        mae=float(error_P.mean()),
        max_error=float(error_P.max()),
    )


def _searched(function: Function, problem: Problem, options: Approximate) -> PiecewiseLinear:
    if options.method == "exact":
        return exact.search(problem, options.segments, options.objective)
    if options.segments > problem.cells:
        raise ValueError(f"{options.segments} segments, and only {problem.cells} codes to start one with")
    found = genetic.search(
        function,
        options.segments,
        fraction=options.fraction_bits,
        low=options.low,
        high=options.high,
        seed=options.seed,
    )
    return genetic.node(found, problem)


def _wide(function: Function, codes_P: Integers, pieces: PiecewiseLinear, options: Approximate) -> Widened:
    if options.output_scale is not None:
        raise ValueError("answers to wide inputs are not rounded, and an output scale is given")
    window = math.floor(function.high / options.scale) - 1
    if options.low is not None or codes_P[-1] < window:
        raise ValueError(
            f"the pieces of wide inputs are of {function.low:g} ... {function.high:g}, which codes of {options.input_bits} "
            f"bits at scale {options.scale:g} must hold to {window}"
        )
    return widened(function, pieces, _log(options.scale), options.fraction_bits, options.wide_bits or 0)


def _wide_errors(function: Function, wide: Widened, bits: int) -> WideErrors:
    """At every input, or where they are too many at as many, evenly spaced by ratio."""
    last = (1 << bits) - 1
    inputs = (
        np.arange(1, last + 1) if last < EVERY else np.unique(np.geomspace(1, last, EVERY).astype(np.int64))
    )
    relative = wide.node.evaluate(inputs) * wide.step / function.at(inputs.astype(np.float64)) - 1
    return WideErrors(
        bits=bits,
        points=len(inputs),
        output_scale=wide.step,
        max_relative_error=float(np.abs(relative).max()),
        rms_relative_error=float(np.sqrt(np.square(relative).mean())),
    )


def _stem(document: Approximation, options: Approximate) -> str:
    parts = [
        document.function, document.method, f"{document.segments}x{document.bits}", f"s{_log(document.scale)}",
    ]  # fmt: skip
    if document.source != BUILT_IN:
        parts.insert(1, document.source[:8])
    if options.objective != "squared":
        parts.append(options.objective)
    if options.seed != Approximate().seed:
        parts.append(f"seed{options.seed}")
    if options.fraction is not None:
        parts.append(f"f{options.fraction}")
    if options.input_bits != 8:
        parts.append(f"x{options.input_bits}")
    if options.low is not None:
        ends = (round(end / document.scale) for end in (document.low, document.high))
        parts.append("to".join(str(end).replace("-", "m") for end in ends))
    if options.output_scale is not None:
        parts.append(f"y{options.output_bits}s{_log(options.output_scale)}")
    if options.wide_bits is not None:
        parts.append(f"wide{options.wide_bits}")
    return "_".join(parts)


def _log(scale: float) -> int:
    """Bits below the point of a scale, which is a power of two."""
    return 1 - math.frexp(scale)[1]
