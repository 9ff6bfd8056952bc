"""The report shows what a project holds, in one page that needs nothing else and escapes what it shows."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import packages
from measurements import array_design, array_run, write_baseline
from quweit_cli import artifacts, config
from quweit_cli.energy.headline import frugal_arrays
from quweit_cli.errors import ArtifactError, StaleArtifact
from quweit_cli.report import findings, plots
from quweit_cli.report.footnotes import Footnotes, Noted
from quweit_cli.report.numbers import counted, percent, significant, span, text, times
from quweit_cli.report.page import Table
from quweit_cli.stages import energy, report

LAYERS = packages.I_VIT_T.model_copy(update={"layers": 2})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "project"
    packages.write_document(path, "train", packages.train_result())
    packages.write_project(path, LAYERS)
    energy.run(path, config.Energy())
    report.run(path)
    return path


@pytest.fixture(scope="module")
def page(project: Path) -> str:
    return (project / "report" / "index.html").read_text()


class Words(HTMLParser):
    """The text of a page outside of plots, styles and scripts; fails on tags that do not close."""

    VOID = frozenset(("meta", "br", "use", "path", "rect", "image", "img"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"svg", "style", "script"} & set(self.open):
            self.words.append(data.strip())

    def __str__(self) -> str:
        return " ".join(word for word in self.words if word)


def test_the_headline_states_quality_proof_area_and_both_accountings(page: str) -> None:
    words = str(Words(page))
    for figure in ("97.11 %", "dense twin 97.33 %", "bit-exact", "Verilator 5.048: 8,192 rows of 2 blocks",
                   "23,984", "6,654 flip-flops", "57.0 %", "66.7 %"):  # fmt: skip
        assert figure in words
    assert (
        "4.04× at cycles measured in simulation; 76.6 % of the array in use 775× in the paper's accounting"
        in words
    )
    assert "3.09× over systolic 64x64, were it full" in words
    assert "1.72× end to end, at measured cycles" in words
    assert "2.26× in the paper's accounting" in words
    assert "power of the blocks: a model's estimate" in words


def test_the_headline_compares_with_the_array_that_spends_least(project: Path, page: str) -> None:
    table = findings.collect(project).energy
    assert table is not None
    assert frugal_arrays(table.rows)[0] == "systolic 64x64"
    assert "systolic 64x64 is the most frugal array for it" in str(Words(page))


def test_every_row_of_the_energy_table_is_there_with_its_provenance(project: Path, page: str) -> None:
    words = str(Words(page))
    table = findings.collect(project).energy
    assert table is not None
    for row in table.rows:
        assert significant(row.value, 4) in words
        for source in (*row.cycles_sources, *row.power_sources):
            assert words.count(f"{source}.") == 1  # a footnote, once
    with (project / "report" / "energy.csv").open() as file:
        written = list(csv.DictReader(file))
    assert [float(row["value"]) for row in written] == [row.value for row in table.rows]
    assert {"cycles_sources", "power_sources", "accounting"} < set(written[0])


def test_every_reference_leads_to_a_note_and_every_note_back(page: str) -> None:
    notes, cited = set(re.findall(r'id="note-(\d+)"', page)), set(re.findall(r'id="cite-(\d+)"', page))
    assert (
        notes
        == cited
        == set(re.findall(r'href="#note-(\d+)"', page))
        == set(re.findall(r'href="#cite-(\d+)"', page))
    )
    assert len(notes) > 3


def test_a_sentence_has_one_number() -> None:
    footnotes = Footnotes()
    assert footnotes.numbers(["a", "b", "a"]) == "1, 2"
    assert footnotes.numbers(["c", "a"]) == "3, 1"
    assert footnotes.sentences == ["a", "b", "c"]


def test_no_heading_of_a_table_is_a_key_of_a_document(page: str) -> None:
    headings = re.findall(r"<th\b[^>]*>([^<]*)</th>", page)
    assert len(headings) > 40
    assert not [heading for heading in headings if "_" in heading]


def test_the_page_asks_the_network_for_nothing(page: str) -> None:
    assert not re.findall(r"<(?:script|link|img|iframe|object|embed)\b", page)
    assert not re.findall(r"@import|url\((?!#)", page)
    assert not re.findall(r"(?:src|href)=\"(?!#)", page)


def test_there_are_three_plots_in_the_colour_of_the_text_and_with_hatches(page: str) -> None:
    assert page.count("<svg") == 3
    assert "currentColor" in page
    assert "#010203" not in page
    assert page.count("<pattern") >= 2
    assert len(ids := re.findall(r'\bid="([^"]+)"', page)) == len(set(ids))


def test_the_curves_are_loss_accuracy_and_rate_of_the_model_and_its_twin() -> None:
    models = packages.train_result().models
    svg = plots.training_curves(models)
    for words in ("loss, nats", "accuracy on held-out data, %", "base learning rate"):
        assert f">{words}<" in svg
    for name in ("weightless, held out", "dense, held out", "weightless, training", "dense, training"):
        assert f">{name}<" in svg
    text = [
        model.model_copy(update={"curve": [without(point, "test_accuracy") for point in model.curve]})
        for model in models
    ]
    assert "accuracy" not in plots.training_curves(text)
    old = [
        model.model_copy(update={"curve": [without(point, "learning_rate") for point in model.curve]})
        for model in models
    ]
    assert ">loss, nats<" in plots.training_curves(old)


def without(point: dict[str, float], name: str) -> dict[str, float]:
    return {key: value for key, value in point.items() if key != name}


def test_the_same_project_gives_the_same_bytes_and_no_paths(project: Path, page: str) -> None:
    assert report.run(project).read_text() == page
    assert str(project.parent) not in page


def test_an_unchanged_project_is_not_drawn_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "html", None)
    assert report.run(project, reuse=True) == project / "report" / "index.html"


def test_what_comes_from_files_is_escaped(tmp_path: Path) -> None:
    hostile = '<script>alert("x")</script> & ${1+1} <%! import os %>'
    made = packages.train_result().model_copy(update={"data": hostile})
    packages.write_document(tmp_path / "project", "train", made)
    page = report.run(tmp_path / "project").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert hostile in str(Words(page))


def test_a_project_with_training_alone_is_reported_and_says_what_is_missing(tmp_path: Path) -> None:
    packages.write_document(tmp_path / "project", "train", packages.train_result())
    words = str(Words(report.run(tmp_path / "project").read_text()))
    assert "97.11 %" in words
    assert "No artefact of: dump, rtl, sim, synth, energy." in words
    assert not (tmp_path / "project" / "report" / "energy.csv").exists()


def test_a_difference_is_shouted(tmp_path: Path) -> None:
    packages.write_document(tmp_path / "project", "sim", packages.sim_result(bit_exact=False))
    words = str(Words(report.run(tmp_path / "project").read_text()))
    assert "bit-exact" not in words
    assert "NOT equal" in words
    assert "First differences" in words
    assert "block_0 gaps 3 5 77 -4 12" in words


def test_arrays_and_units_without_a_block_are_reported(tmp_path: Path) -> None:
    write_baseline(tmp_path / "p", array_run(array_design()))
    words = str(Words(report.run(tmp_path / "p" / "i_vit_t").read_text()))
    assert "RTL against integers bit-exact" in words and "LUTs of a block" not in words
    assert "systolic_32 94,619 50,545" in words and "softmax 100 50" in words


def test_blocks_that_nobody_compared_are_named(tmp_path: Path) -> None:
    some = packages.sim_result().model_copy(update={"not_compared": ["block_1", "block_2"]})
    packages.write_document(tmp_path / "project", "sim", some)
    words = str(Words(report.run(tmp_path / "project").read_text()))
    assert "2 blocks not compared" in words
    assert "Not compared block block_1 block_2" in words


def test_nothing_to_report_is_an_error(tmp_path: Path) -> None:
    artifacts.open_project(tmp_path / "project")
    with pytest.raises(ArtifactError, match="nothing to report"):
        report.run(tmp_path / "project")


def test_artefacts_that_do_not_belong_together_are_not_shown_together(tmp_path: Path) -> None:
    packages.write_project(tmp_path / "project")
    packages.write_rtl(tmp_path / "project", source=packages.BLOCK.replace("0001", "0002"))
    with pytest.raises(StaleArtifact):
        report.run(tmp_path / "project")


def test_an_absent_figure_is_a_dash_and_never_zero() -> None:
    cells: list[object] = [None, 0, 12_345, 0.5, 1234.56, True, "word"]
    assert [text(cell) for cell in cells] == ["–", "0", "12,345", "0.5", "1,235", "yes", "word"]
    assert Table("", ("a",), [(None,), (1,)]).is_number(0)
    assert not Table("", ("a",), [(None,)]).is_number(0)
    assert not Table("", ("a",), [(True,)]).is_number(0)
    assert Table("", ("a",), [(Noted(1.5, ("measured",)),)]).is_number(0)
    assert Table("", ("a", "b"), [(1, None), (2, None)]).known().columns == ["a"]


def test_numbers_are_written_without_exponents() -> None:
    assert [significant(value) for value in (0.0123, 1.2345, 123.4, 1234.5, 1e6, 1.234e-5, 99.96, -0.5, 0)] == [
        "0.0123", "1.23", "123", "1,234", "1,000,000", "0.0000123", "100", "-0.5", "0",
    ]  # fmt: skip
    assert [times(value) for value in (1080.4, 6.376, 0.0512)] == ["1,080x", "6.38x", "0.0512x"]
    assert (times(6.376, "×"), percent(0.015625)) == ("6.38×", "1.56 %")
    assert (span([3, 1, 2]), span([5, 5])) == ("1 to 3", "5")
    assert (counted(1, "row"), counted(2_000, "row")) == ("1 row", "2,000 rows")
