"""Functions in pieces in hardware: equal to their integers, to float32, and what is changed is found."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import slang
from cases import few
from packages import DIGEST
from quweit_cli import config, toolbox
from quweit_cli.artifacts import open_project, save, writing_stage
from quweit_cli.documents import RtlManifest, SimResult
from quweit_cli.errors import Mismatch
from quweit_cli.hdl.plan import FilePlan
from quweit_cli.hdl.units import functions as hardware
from quweit_cli.hdl.units import streams
from quweit_cli.hdl.units.design import FOLDER
from quweit_cli.hdl.units.functions import FloatPieces, FunctionUnit
from quweit_cli.ir.nodes.functions import Table
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear, RangeScaling
from quweit_cli.simulators import row_designs
from quweit_cli.stages import sim
from quweit_cli.templating import template_root

# Bends of every kind: steep and flat, answers that clamp on both sides, halves that round.
BENT = PiecewiseLinear(
    np.array([-90, -40, -3, 0, 17, 60, 100]), np.array([127, 3, -60, -128, 64, 0, -1, 90]),
    np.array([100, -128, 5, 0, -7, 127, 33, -90]), 4, 6, -128, 127,
)  # fmt: skip
TURNED = PiecewiseLinear(np.array([-1]), np.array([-64, 100]), np.array([127, -128]), 7, 15, -128, 127)
WIDE = PiecewiseLinear(
    np.array([20, 33, 64]), np.array([-205, -100, -30, -8]), np.array([252, 180, 110, 60]), 5, -15, -(2**62), 2**62,
    RangeScaling(7, 3, 3),
)  # fmt: skip
LARGE = PiecewiseLinear(
    np.array([-(2**19), 0, 2**19]), np.array([-700, 1, 523, -9]), np.array([2**30, -(2**29), 7, -(2**30)]),
    0, 0, -(2**31), 2**31 - 1,
)  # fmt: skip


def floats(elements: int, seed: int = 0) -> FunctionUnit:
    """Operands of all sizes: sums in which nothing, all and half of a term is lost."""
    random = np.random.default_rng(seed)
    breakpoints = np.array([-3, -1, -0.5, 0, 0.5, 1, 2], dtype=np.float32)
    slopes, intercepts = (random.normal(0, 1, 8) * 2.0 ** random.integers(-12, 13, 8) for _ in range(2))
    slopes[0] = intercepts[1] = slopes[2] = intercepts[2] = 0
    intercepts[3] = -slopes[3] * breakpoints[2]  # next to nothing is left
    slopes[6], intercepts[6] = 1, 2**24  # to which 1.25 adds half of a step and a little
    slopes[7], intercepts[7] = 1.3, 0  # products next to powers of two
    made = FloatPieces(breakpoints, slopes.astype(np.float32), intercepts.astype(np.float32))
    x_RN = random.normal(0, 2, (64 // elements, elements)).astype(np.float32)
    x_RN.flat[:7], x_RN.flat[7], x_RN.flat[8] = breakpoints, 0, 1.25
    x_RN.flat[9:15] = (2.0 ** np.arange(2, 8) / np.float32(1.3)).astype(np.float32)
    return hardware.loadable_floats("floats", made, 8, x_RN)


def words(elements: int) -> FunctionUnit:
    x_RN = np.random.default_rng(0).integers(-(2**20), 2**20, (64 // elements, elements))
    return hardware.loadable_words("words", [LARGE], 8, x_RN)


def units(elements: int = 1) -> dict[str, FunctionUnit]:
    made = [
        hardware.constant_pieces("pieces", BENT),
        hardware.loadable_pieces("loadable", [BENT, TURNED], 8, elements),
        hardware.wide_pieces("wide", WIDE, 16),
        hardware.plain_table("table", Table(-128, np.arange(-128, 128) ** 2 % 251 - 125)),
        words(elements),
        floats(elements),
    ]
    return {one.name: one for one in made}


NAMES = sorted(units())
LOADED = ("floats", "loadable", "words")  # with many beats a row, and so many moments of reset
SHORT = sorted({*NAMES} - {*LOADED})


def compared(
    folder: Path,
    unit: FunctionUnit,
    simulator: str = "icarus",
    change: tuple[str, str, str] | None = None,
    *,
    library: bool = False,
) -> SimResult:
    """A package with one unit; `change` replaces a text in one of its files."""
    files, designs = hardware.render_functions([unit], library=library)
    if change is not None:
        name, old, new = change
        assert files[f"rtl/units/{name}"].count(old) == 1
        files[f"rtl/units/{name}"] = files[f"rtl/units/{name}"].replace(old, new)
    manifest = RtlManifest(
        name="tiny", dump=DIGEST, blocks=[], units=designs, files=FilePlan(files).digests()
    )
    with writing_stage(open_project(folder), "rtl", inputs={}, options={}) as stage:
        FilePlan(files).write(stage)
        save(manifest, stage / "manifest.json")
    return sim.compare(folder, config.Sim(simulators=(simulator,)))


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("name", [*SHORT, *(pytest.param(one, marks=pytest.mark.slow) for one in LOADED)])
def test_every_unit_equals_its_integers_with_gaps_stalls_and_resets(name: str, tmp_path: Path) -> None:
    unit = units()[name]
    result = compared(tmp_path / "p", unit)
    multiplies = name in ("pieces", "wide", "loadable")
    (simulator,) = result.simulators
    assert [run.form for run in simulator.further_runs] == ["xilinx"] * multiplies
    for run in (*simulator.units, *simulator.further_runs):
        assert run.bit_exact and not run.failures, (run.differences, run.failures)
        assert run.scenarios.keys() == {*row_designs.SCENARIOS, row_designs.RESET}
        assert run.scenarios["steady"] == len(unit.rows)
        assert run.initiation_interval_cycles == len(unit.rows[0])


@pytest.mark.slow
@pytest.mark.requires("verilator")
@pytest.mark.parametrize("name", NAMES)
def test_verilator_agrees(name: str, tmp_path: Path) -> None:
    assert compared(tmp_path / "p", units()[name], "verilator").bit_exact


CHANGES = [
    ("pieces", "quweit_piece_select.sv", "$signed(x_i) >= $signed", "$signed(x_i) > $signed"),
    ("pieces", "xilinx/quweit_product.sv", "assign rest[0]   = '0;", "assign rest[0]   = '1;"),
    ("wide", "quweit_wide_pieces.sv", "(Lift - AnswerStep * step)", "(Lift - 2 * step)"),
    ("pieces", "quweit_piece_line.sv", "(SumBits'(1) << shift_i) >> 1", "(SumBits'(1) << shift_i) >> 2"),
    ("pieces", "quweit_piece_line.sv", "y_o         <= fits ?", "y_o         <= 1'b1 ?"),
    ("pieces", "pipelined/quweit_product.sv", "assign ones[2*digit]     = code[2];", "assign ones[2*digit]     = 1'b0;"),
    ("wide", "quweit_window.sv", "(x_i == '0) ? InputBits'(1)", "(x_i == '0) ? InputBits'(2)"),
    ("loadable", "quweit_loadable_pieces.sv", "if (rest[0]) align_q", "if (rest[1]) align_q"),
    ("loadable", "quweit_lane.sv", "(index_q == IndexBits'(Beats - 1)) || x_last_i", "(index_q == IndexBits'(Beats - 1))"),
    ("words", "quweit_loadable_words.sv", "waiting_q[4*32 +: 32]", "waiting_q[3*32 +: 32]"),
    ("floats", "quweit_float_line.sv", "((normal_q[1:0] != '0) || normal_q[3])", "1'b1"),  # halves away from 0
    ("floats", "quweit_float_line.sv", "spread[24:0] != '0", "spread[23:0] != '0"),
    ("floats", "quweit_float_line.sv", "+ 10'(rounded[24])", ""),
    ("floats", "quweit_loaded_pieces.sv", "element_i ^ {1'b0, {WordBits-1{element_i[WordBits-1]}}}", "element_i"),
]  # fmt: skip


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(("name", "file", "old", "new"), few(CHANGES, 3))
def test_a_unit_that_was_changed_is_found(name: str, file: str, old: str, new: str, tmp_path: Path) -> None:
    unit = units()[name]
    every = max(len(unit.rows) // 64, 1)
    unit = unit._replace(rows=unit.rows[::every], answers=unit.answers[::every])
    result = compared(tmp_path / "p", unit, change=(file, old, new), library=file.startswith("pipelined"))
    assert not result.bit_exact


@pytest.mark.requires("icarus")
def test_another_answer_is_a_mismatch_with_code_1(tmp_path: Path) -> None:
    change = ("quweit_piece_select.sv", "$signed(x_i) >= $signed", "$signed(x_i) > $signed")
    with pytest.raises(Mismatch, match="unit `pieces` on icarus differs from the integer program") as error:
        sim.verdict(compared(tmp_path / "p", units()["pieces"], change=change))
    assert error.value.exit_code == 1


PLAYER = """\
module bench;
  logic clk = 0, x_ready, y_valid, y_last;
  logic [{bits}+3:0] words [0:{cycles}-1];
  logic [{bits}+3:0] word;
  logic [{output_bits}-1:0] y;
  {unit} #({parameters}) u (
    .clk_i(clk), .rst_ni(word[{bits}]), .x_valid_i(word[{bits}+1]), .x_ready_o(x_ready),
    .x_data_i(word[{bits}-1:0]), .x_last_i(word[{bits}+2]), .y_valid_o(y_valid), .y_ready_i(word[{bits}+3]),
    .y_data_o(y), .y_last_o(y_last));
  initial begin
    $readmemh("words.hex", words);
    for (int n = 0; n < {cycles}; n++) begin
      word = words[n];
      #1 if (y_valid) $display("y %0d %b", $signed(y), y_last);
      clk = 1;
      #1 clk = 0;
    end
  end
