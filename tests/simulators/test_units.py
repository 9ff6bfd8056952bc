"""GELU, softmax and layer normalisation: integers near floating point, RTL equal to the integers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import lanes
import slang
from cases import few
from lanes import residuals, scores
from packages import DIGEST
from quweit_cli import config, toolbox
from quweit_cli.artifacts import open_project, save, writing_stage
from quweit_cli.documents import ModelShape, RtlManifest, SimResult, UnitDesign
from quweit_cli.errors import ArtifactError, CheckFailed, Mismatch
from quweit_cli.hdl import literals
from quweit_cli.hdl.plan import FilePlan
from quweit_cli.hdl.units import design
from quweit_cli.hdl.units.cycles import layer_norm_cycles, softmax_cycles
from quweit_cli.hdl.units.design import (
    FOLDER,
    PIPELINED,
    SOURCES,
    render_units,
    units_of,
)
from quweit_cli.ir.nodes.functions import gelu_table, layer_norm, octaves, shiftmax
from quweit_cli.simulators import row_designs
from quweit_cli.stages import sim
from quweit_cli.templating import template_root

RENDERINGS = ("", "xilinx", "pipelined")


def sources_of(unit: str, rendering: str) -> list[Path]:
    """Every module of a rendering but the other units; the unit comes last."""
    names = PIPELINED if rendering == "pipelined" else SOURCES
    others = {"quweit_gelu", "quweit_softmax", "quweit_layer_norm"} - {unit}
    others |= {"quweit_softmax_rows"} if unit != "quweit_softmax" else set()
    texts = [
        name.removeprefix("rtl/units/")
        for name in design.sources_of(names, "xilinx" if rendering == "xilinx" else "plain")
    ]
    paths = [template_root() / FOLDER / name for name in texts if Path(name).stem not in others]
    return sorted(paths, key=lambda path: path.stem == unit)


def play(
    folder: Path, unit: str, parameters: str, rows_RN: np.ndarray, bits: int, *, gaps: bool = False,
    rendering: str = "", change: tuple[str, str] | None = None, marks: Sequence[int] | None = None
) -> tuple[np.ndarray, list[int], list[int]]:  # fmt: skip
    """As `lanes.play`, of a rendering."""
    sources = sources_of(unit, rendering)
    return lanes.play(folder, unit, parameters, rows_RN, bits, sources, gaps=gaps, change=change, marks=marks)


def test_gelu_is_within_half_a_step_of_the_function() -> None:
    for code, entry in enumerate(gelu_table(1 / 16, 1 / 16)):
        x = (code - 128) / 16
        exact = 16 * 0.5 * x * (1 + math.erf(x / math.sqrt(2)))
        assert abs(entry - min(max(exact, -128), 127)) <= 0.5 + 1e-9


def test_shiftmax_is_near_softmax() -> None:
    scale, rows = 1 / 16, scores(50, 196)
    exponent = np.exp((rows - rows.max(axis=1, keepdims=True)) * scale)
    exact = exponent / exponent.sum(axis=1, keepdims=True)
    # 2^-f is at most 6.2 % off as 1 - f/2, and a result is rounded to 1/128.
    assert np.abs(shiftmax(rows, octaves(scale)) / 128 - exact).max() < 0.062 + 0.5 / 128


def test_layer_norm_is_within_a_step_of_floating_point_even_for_tiny_and_huge_rows() -> None:
    rows = residuals(50, 192)
    deviation = rows.std(axis=1, keepdims=True)
    exact = 32 * (rows - rows.mean(axis=1, keepdims=True)) / np.where(deviation == 0, 1, deviation)
    assert np.abs(layer_norm(rows) - exact.clip(-128, 127)).max() < 0.51
    assert np.abs(layer_norm(rows)[0]).max() == 0


def test_scores_of_a_scale_that_does_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not within 1 \.\.\. 255"):
        octaves(2.0)


def test_rows_that_do_not_fit_int64_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit int64"):
        layer_norm(np.zeros((1, 2**17), dtype=np.int64))


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("rendering", RENDERINGS)
@pytest.mark.parametrize(("elements", "gaps"), [(21, False), (21, True), (12, False), (32, True)])
def test_the_softmax_unit_equals_the_integers(
    tmp_path: Path, elements: int, gaps: bool, rendering: str
) -> None:
    rows, parameters = scores(6, elements), f".Elements({elements}), .Multiplier(23)"
    got, cycles, last = play(tmp_path, "quweit_softmax", parameters, rows, 8, gaps=gaps, rendering=rendering)
    assert np.array_equal(got, shiftmax(rows, 23))
    assert last == [*range(elements - 1, rows.size, elements)]
    if not gaps:
        assert set(cycles) == {softmax_cycles(elements, rendering == "pipelined")}


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("rendering", RENDERINGS)
@pytest.mark.parametrize(("elements", "gaps"), [(12, True), (21, False), (32, False)])
def test_the_layer_norm_unit_equals_the_integers(
    tmp_path: Path, elements: int, gaps: bool, rendering: str
) -> None:
    rows = residuals(7, elements)
    got, cycles, last = play(
        tmp_path, "quweit_layer_norm", f".Elements({elements})", rows, 16, gaps=gaps, rendering=rendering
    )
    assert np.array_equal(got, layer_norm(rows))
    assert last == [*range(elements - 1, rows.size, elements)]
    if not gaps:
        expected = layer_norm_cycles(elements, rendering == "pipelined")
        assert max(cycles) == expected  # the constant row
        assert cycles == [expected - int(root).bit_length() + 1 for root in roots(rows)]


def roots(rows_RD: np.ndarray) -> np.ndarray:
    """At least 1, as a constant row has no deviation."""
    spread = rows_RD.shape[1] * (rows_RD**2).sum(axis=1) - rows_RD.sum(axis=1) ** 2
    return np.array([max(math.isqrt(int(one)), 1) for one in spread])


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("rendering", "weight", "aligned"),
    [
        ("", ("10'd512", "10'd480"), ("? RootBits'(1) : root", "? RootBits'(1) : root ^ 1'b1")),
        ("pipelined", ("34'd8388608", "34'd0"), ("half_q >> 1", "half_q")),
    ],
)
def test_a_broken_unit_is_found(
    tmp_path: Path, rendering: str, weight: tuple[str, str], aligned: tuple[str, str]
) -> None:
    rows, parameters = scores(3, 21), ".Elements(21), .Multiplier(23)"
    broken, *_ = play(tmp_path, "quweit_softmax", parameters, rows, 8, rendering=rendering, change=weight)
    assert not np.array_equal(broken, shiftmax(rows, 23))
    rows = residuals(5, 12)
    broken, *_ = play(
        tmp_path, "quweit_layer_norm", ".Elements(12)", rows, 16, rendering=rendering, change=aligned
    )
    assert not np.array_equal(broken, layer_norm(rows))


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("elements", [1, 32])
def test_the_gelu_unit_equals_its_table(tmp_path: Path, elements: int, gaps: bool) -> None:
    rows = np.arange(-128, 128).reshape(-1, elements)
    got, _, last = play(tmp_path, "quweit_gelu", gelu_parameters(elements), rows, 8, gaps=gaps)
    assert got.ravel().tolist() == gelu_table(1 / 16, 1 / 16)
    assert last == [*range(elements - 1, rows.size, elements)]


@pytest.mark.requires("icarus")
def test_the_gelu_unit_hands_on_a_row_that_was_broken_off(tmp_path: Path) -> None:
    """The mark that breaks it off leaves with its element, and the next row begins behind it."""
    rows = np.arange(32).reshape(-1, 8)
    got, _, last = play(tmp_path, "quweit_gelu", gelu_parameters(8), rows, 8, gaps=True, marks=[2])
    assert got.ravel().tolist() == gelu_table(1 / 16, 1 / 16)[128:160]
    assert last == [2, 10, 18, 26]


def gelu_parameters(elements: int) -> str:
    table = gelu_table(1 / 16, 1 / 16)
    literal = literals.unsigned(sum((entry & 0xFF) << 8 * place for place, entry in enumerate(table)), 2048)
    return f".Elements({elements}), .Table({literal})"


@pytest.mark.parametrize("rendering", RENDERINGS)
@pytest.mark.parametrize("unit", ["gelu", "softmax", "layer_norm"])
def test_slang_reads_the_units(unit: str, rendering: str) -> None:
    assert slang.complaints(sources_of(f"quweit_{unit}", rendering), f"quweit_{unit}") == ""


@pytest.mark.requires("verilator")
@pytest.mark.parametrize("rendering", RENDERINGS)
@pytest.mark.parametrize("unit", ["gelu", "softmax", "layer_norm"])
def test_verilator_lints_the_units_without_a_warning(tmp_path: Path, unit: str, rendering: str) -> None:
    top = f"quweit_{unit}"
    read = {
        "gelu": (),
        "softmax": ("divider", "row_store", "multiplier", "product", "product_row", "softmax_rows"),
    }.get(unit)
    files = [
        str(path)
        for path in sources_of(top, rendering)
        if read is None or path.stem in (top, *(f"quweit_{name}" for name in read))
    ]
    words = toolbox.find(toolbox.VERILATOR).command
    output = toolbox.run(
        [*words, "--lint-only", "-Wall", "--top-module", top, *files],
        cwd=tmp_path,
        log=tmp_path / "lint.log",
        name="verilator",
    )
    assert "%Warning" not in output


SMALL = ModelShape(family="vit", layers=1, dim=12, heads=2, tokens=9, mlp_hidden=32)
NAMES = ("gelu", "softmax", "layer_norm")


def run_unit(
    folder: Path, name: str, *, pipelined: bool = False, change: tuple[str, str, str] | None = None
) -> tuple[UnitDesign, SimResult]:
    """A package with one unit, on Icarus; `change` replaces a text in one of its files."""
    (unit,) = (one for one in units_of(SMALL, pipelined=pipelined) if one.name == name)
    files, designs = render_units([unit], pipelined=pipelined)
    if change is not None:
        file, old, new = change
        assert files[file].count(old) == 1
        files[file] = files[file].replace(old, new)
    manifest = RtlManifest(
        name="tiny", dump=DIGEST, blocks=[], units=designs, files=FilePlan(files).digests()
    )
    with writing_stage(open_project(folder), "rtl", inputs={}, options={}) as stage:
        FilePlan(files).write(stage)
        save(manifest, stage / "manifest.json")
    return designs[0], sim.compare(folder, config.Sim(simulators=("icarus",)))


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("pipelined", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_runner_of_blocks_proves_units_and_measures_their_cycles(
    name: str, pipelined: bool, tmp_path: Path
) -> None:
    """On Verilator by the test of `quweit sim` with arrays."""
    unit, result = run_unit(tmp_path / "p", name, pipelined=pipelined)
    (run,) = result.simulators[0].units
    assert run.bit_exact and not run.failures
    assert run.scenarios.keys() == {*row_designs.SCENARIOS, row_designs.RESET}
    most = unit.initiation_interval_cycles
    assert run.initiation_interval_cycles == most  # a constant row takes as long as promised
    assert run.average_interval_cycles is not None
    assert result.unit_cycles(unit) == round(unit.rows_of_layer * run.average_interval_cycles)
    if name == "layer_norm":
        assert run.average_interval_cycles < most  # random rows have a deviation
    else:
        assert run.average_interval_cycles == most


def test_cycles_of_a_unit_that_nobody_simulated_are_not_known() -> None:
    _, (unit,) = render_units(units_of(SMALL)[:1])
    nothing = SimResult(name="tiny", rtl=DIGEST, bit_exact=True, simulators=[])
    with pytest.raises(ArtifactError, match="no simulation measured the cycles of `gelu`"):
        nothing.unit_cycles(unit)


ENDS = "(last || (take && x_last_i))"  # of a row that is taken
STREAMS = [
    ("softmax", "assign y_valid_o = (state_q == Give);", "assign y_valid_o = (state_q == Give) && x_valid_i;"),
    ("softmax", "assign y_last_o  = y_valid_o && last;", "assign y_last_o  = 1'b0;"),
    ("layer_norm", "assign x_ready_o = (state_q == Take);", "assign x_ready_o = (state_q == Take) && y_ready_i;"),
    ("gelu", "assign x_ready_o = !y_valid_o || y_ready_i;", "assign x_ready_o = 1'b1;"),
    ("gelu", "assign x_ready_o = !y_valid_o || y_ready_i;", "assign x_ready_o = !y_valid_o;"),  # half the pace
    ("gelu", "(Elements == 1) || (index_q == LastIndex) || x_last_i", "x_last_i"),
    *((name, ENDS, "last") for name in ("softmax", "layer_norm")),  # a row that was broken off goes on
    *((name, ENDS, "(take && x_last_i)") for name in ("softmax", "layer_norm")),  # without a mark no row ends
]  # fmt: skip


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("name", "old", "new", "rendering"),
    few([(*one, "pipelined") for one in STREAMS if one[1] == ENDS] + [(*one, "") for one in STREAMS], 5),
)
def test_a_unit_that_breaks_its_stream_is_found(
    name: str, old: str, new: str, rendering: str, tmp_path: Path
) -> None:
    core = "softmax_rows" if (name, rendering) == ("softmax", "") else name
    file = f"rtl/units/{rendering and 'pipelined/'}quweit_{core}.sv"
    _, result = run_unit(tmp_path / "p", name, pipelined=bool(rendering), change=(file, old, new))
    assert not result.bit_exact
    with pytest.raises((Mismatch, CheckFailed), match=f"`{name}(_pipelined)?` on icarus"):
        sim.verdict(result)


@pytest.mark.requires("icarus")
def test_a_unit_that_answers_otherwise_is_a_mismatch(tmp_path: Path) -> None:
    change = ("rtl/units/quweit_gelu.sv", "{~x_data_i[7],", "{x_data_i[7],")
    _, result = run_unit(tmp_path / "p", "gelu", change=change)
    with pytest.raises(
        Mismatch, match="differs from the integer program: .* first in scenario steady, row 1"
    ):
        sim.verdict(result)
