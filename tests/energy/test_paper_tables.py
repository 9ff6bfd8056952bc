"""The paper's tables beside our own: GPT-3's integers exactly, energies by hand, every figure with its method."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from conftest import Outcome
from measurements import (
    BLOCK,
    FILL,
    MODEL,
    array_design,
    array_run,
    cell,
    measured,
    unit_designs,
    write_baseline,
)
from quweit_cli.artifacts import load
from quweit_cli.documents import (
    ArrayRun,
    Cell,
    PaperTable,
    PaperTables,
    TableRow,
)
from quweit_cli.energy import published, workload
from quweit_cli.energy.paper import comparison, table3, table4
from quweit_cli.energy.paper import table1 as breakdown
from quweit_cli.energy.paper.measured import ACCOUNTINGS, Block
from quweit_cli.energy.shapes import SHAPES, parse_shape, shape_named
from quweit_cli.errors import ConfigError, Mismatch, StaleArtifact
from quweit_cli.ir.nodes.products import systolic_cycles
from quweit_cli.report import paper_plots
from quweit_cli.report.exports import csv_text, latex, markdown
from quweit_cli.report.numbers import significant
from quweit_cli.stages import paper as tables


def test_gpt3_equals_the_papers_integers() -> None:
    table = breakdown.table1(SHAPES)
    for name, (parameters, macs) in published.GPT3_BREAKDOWN.items():
        row = next(one for one in table.rows if one.label == f"gpt3: {name}")
        assert (row.cells[0].value, row.cells[2].value) == (parameters, macs)
        assert (row.cells[0].paper, row.cells[2].paper) == (parameters, macs)


def test_another_context_is_not_gpt3s() -> None:
    """The equality above can fail."""
    shape = shape_named("gpt3").model_copy(update={"tokens": 2048})
    made = {part.name: part.macs_per_token for part in breakdown.parts(shape)}
    assert made["Q·Kᵀ"] != published.GPT3_BREAKDOWN["Q·Kᵀ"][1]


def test_multiplications_of_a_token_are_those_of_the_products_of_a_sample() -> None:
    for shape in SHAPES.values():
        gemms = [*workload.attention_gemms(shape), *workload.mlp_gemms(shape)]
        sample = shape.layers * sum(gemm.macs for gemm in gemms)
        assert sum(part.macs_per_token for part in breakdown.parts(shape)) * shape.tokens == sample


def test_the_paper_accounting_is_the_papers_334_6_and_2_29() -> None:
    table = table4.table4(measured(BLOCK), MODEL)
    assert cell(table, comparison.PRODUCTS, "32×32 dense, paper").value == pytest.approx(334.6, abs=0.05)
    assert cell(table, "times less", "32×32 weightless, paper").value == pytest.approx(2.29, abs=0.005)


def test_measured_energies_are_measured_cycles_times_the_models_power() -> None:
    table = table4.table4(measured(BLOCK), MODEL)
    column = "32×32 weightless, ours, measured"
    array_mw = 0.861 * 50_545**0.606
    qk = 3 * (49 * 64 + FILL)  # three heads, each filled and drained
    assert cell(table, "Q·Kᵀ", column).value == pytest.approx(qk * array_mw / 200 / 1000, rel=0.01)
    block_mw = 0.861 * 6_000**0.606
    assert cell(table, "weightless block", column).value == pytest.approx(
        196 * 16 * block_mw / 200_000, rel=0.01
    )
    assert cell(table, "MLP up", column).value is None


def test_the_gain_never_passes_that_of_a_block_without_energy() -> None:
    free = Block("block0", "Yosys 0.70", published.DEVICE, luts=1, ffs=1, brams=0, interval=1)
    for accounting in ACCOUNTINGS:
        gain = comparison.gain(measured(free), 32, accounting, MODEL)
        assert gain is not None
        assert gain <= comparison.bound(measured(free), 32, accounting)
    assert comparison.bound(measured(), 32, "counted") == pytest.approx((64_512 + 49_896) / 49_896)


def test_two_and_a_half_is_the_bound_of_nanogpt_baby_itself() -> None:
    shape = shape_named("nanogpt_baby")
    attention = systolic_cycles(workload.attention_gemms(shape), 32)
    assert systolic_cycles(workload.mlp_gemms(shape), 32) / attention + 1 == 2.5


def test_units_are_summed_apart_and_the_block_takes_the_gelu_away() -> None:
    table = table4.table4(measured(BLOCK), MODEL)
    for kind, gelu in (("dense", True), ("weightless", False)):
        column = f"32×32 {kind}, ours, measured"
        units = [cell(table, one.unit, column).value for one in unit_designs()]
        assert (units[0] is not None) == gelu
        products, whole = (
            cell(table, label, column).value for label in (comparison.PRODUCTS, comparison.WHOLE)
        )
        assert whole == pytest.approx(float(products or 0) + sum(float(one or 0) for one in units))
    assert cell(table, comparison.WHOLE, "32×32 dense, paper").value is None


def test_without_a_block_the_cells_say_so() -> None:
    table = table4.table4(measured(), MODEL)
    empty = cell(table, "times less", "32×32 weightless, ours, measured")
    assert (empty.value, empty.method) == (None, "no block was synthesized and simulated")


def test_every_cell_has_a_method() -> None:
    made = [breakdown.table1(SHAPES), table3.table3(measured(BLOCK), MODEL)]
    made += [table4.table4(measured(BLOCK), MODEL), table4.power_table(MODEL)]
    for table in made:
        for row in table.rows:
            assert len(row.cells) == len(table.columns)
            assert all(one.method for one in row.cells)


def test_table_3_states_both_accountings_of_the_block() -> None:
    table = table3.table3(measured(BLOCK), MODEL)
    assert cell(table, "weightless block: ours, paper's cycles", "cycles").value == 196
    assert cell(table, "weightless block: ours, measured", "cycles").value == 196 * 16
    assert cell(table, "systolic 32×32: ours, paper's cycles", "cycles").value == 64_512
    assert cell(table, "systolic 32×32: ours, measured", "cycles").value == 64_512 + 2 * FILL


def test_the_published_areas_and_powers_follow_cells_and_sides() -> None:
    """What a note of table 3 says: 672 um2 and 0.029 mW a cell, 0.1134 mm2 and 6.9 mW a lane."""
    for side, silicon in published.SILICON.items():
        area = 672e-6 * side**2 + 0.1134 * side
        assert area == pytest.approx(silicon.area_mm2, rel=0.003)
        power_mw = silicon.energy_uj * 1e6 / published.SYSTOLIC[side].cycles
        assert 0.029 * side**2 + 6.9 * side == pytest.approx(power_mw, rel=0.01)


TABLE = PaperTable(
    key="toy",
    title="Toy & 50 %",
    columns=["µJ", "a_b"],
    rows=[TableRow(label="x|y", cells=[Cell(value=1.5, method="by hand", paper=2), Cell(value=None, method="m")])],
    notes=["a note"],
)  # fmt: skip


def test_the_exports_hold_every_figure() -> None:
    assert "| x\\|y | 1.5 | – |" in markdown(TABLE)
    assert "- a note" in markdown(TABLE)
    assert r"Toy \& 50 \%" in latex(TABLE)
    assert r"$\mu$J & a\_b \\" in latex(TABLE)
    rows = list(csv.DictReader(io.StringIO(csv_text(TABLE))))
    assert rows[0] == {
        "row": "x|y", "column": "µJ", "value": "1.5", "unit": "", "method": "by hand", "paper": "2",
    }  # fmt: skip


def test_the_command_prints_and_writes_every_form(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    project = write_baseline(tmp_path / "p", array_run(array_design()))
    done = quweit("energy", project, "--tables", "--shape", "tiny=4,64,2,65,256")
    assert done.code == 0
    assert "43,486,543,872" in done.stdout
    made = load(PaperTables, project / "tables.json")
    assert [table.key for table in made.tables] == [
        "table1",
        "table3_i_vit_t",
        "table4_i_vit_t",
        "power_model",
    ]
    for table in made.tables:
        for kind in ("csv", "md", "tex"):
            assert (project / f"{table.key}.{kind}").stat().st_size > 100
    page = (project / "index.html").read_text()
    assert page.count("<svg") == 4  # figure 1 twice, table 3 without library cells, table 4
    assert "tiny" in page
    for table in made.tables:
        assert f'<a href="{table.key}.csv">' in page
    for name in re.findall(r'<a href="([^"#]+)">', page):
        assert (project / name).is_file()


def test_without_a_project_the_tables_that_need_no_measurement_are_printed(
    quweit: Callable[..., Outcome],
) -> None:
    done = quweit("energy", "--tables", "--json")
    keys = [table["key"] for table in json.loads(done.stdout)["tables"]]
    assert keys == ["table1", "power_model"]


def test_an_array_that_is_not_bit_exact_has_no_tables(tmp_path: Path) -> None:
    difference = {
        "product": "up", "scenario": "steady", "row": 1, "column": 2, "cycle": 3, "expected": 4, "got": 5,
    }  # fmt: skip
    broken = ArrayRun.model_validate(
        array_run(array_design()).model_dump()
        | {"bit_exact": False, "different": 1, "differences": [difference]}
    )
    project = write_baseline(tmp_path / "p", broken)
    with pytest.raises(Mismatch, match="product up, row 1, column 2"):
        tables.run(project)


def test_library_cells_of_another_dump_are_no_part_of_a_table(tmp_path: Path) -> None:
    project = write_baseline(tmp_path / "p", array_run(array_design()))
    write_baseline(project, array_run(array_design()), "i_vit_t_silicon", digest="1" * 64)
    with pytest.raises(StaleArtifact, match="made from another dump"):
        tables.run(project)


@pytest.mark.parametrize(
    "words",
    [
        "tiny=1,8,1,8,causal",
        "tiny=1,8,1,8,8,encoder",
        "tiny=1,2,3",
        "tiny=1,2,3,4,x",
        "tiny=0,1,1,1,1",
        "gpt33",
        "../x=1,8,1,8,8",
        "tiny=1,8,3,8,8",
    ],
)
def test_a_shape_that_is_none_is_refused(words: str) -> None:
    with pytest.raises(ConfigError):
        parse_shape(words)


def test_the_longest_name_of_a_model_has_a_table_of_every_kind() -> None:
    name, _ = parse_shape("m" + 40 * "o" + "=1,192,3,196,768,causal")
    longest = f"table4_{name}_causal_silicon_vectorless"
    assert TABLE.model_validate({**TABLE.model_dump(), "key": longest}).key == longest
    with pytest.raises(ValidationError):
        TABLE.model_validate({**TABLE.model_dump(), "key": "../table4"})


def test_a_project_is_needed_without_tables(quweit: Callable[..., Outcome]) -> None:
    assert quweit("energy").code == 2


def test_a_model_without_published_figures_has_neither_the_papers_rows_nor_ratios_to_them() -> None:
    published_model, other = (table3.table3(measured(BLOCK, name), MODEL) for name in ("i_vit_t", "tiny"))
    assert any(row.label == "weightless block: paper" for row in published_model.rows)
    assert "LUTs / paper's" in published_model.columns
    assert not any(row.label.endswith(": paper") for row in other.rows)
    assert not any("/ paper's" in column for column in other.columns)
    assert all(one.paper is None for row in other.rows for one in row.cells)
    assert "The paper has no table 3 for this model." in other.notes[0]


def test_the_papers_asic_powers_are_its_energies_at_1_ghz() -> None:
    """Beside our vectorless power, as the paper's is."""
    table = table3.table3(measured(BLOCK), MODEL)
    column = "ASIC mW, vectorless"
    assert cell(table, "systolic 32×32: paper", column).value == pytest.approx(16.12e6 / 64_512)
    assert cell(table, "weightless block: paper", column).value == pytest.approx(5.1, abs=0.01)
    assert cell(table, "systolic 32×32: ours, measured", column).value is None
    assert cell(table, "systolic 32×32: paper", "ASIC mW").value is None


