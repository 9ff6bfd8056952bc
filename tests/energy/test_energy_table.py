"""Energies are cycles times power over clock, worked by hand, in two accountings that never mix."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

import measurements
import packages
from conftest import Outcome
from packages import I_VIT_T
from quweit_cli import artifacts, config
from quweit_cli.documents import ArrayDesign, EnergyRow, EnergyTable, Implementation, ModelShape
from quweit_cli.energy import workload
from quweit_cli.energy.power import calibrated, energy_uj
from quweit_cli.energy.rows import build, initiation_intervals
from quweit_cli.errors import ArtifactError, CheckFailed, ConfigError, ConstraintMissed, StaleArtifact
from quweit_cli.report import energy_tables
from quweit_cli.report.numbers import times
from quweit_cli.stages import energy, rtl

PUBLISHED_UJ = {8: 585.22, 16: 327.07, 32: 188.69, 64: 135.38}
# Vivado's figure for a block of the published power: 0.15 uJ in 196 cycles at 200 MHz.
PAPERS_BLOCK = packages.synthesized_block(
    tool="vivado", version="Vivado v2022.1", stage="route", power_mw=0.15 * 200 / 196 * 1000,
    power_method="report_power, vectorless",
)  # fmt: skip


def table_of(*blocks: Implementation, interval: int | None = 192, **options: object) -> EnergyTable:
    """Rows and ratios of a model with these blocks, in the document's type."""
    shape = I_VIT_T.model_copy(update={"layers": len(blocks)})
    model = calibrated()
    rows, ratios = build(
        packages.dump_manifest(shape),
        packages.sim_result(len(blocks), interval),
        packages.synthesis_report(*blocks),
        [],
        config.Energy.model_validate(options),
        model,
    )
    return EnergyTable(
        name="tiny", synth=packages.DIGEST, sim=packages.DIGEST, rows=rows, ratios=ratios,
        multiplications_replaced=0.5, weights_replaced=0.5, power_model=model,
    )  # fmt: skip


def row(table: EnergyTable, subject: str, implementation: str, accounting: str) -> EnergyRow:
    (found,) = (
        row
        for row in table.rows
        if (row.subject, row.implementation, row.accounting) == (subject, implementation, accounting)
    )
    return found


def ratio(table: EnergyTable, name: str, accounting: str) -> float:
    (found,) = (one for one in table.ratios if (one.name, one.accounting) == (name, accounting))
    return found.value


def test_energy_is_power_times_time() -> None:
    assert energy_uj(200_000_000, 1.0, 200.0) == pytest.approx(1000)  # 1 mW for a second


@pytest.mark.parametrize("side", PUBLISHED_UJ)
def test_the_published_mlp_energies_come_out(side: int) -> None:
    found = row(table_of(PAPERS_BLOCK), "mlp", f"systolic {side}x{side}", "counted")
    assert found.value == pytest.approx(PUBLISHED_UJ[side], rel=1e-9)
    assert "table 3" in found.power_sources[0]


def test_the_papers_end_to_end_figures_come_out_in_its_accounting() -> None:
    table = table_of(PAPERS_BLOCK)
    assert row(table, "block_0", "weightless block", "counted").value == pytest.approx(0.15)
    assert row(table, "layer", "systolic 32x32", "counted").value == pytest.approx(334.6, abs=0.05)
    with_block = row(table, "layer 0", "systolic 32x32 + weightless block", "counted")
    assert with_block.value == pytest.approx(146.1, abs=0.05)
    assert ratio(table, "layer 0 end to end, systolic 32x32", "counted") == pytest.approx(2.29, abs=0.005)


def test_measured_cycles_make_it_1_92_times() -> None:
    table = table_of(PAPERS_BLOCK, interval=192)
    block = row(table, "block_0", "weightless block", "measured")
    assert block.cycles == 37_632 and block.value == pytest.approx(28.8)
    assert "simulation" in block.cycles_sources[0]
    assert ratio(table, "layer 0 end to end, systolic 32x32", "measured") == pytest.approx(1.92, abs=0.005)


def test_measured_energy_follows_the_measured_cycles() -> None:
    slow = row(table_of(PAPERS_BLOCK, interval=192), "block_0", "weightless block", "measured")
    fast = row(table_of(PAPERS_BLOCK, interval=32), "block_0", "weightless block", "measured")
    assert slow.value == pytest.approx(6 * fast.value)


