"""Systolic arrays equal the products of matrices, in both renderings, and cells counted by module are those counted flat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import slang
from arrays import LARGER, PRODUCTS, SHAPE, project_with_arrays, random_products, simulate
from conftest import Outcome
from quweit_cli import toolbox
from quweit_cli.artifacts import load
from quweit_cli.config import Baseline
from quweit_cli.documents import BaselineManifest, BaselineProduct, BaselineSim
from quweit_cli.errors import ConfigError, Mismatch, ToolFailed
from quweit_cli.hdl.array.design import render_arrays
from quweit_cli.ir.nodes.products import Operands, golden
from quweit_cli.stages import baseline
from quweit_cli.synthesizers.cells import cell_counts, resources
from quweit_cli.synthesizers.systolic import module_cells, script
from quweit_cli.technologies import ULTRASCALE_PLUS


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("rendering", ["behavioural", "xilinx"])
def test_products_with_ragged_edges_are_bit_exact(tmp_path: Path, rendering: str) -> None:
    (run,) = simulate(project_with_arrays(tmp_path / "p", 8), "icarus", rendering).runs
    elements = sum(rows * columns for rows, _, columns in PRODUCTS)
    assert run.bit_exact
    assert run.elements_compared == 2 * elements  # with and without gaps and backpressure
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


@pytest.mark.requires("verilator")
def test_a_larger_array_on_verilator_fills_and_drains_in_a_constant_number_of_cycles(tmp_path: Path) -> None:
    (run,) = simulate(project_with_arrays(tmp_path / "p", 16, LARGER), "verilator").runs
    assert run.bit_exact
    # A product of one tile takes its inner dimension; filling and draining are the array's own.
    assert run.steady_cycles["product0"] == 16
    assert run.cycles["product0"] == 16 + run.fill_and_drain["product0"]
    assert 16 < run.fill_and_drain["product0"] <= 3 * 16


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
    project = project_with_arrays(tmp_path / "p", 8, change=BROKEN[fault])
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
        simulate(project_with_arrays(tmp_path / "p", 8, change=straight), "icarus")


def test_slang_reads_the_arrays_and_their_benches(tmp_path: Path) -> None:
    package = project_with_arrays(tmp_path / "p", 8) / "rtl"
    cells = slang.vendor_cells(tmp_path)
    lists = sorted(package.glob("filelists/*.f"))
    assert len(lists) > 3
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


@pytest.mark.requires("yosys")
def test_an_array_counted_by_modules_is_within_three_percent_of_it_counted_flat(tmp_path: Path) -> None:
    """8 x 8; the netlists differ only where optimisation crosses the face of a module."""
    project = project_with_arrays(tmp_path / "p", 8)
    (made,) = baseline.synthesize(project, Baseline()).arrays
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
    manifest = load(BaselineManifest, project / "rtl" / "manifest.json")
    (tmp_path / "yosys").mkdir()
    (tmp_path / "flat.ys").write_text(script(manifest.arrays[0], ULTRASCALE_PLUS, project / "rtl", flat=True))
    words = [*toolbox.find(toolbox.YOSYS).command, "flat.ys"]
    toolbox.run(words, cwd=tmp_path, log=tmp_path / "flat.log", name="yosys")
    counts = resources(cell_counts(tmp_path / "yosys" / "systolic_8.stat.json"), ULTRASCALE_PLUS)
    assert counts["luts"] == pytest.approx(FLAT_AS_MEASURED, rel=0.001)


def test_instances_multiply_down_the_hierarchy() -> None:
    statistics = {
        "modules": {
            "\\top": {"num_cells_by_type": {"row": 3, "LUT2": 1}},
            "\\row": {"num_cells_by_type": {"cell": 4}},
            "\\cell": {"num_cells_by_type": {"LUT6": 5, "FDRE": 2}},
        }
    }
    assert module_cells(statistics, "top") == {
        "top": (1, {"LUT2": 1}),
        "row": (3, {}),
        "cell": (12, {"LUT6": 5, "FDRE": 2}),
    }
    with pytest.raises(ToolFailed, match="no module `other`"):
        module_cells(statistics, "other")


def test_a_side_that_is_no_multiple_of_eight_is_refused() -> None:
    with pytest.raises(ConfigError, match="side 12"):
        render_arrays("tiny", SHAPE, random_products(), [12], "random")


def test_operands_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit int8"):
        golden(Operands("wide", np.array([[128]]), np.array([[1]])))


@pytest.mark.parametrize(("side", "cycles"), [(8, 921_600), (16, 239_616), (32, 64_512), (64, 18_432)])
def test_the_steady_state_of_the_mlp_takes_the_published_cycles(side: int, cycles: int) -> None:
    up, down = ((196, 192, 768), (196, 768, 192))
    products = [
        BaselineProduct(name="", rows=m, inner=k, columns=n, copies=1, multiplier=1, shift=0)
        for m, k, n in (up, down)
    ]
    assert sum(product.steady_cycles(side) for product in products) == cycles


@pytest.mark.requires("icarus", "verilator")
def test_quweit_sim_proves_arrays_and_units_on_both_simulators(
    tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    project = project_with_arrays(tmp_path / "p", 8, [(8, 2, 8)])
    done = quweit("sim", project, "--simulator", "all", "--json")
    assert done.code == 0, done.stderr
    sim = BaselineSim.model_validate_json(done.stdout)
    assert {(one.simulator, one.rendering) for one in sim.runs} == {
        (simulator, rendering)
        for simulator in ("verilator", "icarus")
        for rendering in ("xilinx", "behavioural")
    }
    assert {one.simulator for one in sim.pipelined} == {"verilator", "icarus"}
    assert {(one.module, one.rendering, one.simulator) for one in sim.units} == {
        (f"quweit_{name}", rendering, simulator)
        for name in ("gelu", "softmax", "layer_norm")
        for rendering in ("behavioural", "pipelined")
        for simulator in ("verilator", "icarus")
    }
    refused = quweit("sim", project, "--rows", "3")
    assert refused.code == 2 and "holds arrays, which are simulated whole" in refused.stderr


@pytest.mark.requires("icarus")
def test_quweit_sim_says_no_of_an_array_that_differs(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    project = project_with_arrays(tmp_path / "p", 8, [(8, 2, 8)], change=BROKEN["narrow sum"])
    done = quweit("sim", project, "--simulator", "icarus")
    assert done.code == 1 and "differs from the product of matrices" in done.stderr
    assert (project / "sim" / "sim.json").is_file()  # what differs is kept
