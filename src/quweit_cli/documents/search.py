"""What a search tried, and what came of it: foretold for every trial, measured for some of the front."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from quweit_cli.artifacts import Artifact, load
from quweit_cli.boundary.quantities import (
    Amount,
    Count,
    FileName,
    Identifier,
    Positive,
    PositiveAmount,
    Seed,
    Share,
    TotalAmount,
)

Setting = int | str | list[int]
FOLDER, FILE = "search", "search.json"


class MeasuredTrial(Artifact):
    """The blocks of a trial as simulators and a synthesizer found them."""

    project: FileName = Field(description="folder below `search/` with dump, RTL, verdict, cells and report")
    luts: Count | None = Field(description="of all blocks; null where they are in cells of a library")
    ffs: Count | None
    sample_cycles: Count = Field(description="of all blocks, by simulation")
    energy_uj: TotalAmount = Field(description="of all blocks for one sample, at those cycles")
    modelled: bool = Field(description="whether its power is the power model's, from the measured cells")
    simulators: list[str] = Field(description="that found the RTL equal to the integer program")
    tools: list[str] = Field(description="that counted the cells")


class SearchTrial(Artifact):
    """One choice of settings: its figures, or why it has none."""

    number: Count
    settings: dict[str, Setting] = Field(description="key of the experiment -> value, as `--set` takes them")
    state: Literal["tried", "failed", "refused"] = Field(
        description="with figures; tried in vain; not tried, and not counted as a trial"
    )
    reason: str | None = Field(None, description="why there are no figures; null where there are")
    loss: Amount | None = Field(None, description="on held-out data, at the end of its training")
    accuracy: Share | None = Field(None, description="share of held-out samples, for classifiers")
    luts: Positive | None = Field(None, description="of all blocks, by counting")
    ffs: Count | None = Field(None, description="of all blocks, by counting")
    sample_cycles: Count | None = Field(None, description="of all blocks, by counting")
    energy_uj: PositiveAmount | None = Field(
        None, description="of all blocks for one sample, by counted cycles and the power model"
    )
    seconds: Amount | None = Field(
        None, description="of training and counting; little where another trial trained the model"
    )
    on_front: bool = Field(False, description="whether no other trial is as good in loss, LUTs and energy")
    measured: MeasuredTrial | None = Field(None, description="null where it was not rendered")

    @model_validator(mode="after")
    def _has_figures_or_a_reason(self) -> SearchTrial:
        figures = (self.loss, self.luts, self.energy_uj)
        if self.state == "tried" and None in figures:
            raise ValueError("a trial that was tried has loss, LUTs and energy")
        if self.state != "tried" and (self.reason is None or self.on_front or any(map(_is_there, figures))):
            raise ValueError("a trial without figures says why, and is not on the front")
        return self

    @property
    def figures(self) -> tuple[float, float, float]:
        """What is to be small: loss, LUTs, energy. Of a trial that was tried."""
        assert self.loss is not None and self.luts is not None and self.energy_uj is not None
        return self.loss, self.luts, self.energy_uj


class SearchResult(Artifact):
    schema_name: Literal["quweit.search/1"] = Field("quweit.search/1", alias="schema")
    name: Identifier
    seed: Seed = Field(description="of what was proposed")
    steps: Count | None = Field(description="of a training; null where the experiment says epochs")
    clock_mhz: PositiveAmount = Field(description="that foretold energies are stated for")
    choices: dict[str, list[int | str]] = Field(description="that a trial took one each of")
    trials: list[SearchTrial] = Field(description="in the order in which they were proposed")

    @property
    def tried(self) -> list[SearchTrial]:
        """Those with figures."""
        return [trial for trial in self.trials if trial.state == "tried"]

    @property
    def front(self) -> list[SearchTrial]:
        """Those that no other beats, the least loss first."""
        return sorted((trial for trial in self.trials if trial.on_front), key=lambda trial: trial.figures)


def find_search(project: Path) -> SearchResult | None:
    """What the search of a project found; nothing where there was none. Raises ArtifactError for a damaged document."""
    path = project / FOLDER / FILE
    return load(SearchResult, path) if path.exists() else None


def _is_there(figure: float | None) -> bool:
    return figure is not None
