"""Lanes that take rows, played alone on Icarus."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from quweit_cli import toolbox

BENCH = """\
module bench;
  localparam integer Elements = {elements}, Rows = {rows};
  logic clk = 0, rst_n = 0, x_valid = 0, x_ready, x_last, y_valid, y_ready = 0, y_last;
  logic [{bits}:0] x [0:Rows*Elements-1];  // a mark, and an element
  logic [{bits}-1:0] x_data;
  logic [7:0] y_data;
  integer taken = 0, given = 0, cycle = 0, first = 0;
  logic [31:0] lfsr = 32'h1d872b41;
  {unit} #({parameters}) u_unit (
    .clk_i(clk), .rst_ni(rst_n), .x_valid_i(x_valid), .x_ready_o(x_ready), .x_data_i(x_data),
    .x_last_i(x_last), .y_valid_o(y_valid), .y_ready_i(y_ready), .y_data_o(y_data), .y_last_o(y_last));
  always #5 clk = ~clk;
  assign {{x_last, x_data}} = x[taken < Rows*Elements ? taken : 0];
  initial begin
    $readmemh("x.hex", x);
    #22 rst_n = 1;
  end
  always @(posedge clk) begin
    cycle <= cycle + 1;
    if (x_valid && x_ready) begin
      if (taken % Elements == 0) first = cycle;
      taken = taken + 1;
    end
    if (y_valid && y_ready) begin
      $display("y %0d %b", $signed(y_data), y_last);
      given = given + 1;
      if (given % Elements == 0) $display("row %0d", cycle - first + 1);
      if (given == Rows * Elements) $finish;
    end
    if (cycle > 400000) $finish;
    lfsr = {{lfsr[30:0], lfsr[31] ^ lfsr[21] ^ lfsr[1] ^ lfsr[0]}};
    x_valid <= rst_n && taken < Rows*Elements && ({gaps} == 0 || lfsr[0]);
    y_ready <= {gaps} == 0 || lfsr[1];
  end
endmodule
"""


def play(
    folder: Path, unit: str, parameters: str, rows_RN: np.ndarray, bits: int, sources: Sequence[Path], *,
    gaps: bool = False, change: tuple[str, str] | None = None, marks: Sequence[int] | None = None
) -> tuple[np.ndarray, list[int], list[int]]:  # fmt: skip
    """Results of the RTL on Icarus, the cycles of each row, and the places of marked elements.

    marks: places of elements that go in with a mark; of every other row the last when None, as no mark need be there.
    """
    rows, elements = rows_RN.shape
    marked = {*(range(elements - 1, rows_RN.size, 2 * elements) if marks is None else marks)}
    words = [(n in marked) << bits | x & 2**bits - 1 for n, x in enumerate(rows_RN.ravel().tolist())]
    (folder / "x.hex").write_text("".join(f"{word:x}\n" for word in words))
    (folder / "bench.sv").write_text(
        BENCH.format(
            unit=unit, parameters=parameters, elements=elements, rows=rows, bits=bits, gaps=int(gaps)
        )
    )
    source = "".join(path.read_text() for path in sources)
    if change is not None:
        assert source.count(change[0]) == 1
        source = source.replace(*change)
    (folder / "unit.sv").write_text(source)
    iverilog = toolbox.find(toolbox.ICARUS).command
    command = [*iverilog, "-g2012", "-o", "bench.vvp", "-s", "bench", "unit.sv", "bench.sv"]
    toolbox.run(command, cwd=folder, log=folder / "build.log", name="iverilog")
    output = toolbox.run(["vvp", "bench.vvp"], cwd=folder, log=folder / "run.log", name="vvp")
    given = re.findall(r"^y (-?\d+) ([01])$", output, re.MULTILINE)
    assert len(given) == rows_RN.size
    last = [place for place, (_, mark) in enumerate(given) if mark == "1"]
    cycles = [int(one) for one in re.findall(r"^row (\d+)$", output, re.MULTILINE)]
    return np.array([int(one) for one, _ in given]).reshape(rows, elements), cycles, last


def scores(rows: int, elements: int) -> np.ndarray:
    random = np.random.default_rng(5)
    drawn = np.clip(np.rint(random.normal(0, 30, (rows, elements))), -128, 127).astype(np.int64)
    drawn[0] = -128  # all equal
    drawn[1, 0], drawn[1, 1:] = 127, -128  # one alone
    return drawn


def residuals(rows: int, elements: int) -> np.ndarray:
    random = np.random.default_rng(6)
    drawn = np.rint(random.normal(300, 2000, (rows, elements))).clip(-32768, 32767).astype(np.int64)
    drawn[0] = 1234  # no deviation at all
    drawn[1] = np.where(np.arange(elements) % 2, 32767, -32768)  # the largest
    drawn[2] = 0
    drawn[2, 0] = 1  # the smallest: where a Newton iteration from 2^16 has not arrived
    drawn[3] = -32768
    drawn[3, 1] = 32767
    return drawn
