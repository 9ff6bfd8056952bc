"""The page of projects beside one another: every verdict in words, curves and fronts in the same axes, names escaped."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from test_report import Words

import compared
import packages
from conftest import Outcome
from quweit_cli import config
from quweit_cli.report import comparison, comparison_plots
from quweit_cli.report.plots import BESIDE
from quweit_cli.stages import compare, energy, report

Quweit = Callable[..., Outcome]
HOSTILE = "<script>alert(1)<!-- ${1+1} & \"'"


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("compared")
    first = compared.write_project(folder / "first", loss=0.4, options={"steps": 5, "wiring": "random"})
    second = compared.write_project(
        folder / HOSTILE, loss=0.2, luts=70, options={"steps": 9, "wiring": f"{HOSTILE}</td>"}
    )
    report.run(first)
    return [first, second]


@pytest.fixture(scope="module")
def page(projects: list[Path]) -> Path:
    file = projects[0].parent / "pages" / "both.html"
    compare.write_page(compare.run(projects), projects, file)
    return file


def test_every_figure_stands_beside_the_other_with_its_verdict_in_words(
    page: Path, projects: list[Path]
) -> None:
    words = str(Words(page.read_text()))
    assert "test loss" in words and "0.4 0.2 -50 better" in words
    found = compare.run(projects)
    luts = next(one for one in found.metrics if one.name == "LUTs of the model")
    assert f"{luts.reference:,.0f} {luts.others[0].value:,.0f}" in words
    assert re.search(r"LUTs of the model lower [\d,]+ [\d,]+ [\d.]+ WORSE", words)
    assert "1 better, 1 worse" in words and "WORSE: LUTs of the model" in words
    assert "train steps 5 9" in words


def test_sections_of_all_that_both_have(page: Path) -> None:
    titles = re.findall(r"<h2 id=[^>]*>([^<]*)</h2>", page.read_text())
    assert titles == [
        "Figures", "Settings that differ", "Learning curves", "Area and energy by engine", "Energy of one sample by operation",
        "Foldings", "Searches", "Projects",
    ]  # fmt: skip


def test_names_and_settings_are_words_and_the_page_has_no_script(page: Path) -> None:
    content = page.read_text()
    assert "<script" not in content and "script-src 'none'" in html.unescape(content)
    assert "&lt;script&gt;alert(1)&lt;!-- ${1+1}" in content
    assert json.dumps(f"{HOSTILE}</td>") in str(Words(content))


def test_it_links_to_reports_that_are_there_and_to_nothing_else(page: Path) -> None:
    links = re.findall(r'<a href="([^"#]+)"', page.read_text())
    assert links == ["../first/report/index.html"]
    assert (page.parent / links[0]).is_file()


def test_what_only_one_project_has_is_no_comparison(projects: list[Path], tmp_path: Path) -> None:
    bare = Path(shutil.copytree(projects[0], tmp_path / "bare"))
    for stage in ("energy", "front", "search", "report"):
        shutil.rmtree(bare / stage)
    file = tmp_path / "page.html"
    compare.write_page(compare.run([projects[0], bare]), [projects[0], bare], file)
    content = file.read_text()
    assert ">Foldings<" not in content and ">Searches<" not in content
    assert "Energy of one sample by operation" not in content
    words = str(Words(content))
    assert re.search(r"energy of a sample, µJ lower [\d.]+ – – MISSING", words)
    assert re.search(r"\d better, \d worse, \d missing", words)
    assert "None: the stages that both have were given the same." in words


def test_without_whole_models_blocks_stand_side_by_side(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("small", "large")]
    for path, luts in zip(paths, (3_000, 4_500), strict=True):
        made = packages.synthesis_report(packages.synthesized_block(luts=luts, ffs=1_200))
        packages.write_project(path, synth=made)
        energy.run(path, config.Energy())
    compare.write_page(compare.run(paths), paths, tmp_path / "page.html")
    words = str(Words((tmp_path / "page.html").read_text()))
    assert "LUTs engine small large block_0 3,000 4,500 total 3,000 4,500" in words
    assert "Energy of one sample by operation" in words
    assert "Learning curves" not in words


def test_a_bar_goes_to_the_right_where_a_figure_is_better(projects: list[Path]) -> None:
    found = compare.run(projects)
    times = {one.name: comparison_plots.times_as_good(one, 0) for one in comparison_plots.comparable(found)}
    assert times["test loss"] == pytest.approx(2)
    assert 0 < (times["LUTs of the model"] or 0) < 1
    assert set(times) == {"test loss", "LUTs of the model"}, "of 0 there is no ratio, and others are the same"
    svg = comparison_plots.changes(found, ["first", "second"])
    assert ">-50 %<" in svg and "better →<" in svg


def test_no_two_projects_are_drawn_alike() -> None:
    for what in ("colour", "hatch", "dash", "marker"):
        assert len({getattr(one, what) for one in BESIDE}) == len(BESIDE)


def test_labels_differ_whatever_the_paths_are() -> None:
    assert comparison.labels(["build/a", "build/b/"]) == ["a", "b"]
    assert comparison.labels(["x/run", "y/run"]) == ["x/run", "y/run"]
    long = comparison.labels([f"{'x' * 50}/run", f"{'y' * 50}/run", f"{'y' * 50}{'x' * 50}/run"])
    assert len(set(long)) == 3 and max(map(len, long)) < 40


def test_more_projects_than_can_be_told_apart_are_in_the_tables(projects: list[Path], tmp_path: Path) -> None:
    copies = [Path(shutil.copytree(projects[0], tmp_path / f"copy{place}")) for place in range(len(BESIDE))]
    file = tmp_path / "page.html"
    compare.write_page(compare.run([projects[0], *copies]), [projects[0], *copies], file)
    words = str(Words(file.read_text()))
    assert f"Plots are of the first {len(BESIDE)} projects; tables have copy5 as well." in words


def test_the_command_writes_it_and_says_where(quweit: Quweit, projects: list[Path], tmp_path: Path) -> None:
    file = tmp_path / "new" / "page.html"
    outcome = quweit("compare", *projects, "--html", file)
    assert outcome.code == 0, outcome.stderr
    assert f"page:    {file}" in outcome.stdout and file.is_file()
    outcome = quweit("compare", *projects, "--html", file, "--json", "--fail-if-worse")
    assert outcome.code == 1 and outcome.stdout.startswith("{") and "page:" not in outcome.stdout


def test_a_place_that_cannot_be_written_is_refused(
    quweit: Quweit, projects: list[Path], tmp_path: Path
) -> None:
    outcome = quweit("compare", *projects, "--html", tmp_path)
    assert outcome.code == 2 and f"cannot write `{tmp_path}`" in outcome.stderr and "--html" in outcome.stderr
    (tmp_path / "file").write_text("")
    assert quweit("compare", *projects, "--html", tmp_path / "file" / "page.html").code == 2
