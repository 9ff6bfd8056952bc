"""A search as tables: the front for terminal and page, every trial for the page and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from quweit_cli.documents import MeasuredTrial, SearchResult, SearchTrial
from quweit_cli.report.numbers import counted
from quweit_cli.report.tables import Table, percent

# Key of the experiment -> what its column is called.
SETTINGS = {
    "model.block.thermometer.bits": "thermometer bits",
    "model.block.lut_layers": "LUT layers",
    "model.block.groups": "groups",
    "model.block.value_bits": "value bits",
    "rtl.outputs_per_cycle": "outputs a cycle",
}
FIGURES = ("loss", "accuracy", "luts", "ffs", "sample_cycles", "energy_uj", "seconds")


def search(result: SearchResult) -> list[Table]:
    """The front, the least loss first; what was measured of it beside what was foretold."""
    return [Table(f"{result.name}: the front", *front(result), [said(result), *notes(result)])]


def front(result: SearchResult) -> tuple[tuple[str, ...], list[Sequence[object]]]:
    """Columns and rows; none of measured figures while there are none."""
    best, measured = result.front, any(trial.measured for trial in result.front)
    columns = (
        "trial", *SETTINGS.values(), "loss", "accuracy",
        "LUTs", *(["measured"] if measured else []), "cycles a sample", *(["measured"] if measured else []),
        "uJ", *(["measured"] if measured else []),
    )  # fmt: skip
    return columns, [_row(trial, measured) for trial in best]


def others(result: SearchResult) -> tuple[tuple[str, ...], list[Sequence[object]]]:
    """What is not on the front, and why: beaten, failed or refused."""
    columns = ("trial", *SETTINGS.values(), "loss", "accuracy", "LUTs", "cycles a sample", "uJ", "why not")
    rest = [trial for trial in result.trials if not trial.on_front]
    return columns, [(*_row(trial, False), trial.reason or "another is as good in all") for trial in rest]


def said(result: SearchResult) -> str:
    """How many trials there were, and what became of them."""
    failed, refused = (
        sum(trial.state == state for trial in result.trials) for state in ("failed", "refused")
    )
    parts = [f"{counted(len(result.tried), 'trial')} with figures, {len(result.front)} of them on the front"]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{counted(refused, 'proposal')} refused"] if refused else []
    return ", ".join(parts)


def notes(result: SearchResult) -> list[str]:
    """How the figures were obtained."""
    length = "" if result.steps is None else f", after {counted(result.steps, 'step')}"
    told = [
        f"loss and accuracy on held-out data{length}; LUTs, cycles and energy of all blocks, by counting, power by the "
        f"model at {result.clock_mhz:g} MHz",
        "on the front: no other trial is as good in loss, LUTs and energy",
    ]
    if any(trial.measured for trial in result.front):
        told.append("measured: LUTs by synthesis, cycles by simulation, energy from both")
    return told


def csv_text(result: SearchResult) -> str:
    """A line a trial; what is absent is empty."""
    measured = [name for name in MeasuredTrial.model_fields if name not in ("simulators", "tools")]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    of_measured = [f"measured_{name}" for name in measured]
    writer.writerow(["number", "state", "reason", *SETTINGS, *FIGURES, "on_front", *of_measured])
    for trial in result.trials:
        cells = [_plain(trial.settings.get(name)) for name in SETTINGS]
        cells += [getattr(trial, name) for name in FIGURES]
        cells += [trial.on_front, *(getattr(trial.measured, name, None) for name in measured)]
        writer.writerow([trial.number, trial.state, trial.reason, *cells])
    return stream.getvalue()


def _row(trial: SearchTrial, measured: bool) -> Sequence[object]:
    def beside(name: str) -> list[object]:
        return [getattr(trial.measured, name, None)] if measured else []

    return (
        trial.number,
        *(_plain(trial.settings.get(name)) for name in SETTINGS),
        trial.loss,
        percent(trial.accuracy),
        trial.luts,
        *beside("luts"),
        trial.sample_cycles,
        *beside("sample_cycles"),
        trial.energy_uj,
        *beside("energy_uj"),
    )


def _plain(setting: object) -> object:
    return " + ".join(map(str, setting)) if isinstance(setting, list) else setting
