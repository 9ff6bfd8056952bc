"""Modules of a model mean to Yosys what they mean to a simulator: both see the same random inputs, cycle by cycle.

Yosys takes a cast number, `N'(128)`, for one without a sign. A comparison with one made a normalisation answer -128 always, and
nothing but this would have told.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from quweit_cli import toolbox
from quweit_cli.errors import ToolFailed
from quweit_cli.synthesizers.library.parameters import with_parameters
from quweit_cli.templating import static_text

BELOW = (
    "units/quweit_divider.sv",
    "units/quweit_root.sv",
    "units/quweit_product.sv",
    "units/xilinx/quweit_product_row.sv",
    "model/quweit_rescale_lane.sv",
    "units/quweit_root_factor.sv",
    "units/quweit_piece_select.sv",
    "units/quweit_piece_line.sv",
    "units/quweit_constant_line.sv",
    "units/quweit_window.sv",
    "units/quweit_scaled_line.sv",
    "units/quweit_root_factor_pieces.sv",
    "units/quweit_piece_exponential.sv",
)
EXPONENTIAL: dict[str, int | str] = {  # 0, 3 and 20 a code
    "Pieces": 3, "Breakpoints": "27'h003c5a6", "Slopes": "24'h140300", "Intercepts": "24'h3c09ff",
}  # fmt: skip
ROOT: dict[str, int | str] = {  # three pieces, one of them with a negative intercept
    "Pieces": 3, "Window": 7, "WordBits": 9, "SumBits": 18, "RootBits": 15, "Align": 5, "Shift": 7,
    "Breakpoints": "24'h002814", "Slopes": "27'h7fbdb9c", "Intercepts": "27'h3fcf05f",
}  # fmt: skip
MODULES: dict[str, dict[str, int | str]] = {  # a module, and more words where it is here twice
    "units/quweit_layer_norm.sv in pieces": {"Elements": 6, "SearchedRoot": 1, **ROOT},
    "units/xilinx/quweit_product.sv": {"ABits": 9, "BBits": 7},
    "units/pipelined/quweit_product.sv": {"ABits": 9, "BBits": 7},
    "units/quweit_piece_exponential.sv": EXPONENTIAL,
    "units/quweit_softmax_rows.sv in pieces": {
        "Elements": 5,
        "SearchedExponential": 1,
        "SearchedReciprocal": 1,
        **{f"Exponential{name}": value for name, value in EXPONENTIAL.items()},
        **ROOT,
    },
    "units/quweit_window.sv": {"InputBits": 44, "Window": 10, "Step": 4, "StepBits": 4},
    "units/quweit_layer_norm.sv": {"Elements": 6},
    "units/quweit_softmax_rows.sv": {"Elements": 5},
    "units/quweit_divider.sv": {},
    "units/quweit_root.sv": {},
    "array/quweit_systolic_cell.sv": {},
    "array/quweit_sum_column.sv": {"Side": 8},
    "array/quweit_systolic_control.sv": {"Side": 8, "Latency": 9},
    "array/quweit_operand_buffer.sv": {},
    "model/quweit_rescale.sv": {"Lanes": 2},
    "model/quweit_gate.sv": {"Lanes": 2},
    "model/quweit_token_sum.sv": {"Lanes": 8, "Tokens": 13},
    "model/quweit_token_rows.sv": {"Lanes": 4},
    "model/quweit_token_sums.sv": {"Lanes": 4},
    "model/quweit_lane_rows.sv": {},
    "model/quweit_product_feeder.sv": {"Side": 8},
    "model/quweit_product_writer.sv": {"Side": 8},
    "model/quweit_image_loader.sv": {},
    "model/quweit_token_loader.sv": {},
    "model/quweit_token_embedding.sv": {},
    "model/quweit_model_sequencer.sv": {"Jobs": 3},
}
BENCH = """\
module bench;
  reg clk = 0;
  reg [{inputs}:0] word;
  wire [{outputs}:0] expected, got;
  integer different = 0, known = 0;
  {top} u_rtl ({of_rtl});
  read_{top} u_read ({of_read});
  initial begin
    for (int cycle = 0; cycle < 6000; cycle++) begin
      for (int place = 0; place <= {inputs}; place++) word[place] = $urandom;
      {reset}
      #1 clk = 1;
      #1 if (cycle > 9 && ^expected !== 1'bx) begin
        known++;
        if (got !== expected) different++;
      end
      clk = 0;
    end
    $display("%0d of %0d", different, known);
    $finish;
  end
