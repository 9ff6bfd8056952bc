"""`quweit approximate`: the document says what the integers answer, and what cannot be used ends with code 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import cell_library
from conftest import Outcome
from quweit_cli.approximation import genetic, published
from quweit_cli.approximation.functions import FUNCTIONS
from quweit_cli.artifacts import load
from quweit_cli.documents import Approximation, FunctionRow, FunctionTable
from quweit_cli.stages import function_units, functions

Quweit = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def approximated(quweit: Quweit, *words: str) -> Approximation:
    outcome = quweit("approximate", *words, "--json")
    assert outcome.code == 0, outcome.stderr
    return Approximation.model_validate_json(outcome.stdout)


@pytest.mark.parametrize(
    "words",
    [
        "gelu",
        "gelu --segments 4 --objective largest",
        "exp --method genetic",
        "tanh --scale 0.03125 --output-scale 0.015625",
        "sigmoid --range -2 2 --scale 0.125",
        "exp --input-bits 11 --scale 0.0078125",
        "reciprocal --bits 9 --scale 0.03125",
    ],
)
def test_errors_are_those_of_the_integers_at_every_code(words: str, quweit: Quweit) -> None:
    """The largest error of a document holds of every input code, by the step as it would stand in a program."""
    made = approximated(quweit, *words.split())
    first, last = (round(end / made.scale) for end in (made.low, made.high))
    codes = np.arange(first, last + 1)
    answers = made.step.node().evaluate(codes) * made.output_scale
    errors = np.abs(answers - FUNCTIONS[made.function].at(codes * made.scale))
    assert made.errors.points == len(codes)
    assert made.errors.max_error == errors.max()
    assert made.errors.mse == pytest.approx(np.square(errors).mean(), rel=1e-12)
    assert made.step.scale == made.output_scale
    (document,) = Path("build/functions").glob("*_*.json")
    assert load(Approximation, document).step == made.step
    svg = document.with_suffix(".svg").read_text()
    assert svg.startswith("<svg") and made.function in svg


def test_another_question_has_other_files(
    quweit: Quweit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genetic, "GENERATIONS", 1)
    asked = [
        "", "--objective largest", "--fraction 5", "--input-bits 9", "--range -2 2", "--output-scale 0.0625",
        "--method genetic", "--method genetic --seed 1", "--segments 7", "--bits 7", "--scale 0.125",
    ]  # fmt: skip
    for number, words in enumerate(asked, start=1):
        approximated(quweit, "gelu", "--scale", "0.25", *words.split())
        assert len([*(folder / "build" / "functions").glob("*.svg")]) == number, words


def test_wide_inputs_are_answered_within_the_error_of_the_document(quweit: Quweit) -> None:
    made = approximated(quweit, *"reciprocal_root --bits 9 --scale 0.03125 --wide-bits 16".split())
    assert made.wide is not None and made.step.scaling is not None
    inputs = np.arange(1, 65536)
    relative = made.step.node().evaluate(inputs) * made.wide.output_scale * np.sqrt(inputs) - 1
    assert made.wide.points == len(inputs)
    assert made.wide.max_relative_error == pytest.approx(np.abs(relative).max())
    assert made.step.scale == made.wide.output_scale


def test_samples_are_a_function(quweit: Quweit, folder: Path) -> None:
    (folder / "ramp.csv").write_text("x,y\n-2,0\n0,0\n2,1\n")
    made = approximated(quweit, "ramp.csv", "--scale", "0.25", "--segments", "2")
    assert (made.function, made.low, made.high, made.used) == ("samples", -2, 2, 2)
    assert made.errors.max_error == 0
    assert len(made.source) == 64


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("exp --range -8 0 --scale 0.015625", "not within -2 ... 1.98438, which codes of 8 bits at scale 0.015625 hold"),
        ("reciprocal --scale 0.001953125", "not within -0.25 ... 0.248047"),
        ("gelu --range 0.01 0.02", "holds no code of scale 0.0625"),
        ("reciprocal --range -1 1", "not finite, or not known, at 0"),
        ("exp --range 700 800 --input-bits 16", "not finite, or not known, at 709."),
        ("gelu --scale 1 --segments 10", "10 segments, and only 9 codes"),
        ("gelu --scale 1 --segments 10 --method genetic", "10 segments, and only 9 codes"),
        ("gelu --scale 0.3", "a scale is a power of two"),
        ("gelu --range 1 -1", "the range 1 ... -1 is empty"),
        ("gelu --output-scale 0.0001220703125", "is finer than a sum of slope and intercept"),
        ("gelu --wide-bits 16", "ranges of `gelu` are not multiples of one another"),
        ("reciprocal --wide-bits 16 --scale 1 --segments 2", "hold no whole range of `reciprocal`"),
        ("reciprocal --wide-bits 16 --scale 0.03125 --output-scale 0.0625", "an output scale is given"),
        ("reciprocal --wide-bits 16 --scale 0.015625", "must hold to 255"),
        ("swish", "there is no function `swish`"),
        ("none.csv", "cannot take `none.csv` as a function"),
        ("bad.csv", "samples must ascend: 1 stands before 1"),
        ("ok.csv --range -1 1", "not finite, or not known, at -1"),
        ("gelu --all", "`--all` takes every function"),
        ("gelu --hardware", "units are made with `--all`"),
        ("gelu --liberty cells.lib", "units are made with `--all`"),
        ("--all --liberty cells.lib", "a cell library is for hardware"),
        ("", "no function is named"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_the_reason(
    words: str, reason: str, quweit: Quweit, folder: Path
) -> None:
    (folder / "bad.csv").write_text("1,2\n1,3\n")
    (folder / "ok.csv").write_text("0,2\n1,3\n")
    outcome = quweit("approximate", *words.split())
    assert outcome.code == 2
    assert reason in outcome.stderr.replace("\n", " ")
    assert "Traceback" not in outcome.stderr
    assert not (folder / "build").exists()


def test_a_folder_of_something_else_is_left_alone(quweit: Quweit, folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "letter.txt").write_text("dear")
    outcome = quweit("approximate", "gelu", "--out", "mine")
    assert (outcome.code, [path.name for path in (folder / "mine").iterdir()]) == (2, ["letter.txt"])


def test_all_functions_are_one_table(quweit: Quweit, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of few scales and segments here; figures that nobody measured are null."""
    monkeypatch.setattr(genetic, "GENERATIONS", 10)
    monkeypatch.setattr(functions, "SEGMENTS", (8,))
    monkeypatch.setattr(functions, "SCALES", (2,))
    monkeypatch.setattr(functions, "FUNCTIONS", {name: FUNCTIONS[name] for name in ("gelu", "reciprocal")})
    outcome = quweit("approximate", "--all", "--out", "all", "--json")
    assert outcome.code == 0, outcome.stderr
    table = load(FunctionTable, folder / "all" / functions.DOCUMENT)
    assert json.loads(outcome.stdout) == json.loads((folder / "all" / functions.DOCUMENT).read_text())
    assert {row.method for row in table.rows} == {"exact", "genetic", "published", "table"}
    assert {row.function for row in table.rows} == {"gelu", "reciprocal"}
    for row in table.rows:
        if row.method == "published":
            assert row.seconds is None and row.max_error is None and (row.mse or row.mae)
            assert row.source in (published.GQA_LUT, published.LUT_APP)
        else:
            assert row.mse is not None and row.max_error is not None
    assert all(row.luts is None and row.power_mw is None for row in table.rows if row.unit is None)
    assert (folder / "all" / "reciprocal_exact_8x9_s5_wide16.svg").is_file()
    assert "gelu: real value" in (folder / "all" / functions.PLOT).read_text()


