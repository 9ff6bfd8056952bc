"""Functions that a model has in pieces: searched, or read from the documents that its settings name."""

from __future__ import annotations

from pathlib import Path

from quweit_cli import artifacts, config
from quweit_cli.approximation.parts import root_part
from quweit_cli.documents import Approximation
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.ir.nodes.functions import LayerNormalisation
from quweit_cli.ir.nodes.piecewise import PiecesRecord, PiecewiseLinear
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import approximate

FUNCTION = {"root": "reciprocal_root"}
# Of a window of 10 bits a wide input loses 1 % at most, and of one of 7 bits, as published, 6 %.
OPTIONS: dict[str, dict[str, float]] = {"root": {"scale": 2.0**-8, "input_bits": 11, "wide_bits": 31}}
AGAIN = {
    "root": "quweit approximate reciprocal_root --bits 9 --input-bits 11 --scale 0.00390625 --wide-bits 31"
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
    options = config.settings(config.Approximate, OPTIONS[role], **choice.model_dump())
    return approximate.run(FUNCTION[role], options, progress=progress).document


def _read(role: str, path: Path) -> Approximation:
    document = artifacts.load(Approximation, path)
    if document.function != FUNCTION[role]:
        raise ArtifactError(
            f"`{path}` is `{document.function}`, and `model.functions.{role}` is `{FUNCTION[role]}`",
            hint=f"`{AGAIN[role]}` writes one",
        )
    return document


def _part(role: str, document: Approximation, where: str) -> PiecesRecord:
    try:
        node = document.step.node()
        return _as_root(node, document.fraction).as_part()
    except ValueError as error:
        raise ConfigError(
            f"{where} does not fit a model: {error}", hint=f"`{AGAIN[role]}` writes one that does"
        ) from None


def _as_root(node: PiecewiseLinear, fraction: int) -> PiecewiseLinear:
    part = root_part(node, fraction)
    LayerNormalisation(part)
    return part
