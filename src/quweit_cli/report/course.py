"""The course of training as it was reported along the way, thin enough to draw."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from quweit_cli.errors import ArtifactError

METRICS = "metrics.jsonl"
LARGEST_BYTES = 256 * 2**20
POINTS = 200  # of a curve; more cannot be told apart at the width of a page
DRAWN = ("step", "loss", "learning_rate")


def read_course(path: Path) -> dict[str, list[dict[str, float]]]:
    """Kind of MLP -> step, loss and learning rate; of long trainings averages over equal stretches.

    Raises:
        ArtifactError: too large, or a line is no report of figures.
    """
    if path.stat().st_size > LARGEST_BYTES:
        raise ArtifactError(f"`{path}` is larger than {LARGEST_BYTES // 2**20} MiB, which no training writes")
    course: dict[str, list[dict[str, float]]] = {}
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                report = json.loads(line)
                reports = course.setdefault(str(report["mlp"]), [])
                if "loss" in report:  # other lines are evaluations, which train.json has too
                    reports.append({name: float(report[name]) for name in DRAWN})
            except (ValueError, TypeError, KeyError, RecursionError):
                raise ArtifactError(f"`{path}`: line {number} is no report of step, loss and rate") from None
    return {mlp: thinned(reports) for mlp, reports in course.items()}


def thinned(reports: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """At most POINTS, each the average of its stretch; what is not finite is left out."""
    sound = [one for one in reports if all(math.isfinite(value) for value in one.values())]
    stretch = -(-len(sound) // POINTS) or 1
    parts = [sound[start : start + stretch] for start in range(0, len(sound), stretch)]
    return [{name: sum(one[name] for one in part) / len(part) for name in DRAWN} for part in parts]