def test_a_plot_has_axis_titles_and_powers_of_ten_as_numbers() -> None:
    made = table3.table3(measured(BLOCK), MODEL)
    svg = paper_plots.area_against_cycles("t", paper_plots.points_of(made, "LUTs"), "LUTs")
    words = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert {"cycles of one sample", "LUTs", "10,000", "paper", "ours, measured", "weightless block"} <= set(
        words
    )
    assert words.count("systolic 32×32") == 1  # its points lie on one another
    assert "mathdefault" not in svg
    bars = paper_plots.energies_of(table4.table4(measured(BLOCK), MODEL))
    svg = paper_plots.stacked_bars("u", bars, "energy, µJ", "array")
    assert {"energy, µJ", "array", *bars.labels} <= set(re.findall(r"<text[^>]*>([^<]*)</text>", svg))


def test_areas_in_library_cells_are_drawn_where_some_are_ours() -> None:
    table = table3.table3(measured(BLOCK), MODEL)
    assert paper_plots.points_of(table, "ASIC mm²") == []
    row = next(one for one in table.rows if one.label == "systolic 32×32: ours, measured")
    place = table.columns.index("ASIC mm²")
    row.cells[place] = row.cells[place].model_copy(update={"value": 1.3})
    drawn = paper_plots.points_of(table, "ASIC mm²")
    assert {point.area for point in drawn if point.kind == "measured"} == {1.3}
    assert {point.area for point in drawn if point.kind == "published"} == {4.31, 0.11}


