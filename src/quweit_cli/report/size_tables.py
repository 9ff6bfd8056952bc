"""How many bits a model takes, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from quweit_cli.documents import ModelSize
from quweit_cli.report.numbers import times
from quweit_cli.report.tables import Table


def sizes(found: ModelSize) -> list[Table]:
    """Against float32, and part by part, the largest first."""
    against: list[Sequence[object]] = [
        (
            "its own parameters, as it is stored",
            found.parameters,
            found.bits // 8,
            times(found.times_smaller),
        ),
        (
            "its own parameters, by BEExformer's accounting",
            found.parameters,
            found.bits_of_parameters // 8,
            times(found.times_smaller_by_parameters),
        ),
        (
            "the model with dense MLPs, as it is stored",
            found.dense_parameters,
            found.bits // 8,
            None if found.times_smaller_than_dense is None else times(found.times_smaller_than_dense),
        ),
    ]
    parts: list[Sequence[object]] = [
        (one.part, one.what, one.format, one.parameters, one.bits)
        for one in sorted(found.parts, key=lambda part: -part.bits)
    ]
    return [
        Table("size", ("against float32 of", "parameters", "bytes", "times smaller"), against),
        Table("size, part by part", ("part", "numbers", "format", "parameters", "bits"), parts),
    ]
