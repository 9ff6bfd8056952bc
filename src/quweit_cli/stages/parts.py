"""Functions that a model has in pieces: searched, or read from the documents that its settings name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from quweit_cli import artifacts, config
from quweit_cli.approximation.parts import SCORE_BITS, exponential_part, gelu_part, reciprocal_part, root_part
from quweit_cli.documents import Approximation
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.ir.nodes.functions import (
    LayerNormalisation,
    check_exponential,
    check_gelu,
    check_reciprocal,
)
from quweit_cli.ir.nodes.piecewise import PiecesRecord, PiecewiseLinear
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import approximate


class _Role(NamedTuple):
    """A function of a model: how its pieces are searched, and how they become a part."""

    function: str
    options: dict[str, float]
    part: Callable[[PiecewiseLinear, int], PiecewiseLinear]
    check: Callable[[PiecewiseLinear], object]

    @property
    def command(self) -> str:
        """That writes a document which fits."""
        plain = {name: value for name, value in self.options.items() if name not in ("low", "high")}
        options = " ".join(f"--{name.replace('_', '-')} {value:g}" for name, value in plain.items())
        if "low" in self.options:
            options += f" --range {self.options['low']:g} {self.options['high']:g}"
        return f"quweit approximate {self.function} --bits 9 {options}"


# Of a window of 10 bits a wide input loses 1.6 % at most, and of one of 7 bits, as published, 6 %.
WIDE = {"scale": 2.0**-8, "input_bits": 11, "wide_bits": 31}
# Beyond -8 ... 8 the outer pieces are GELU itself: 0, and its input.
GELU = {"scale": 2.0**-5, "input_bits": 9, "low": -8.0, "high": 8 - 2.0**-5}
ROLES = {
    "gelu": _Role("gelu", GELU, gelu_part, check_gelu),
    "exponential": _Role(
        "exp", {"scale": 2.0**-SCORE_BITS, "input_bits": 9}, exponential_part, check_exponential
    ),
    "reciprocal": _Role("reciprocal", WIDE, reciprocal_part, check_reciprocal),
    "root": _Role("reciprocal_root", WIDE, root_part, LayerNormalisation),
}


def with_pieces(experiment: config.Experiment, *, progress: Progress = SILENT) -> config.Experiment:
    """The same settings, with the pieces themselves in place of searches and documents.

    Raises:
        ConfigError: a search that finds none.
        ArtifactError: a document that cannot be read, or is of another function.
    """
    found = {}
    for role, choice in experiment.model.functions:
        if isinstance(choice, config.Pieces):
            found[role] = _part(role, _searched(role, choice, progress), f"`model.functions.{role}`")
        elif isinstance(choice, Path):
            found[role] = _part(role, _read(role, choice), f"`{choice}`")
    if not found:
        return experiment
    functions = experiment.model.functions.model_copy(update=found)
    return experiment.model_copy(
        update={"model": experiment.model.model_copy(update={"functions": functions})}
    )


def _searched(role: str, choice: config.Pieces, progress: Progress) -> Approximation:
    options = config.settings(config.Approximate, ROLES[role].options, **choice.model_dump())
    return approximate.run(ROLES[role].function, options, progress=progress).document


def _read(role: str, path: Path) -> Approximation:
    try:
        document = artifacts.load(Approximation, path)
    except ArtifactError as error:
        raise ArtifactError(str(error), hint=f"`{ROLES[role].command}` writes one") from None
    if document.function != ROLES[role].function:
        raise ArtifactError(
            f"`{path}` is `{document.function}`, and `model.functions.{role}` is `{ROLES[role].function}`",
            hint=f"`{ROLES[role].command}` writes one",
        )
    return document


def _part(role: str, document: Approximation, where: str) -> PiecesRecord:
    try:
        part = ROLES[role].part(document.step.node(), document.fraction)
        ROLES[role].check(part)
    except ValueError as error:
        raise ConfigError(
            f"{where} does not fit a model: {error}", hint=f"`{ROLES[role].command}` writes one that does"
        ) from None
    return part.as_part()