endmodule
"""
RARE = ("start_i", "x_last_i", "ends_i")  # one cycle in thirty-two, or nothing would ever end
SMALL = r"(groups|elements|features|tokens|outputs|rows|inner|columns|cycles)_i$|job_(rows|inner|columns)_i$"


def read(folder: Path, module: str, parameters: dict[str, int | str]) -> tuple[int, int]:
    """Cycles in which both differ, and cycles whose outputs the simulator knows."""
    file = module.split(" ", maxsplit=1)[0]
    top = Path(file).stem
    texts = [with_parameters(static_text(file), top, parameters)]
    texts += [static_text(one) for one in BELOW if Path(one).stem != top]
    (folder / "rtl.sv").write_text("\n".join(texts))
    script = f"read_verilog -sv rtl.sv\nprep -flatten -top {top}\nwrite_json ports.json\nwrite_verilog -noattr read.v\n"
    (folder / "read.ys").write_text(script)
    yosys = toolbox.find(toolbox.YOSYS)
    toolbox.run([*yosys.command, "read.ys"], cwd=folder, log=folder / "yosys.log", name="yosys")
    text = (folder / "read.v").read_text()
    (folder / "read.v").write_text(re.sub(rf"\bmodule {top}\b", f"module read_{top}", text))
    ports = json.loads((folder / "ports.json").read_text())["modules"][top]["ports"]
    (folder / "bench.sv").write_text(
        bench(top, {n: (p["direction"], len(p["bits"])) for n, p in ports.items()})
    )
    command = [
        *toolbox.find(toolbox.ICARUS).command,
        "-g2012",
        "-s",
        "bench",
        "-o",
        "bench.vvp",
        "rtl.sv",
        "read.v",
        "bench.sv",
    ]
    toolbox.run(command, cwd=folder, log=folder / "icarus.log", name="icarus")
    runtime = toolbox.icarus_runtime(toolbox.find(toolbox.ICARUS))
    said = toolbox.run([runtime, "bench.vvp"], cwd=folder, log=folder / "run.log", name="vvp")
    found = re.search(r"^(\d+) of (\d+)$", said, re.MULTILINE)
    assert found
    return int(found[1]), int(found[2])


def bench(top: str, ports: dict[str, tuple[str, int]]) -> str:
    places = {"input": 0, "output": 0}
    of_rtl, of_read, lines = [], [], []
    for name, (direction, bits) in ports.items():
        if name == "clk_i":
            of_rtl.append(".clk_i (clk)")
            of_read.append(".clk_i (clk)")
            continue
        first, places[direction] = places[direction], places[direction] + bits
        if direction == "input":
            of_rtl.append(f".{name} (word[{first} +: {bits}])")
            of_read.append(of_rtl[-1])
            if name == "rst_ni":
                lines.append(f"word[{first}] = (cycle > 5) && (cycle % 2000 != 1999);")
            elif name in RARE:
                lines.append(f"word[{first}] = ($urandom % 32 == 0) || (cycle == 12);")
            elif re.match(SMALL, name):  # so that a job of so many ends
                lines.append(f"word[{first} +: {bits}] = 1 + $urandom % 3;")
        else:
            of_rtl.append(f".{name} (expected[{first} +: {bits}])")
            of_read.append(f".{name} (got[{first} +: {bits}])")
    return BENCH.format(
        top=top, inputs=places["input"] - 1, outputs=places["output"] - 1, of_rtl=", ".join(of_rtl),
        of_read=", ".join(of_read), reset="\n      ".join(lines),
    )  # fmt: skip


FAST = (
    "units/quweit_layer_norm.sv",
    "units/quweit_layer_norm.sv in pieces",
    "units/quweit_softmax_rows.sv in pieces",
    "units/xilinx/quweit_product.sv",
    "model/quweit_rescale.sv",
)


@pytest.mark.requires("yosys", "icarus")
@pytest.mark.parametrize(
    "module", [pytest.param(one, marks=() if one in FAST else pytest.mark.slow) for one in MODULES]
)
def test_a_module_means_the_same_to_both(tmp_path: Path, module: str) -> None:
    different, known = read(tmp_path, module, MODULES[module])
    assert known > 300, "the simulator knows too little of its outputs to compare anything"
    assert different == 0


@pytest.mark.requires("yosys", "icarus")
def test_a_cast_number_in_a_comparison_would_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = static_text("units/quweit_layer_norm.sv")
    changed = before.replace("rounded < Least", "rounded < -RoundedBits'(128)")
    assert changed != before
    monkeypatch.setitem(
        globals(),
        "static_text",
        lambda name: changed if name.endswith("quweit_layer_norm.sv") else static_text_of(name),
    )
    different, _ = read(tmp_path, "units/quweit_layer_norm.sv", {"Elements": 6})
    assert different > 0


static_text_of = static_text


@pytest.mark.requires("yosys")
def test_what_yosys_refuses_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed):
        read(tmp_path, "units/quweit_root.sv", {"Missing": 1})
