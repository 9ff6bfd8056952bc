"""Projects beside one another: which figures are better or worse, and which settings differ.

Figures come from the documents of the stages. One that was not obtained is missing, and never 0.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from quweit_cli.artifacts import STAGES, StageRecord, existing_project, read_stage, write_text
from quweit_cli.boundary.readers import cut
from quweit_cli.documents import (
    DUMP,
    ENERGY,
    SIM,
    SYNTH,
    TRAIN,
    Implementation,
    SimResult,
    SimulatorResult,
    TrainedModel,
)
from quweit_cli.documents.comparison import (
    Better,
    ComparedFigure,
    ComparedMetric,
    ComparedProject,
    Comparison,
    DifferingSetting,
    Verdict,
)
from quweit_cli.errors import ArtifactError, CheckFailed, ConfigError
from quweit_cli.report import comparison
from quweit_cli.report.comparison_sections import Side
from quweit_cli.report.findings import PAGE, collect

COMPARED = tuple(stage for stage in STAGES if stage not in ("front", "report"))  # that have settings
FROM_ELSEWHERE = ("data", "teacher", "start_from")  # what a stage reads and no other stage wrote


class Metric(NamedTuple):
    """A figure, and in which direction it is better."""

    name: str
    unit: str
    better: Better


METRICS = (
    LOSS := Metric("test loss", "", "lower"),
    ACCURACY := Metric("test accuracy", "%", "higher"),
    INTEGER_ACCURACY := Metric("test accuracy in integers", "%", "higher"),
    DIFFERENT := Metric("differences in simulation", "", "lower"),
    MODEL_LUTS := Metric("LUTs of the model", "", "lower"),
    MODEL_FFS := Metric("FFs of the model", "", "lower"),
    MODEL_BRAMS := Metric("BRAMs of the model", "", "lower"),
    MODEL_DSPS := Metric("DSPs of the model", "", "lower"),
    MODEL_AREA := Metric("area of the model", "mm²", "lower"),
    MODEL_CYCLES := Metric("cycles of a sample", "", "lower"),
    DECODE_CYCLES := Metric("cycles of a decode step", "", "lower"),
    MODEL_ENERGY := Metric("energy of a sample", "µJ", "lower"),
    LUTS := Metric("LUTs of all blocks", "", "lower"),
    FFS := Metric("FFs of all blocks", "", "lower"),
    BRAMS := Metric("BRAMs of all blocks", "", "lower"),
    DSPS := Metric("DSPs of all blocks", "", "lower"),
    AREA := Metric("area of all blocks", "mm²", "lower"),
    CYCLES := Metric("cycles of a row, slowest block", "", "lower"),
    ENERGY_OF_BLOCKS := Metric("energy of all blocks for a sample", "µJ", "lower"),
    CLOCK := Metric("reached clock, slowest block", "MHz", "higher"),
)

Figures = dict[Metric, float | None]


@dataclass(frozen=True)
class _Project:
    path: Path
    name: str
    records: dict[str, StageRecord]
    figures: Figures


def run(paths: Sequence[Path], tolerance_percent: float = 0.0) -> Comparison:
    """Compare every project with the first one.

    Raises:
        ConfigError: fewer than two projects, or one of them twice.
        ArtifactError: one is no project, or holds nothing to compare.
        StaleArtifact: artefacts of one were not made from one another.
    """
    if len(paths) < 2:
        raise ConfigError("two projects or more are compared", hint="name another project directory")
    places = [os.path.realpath(path) for path in paths]
    for place, path in enumerate(paths):
        if places[place] in places[:place]:
            raise ConfigError(f"`{path}` is compared with itself", hint="name every project directory once")
    projects = [_project(existing_project(path)) for path in paths]
    return Comparison(
        projects=[
            ComparedProject(path=cut(one.path, 1000), name=one.name, stages=list(one.records))
            for one in projects
        ],
        tolerance_percent=tolerance_percent,
        metrics=[
            compared(metric, [one.figures.get(metric) for one in projects], tolerance_percent)
            for metric in METRICS
            if any(one.figures.get(metric) is not None for one in projects)
        ],
        settings=list(_settings([one.records for one in projects])),
    )


def verdict(comparison: Comparison) -> None:
    """Raises CheckFailed where a project is worse than the first one in any metric, or lacks a figure that it has."""
    said = [
        f"`{project.path}` is worse in {', '.join(worse)}"
        for place, project in enumerate(comparison.projects[1:])
        if (worse := comparison.worse_in(place))
    ]
    if said:
        raise CheckFailed(
            f"{'; '.join(said)}, compared with `{comparison.projects[0].path}`",
            hint=f"a figure may be worse by {comparison.tolerance_percent:g} %, as `--tolerance` says, and a figure that"
            " is missing counts as worse",
        )


def write_page(found: Comparison, paths: Sequence[Path], page: Path) -> None:
    """The comparison with curves and plots, as one file that needs nothing beside it; links are to reports that are there.

    paths: of the projects that `found` compares.

    Raises:
        ArtifactError: the file cannot be written, or a document is damaged.
        StaleArtifact: artefacts of one were not made from one another.
    """
    names = comparison.labels([one.path for one in found.projects])
    sides = [
        Side(name, collect(path), _address(path / "report" / PAGE, page))
        for name, path in zip(names, paths, strict=True)
    ]
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        write_text(page, comparison.html(found, sides))
    except OSError as error:
        raise ArtifactError(
            f"cannot write `{page}`: {error.strerror}", hint="name a file that can be written with --html"
        ) from None


def _address(report: Path, page: Path) -> str:
    """Of a report, as the page links to it; empty where there is none."""
    there = report.is_file()
    return os.path.relpath(os.path.realpath(report), os.path.realpath(page.parent)) if there else ""


def compared(metric: Metric, values: Sequence[float | None], tolerance_percent: float) -> ComparedMetric:
    """The figures of all projects, each but the first judged by the first."""
    reference = values[0]
    return ComparedMetric(
        name=metric.name,
        unit=metric.unit,
        better=metric.better,
        reference=reference,
        others=[_judged(metric.better, reference, value, tolerance_percent) for value in values[1:]],
    )


def _judged(
    better: Better, reference: float | None, value: float | None, tolerance_percent: float
) -> ComparedFigure:
    found: Verdict | None
    if reference is None or value is None:
        found = None if reference is value else "new" if reference is None else "missing"
        return ComparedFigure(value=value, change_percent=None, verdict=found)
    change = 100 * (value - reference) / abs(reference) if reference else None
    if change is not None and not math.isfinite(change):  # over next to nothing
        change = None
    loss = value - reference if better == "lower" else reference - value
    if loss == 0:
        found = "same"
    elif loss < 0:
        found = "better"
    else:
        found = "within" if loss <= abs(reference) * tolerance_percent / 100 else "worse"
    return ComparedFigure(value=value, change_percent=change, verdict=found)


# ---------------------------------------------------------------- figures


def _project(path: Path) -> _Project:
    train, dump, energy = TRAIN.find(path), DUMP.find(path), ENERGY.find(path)
    sim, synth = SIM.find(path), SYNTH.find(path)
    named = next((document for document in (train, dump, sim, synth, energy) if document), None)
    if named is None:
        raise ArtifactError(f"`{path}` holds nothing to compare", hint="run `quweit run` first")
    records = {stage: read_stage(path, stage) for stage in COMPARED if (path / stage).is_dir()}
    figures: Figures = {}
    if train:
        figures |= _quality(train.main, records["train"])
    if sim:
        figures |= _simulated(sim)
    if synth:
        whole = (MODEL_LUTS, MODEL_FFS, MODEL_BRAMS, MODEL_DSPS, MODEL_AREA)
        figures |= _cells(synth.blocks, (LUTS, FFS, BRAMS, DSPS, AREA))
        figures |= _cells([synth.model] if synth.model else [], whole)
        reached = [one.routed.reached_mhz for one in synth.designs if one.routed]
        figures[CLOCK] = min(reached, default=None)
    if energy:
        figures[MODEL_ENERGY] = energy.model.energy_uj if energy.model else None
        figures[ENERGY_OF_BLOCKS] = next(
            (
                row.value
                for row in energy.rows
                if row.scope == "mlps" and row.accounting == "measured" and row.weightless and not row.array
            ),
            None,
        )
    return _Project(path, named.name, records, figures)


def _quality(model: TrainedModel, record: StageRecord) -> Figures:
    settings = record.options.get("model")
    integer = isinstance(settings, dict) and settings.get("arithmetic") == "integer"
    accuracy = None if model.test_accuracy is None else 100 * model.test_accuracy
    return {LOSS: model.test_loss, ACCURACY: accuracy, INTEGER_ACCURACY: accuracy if integer else None}


def _simulated(sim: SimResult) -> Figures:
    """The slowest simulator's cycles, as all of them measure the same; the first figure that each has."""
    runs = [run for one in sim.simulators for run in one.all_runs]
    models = [run for one in sim.simulators for run in one.models]
    return {
        DIFFERENT: sum(run.different + len(run.failures) for run in runs),
        MODEL_CYCLES: _most([run.initiation_interval_cycles for run in models]),
        DECODE_CYCLES: _most([run.decode_latency_cycles for run in models]),
        CYCLES: _most([_of_rows(one) for one in sim.simulators]),
    }


