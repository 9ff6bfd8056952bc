"""A block behind the serial line of a board: golden rows bit by bit, a row that was broken off, and the script of the host."""

from __future__ import annotations

import importlib.util
import os
import pty
import shutil
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from conftest import Outcome
from programs import project_with_dump, random_block
from quweit_cli import config, toolbox
from quweit_cli.artifacts import load
from quweit_cli.documents import BlockDesign, RtlManifest
from quweit_cli.errors import ConfigError
from quweit_cli.hdl.axis import REGISTER_SLICE, render_shell, shell_of
from quweit_cli.hdl.board import HOST, MODULES, board_top, render_board
from quweit_cli.stages import rtl
from quweit_cli.technologies import BOARDS, Board, board_named, routing_of
from quweit_cli.templating import static_text

ROWS = 12
QUICK = Board("quick", "a board of tests", "iCE40UP5K-SG48", 0.9216, {}, "")  # eight cycles a bit
BENCH = """\
`timescale 1ns/1ps
module bench;
  localparam Rows = %(rows)d, Each = %(each)d, Answers = %(answers)d, Bits = %(bits)d, Cycles = 8;
  reg clk = 0, line = 1;
  wire send, led;
  reg [7:0] beats [0:Rows*Each-1];
  reg [Bits-1:0] golden [0:Rows-1];
  reg [8*Answers-1:0] got;
  integer row, beat, place;
  always #5 clk = ~clk;
  %(top)s u_board (.clk (clk), .receive (line), .send (send), .led (led));
  task byte_in(input [7:0] value);
    begin
      line = 0; repeat (Cycles) @(negedge clk);
      for (place = 0; place < 8; place = place + 1) begin line = value[place]; repeat (Cycles) @(negedge clk); end
      line = 1; repeat (Cycles) @(negedge clk);
    end
  endtask
  integer bit_out, byte_out, heard = 0;
  initial forever begin
    @(negedge send);
    repeat (Cycles / 2) @(negedge clk);
    for (bit_out = 0; bit_out < 8; bit_out = bit_out + 1) begin
      repeat (Cycles) @(negedge clk);
      got = {send, got[8*Answers-1:1]};
    end
    repeat (Cycles) @(negedge clk);
    if (send !== 1) begin $display("FAIL: no stop"); $finish; end
    heard = heard + 1;
  end
  task play;
    for (row = 0; row < Rows; row = row + 1) begin
      heard = 0;
      for (beat = 0; beat < Each; beat = beat + 1) byte_in(beats[row*Each + beat]);
      byte_out = 0;
      while (heard < Answers && byte_out < 40000) begin @(negedge clk); byte_out = byte_out + 1; end
      if (heard < Answers) begin $display("FAIL: no answer to row %%0d", row); $finish; end
      if (got[Bits-1:0] !== golden[row]) begin $display("FAIL: row %%0d: %%h, not %%h", row, got[Bits-1:0], golden[row]); $finish; end
    end
  endtask
  initial begin
    $readmemh("beats.hex", beats);
    $readmemh("golden.hex", golden);
    repeat (40) @(negedge clk);
    play;
    byte_in(8'hA5);                                       // a row that is broken off
    line = 0; repeat (20 * Cycles) @(negedge clk);
    if (led !== 0) begin $display("FAIL: no reset in a break"); $finish; end
    line = 1; repeat (4 * Cycles) @(negedge clk);
    line = 0; repeat (2) @(negedge clk);                  // a glitch
    line = 1; repeat (16 * Cycles) @(negedge clk);
    play;
    $display("PASS");
    $finish;
  end
endmodule
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = project_with_dump(
        tmp_path_factory.mktemp("board") / "p", random_block(3, layers=(10,)), rows=ROWS
    )
    rtl.run(project, config.Rtl(random_rows=0, directed_rows=0, bus_bytes=1))
    return project / "rtl"


@pytest.fixture(scope="module")
def block(package: Path) -> BlockDesign:
    return load(RtlManifest, package / "manifest.json").blocks[0]


def sources_of(package: Path, block: BlockDesign) -> dict[str, str]:
    names = [*block.sources, *block.axis.sources]
    files = {Path(name).name: (package / name).read_text() for name in names}
    files |= {Path(name).name: static_text(name) for name in (*MODULES, f"package/{REGISTER_SLICE}")}
    return files | {
        f"{shell_of(block)}.v": render_shell(block),
        f"{board_top(block)}.v": render_board(block, QUICK),
    }


def play(package: Path, block: BlockDesign, files: dict[str, str], folder: Path) -> str:
    axis = block.axis
    outputs = (package / block.vectors.outputs).read_text().split()
    sizes = {"rows": len(outputs), "each": axis.input_beats, "answers": axis.output_beats}
    bits = block.outputs * block.output_bits
    made = {**files, "bench.v": BENCH % (sizes | {"bits": bits, "top": board_top(block)})}
    for name, text in made.items():
        (folder / name).write_text(text)
    (folder / "beats.hex").write_text((package / axis.inputs).read_text())
    (folder / "golden.hex").write_text("\n".join(outputs) + "\n")
    found = toolbox.find(toolbox.ICARUS)
    words = ["-g2012", "-s", "bench", "-o", "bench.vvp", *made]
    toolbox.run([*found.command, *words], cwd=folder, log=folder / "compile.log", name="iverilog")
    runtime = [toolbox.icarus_runtime(found), "-N", "bench.vvp"]
    return toolbox.run(runtime, cwd=folder, log=folder / "run.log", name="vvp")


@pytest.mark.requires("icarus")
def test_golden_rows_go_through_the_serial_line(package: Path, block: BlockDesign, tmp_path: Path) -> None:
    assert play(package, block, sources_of(package, block), tmp_path).strip().endswith("PASS")


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("quweit_uart_receiver.v", "break_o <= !line_q[1]", "break_o <= 1'b0"),
        ("quweit_uart_receiver.v", "{line_q[1], shift_q[7:1]}", "{shift_q[6:0], line_q[1]}"),
        ("quweit_uart_receiver.v", "if (line_q[1]) busy_q <= 1'b0;", ""),
        ("quweit_uart_sender.v", "left_q  <= 4'd10", "left_q  <= 4'd9"),
        ("quweit_uart_sender.v", "{data_i, 1'b0}", "{data_i, 1'b1}"),
        ("board", "wire x_last = ", "wire x_last = 1'b1 || "),
        ("board", "started && !broken", "started"),
    ],
)
def test_what_is_wrong_with_the_line_is_found(
    file: str, right: str, wrong: str, package: Path, block: BlockDesign, tmp_path: Path
) -> None:
    files = sources_of(package, block)
    name = f"{board_top(block)}.v" if file == "board" else file
    assert files[name].count(right) == 1
    said = play(package, block, files | {name: files[name].replace(right, wrong)}, tmp_path)
    assert "FAIL" in said and "PASS" not in said


@pytest.mark.requires("verilator")
def test_verilator_lints_the_top_without_a_warning(package: Path, block: BlockDesign, tmp_path: Path) -> None:
    files = sources_of(package, block)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    words = [*toolbox.find(toolbox.VERILATOR).command, "--lint-only", "-Wall", "-Wno-SYNCASYNCNET"]
    words += ["--top-module", board_top(block), *files]
    output = toolbox.run(words, cwd=tmp_path, log=tmp_path / "log", name="verilator")
    assert "%Warning" not in output and "%Error" not in output


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_a_board_has_a_part_that_is_known_and_a_clock_for_the_line(board: Board) -> None:
    assert routing_of(board.part) and set(board.pins) == {"clk", "receive", "send", "led"}
    reached = board.clock_mhz * 1e6 / board.cycles_per_bit
    assert abs(reached / 115_200 - 1) < 0.01  # a byte is ten bits: half a bit is five in a hundred
    assert board_named(board.name) is board


def test_a_wide_bus_or_another_board_is_refused(tmp_path: Path, quweit: Callable[..., Outcome]) -> None:
    project = project_with_dump(tmp_path / "p", random_block(3, layers=(10,)), rows=4)
    rtl.run(project, config.Rtl(random_rows=0, directed_rows=0, bus_bytes=2))
    (wide,) = load(RtlManifest, project / "rtl/manifest.json").blocks
    with pytest.raises(ConfigError, match="has 2 in, 2 out"):
        render_board(wide, QUICK)
    outcome = quweit("synth", project, "--tool", "nextpnr", "--board", "icebraker")
    assert outcome.code == 2 and "icebreaker (iCEBreaker)" in outcome.stderr
    for words, says in (
        (("--device", "ecp5-85"), "has the part iCE40UP5K-SG48, not ecp5-85"),
        (("--clock-mhz", "20"), "is 12 MHz, not 20"),
    ):
        outcome = quweit("synth", project, "--tool", "nextpnr", "--board", "icebreaker", *words)
        assert outcome.code == 2 and says in " ".join(outcome.stderr.split())
    outcome = quweit("synth", project, "--board", "icebreaker")
    assert outcome.code == 2 and "a board is for the tool nextpnr, not for yosys" in outcome.stderr
    assert not (project / "synth").exists()


# ---------------------------------------------------------------- the host


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    path = tmp_path / "check_rows.py"
    path.write_text(static_text(HOST))
    spec = importlib.util.spec_from_file_location("check_rows", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SECONDS", 0.3)
    monkeypatch.setattr(module, "BREAK_SECONDS", 0.0)
    yield module


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """The board's end, and the name of the host's."""
    board, end = pty.openpty()
    tty.setraw(end)
    yield board, os.ttyname(end)
    os.close(board)
    os.close(end)


def answers(package: Path, block: BlockDesign) -> list[bytes]:
    words = (package / block.vectors.outputs).read_text().split()
    return [int(word, 16).to_bytes(block.axis.output_beats, "little") for word in words]


def pretend(board: int, block: BlockDesign, given: list[bytes]) -> None:
    """Answers every row that is whole."""

    def work() -> None:
        for one in given:
            found = b""
            while len(found) < block.axis.input_beats:
                found += os.read(board, block.axis.input_beats - len(found))
            os.write(board, one)

    threading.Thread(target=work, daemon=True).start()


def run(host: ModuleType, monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["check_rows.py", *map(str, words)])
    code: int = host.main()
    return code


def test_the_host_says_that_rows_are_equal_or_which_differs(
    host: ModuleType,
    line: tuple[int, str],
    package: Path,
    block: BlockDesign,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    board, name = line
    given = answers(package, block)
    pretend(board, block, given)
    assert run(host, monkeypatch, name, package) == 0
    assert f"{len(given)} of {len(given)} rows of block0 equal" in capsys.readouterr().out
    wrong = [given[0], bytes([given[1][0] ^ 1]) + given[1][1:]]
    pretend(board, block, wrong)
    assert run(host, monkeypatch, name, package, "--rows", 2) == 1
    assert "row 1 differs: expected" in capsys.readouterr().out
    assert run(host, monkeypatch, name, package, "--rows", 0) == 1  # nothing was compared


def test_a_board_that_says_nothing_is_a_failed_tool(
    host: ModuleType,
    line: tuple[int, str],
    package: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(host, monkeypatch, line[1], package) == 3
    assert "is the bitstream of this package loaded?" in capsys.readouterr().err


def test_what_cannot_be_used_ends_with_2(
    host: ModuleType, line: tuple[int, str], package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (
        ("/dev/no-such-line", package),
        (line[1], tmp_path),
        (line[1], package, "--block", "block7"),
        (tmp_path / "check_rows.py", package),
    ):
        assert run(host, monkeypatch, *words) == 2
    wide = shutil.copytree(package, tmp_path / "wide")
    text = (wide / "manifest.json").read_text()
    (wide / "manifest.json").write_text(text.replace('"bytes_in": 1', '"bytes_in": 2'))
    assert run(host, monkeypatch, line[1], wide) == 2


def test_the_script_runs_by_itself(package: Path, tmp_path: Path) -> None:
    path = tmp_path / "check_rows.py"
    path.write_text(static_text(HOST))
    done = subprocess.run(
        [sys.executable, "-I", path, "/dev/null", package], check=False, capture_output=True, text=True
    )
    assert done.returncode == 2 and "/dev/null" in done.stderr and "Traceback" not in done.stderr
