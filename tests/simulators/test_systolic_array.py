"""Systolic arrays equal the products of matrices, in both renderings, and cells counted by module are those counted flat."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import slang
from arrays import LARGER, PRODUCTS, array_run, project_with_arrays, random_products, simulate
from conftest import Outcome
from quweit_cli import config, toolbox
from quweit_cli.artifacts import load, open_project
from quweit_cli.documents import Form, Product, RtlManifest, SimResult
from quweit_cli.errors import ConfigError, Mismatch, ToolFailed
from quweit_cli.hdl.array.design import render_arrays
from quweit_cli.ir.nodes.products import Operands, golden
from quweit_cli.stages import reference, rtl, synth
from quweit_cli.synthesizers.cells import cell_counts, module_cells, resources
from quweit_cli.synthesizers.yosys import script
from quweit_cli.technologies import ULTRASCALE_PLUS


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("form", ["rtl", "xilinx"])
def test_products_with_ragged_edges_are_bit_exact(tmp_path: Path, form: Form) -> None:
    run = array_run(project_with_arrays(tmp_path / "p", 8), "icarus", form)
    elements = sum(rows * columns for rows, _, columns in PRODUCTS)
    assert run.bit_exact
    assert run.compared == 2 * elements  # with and without gaps and backpressure
    # Side cycles and those of the last tile's rows to leave the array, six in registers; one more for the first.
    assert [run.fill_and_drain[f"product{number}"] for number in (0, 1)] == [8 + 8 + 6 + 1, 8 + 1 + 6]


WAITS = ("rtl/quweit_systolic_control.sv", "if (drain || start_o)  ", "if (drain)  ")


@pytest.mark.requires("icarus")
def test_the_first_product_after_reset_may_be_shorter_than_the_side(tmp_path: Path) -> None:
    """What the cells hold then is unknown, and must have left the columns before the first sums enter them."""
    short = [(8, 2, 16), (8, 1, 8)]
    assert simulate(project_with_arrays(tmp_path / "p", 8, short), "icarus").bit_exact
    with pytest.raises(Mismatch, match="unknown bits"):
        simulate(project_with_arrays(tmp_path / "q", 8, short, change=WAITS), "icarus")


@pytest.mark.slow
@pytest.mark.requires("verilator")
def test_a_larger_array_on_verilator_fills_and_drains_in_a_constant_number_of_cycles(tmp_path: Path) -> None:
    run = array_run(project_with_arrays(tmp_path / "p", 16, LARGER), "verilator")
    assert run.bit_exact
    # A product of one tile takes its inner dimension; filling and draining are the array's own.
    assert run.steady_cycles["product0"] == 16
    assert run.cycles["product0"] == 16 + run.fill_and_drain["product0"]
    assert 16 < run.fill_and_drain["product0"] <= 3 * 16


SMALL, WIDE = (8, 2, 8), (8, 2, 32)  # of few cycles; for a fault that few elements show
BROKEN = {
    "accumulator": ("rtl/quweit_systolic_cell.sv", "start_i ? 32'd0 : sum_o", "start_i ? 32'd1 : sum_o"),
    "narrow sum": ("rtl/quweit_systolic_cell.sv", "32'(product)", "{24'd0, product[7:0]}"),
    "rounding": ("rtl/quweit_systolic_column.sv", "+ 10'sd1", "+ 10'sd0"),
    "saturation": (
        "rtl/quweit_systolic_column.sv",
        "(rounded[9:7] != {3{rounded[9]}})",
        "1'b0",
    ),
}


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_array_is_found_and_the_element_named(tmp_path: Path, fault: str) -> None:
    size = WIDE if fault == "accumulator" else SMALL
    project = project_with_arrays(tmp_path / "p", 8, [size], change=BROKEN[fault])
    with pytest.raises(Mismatch, match=r"product\d, row \d+, column \d+, cycle \d+: expected -?\d+, got"):
        simulate(project, "icarus")


@pytest.mark.requires("icarus")
def test_a_lane_that_is_not_skewed_is_found(tmp_path: Path) -> None:
    straight = (
        "rtl/quweit_skew.sv",
        "(Falling != 0) ? Lanes - 1 - n : n",
        "(Falling != 0) ? Lanes - 1 - n : n % 7",
    )
    with pytest.raises(Mismatch, match=r"row 0, column \d"):
        simulate(project_with_arrays(tmp_path / "p", 8, [SMALL], change=straight), "icarus")


@pytest.mark.parametrize("pipelined", [False, True])
def test_slang_reads_the_arrays_and_their_benches(pipelined: bool, tmp_path: Path) -> None:
    package = project_with_arrays(tmp_path / "p", 8, pipelined=pipelined) / "rtl"
    cells = slang.vendor_cells(tmp_path)
    lists = sorted(package.glob("filelists/*.f"))
    assert len(lists) == (2 if pipelined else 3)
    for files in lists:
        sources = [package / name for name in files.read_text().split()]
        assert slang.complaints([*sources, cells], files.stem.removesuffix("_xilinx")) == "", files.name


@pytest.mark.requires("verilator")
@pytest.mark.parametrize("rendering", ["", "_xilinx"])
def test_verilator_lints_the_array_without_a_warning(tmp_path: Path, rendering: str) -> None:
    package = project_with_arrays(tmp_path / "p", 16) / "rtl"
    words = toolbox.find(toolbox.VERILATOR).command
    files = f"filelists/systolic_16{rendering}.f"
    output = toolbox.run(
        [*words, "--lint-only", "-Wall", "--top-module", "systolic_16", "-f", files],
        cwd=package,
        log=tmp_path / "lint.log",
        name="verilator",
    )
    assert "%Warning" not in output


@pytest.mark.slow
@pytest.mark.requires("yosys")
def test_an_array_counted_by_modules_is_within_three_percent_of_it_counted_flat(tmp_path: Path) -> None:
    """8 x 8; the netlists differ only where optimisation crosses the face of a module."""
    project = project_with_arrays(tmp_path / "p", 8)
    (made,) = synth.run(project, config.Synth()).arrays
    assert made.luts is not None
    assert made.luts == sum(one.count * one.luts for one in made.modules)
    cells = next(one for one in made.modules if one.module == "quweit_systolic_cell")
    assert (cells.count, cells.ffs) == (64, 49)
    assert made.dsps == 0
    assert made.luts == pytest.approx(FLAT_AS_MEASURED, rel=0.03)


FLAT_AS_MEASURED = 8_267  # see the slow test, which measures it


@pytest.mark.slow
@pytest.mark.requires("yosys")
def test_the_flat_count_is_what_is_written_above(tmp_path: Path) -> None:
    project = project_with_arrays(tmp_path / "p", 8)
    manifest = load(RtlManifest, project / "rtl" / "manifest.json")
    (tmp_path / "yosys").mkdir()
    (tmp_path / "flat.ys").write_text(script(manifest.arrays[0], ULTRASCALE_PLUS, project / "rtl", flat=True))
    words = [*toolbox.find(toolbox.YOSYS).command, "flat.ys"]
    toolbox.run(words, cwd=tmp_path, log=tmp_path / "flat.log", name="yosys")
    counts = resources(cell_counts(tmp_path / "yosys" / "systolic_8.stat.json"), ULTRASCALE_PLUS)
    assert counts["luts"] == pytest.approx(FLAT_AS_MEASURED, rel=0.001)


def test_instances_multiply_down_the_hierarchy(tmp_path: Path) -> None:
    statistics = {
        "modules": {
            "\\top": {"num_cells_by_type": {"row": 3, "$paramod$1\\quweit_cell": 1, "LUT2": 1}},
            "\\row": {"num_cells_by_type": {"$paramod$2\\quweit_cell": 4}},
            "$paramod$1\\quweit_cell": {"num_cells_by_type": {"LUT6": 7}},
            "$paramod$2\\quweit_cell": {"num_cells_by_type": {"LUT6": 5, "FDRE": 2}},
        }
    }
    path = tmp_path / "stat.json"
    path.write_text(json.dumps(statistics))
    assert sorted(module_cells(path, "top"), key=str) == [
        ("quweit_cell", None, 1, {"LUT6": 7}),
        ("quweit_cell", None, 12, {"LUT6": 5, "FDRE": 2}),
        ("row", None, 3, {}),
        ("top", None, 1, {"LUT2": 1}),
    ]
    with pytest.raises(ToolFailed, match="no module `other`"):
        module_cells(path, "other")


def test_a_side_that_is_no_multiple_of_eight_is_refused() -> None:
    with pytest.raises(ConfigError, match="side 12"):
        render_arrays("tiny", random_products(), [12])


def test_operands_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit int8"):
        golden(Operands("wide", np.array([[128]]), np.array([[1]])))


@pytest.mark.parametrize(("side", "cycles"), [(8, 921_600), (16, 239_616), (32, 64_512), (64, 18_432)])
def test_the_steady_state_of_the_mlp_takes_the_published_cycles(side: int, cycles: int) -> None:
    up, down = ((196, 192, 768), (196, 768, 192))
    products = [
        Product(name="", rows=m, inner=k, columns=n, copies=1, multiplier=1, shift=0)
        for m, k, n in (up, down)
    ]
    assert sum(product.steady_cycles(side) for product in products) == cycles


def model_of(project: Path, *, pipelined: bool = False) -> Path:
    """A whole package: an array, the units between its products, and a block."""
    options = config.settings(config.Baseline, model="tiny=1,8,1,2,8", arrays=(8,), cycles_per_row=8)
    reference.write_dump(open_project(project), options)
    depth = "deepest" if pipelined else "auto"
    rendered = config.Rtl(arrays=(8,), cycles_per_row=8, pipelined=pipelined, pipeline_depth=depth)
    rtl.run(project, rendered)
    return project


@pytest.mark.slow
@pytest.mark.requires("icarus", "verilator")
@pytest.mark.parametrize("pipelined", [False, True])
def test_quweit_sim_proves_blocks_arrays_and_units_alike(
    pipelined: bool, tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    project = model_of(tmp_path / "p", pipelined=pipelined)
    done = quweit("sim", project, "--simulator", "verilator" if pipelined else "all", "--json")
    assert done.code == 0, done.stderr
    result = SimResult.model_validate_json(done.stdout)
    assert len(result.simulators) == (1 if pipelined else 2)
    for one in result.simulators:
        found = {(run.design, run.form) for run in one.all_runs} - {("block0", "wrapper")}
        tail, forms = ("_pipelined", {"rtl"}) if pipelined else ("", {"rtl", "xilinx"})
        units = {(f"{name}{tail}", form) for name in ("softmax", "layer_norm") for form in forms}
        units |= {(f"gelu{tail}", "rtl")}
        assert found == {("block0", "rtl"), *units, *((f"systolic_8{tail}", form) for form in forms)}


@pytest.mark.requires("icarus")
def test_one_design_of_a_package_is_compared_by_its_name(
    tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    project = model_of(tmp_path / "p")
    done = quweit("sim", project, "--simulator", "icarus", "--block", "softmax", "--json")
    assert done.code == 0, done.stderr
    result = SimResult.model_validate_json(done.stdout)
    runs = result.simulators[0].all_runs
    assert {(run.design, run.form) for run in runs} == {("softmax", "rtl"), ("softmax", "xilinx")}
    assert result.not_compared == ["block0", "gelu", "layer_norm", "systolic_8"]


@pytest.mark.requires("icarus")
def test_matrices_that_were_changed_since_are_refused(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    project = project_with_arrays(tmp_path / "p", 8, [(8, 2, 8)])
    matrix = project / "rtl/tb/vectors/y.hex"
    matrix.write_text("00\n" * 64)
    done = quweit("sim", project, "--simulator", "icarus")
    assert done.code == 2 and "y.hex` are not what `quweit rtl` wrote" in done.stderr


@pytest.mark.requires("icarus")
def test_quweit_sim_says_no_of_an_array_that_differs(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    project = project_with_arrays(tmp_path / "p", 8, [SMALL], change=BROKEN["narrow sum"])
    done = quweit("sim", project, "--simulator", "icarus")
    assert done.code == 1 and "differs from the product of matrices" in done.stderr
    assert (project / "sim" / "sim.json").is_file()  # what differs is kept
