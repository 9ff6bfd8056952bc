"""Every small change of the rendered RTL is found by the project's own checks, or proven to change nothing."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import REPOSITORY
from mutation import __main__ as command
from mutation import designs, proof
from mutation.campaign import Outcome, draw, judge, table
from mutation.designs import Design
from mutation.mutant import Mutant
from mutation.rules import KINDS, OF_MODELS
from mutation.schema import combined, expression
from mutation.trial import Together, Verdict, alone, compiles
from programs import project_with_dump
from quweit_cli import config
from quweit_cli.ir.block import block_program, residual_requantize
from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.sums import ConditionalSummation
from quweit_cli.stages import rtl

pytestmark = pytest.mark.requires("icarus", "yosys")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Design:
    (design,) = designs.worked_example(tmp_path_factory.mktemp("example"))
    return design


def change(design: Design, file: str, old: str, new: str, kind: str = "counter") -> Mutant:
    start = design.places.texts[file].index(old)
    return Mutant(design.name, kind, file, 1, start, start + len(old), new, old, new)


def test_a_handful_of_mutants_of_the_worked_example_are_found(example: Design, tmp_path: Path) -> None:
    mutants = draw([example], 2 * len(KINDS), random.Random(2), tmp_path / "drawn")
    assert {one.kind for one in mutants} == set(KINDS)
    outcomes = judge([example], mutants, tmp_path / "judged", 2, print)
    assert not [one.mutant.describe() for one in outcomes if one.survived]
    assert sum(not one.survived and one.reason is None for one in outcomes) >= len(KINDS)


def test_the_same_seed_draws_the_same_mutants(example: Design, tmp_path: Path) -> None:
    first, second, other = (draw([example], 8, random.Random(seed), tmp_path / "drawn") for seed in (1, 1, 2))
    assert first == second != other


@pytest.mark.slow
def test_many_mutants_in_one_build_are_judged_as_each_alone(example: Design, tmp_path: Path) -> None:
    rng, mutants = random.Random(4), list[Mutant]()
    while len(mutants) < 10:
        one = example.places.draw(list(KINDS)[len(mutants) % len(KINDS)], rng)
        if one is None or one in mutants or one.file not in example.package.block.sources:
            continue
        if expression(example.places.texts[one.file], one) is not None:
            mutants.append(one)
    together = Together(example.package, "rtl", mutants, tmp_path / "together", "icarus")
    assert together.judge(0) is Verdict.EQUAL
    verdicts = [together.judge(number) for number in range(1, len(mutants) + 1)]
    assert verdicts == [
        alone(example.package, one, "icarus", tmp_path / f"alone{place}", forms=["rtl"])
        for place, one in enumerate(mutants)
    ]
    assert Verdict.FOUND in verdicts


@pytest.mark.parametrize(
    ("file", "old", "new", "kind", "equal"),
    [
        # a counter of one bit: 0 + 1 and time_q + 1 are the same where it is not the last
        ("rtl/quweit_sequencer.sv", "'0 : time_q + 1'b1", "'0 : '0 + 1'b1", "counter", True),
        ("rtl/quweit_sequencer.sv", "time_q == LastTime", "time_q == '0", "counter", False),
        # what marks a beat counts while there is one; what tells of one must be cleared, and at once
        ("rtl/quweit_sequencer.sv", "last_q  <= '0;", "last_q <= last_q;", "reset", True),
        ("rtl/quweit_sequencer.sv", "valid_q <= '0;", "valid_q <= valid_q;", "reset", False),
        ("rtl/quweit_bit_store.sv", " or negedge rst_ni", "", "reset", False),
    ],
)
def test_proofs_tell_equal_changes_from_others(
    file: str, old: str, new: str, kind: str, equal: bool, example: Design, tmp_path: Path
) -> None:
    package, mutant = example.package, change(example, file, old, new, kind)
    reason = proof.argument(package.root, package.block, mutant, package.block.sources, tmp_path / "proof")
    assert (reason is not None) is equal


def test_a_table_entry_that_no_row_reaches_is_proven_so(tmp_path: Path) -> None:
    """Of two thresholds of one feature the higher bit is never set alone: address 2 is never read, address 1 is."""
    summation = ConditionalSummation(np.array([[3]]), np.array([1]))
    program = block_program(
        "block0",
        Thermometer(np.array([[0, 5]])),
        [LutLayer(np.array([[0, 1]]), np.array([6], dtype=np.uint64))],
        summation,
        residual_requantize(*summation.range()),
    )
    project = project_with_dump(tmp_path / "p", program, rows=4)
    rtl.run(project, config.Rtl(random_rows=0))
    (design,) = designs.packages("tiny", project, large=False)
    package = design.package
    reasons = [
        proof.argument(package.root, package.block, mutant, package.block.sources, tmp_path / "proof")
        for mutant in (
            change(design, "rtl/toy_block0_lut_layer0.sv", "4'h6", table, "table")
            for table in ("4'h2", "4'h4")
        )
    ]
    assert reasons == ["equal for all rows and time slots that reach it", None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Design:
    (design,) = designs.whole(tmp_path_factory.mktemp("whole"))
    return design


WHOLE = {
    "the sequencer": ("rtl/model/quweit_model_sequencer.sv", "operator"),
    "rescaling": ("rtl/model/quweit_rescale_lane.sv", "operator"),
    "where results are written": ("rtl/model/quweit_product_writer.sv", "counter"),
    "a word of the schedule": ("rtl/tiny_digits_model/jobs.hex", "contents"),
    "a word of weights": ("rtl/tiny_digits_model/weights.hex", "contents"),
}


def test_mutants_of_a_whole_model_are_of_every_module_and_memory(whole: Design, tmp_path: Path) -> None:
    files = set(whole.places.texts)
    assert {file for file, _ in WHOLE.values()} <= files and "rtl/tiny_digits_model.sv" in files
    drawn = draw([whole], 30, random.Random(0), tmp_path / "drawn")
    assert {one.kind for one in drawn} == set(OF_MODELS)


@pytest.mark.slow
@pytest.mark.parametrize("where", list(WHOLE))
def test_a_mutant_of_a_whole_model_is_found(whole: Design, where: str, tmp_path: Path) -> None:
    file, kind = WHOLE[where]
    rng = random.Random(1)
    mutant = next(
        one
        for one in iter(lambda: whole.places.draw(kind, rng), object())
        if one is not None and one.file == file and compiles(whole.package, one, tmp_path / "compiles")
    )
    (outcome,) = judge([whole], [mutant], tmp_path / "judged", 1, print)
    assert outcome.verdict is Verdict.FOUND or outcome.reason is not None, mutant.describe()


def test_a_text_with_no_mutant_stays_as_it_is(example: Design) -> None:
    for text in example.places.texts.values():
        assert combined(text, []) == text


def test_a_survivor_is_printed_with_its_place_and_fails_the_command(
    example: Design, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mutant = change(example, "rtl/quweit_sequencer.sv", "time_q == LastTime", "time_q == '0")
    for outcome, code in (
        (Outcome(mutant, Verdict.EQUAL), 1),
        (Outcome(mutant, Verdict.UNTOLD), 1),  # a bench that could not tell has found nothing
        (Outcome(mutant, Verdict.EQUAL, "its module is the same function"), 0),
        (Outcome(mutant, Verdict.FOUND), 0),
    ):
        monkeypatch.setattr(command, "judge", lambda *ignored, made=outcome: [made])
        monkeypatch.setattr(command, "draw", lambda *ignored: [mutant])
        monkeypatch.setattr(sys, "argv", ["mutation", "--mutants", "1", "--only", "example"])
        assert command.main() == code
        assert capsys.readouterr().out.splitlines()[-2 if outcome.reason is None else -3].split()[-1] == str(
            code
        )
    assert "sequencer.sv:1" in mutant.describe() and "+ time_q == '0" in mutant.describe()
    assert "all" in table([Outcome(mutant, Verdict.FOUND)])


@pytest.mark.slow
@pytest.mark.requires("verilator")
def test_no_mutant_survives() -> None:
    """As `make mutate`, without the blocks of the digits where `make demo` has not been run."""
    digits = REPOSITORY / "build" / "digits"
    chosen = ["--digits", str(digits)] if (digits / "dump").is_dir() else []
    done = subprocess.run(
        [sys.executable, "-m", "mutation", "--mutants", "500", *chosen], cwd=REPOSITORY / "tests", check=False
    )
    assert done.returncode == 0