def _of_rows(one: SimulatorResult) -> int | None:
    """Nothing where the cycles of a block could not be measured."""
    known = [cycles for cycles in one.cycles_per_row if cycles is not None]
    return max(known, default=None) if len(known) == len(one.cycles_per_row) else None


def _most(values: Sequence[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _cells(designs: Sequence[Implementation], metrics: tuple[Metric, ...]) -> Figures:
    """Sums over designs, each of them missing where one design lacks it."""
    read: tuple[Callable[[Implementation], float | None], ...] = (
        lambda one: one.luts,
        lambda one: None if one.luts is None else one.ffs,
        lambda one: one.brams,
        lambda one: one.dsps,
        lambda one: one.asic.area_mm2 if one.asic else None,
    )
    return {
        metric: _sum([figure(one) for one in designs]) for metric, figure in zip(metrics, read, strict=True)
    }


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


# ---------------------------------------------------------------- settings


def _settings(projects: Sequence[Mapping[str, StageRecord]]) -> Iterator[DifferingSetting]:
    for stage in COMPARED:
        records = [one.get(stage) for one in projects]
        if sum(record is not None for record in records) < 2:
            continue
        found = [{} if record is None else dict(_leaves(_chosen(record))) for record in records]
        present = [own for own, record in zip(found, records, strict=True) if record is not None]
        for name in sorted({name for own in found for name in own}):
            if any(own.get(name) != present[0].get(name) for own in present):
                yield DifferingSetting(stage=stage, name=cut(name), values=[own.get(name) for own in found])


def _chosen(record: StageRecord) -> dict[str, Any]:
    """Options, and by digest what was read that no stage wrote."""
    read = {
        f"{name} (content)": digest[:12]
        for name, digest in record.inputs.items()
        if name in FROM_ELSEWHERE or name.startswith("liberty")
    }
    return {**record.options, **read}


def _leaves(options: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in options.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{name}.")
        else:
            yield name, cut(json.dumps(value, ensure_ascii=False, sort_keys=True))