def test_the_model_is_the_sum_of_its_layers_and_blocks_may_differ() -> None:
    small = packages.synthesized_block(1, luts=9_000, ffs=4_000)
    table = table_of(packages.synthesized_block(0), small)
    for accounting in ("measured", "counted"):
        blocks = [row(table, f"block_{n}", "weightless block", accounting).value for n in (0, 1)]
        assert blocks[0] > blocks[1]
        assert row(table, "mlps", "weightless block", accounting).value == pytest.approx(sum(blocks))
        attention = row(table, "attention", "systolic 16x16", "counted").value
        whole = row(table, "model", "systolic 16x16 + weightless block", accounting)
        assert whole.value == pytest.approx(2 * attention + sum(blocks))
        assert whole.value == pytest.approx(energy_uj(whole.cycles, whole.power_mw, 200))


def test_every_row_says_where_its_cycles_and_power_come_from() -> None:
    for found in table_of(packages.synthesized_block(0), packages.synthesized_block(1)).rows:
        assert found.value == pytest.approx(energy_uj(found.cycles, found.power_mw, found.clock_mhz))
        for sources in (found.cycles_sources, found.power_sources, found.tools, found.devices, found.stages):
            assert sources and all(sources)
        assert found.modelled == found.weightless
        assert found.modelled == ("model of LUTs and FFs" in found.power_sources[-1])
        assert (found.array is None) == (found.implementation == "weightless block")


def test_the_accountings_never_mix() -> None:
    table = table_of(packages.synthesized_block(0), packages.synthesized_block(1))
    for found in table.rows:
        words = {"measured": "simulation", "counted": "one row a cycle"}
        for accounting, word in words.items():
            said = word in found.cycles_sources[-1]
            assert said == (found.weightless and found.accounting == accounting)
    assert {one.accounting for one in table.ratios} == {"measured", "counted"}


def test_a_slower_clock_takes_longer_at_less_power_for_the_same_energy() -> None:
    for found, slow in zip(
        table_of(PAPERS_BLOCK).rows, table_of(PAPERS_BLOCK, clock_mhz=100).rows, strict=True
    ):
        assert slow.value == pytest.approx(found.value)
        assert slow.power_mw == pytest.approx(found.power_mw / 2)
        assert "from 200 to 100 MHz" in slow.power_sources[0] or slow.modelled


def test_an_array_without_a_published_power_is_refused() -> None:
    with pytest.raises(ConfigError, match="side 24; known: 8, 16, 32, 64"):
        table_of(PAPERS_BLOCK, arrays=(24,))


def test_a_block_without_measured_cycles_is_refused() -> None:
    with pytest.raises(ArtifactError, match="no simulation measured the cycles of `block_0`"):
        table_of(PAPERS_BLOCK, interval=None)


def test_a_block_that_was_not_compared_is_refused_with_the_way_out() -> None:
    sim = packages.sim_result(1).model_copy(update={"not_compared": ["block_1"]})
    with pytest.raises(ArtifactError, match="cycles of `block_1`") as caught:
        initiation_intervals(packages.dump_manifest(I_VIT_T.model_copy(update={"layers": 2})), sim)
    assert caught.value.hint == "run `quweit rtl` and `quweit sim` without `--block`"


def test_projections_of_few_bits_take_as_many_cycles_as_the_array_of_the_package_has_steps_for() -> None:
    shape = I_VIT_T.model_copy(update={"layers": 1, "qkv": "ternary", "projection": "ternary"})
    array = packages.synthesized_block(luts=86_000, ffs=61_000).model_copy(
        update={"design": "few_bits_32", "kind": "array"}
    )
    synth = packages.synthesis_report(PAPERS_BLOCK, array)

    def cycles(*designs: ArrayDesign) -> list[int]:
        rows, _ = build(
            packages.dump_manifest(shape),
            packages.sim_result(1, 192),
            synth,
            designs,
            config.Energy(),
            calibrated(),
        )
        return [row.cycles for row in rows if row.subject == "projections of few bits"]

    made = [
        measurements.array_design().model_copy(update={"name": "few_bits_32", "steps": steps})
        for steps in (1, 4)
    ]
    one, four = map(cycles, made)
    assert one == [7 * 24 * 192] and four == [7 * 24 * 48]  # 196 tokens, 768 outputs, 192 inputs
    assert cycles() == []  # of an array that the package does not have, nothing is known