def test_savings_are_stated_of_what_was_measured_alone() -> None:
    def loadable(arithmetic: str, area: float | None, power: float | None) -> FunctionRow:
        return FunctionRow.model_validate(
            {
                "function": "gelu", "method": "exact", "source": "quweit", "segments": 8, "coefficients": "loadable",
                "arithmetic": arithmetic, "area_um2": area, "power_mw": power,
            }
        )  # fmt: skip

    narrow, large, real = loadable("int8", 20, 3), loadable("int32", 100, None), loadable("float32", 200, 30)
    notes = functions.savings([narrow, large, real])
    assert [note.partition(";")[0] for note in notes] == [
        "area saved by int8 against float32, 8 loadable pieces: 90.0 %",
        "power saved by int8 against float32, 8 loadable pieces: 90.0 %",
        "area saved by int8 against int32, 8 loadable pieces: 80.0 %",
    ]
    assert all("published" in note for note in notes)
    assert functions.savings([large, real]) == []


@pytest.mark.slow
@pytest.mark.requires("icarus", "verilator", "yosys", "opensta")
def test_units_are_rows_of_the_table_with_what_was_measured(
    quweit: Quweit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genetic, "GENERATIONS", 10)
    monkeypatch.setattr(functions, "SEGMENTS", (8,))
    monkeypatch.setattr(functions, "SCALES", (2,))
    monkeypatch.setattr(functions, "FUNCTIONS", {"gelu": FUNCTIONS["gelu"]})
    every = function_units.subjects_of

    def few(names: list[str], elements: int = 1) -> list[function_units.Subject]:
        return [one for one in every(names, elements) if one.unit.name in ("pieces_gelu_8", "loadable_8")]

    monkeypatch.setattr(function_units, "subjects_of", few)
    library = cell_library.write(folder)
    words = f"approximate --all --hardware --liberty {library} --clock-ghz 0.1 --out all --json"
    outcome = quweit(*words.split())
    assert outcome.code == 0, outcome.stderr
    table = load(FunctionTable, folder / "all" / functions.DOCUMENT)
    rows = {row.unit: row for row in table.rows if row.unit}
    assert rows.keys() == {"pieces_gelu_8", "loadable_8"}
    for row in rows.values():
        assert row.equal and row.luts and row.ffs and row.area_um2 and row.power_mw
        assert (row.clock_mhz, row.arithmetic) == (100, "int8")
    assert table.methods.keys() == {"equal", "luts, ffs", "area_um2, power_mw"}
