"""Both renderings of every table are proven equal for all inputs, and a flipped table bit is found."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cases import few
from conftest import Outcome
from programs import project_with_dump, random_block
from quweit_cli import config
from quweit_cli.artifacts import load
from quweit_cli.documents import FormalResult
from quweit_cli.errors import Mismatch
from quweit_cli.ir.block import block_program
from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.sums import ConditionalSummation, Requantize
from quweit_cli.ir.program import Program
from quweit_cli.report import tables
from quweit_cli.stages import formal, rtl

pytestmark = pytest.mark.requires("yosys")
# Groups of bits in a table, and tables of time alone behind two cells.
FOLDINGS = {"groups": (6, 3, 2), "gated": (70, 2, 1)}


@pytest.mark.parametrize("folding", ["groups", pytest.param("gated", marks=pytest.mark.slow)])
def test_both_renderings_are_proven_equal(folding: str, tmp_path: Path) -> None:
    project = _project(tmp_path, *FOLDINGS[folding])
    result = formal.run(project)
    assert [proof.module.removeprefix("toy_block0_") for proof in result.proofs] == [
        *(["quweit_gated_terms"] if folding == "gated" else []),
        "encoder",
        "lut_layer0",
        "lut_layer1",
        "value_table",
        "adder_tree",
    ]
    assert all(proof.proven and not proof.unproven for proof in result.proofs)
    logs = {path.name: path.read_text() for path in (project / "formal").glob("*.log")}
    assert sorted(logs) == sorted(f"{proof.module}.log" for proof in result.proofs)
    for log in logs.values():
        # Of this machine it may name where the tool itself is, and nothing that was read or written.
        assert str(tmp_path) not in log and "quweit-formal-" not in log
        assert not re.search(r"input from `/", log)


def _small(thresholds: list[list[int]], pins: list[list[int]], tables: list[int]) -> Program:
    """A block whose LUTs read what is said, a value of its own each."""
    layer = LutLayer(np.array(pins), np.array(tables, dtype=np.uint64))
    values_KE = np.arange(100, 100 + len(tables))[:, None] * np.array([[1, -1]])
    summation = ConditionalSummation(values_KE, np.zeros(2, dtype=np.int64))
    return block_program(
        "block0", Thermometer(np.array(thresholds)), [layer], summation, Requantize(1, 0, -32768, 32767)
    )


DEGENERATE = {
    "a threshold that no LUT reads": ([[0, 5]], [[0]], [2]),
    "the first threshold is read by none": ([[0, 5]], [[1]], [2]),
    "a feature that no LUT reads": ([[0], [5]], [[1]], [2]),
    "one LUT that negates": ([[0]], [[0]], [1]),
    "a threshold beyond all features": ([[0, 127]], [[0, 1]], [6]),
    "two LUTs of one table": ([[0, 5]], [[0, 1], [1, 0]], [6, 6]),
}


@pytest.mark.parametrize("shape", DEGENERATE)
def test_a_block_of_which_little_is_read_is_proven_equal(shape: str, tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", _small(*DEGENERATE[shape]))
    rtl.run(project, config.Rtl())
    assert all(not proof.unproven for proof in formal.run(project).proofs)


def _flip_cell(folder: Path) -> None:
    _flip(folder / "rtl/xilinx/toy_block0_lut_layer0.sv", r"(INIT\(\d+'h)([0-9a-f]+)")


def _flip_table(folder: Path) -> None:
    _flip(folder / "rtl/toy_block0_lut_layer1.sv", r"(Table0 = \d+'h)([0-9a-f]+)")


def _flip_value(folder: Path) -> None:
    _flip(folder / "rtl/xilinx/toy_block0_value_table.sv", r"(INIT\(64'h)([0-9a-f]+)")


@pytest.mark.parametrize("change", few([_flip_cell, _flip_table, _flip_value]))
def test_one_flipped_bit_is_found_and_named(
    change: Callable[[Path], None], tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    project = _project(tmp_path, *FOLDINGS["groups"])
    change(project / "rtl")
    with pytest.raises(Mismatch, match=r"not proven equal: \d+ of \d+ equations, first (bits|terms|bias)_o"):
        formal.run(project)
    assert sum(proof.unproven for proof in load(FormalResult, project / "formal/formal.json").proofs) > 0


@pytest.mark.parametrize(
    ("file", "old", "new", "module"),
    few(
        [
            ("xilinx/quweit_gated_terms.sv", "2222_2222", "2222_2223", "toy_block0_quweit_gated_terms"),
            ("toy_block0_adder_tree.sv", "(term0)", "(term1)", "toy_block0_adder_tree"),
            ("xilinx/quweit_ternary_adder.sv", "6996_6996", "6996_6997", "toy_block0_adder_tree"),
            ("xilinx/toy_block0_adder_tree.sv", "(term0)", "(term1)", "toy_block0_adder_tree"),
            ("quweit_gated_terms.sv", "Idle & ~mask", "Idle & mask", "toy_block0_quweit_gated_terms"),
        ],
        2,
    ),
)
def test_adders_and_gated_registers_are_compared_as_well(
    file: str, old: str, new: str, module: str, tmp_path: Path
) -> None:
    project = _project(tmp_path, *FOLDINGS["gated"])
    path = project / "rtl/rtl" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(Mismatch, match=f"renderings of `{module}` are not proven equal"):
        formal.run(project)


def test_the_command_ends_with_1_when_a_bit_was_flipped(
    tmp_path: Path, quweit: Callable[..., Outcome]
) -> None:
    project = _project(tmp_path, *FOLDINGS["groups"])
    assert quweit("sim", project, "--formal").code == 0
    _flip_cell(project / "rtl")
    assert quweit("sim", project, "--formal").code == 1


def test_blocks_that_were_not_rendered_are_named(tmp_path: Path) -> None:
    blocks = [random_block(5, name=f"block{number}", features=5, layers=(9,), outputs=2) for number in (0, 1)]
    project = project_with_dump(tmp_path / "p", *blocks, rows=3)
    rtl.run(project, config.Rtl(), only=("block1",))
    result = formal.run(project)
    assert {proof.block for proof in result.proofs} == {"block1"} and result.not_rendered == ["block0"]
    assert [table.title for table in tables.formal(result)][1:] == ["Not rendered"]


def _project(path: Path, outputs: int, thresholds: int, outputs_per_cycle: int) -> Path:
    program = random_block(5, features=5, thresholds=thresholds, layers=(12, 9), outputs=outputs)
    project = project_with_dump(path / "p", program, rows=3)
    rtl.run(project, config.Rtl(outputs_per_cycle=outputs_per_cycle))
    return project


def _flip(path: Path, pattern: str) -> None:
    changed, count = re.subn(
        pattern, lambda one: one[1] + f"{int(one[2], 16) ^ 1:0{len(one[2])}x}", path.read_text(), count=1
    )
    assert count
    path.write_text(changed)