def test_figure_1_draws_parameters_and_multiplications() -> None:
    parameters, multiplications = (dict(made) for made in breakdown.shares(SHAPES["gpt3"]))
    assert sum(parameters.values()) == pytest.approx(100) == sum(multiplications.values())
    assert "Q·Kᵀ" not in parameters
    assert parameters["feed forward 1"] == pytest.approx(100 / 3)
    assert multiplications["Q·Kᵀ"] == pytest.approx(2.63, abs=0.01)


def test_parts_of_a_bar_differ_in_black_and_white() -> None:
    assert len({hatch for _, hatch in paper_plots.LAYERS}) == len(paper_plots.LAYERS) >= 10


def test_a_bar_whose_sum_is_not_known_is_left_out() -> None:
    """nanoGPT-baby's block is not published: its attention alone would look like a layer."""
    bars = paper_plots.energies_of(table4.table4(measured(BLOCK, "nanogpt_baby"), MODEL))
    assert "32×32 dense, paper" in bars.parts
    assert "32×32 weightless, paper" not in bars.parts
    products, whole = (
        cell(table4.table4(measured(BLOCK), MODEL), label, "32×32 dense, ours, measured").value
        for label in (comparison.PRODUCTS, comparison.WHOLE)
    )
    assert (
        bars.ends["32×32 dense, ours, measured"]
        == f"{significant(float(whole or 0))}, products {significant(float(products or 0))}"
    )
