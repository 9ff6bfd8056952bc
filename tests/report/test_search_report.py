"""A search as tables, CSV and plot: what is absent stays absent."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

from quweit_cli import artifacts
from quweit_cli.documents import MeasuredTrial, SearchResult, SearchTrial
from quweit_cli.documents.search import FILE, FOLDER
from quweit_cli.report import search_plots, search_tables
from quweit_cli.stages import report

SETTINGS: dict[str, Any] = {
    "model.block.thermometer.bits": 4,
    "model.block.lut_layers": [96, 48],
    "model.block.groups": 2,
    "model.block.value_bits": "ternary",
    "rtl.outputs_per_cycle": 4,
}
MEASURED = MeasuredTrial(
    project="measured/one_4", luts=None, ffs=280, sample_cycles=130, energy_uj=0.25, modelled=True,
    simulators=["Verilator"], tools=["Yosys"],
)  # fmt: skip


def trial(number: int, **kept: Any) -> SearchTrial:
    figures = {"loss": 0.5 - number / 10, "luts": 100 * (number + 1), "energy_uj": 0.25, "sample_cycles": 128}
    base = {"number": number, "settings": SETTINGS, "state": "tried", **figures}
    return SearchTrial.model_validate(base | kept)


RESULT = SearchResult(
    name="made",
    seed=0,
    steps=200,
    clock_mhz=200.0,
    choices={"luts": [48, 96]},
    trials=[
        trial(0, on_front=True, accuracy=0.91),
        trial(1, on_front=True, measured=MEASURED),
        trial(2, loss=0.6),
        SearchTrial(number=3, settings=SETTINGS, state="refused", reason="the same as trial 2"),
        SearchTrial(number=4, settings=SETTINGS, state="failed", reason="no number"),
    ],
)


def test_the_front_comes_by_loss_and_an_absent_figure_is_none() -> None:
    (table,) = search_tables.search(RESULT)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["trial"] for row in rows] == [1, 0]
    assert rows[0]["LUT layers"] == "96 + 48"
    assert [row["accuracy"] for row in rows] == [None, "91.00 %"]
    places = [place for place, column in enumerate(table.columns) if column == "measured"]
    assert [[row[place] for place in places] for row in table.rows] == [[None, 130, 0.25], [None, None, None]]
    assert "3 trials with figures, 2 of them on the front, 1 failed, 1 proposal refused" in table.notes


def test_without_measurements_there_are_no_columns_of_them() -> None:
    unmeasured = RESULT.model_copy(update={"trials": [trial(0, on_front=True)]})
    assert "measured" not in search_tables.front(unmeasured)[0]
    assert not any("measured" in note for note in search_tables.notes(unmeasured))


def test_the_others_say_why_they_are_not_on_the_front() -> None:
    _, rows = search_tables.others(RESULT)
    assert [(row[0], row[-1]) for row in rows] == [
        (2, "another is as good in all"),
        (3, "the same as trial 2"),
        (4, "no number"),
    ]


def test_the_csv_has_every_trial_and_nothing_in_place_of_an_absent_figure() -> None:
    rows = list(csv.DictReader(io.StringIO(search_tables.csv_text(RESULT))))
    assert [row["number"] for row in rows] == ["0", "1", "2", "3", "4"]
    assert [row["luts"] for row in rows] == ["100", "200", "300", "", ""]
    assert [row["measured_luts"] for row in rows] == [""] * 5
    assert [row["measured_energy_uj"] for row in rows] == ["", "0.25", "", "", ""]
    assert [row["measured_project"] for row in rows] == ["", "measured/one_4", "", "", ""]


def test_the_plot_names_the_trials_of_the_front_and_no_others() -> None:
    trials = [trial(70, loss=0.4, on_front=True, measured=MEASURED), trial(71, loss=0.5)]
    svg = search_plots.front(RESULT.model_copy(update={"trials": trials}))
    words = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert [words.count(number) for number in ("70", "71")] == [2, 0]  # once a panel
    assert {"on the front", "another trial is as good in all three", "measured"} <= set(words)
    alone = RESULT.model_copy(update={"trials": [trial(0, on_front=True)]})
    assert "measured" not in search_plots.front(alone)


def test_the_page_links_to_reports_of_measured_trials_that_are_there(tmp_path: Path) -> None:
    project = artifacts.open_project(tmp_path / "project")
    (project / FOLDER).mkdir()
    other = MEASURED.model_copy(update={"project": "measured/two_4"})
    trials = [trial(0, on_front=True, measured=other), trial(1, on_front=True, measured=MEASURED)]
    artifacts.save(RESULT.model_copy(update={"trials": trials}), project / FOLDER / FILE)
    assert "measured/one_4/report" not in report.run(project).read_text()
    for name in ("one_4", "two_4"):
        there = project / FOLDER / "measured" / name / "report"
        there.mkdir(parents=True)
        (there / "index.html").write_text("")
        page = report.run(project).read_text()
        assert f'<a href="../search/measured/{name}/report/index.html">' in page
        assert ("`quweit compare` with `--html`" in page) == (name == "two_4")