endmodule
"""


def played(folder: Path, unit: FunctionUnit, ports: dict[str, list[int]]) -> list[int]:
    """What the RTL gives to a stream on Icarus, without a look at `x_ready_o`."""
    bits = unit.input_bits
    names = ("rst_ni", "x_valid_i", "x_last_i", "y_ready_i")
    lines = [
        data | sum(ports[name][cycle] << bits + place for place, name in enumerate(names))
        for cycle, data in enumerate(ports["x_data_i"])
    ]
    (folder / "words.hex").write_text("".join(f"{line:x}\n" for line in lines))
    parameters = ", ".join(f".{key}({value})" for key, value in unit.parameters.items())
    (folder / "bench.sv").write_text(
        PLAYER.format(
            unit=unit.module,
            parameters=parameters,
            bits=bits,
            output_bits=unit.output_bits,
            cycles=len(lines),
        )
    )
    sources = [str(template_root() / FOLDER / name) for name in unit.names]
    iverilog = toolbox.find(toolbox.ICARUS).command
    command = [*iverilog, "-g2012", "-o", "b.vvp", "-s", "bench", *sources, "bench.sv"]
    toolbox.run(command, cwd=folder, log=folder / "build.log", name="iverilog")
    output = toolbox.run(["vvp", "b.vvp"], cwd=folder, log=folder / "run.log", name="vvp")
    return [int(one) for one in re.findall(r"^y (-?\d+) [01]$", output, re.MULTILINE)]


def signed(values: np.ndarray, bits: int) -> np.ndarray:
    return (values + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("name", sorted({*NAMES} - {"table"}))
def test_what_power_is_measured_on_are_rows_of_many_elements_behind_their_words(
    name: str, tmp_path: Path
) -> None:
    """The stream of a unit gives what its node, or float32, gives to the elements in it."""
    unit = units(16)[name]
    (design,) = hardware.render_functions([unit])[1]
    stream = streams.stream_of(design)
    beats = np.array(stream.ports["x_data_i"][streams.RESET :]).reshape(-1, design.features)
    elements = signed(beats[:, unit.head :], unit.input_bits)
    if name == "floats":
        patterns = elements.astype(np.int32).view(np.float32)
        rows = floats(16)
        head = np.array(rows.rows[0][: unit.head]).astype(np.int32).view(np.float32)
        expected = FloatPieces(head[:7], head[7:15], head[15:]).evaluate(patterns).view(np.int32)
    else:
        node = {"pieces": BENT, "loadable": BENT, "wide": WIDE, "words": LARGE}[name]
        codes = elements % 2**16 if name == "wide" else elements
        expected = node.evaluate(codes)
    given = played(tmp_path, unit, stream.ports)
    assert len(given) > expected.size - 16
    assert given == signed(expected.astype(np.int64).ravel(), unit.output_bits).tolist()[: len(given)]


@pytest.mark.slow
@pytest.mark.requires("icarus")
def test_every_wide_input_is_answered_as_its_node_does(tmp_path: Path) -> None:
    """All 65,536 of them."""
    unit = units()["wide"]
    inputs = np.arange(2**16)
    ones = [1] * (len(inputs) + 20)
    ports = {"rst_ni": [0, 0, *ones[2:]], "x_valid_i": ones, "x_last_i": ones, "y_ready_i": ones}
    data = [0, 0, *inputs.tolist(), *[0] * 18]
    given = played(tmp_path, unit, ports | {"x_data_i": data})
    assert given[: len(inputs)] == WIDE.evaluate(inputs).tolist()


@pytest.mark.requires("verilator")
@pytest.mark.parametrize("name", NAMES)
def test_verilator_lints_the_units_without_a_warning(name: str, tmp_path: Path) -> None:
    unit = units()[name]
    files = [str(template_root() / FOLDER / one) for one in unit.names]
    parameters = [f"-G{key}={value}" for key, value in unit.parameters.items()]
    words = toolbox.find(toolbox.VERILATOR).command
    lint = [*words, "--lint-only", "-Wall", "--top-module", unit.module, *parameters, *files]
    output = toolbox.run(lint, cwd=tmp_path, log=tmp_path / "lint.log", name="verilator")
    assert "%Warning" not in output


@pytest.mark.parametrize("name", NAMES)
def test_slang_reads_the_units(name: str) -> None:
    unit = units()[name]
    assert slang.complaints([template_root() / FOLDER / one for one in unit.names], unit.module) == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"high": 100}, "answers in int8"),
        ({"shift": -1}, "answers in int8"),
        ({"intercepts_N": np.full(8, 128)}, "beyond what a row can bring"),
        ({"align": 8}, "beyond what a row can bring"),
        ({"shift": 16}, "beyond what a row can bring"),
    ],
)
def test_what_a_unit_does_not_have_is_refused(change: dict[str, object], message: str) -> None:
    node = PiecewiseLinear(**{name: getattr(BENT, name) for name in BENT.__dataclass_fields__} | change)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message):
        if "int8" in message:
            hardware.constant_pieces("pieces", node)
        else:
            hardware.loadable_pieces("loadable", [node], 8)
    with pytest.raises(ValueError, match="8 pieces, and a row brings 4"):
        hardware.loadable_pieces("loadable", [BENT], 4)
    with pytest.raises(ValueError, match="ranges that are scaled"):
        hardware.wide_pieces("wide", BENT, 16)
    with pytest.raises(ValueError, match="an answer would lose bits"):
        hardware.wide_pieces("wide", WIDE, 20)