def test_blocks_of_projections_beside_a_dense_mlp_have_a_table_of_layers_alone() -> None:
    dump = packages.dump_manifest(I_VIT_T.model_copy(update={"layers": 1, "qkv": "weightless"}))
    blocks = [block.model_copy(update={"role": "qkv"}) for block in dump.blocks]
    rows, ratios = build(
        dump.model_copy(update={"blocks": blocks}), packages.sim_result(1, 192),
        packages.synthesis_report(PAPERS_BLOCK), [], config.Energy(), calibrated(),
    )  # fmt: skip
    made = EnergyTable(
        name="tiny", synth=packages.DIGEST, sim=packages.DIGEST, rows=rows, ratios=ratios,
        multiplications_replaced=0.5, weights_replaced=0.5, power_model=calibrated(),
    )  # fmt: skip
    (shown, *_) = energy_tables.energy(made)
    assert {row[0] for row in shown.rows} == {"all layers end to end"}
    assert not any("all MLPs" in str(note) for note in shown.notes)


def test_a_table_names_the_array_of_each_row_where_they_differ() -> None:
    table = table_of(PAPERS_BLOCK)
    (same,) = energy_tables.energy(table)
    assert "the most frugal array" in same.title and same.rows[0][0] == "all MLPs"
    of_one_side = [
        one for one in table.ratios if one.scope == "mlps" or one.array == "systolic 8x8"
    ]  # as where an array of few bits was synthesized for one side
    (shown,) = energy_tables.energy(table.model_copy(update={"ratios": of_one_side}))
    assert "of each" in shown.title
    assert {str(row[0]).rpartition(", ")[2] for row in shown.rows} == {"systolic 64x64", "systolic 8x8"}


def test_simulators_that_disagree_are_refused() -> None:
    one, other = packages.sim_result(1, 192), packages.sim_result(1, 191, simulator="icarus")
    both = one.model_copy(update={"simulators": [*one.simulators, *other.simulators]})
    synth = packages.synthesis_report(PAPERS_BLOCK)
    with pytest.raises(CheckFailed, match=r"disagree.*191, 192"):
        build(packages.dump_manifest(), both, synth, [], config.Energy(), calibrated())


def test_the_stage_writes_its_table_and_reuses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages.write_project(tmp_path / "project")
    made = energy.run(tmp_path / "project", config.Energy())
    monkeypatch.setattr(energy, "build", None)
    assert energy.run(tmp_path / "project", config.Energy(), reuse=True) == made
    assert made.synth == artifacts.read_stage(tmp_path / "project", "synth").digest()


@pytest.mark.parametrize("stage", ["dump", "sim", "synth"])
def test_a_missing_stage_is_named(tmp_path: Path, stage: str) -> None:
    project = tmp_path / "project"
    packages.write_project(project)
    (project / stage).rename(tmp_path / "aside")
    with pytest.raises(ArtifactError, match=f"no {stage} artefact") as caught:
        energy.run(project, config.Energy())
    assert f"quweit {stage}" in str(caught.value.hint)


def test_figures_of_another_package_are_stale(tmp_path: Path) -> None:
    project = tmp_path / "project"
    packages.write_project(project)
    packages.write_rtl(project, source=packages.BLOCK.replace("0001", "0002"))
    with pytest.raises(StaleArtifact, match="rtl"):
        energy.run(project, config.Energy())


def test_rtl_that_is_not_bit_exact_has_no_energy(tmp_path: Path) -> None:
    project = tmp_path / "project"
    packages.write_project(project, sim=packages.sim_result(bit_exact=False))
    with pytest.raises(CheckFailed, match="does not equal"):
        energy.run(project, config.Energy())
    assert not (project / "energy").exists()


def test_a_block_that_was_not_synthesized_is_named(tmp_path: Path) -> None:
    project = tmp_path / "project"
    packages.write_project(project, synth=packages.synthesis_report())
    with pytest.raises(ArtifactError, match="`block_0` was not synthesized"):
        energy.run(project, config.Energy())


