"""Projects beside one another: their figures, and the settings in which they differ."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from quweit_cli.artifacts import Artifact
from quweit_cli.boundary.quantities import Amount, Identifier

Better = Literal["higher", "lower"]
Verdict = Literal["better", "same", "within", "worse", "missing", "new"]
VERDICTS = (
    "`within` is worse by no more than the tolerance; `missing` where only the reference has the figure, "
    "`new` where only the reference lacks it"
)


class ComparedFigure(Artifact):
    """A figure of a project beside that of the reference."""

    value: float | None = Field(description="null where the project has none")
    change_percent: float | None = Field(
        description="of the figure of the reference; null where either has none, or the reference's is 0"
    )
    verdict: Verdict | None = Field(description=f"{VERDICTS}; null where neither has one")


class ComparedMetric(Artifact):
    """One figure of all projects."""

    name: str
    unit: str = Field(description="empty for what is counted")
    better: Better = Field(description="which direction is better")
    reference: float | None = Field(description="of the first project; null where it has none")
    others: list[ComparedFigure] = Field(description="of the other projects, in their order")


class DifferingSetting(Artifact):
    """A setting that is not the same in all projects."""

    stage: str
    name: str
    values: list[str | None] = Field(
        description="of each project, as JSON; null where it has no such setting, or no such stage"
    )


class ComparedProject(Artifact):
    path: str
    name: Identifier
    stages: list[str] = Field(description="that have run")


class Comparison(Artifact):
    """The first project is the reference, with which the others are compared."""

    schema_name: Literal["quweit.compare/1"] = Field("quweit.compare/1", alias="schema")
    projects: list[ComparedProject] = Field(min_length=2)
    tolerance_percent: Amount
    metrics: list[ComparedMetric] = Field(description="that any of the projects has")
    settings: list[DifferingSetting] = Field(description="of stages that have run in more than one project")

    def worse_in(self, other: int) -> list[str]:
        """Names of the metrics in which that one of the others is worse than the reference, or lacks a figure."""
        return [one.name for one in self.metrics if one.others[other].verdict in ("worse", "missing")]
