"""What the report says of a whole model: its schedule, its engines and its memories."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import packages
import whole_models
from quweit_cli import config
from quweit_cli.report import model_plots
from quweit_cli.report.findings import collect
from quweit_cli.report.whole import whole_model
from quweit_cli.stages import energy, report


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    for name in ("dense", "weightless"):
        whole_models.write_project(folder / name, weightless=name == "weightless")
    energy.run(folder / "dense", config.Energy())
    energy.run(folder / "weightless", config.Energy(dense=folder / "dense"))
    return folder / "weightless"


def test_the_schedule_is_drawn_from_the_first_pixel_to_the_last_logit() -> None:
    design = whole_models.model_design()
    drawn = model_plots.schedule(design)
    for row in (
        "pixels in",
        "array",
        "normalisation",
        "softmax",
        "token sum",
        "blocks",
        "logits out",
        "layer 0",
        "layer 1",
    ):
        assert f">{row}<" in drawn
    assert "pattern" in drawn, "what works is told by its hatch as well"
    without = design.model_copy(
        update={"schedule": [job for job in design.schedule if job.engine != "softmax"]}
    )
    assert ">softmax<" not in model_plots.schedule(without)


def test_engines_memories_and_both_models_stand_in_the_section(project: Path) -> None:
    section = whole_model(collect(project))
    assert section is not None
    captions = [table.caption for table in section.tables]
    assert captions == [
        "Resources by engine", "Energy by engine, weightless, 200 MHz", "Energy by engine, dense twin, 200 MHz",
        "Memories, weightless", "Memories, dense twin",
    ]  # fmt: skip
    engines = [row[0] for row in section.tables[0].rows]
    assert engines == [*whole_models.CELLS, "memories", "total"]
    assert any("By the formula" in words and "filling and draining" in words for words in section.paragraphs)
    assert any("times as much on the same hardware" in words for words in section.paragraphs)
    assert len(section.details[0].rows) == len(whole_models.JOBS)
    page = report.run(project).read_text()
    assert page.count(">Whole model</h2>") == 1 and "Energy of one sample, pixels to logits" in page


def test_what_is_not_known_is_a_dash_and_no_ratio(tmp_path: Path) -> None:
    whole_models.write_project(tmp_path, model=whole_models.synthesized(urams=1))
    energy.run(tmp_path, config.Energy())
    section = whole_model(collect(tmp_path))
    assert section is not None
    assert not any("Energy of one sample" in words for words in section.paragraphs)
    page = report.run(tmp_path).read_text()
    assert re.search(r"not known", page)


def test_without_a_model_there_is_no_section(tmp_path: Path) -> None:

    packages.write_project(tmp_path)
    assert whole_model(collect(tmp_path)) is None