def test_a_design_that_misses_its_clock_has_no_energy_at_it(tmp_path: Path) -> None:
    late = packages.synthesis_report(packages.synthesized_block(slack_ns=-0.5))
    project = tmp_path / "project"
    packages.write_project(project, synth=late)
    with pytest.raises(ConstraintMissed, match="miss 200 MHz"):
        energy.run(project, config.Energy())
    packages.write_project(project, synth=late, synth_options={"allow_negative_slack": True})
    assert energy.run(project, config.Energy()).rows


ONE_TOKEN = I_VIT_T.model_copy(update={"tokens": 1})
NO_ATTENTION = I_VIT_T.model_copy(update={"heads": 0, "tokens": 16})


def test_the_utilisation_of_an_array_is_that_of_the_worked_example() -> None:
    """One row on S rows of multipliers; 196 rows on the four tiles of 64 that they need."""
    for side in PUBLISHED_UJ:
        assert workload.utilisation(workload.mlp_gemms(ONE_TOKEN), side) == pytest.approx(1 / side)
    assert workload.utilisation(workload.mlp_gemms(I_VIT_T), 64) == pytest.approx(196 / 256)


def test_every_ratio_also_stands_against_a_full_array() -> None:
    table = table_of(PAPERS_BLOCK)
    found = row(table, "mlps", "systolic 64x64", "counted")
    assert found.utilisation == pytest.approx(196 / 256)
    full = {(one.name, one.accounting): one.full_array for one in table.ratios}
    assert full["all MLPs, systolic 64x64", "measured"] == pytest.approx(135.38 * 196 / 256 / 28.8)
    whole, dense = (row(table, "model", name, kind) for name, kind in (
        ("systolic 64x64 + weightless block", "measured"), ("systolic 64x64", "counted")))  # fmt: skip
    attention = row(table, "attention", "systolic 64x64", "counted").full_array
    assert attention and whole.full_array and dense.full_array
    assert whole.full_array == pytest.approx(attention + 28.8)
    assert full["all layers end to end, systolic 64x64", "measured"] == pytest.approx(
        dense.full_array / whole.full_array
    )
    assert row(table, "block_0", "weightless block", "measured").utilisation is None


@pytest.mark.parametrize("shape", [ONE_TOKEN, NO_ATTENTION])
def test_where_tokens_do_not_see_one_another_there_is_no_attention(
    tmp_path: Path, shape: ModelShape, quweit: Callable[..., Outcome]
) -> None:
    project = tmp_path / "project"
    packages.write_project(project, shape)
    made = energy.run(project, config.Energy())
    assert {found.subject for found in made.rows} == {"block_0", "mlp", "mlps"}
    assert {one.scope for one in made.ratios} == {"mlps", "mlp"}
    assert (made.multiplications_replaced, made.weights_replaced) == (1, 1)
    printed = "".join(
        quweit("-q", *words).stdout for words in (("energy", project, "--all"), ("report", project))
    )
    page = (project / "report" / "index.html").read_text()
    for text in (printed, page):
        assert "end to end" not in text and "attention products" not in text


def test_a_one_row_product_is_compared_with_arrays_in_full_use(
    tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    project = tmp_path / "project"
    packages.write_project(project, ONE_TOKEN)
    short = quweit("-q", "energy", project).stdout
    made = energy.run(project, config.Energy())
    least = min(
        one.full_array or math.inf
        for one in made.ratios
        if (one.scope, one.accounting) == ("mlps", "measured")
    )
    assert f"go by arrays in full use: all MLPs take {times(least)} less than systolic 64x64" in short
    assert "12.5 %" in short
    page = quweit("-q", "report", project)
    assert f"{times(least)} less than systolic 64x64 in full use" in page.stdout
    html = (project / "report" / "index.html").read_text()
    card = html[html.index("systolic 64x64 in full use over blocks") :]
    assert card.index(f">{times(least, '×')}<") < card.index(
        "as one sample uses it: 12.5 % of the array in use"
    )
    assert "1.56 % of systolic 64x64" in html


def test_keeping_pace_with_no_attention_is_refused() -> None:
    with pytest.raises(ConfigError, match="this model has none"):
        rtl.paced(config.Fold(outputs_per_cycle="auto"), NO_ATTENTION, 32)
