"""What `--estimate` and `front` foretell is what Yosys counts, within ten per cent, and nothing is rendered for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cases import few
from conftest import Outcome
from programs import project_with_dump, random_block
from quweit_cli import config
from quweit_cli.documents import Front
from quweit_cli.errors import ConfigError
from quweit_cli.report.findings import collect
from quweit_cli.report.sections import sections
from quweit_cli.stages import front, rtl, sim, synth

# Outputs a cycle of 40 outputs: tables gated behind one cell, pairs of values, pairs of answers, all at once.
FOLDINGS = (1, 4, 10, "all")


@pytest.mark.requires("yosys")
@pytest.mark.parametrize(
    ("outputs_per_cycle", "summed"),
    few([(1, False), (4, True), *((one, False) for one in FOLDINGS[1:])]),
)
def test_yosys_counts_what_was_foretold(outputs_per_cycle: int | str, summed: bool, tmp_path: Path) -> None:
    program = random_block(9, features=40, thresholds=4, layers=(80, 40), outputs=40, summed=summed)
    project = project_with_dump(tmp_path / "p", program, rows=2)
    options = config.Rtl(outputs_per_cycle=outputs_per_cycle)  # type: ignore[arg-type]
    foretold = front.estimates(project, options).points[0]
    assert not (project / "rtl").exists()
    manifest = rtl.run(project, options)
    cells = synth.run(project, config.Synth()).blocks[0]
    assert cells.estimate == manifest.blocks[0].estimate
    assert foretold.luts == pytest.approx(cells.luts, rel=0.1)
    assert foretold.ffs == pytest.approx(cells.ffs, rel=0.1)
    assert foretold.cycles_per_row == manifest.blocks[0].initiation_interval_cycles


def test_the_command_prints_an_estimate_and_renders_nothing(
    tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    project = project_with_dump(tmp_path / "p", random_block(9), rows=2)
    outcome = quweit("rtl", project, "--out", project, "--estimate", "--json", "--bits-per-cycle", 5)
    point = json.loads(outcome.stdout)["points"][0]
    assert (point["source"], point["outputs_per_cycle"], point["cycles_per_row"]) == ("estimated", 3, 2)
    assert point["bits_per_cycle"] == 5 and point["luts"] > 0 and point["energy_uj"] > 0
    assert not (project / "rtl").exists()


@pytest.mark.requires("icarus", "yosys")
def test_the_front_tells_estimated_measured_and_published_points_apart(tmp_path: Path) -> None:
    program = random_block(9, features=8, layers=(12,), outputs=8)
    project = project_with_dump(tmp_path / "p", program, rows=4)
    assert {point.source for point in front.run(project).points} == {"estimated"}
    rtl.run(project, config.Rtl(outputs_per_cycle=2))
    sim.run(project, config.Sim(simulators=("icarus",), rows={"icarus": 4}))
    synth.run(project, config.Synth())
    made = front.run(project)
    measured = [point for point in made.points if point.source == "measured"]
    assert [(point.cycles_per_row, point.sample_cycles) for point in measured] == [(4, 64)]
    page = next(one for one in sections(collect(project)) if one.title.startswith("Foldings"))
    assert "estimated" in page.plot and "measured" in page.plot
    with pytest.raises(ConfigError, match="has no block `block7`"):
        front.run(project, block="block7")


@pytest.mark.slow
@pytest.mark.requires("icarus", "yosys")
def test_the_front_of_a_block_needs_no_other_block_rendered(tmp_path: Path) -> None:
    blocks = [
        random_block(9, name=f"block{number}", features=8, layers=(12,), outputs=8) for number in (0, 1)
    ]
    project = project_with_dump(tmp_path / "p", *blocks, rows=4)
    assert [point.block for point in front.estimates(project, config.Rtl(), only=("block1",)).points] == [
        "block1"
    ]
    rtl.run(project, config.Rtl(outputs_per_cycle=2), only=("block1",))
    sim.run(project, config.Sim(simulators=("icarus",), rows={"icarus": 4}))
    synth.run(project, config.Synth())
    measured = [point for point in front.run(project, block="block1").points if point.source == "measured"]
    assert [point.cycles_per_row for point in measured] == [4]
    assert {point.source for point in front.run(project, block="block0").points} == {"estimated"}
    (section,) = (one for one in sections(collect(project)) if one.title == "Blocks")
    assert [(table.caption, table.rows) for table in section.tables][1:] == [("Not rendered", [("block0",)])]


def test_the_published_block_stands_at_196_and_37632_cycles(tmp_path: Path) -> None:
    shape = front.ModelShape(family="vit", layers=1, dim=192, heads=3, tokens=196, mlp_hidden=768)
    points = {point.accounting: point for point in front.paper_points(shape)}
    assert points["published"].sample_cycles == 196 and points["published"].energy_uj == pytest.approx(0.15)
    assert points["counted"].sample_cycles == 37_632
    assert points["counted"].energy_uj == pytest.approx(28.8)
    assert Front.model_fields["points"].is_required()
