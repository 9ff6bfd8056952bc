"""Whether a mutant that every check calls equal is equal: Yosys joins it with the original, ABC proves the pair.

The pair sees the same inputs, from an unknown state through a reset in the first cycle; PDR proves that their
outputs never differ, or finds where they do. Data and marks of a stream count while they are valid.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mutation.mutant import Mutant
from quweit_cli import toolbox
from quweit_cli.documents import BlockDesign, ModelDesign
from quweit_cli.errors import ToolFailed
from quweit_cli.simulators.cell_models import vendor_file
from quweit_cli.stages import formal
from quweit_cli.synthesizers.library.parameters import with_parameters
from quweit_cli.technologies.amd import LUT6

SECONDS = 120
WITH_PARAMETERS = "its module is the same function with the parameters that it has here"


def argument(
    package: Path, block: BlockDesign | ModelDesign, mutant: Mutant, sources: Sequence[str], scratch: Path
) -> str | None:
    """Why a mutant equals the original: the first of three proofs that holds; None when none does.

    Of a whole model one is tried: its modules by themselves.

    sources: the rendering that the mutant is in, in compile order.
    """
    module = Path(mutant.file).stem
    texts = {Path(name).stem: (package / name).read_text() for name in sources}
    proofs: list[tuple[str, Pair]] = []
    if isinstance(block, ModelDesign):
        given = parameters(module, texts.values())
        if given is None:  # its top, or what it holds at first
            return None
        alone = Pair(module, None, clocked="always_ff" in texts[module], parameters=given)
        return WITH_PARAMETERS if equal(package, mutant, sources, alone, scratch) else None
    if module.startswith(f"{block.top}_") and mutant.file not in block.axis.sources:
        proofs.append(
            ("its module is the same function", Pair(module, None, clocked="always_ff" in texts[module]))
        )
        if "always_ff" not in texts[module] and not module.endswith("adder_tree"):
            where = "equal for all rows and time slots that reach it"
            proofs.append((where, Pair("observed", tables(block, module, texts), clocked=False)))
    if (given := parameters(module, texts.values())) is not None:
        proofs.append(
            (
                WITH_PARAMETERS,
                Pair(module, None, clocked="always_ff" in texts[module], parameters=given),
            )
        )
    if module == "quweit_bit_store" and block.neighbours is not None:
        where = "its module never answers otherwise to what the memory of neighbours gives"
        proofs.append((where, Pair("observed", behind_memory(block, texts), clocked=True)))
    if module.endswith("_neighbours"):
        proofs = [
            (
                "its module never answers otherwise",
                Pair("observed", stream(block, module=module), clocked=True),
            )
        ]
    if block.input_beats * block.features_per_beat <= SMALL:
        axis = mutant.file in block.axis.sources
        proofs.append(
            ("its block never answers otherwise", Pair("observed", stream(block, axis=axis), clocked=True))
        )
    for reason, pair in proofs:
        if equal(package, mutant, sources, pair, scratch):
            return reason
    return None


class Pair(NamedTuple):
    """What is compared: `top`, which `wrapper` defines where it is no module of the design."""

    top: str
    wrapper: str | None
    clocked: bool
    parameters: Mapping[str, str] = {}  # in place of the defaults of `top`


def parameters(module: str, texts: Iterable[str]) -> dict[str, str] | None:
    """With what every instance of a module is made; None where there is none, or they differ."""
    made = [given for text in texts for given in formal.instances(module, text)]
    return made[0] if made and all(given == made[0] for given in made) else None


SMALL = 32  # features of a block whose whole state can be looked at


def equal(package: Path, mutant: Mutant, sources: Sequence[str], pair: Pair, scratch: Path) -> bool:
    """Whether the pair never gives other outputs with the mutant; false as well when the time is not enough."""
    if scratch.exists():
        shutil.rmtree(scratch)
    scratch.mkdir(parents=True)
    shutil.copy(vendor_file(LUT6), scratch / "cells.v")
    if pair.wrapper is not None:
        (scratch / "observed.sv").write_text(pair.wrapper)
    names = {}
    for source in sources:
        text = (package / source).read_text()
        names[source] = source.replace("/", "_")
        changed = mutant.apply(text) if source == mutant.file else text
        for half, content in (("gold", text), ("gate", changed)):
            if Path(source).stem == pair.top:
                content = with_parameters(content, pair.top, pair.parameters)  # noqa: PLW2901
            (scratch / f"{half}_{names[source]}").write_text(content)
    files = [names[source] for source in sources]
    clock = "clk2fflogic" if mutant.kind == "reset" else "async2sync"
    (scratch / "pair.ys").write_text(script(files, pair, clock=clock))
    try:
        toolbox.run(
            [*toolbox.find(toolbox.YOSYS).command, "pair.ys"],
            cwd=scratch, log=scratch / "pair.log", name="yosys", timeout=5 * SECONDS,
        )  # fmt: skip
    except ToolFailed:
        return False
    prove = f"dc2\nscorr\npdr -T {SECONDS}\niprove" if pair.clocked else "iprove"
    (scratch / "prove.abc").write_text(f"read pair.aig\nstrash\n{prove}\n")
    answer = toolbox.run(
        [str(_abc()), "-f", "prove.abc"],
        cwd=scratch,
        log=scratch / "prove.log",
        name="abc",
        timeout=5 * SECONDS,
    )
    return re.search(r"Property proved|UNSATISFIABLE", answer) is not None


def script(files: Sequence[str], pair: Pair, *, clock: str) -> str:
    """Original and mutant, each flattened, joined at their inputs.

    clock: the pass that takes clocks away: `async2sync` looks at every cycle, `clk2fflogic` in between as well.
    """
    # What a register holds before it is written is the same in both, here 0; but a missing reset shows what it was.
    start = "" if clock == "clk2fflogic" else "setundef -init -zero\n"
    halves = []
    for half in ("gold", "gate"):
        read = [f"{half}_{name}" for name in files] + (["observed.sv"] if pair.wrapper else [])
        halves.append(
            f"read_verilog -sv {' '.join(read)}\nread_verilog cells.v\nhierarchy -check -top {pair.top}\n"
            f"proc -norom\nflatten\nmemory_map\n{start}{clock}\nopt_expr\nopt_clean\nrename -top {half}\ndesign -stash {half}\n"
        )
    return "".join(halves) + (
        "design -copy-from gold -as gold gold\ndesign -copy-from gate -as gate gate\n"
        "miter -equiv -flatten gold gate pair\nhierarchy -top pair\n"
        "opt_expr\nopt_merge\nopt_clean\nsetundef -undriven -anyseq\n"
        "techmap\nopt -fast\ndffunmap\naigmap\nopt_clean\nwrite_aiger -zinit pair.aig\n"
    )


def stream(block: BlockDesign, *, axis: bool = False, module: str | None = None) -> str:
    """The block, its wrapper or a module with its ports, behind a reset in the first cycle; what is not valid is not seen."""
    port = block.axis
    bits_in = 8 * port.bytes_in if axis else block.features_per_beat * block.input_bits
    bits_out = 8 * port.bytes_out if axis else block.outputs_per_beat * block.output_bits
    if module is not None:  # the memory of neighbours gives the beats that it takes
        bits_out = bits_in
    names = (
        ("aclk", "aresetn", *(f"s_axis_t{one}" for one in ("valid", "ready", "data", "last")))
        + tuple(f"m_axis_t{one}" for one in ("valid", "ready", "data", "last"))
        if axis
        else ("clk_i", "rst_ni", "x_valid_i", "x_ready_o", "x_data_i", "x_last_i")
        + ("y_valid_o", "y_ready_i", "y_data_o", "y_last_o")
    )
    wires = ("clk", "rst", "xv", "xr", "xd", "xl", "yv", "yr", "yd", "yl")
    ports = ", ".join(f".{name}({wire})" for name, wire in zip(names, wires, strict=True))
    return f"""\
module observed (
  input clk, input rst_n, input xv, output xr, input [{bits_in - 1}:0] xd, input xl,
  output yv, input yr, output [{bits_out - 1}:0] seen, output seen_last
);
  (* gclk *) wire ever;
  reg begun = 1'b0;
  always @(posedge ever) begun <= 1'b1;
  wire rst = rst_n && begun;
  wire [{bits_out - 1}:0] yd;
  wire yl;
  assign seen = yv ? yd : '0;
  assign seen_last = yv && yl;
  {module or (port.top if axis else block.top)} u_block ({ports});
endmodule
"""


def behind_memory(block: BlockDesign, texts: Mapping[str, str]) -> str:
    """The store of a row behind the memory of neighbours, whose control alone counts: any bits come with its beats."""
    given = parameters("quweit_bit_store", texts.values())
    assert given is not None
    given["BeatBits"] = "1"
    store = ", ".join(f".{name}({value})" for name, value in given.items())
    return f"""\
module observed (
  input clk, input rst_n, input xv, output xr, input xl, input bits, input taken,
  output full, output [{int(given["Beats"]) - 1}:0] seen
);
  (* gclk *) wire ever;
  reg begun = 1'b0;
  always @(posedge ever) begin begun <= 1'b1; end
  wire rst = rst_n && begun;
  wire valid, ready, last;
  wire [{int(given["Beats"]) - 1}:0] row;
  assign seen = full ? row : '0;
  {block.top}_neighbours u_memory (
    .clk_i(clk), .rst_ni(rst), .x_valid_i(xv), .x_ready_o(xr), .x_data_i('0), .x_last_i(xl),
    .y_valid_o(valid), .y_ready_i(ready), .y_data_o(), .y_last_o(last));
  quweit_bit_store #({store}) u_store (
    .clk_i(clk), .rst_ni(rst), .beat_valid_i(valid), .beat_ready_o(ready), .beat_last_i(last), .beat_bits_i(bits),
    .slot_o(), .row_valid_o(full), .row_ready_i(taken), .row_bits_o(row));
endmodule
"""


def tables(block: BlockDesign, module: str, texts: dict[str, str]) -> str:
    """The tables of a block from a whole row to those in `module`, and those after it up to the terms of a time slot.

    texts: by module name. Of a LUT layer its own bits are compared, which is quick and says more.
    """

    def width(module: str, port: str) -> int:
        found = re.search(rf"logic (?:\[(\d+):0\] )?{port}\b", texts[f"{block.top}_{module}"])
        return 0 if found is None else int(found[1] or 0) + 1

    beat_in, beat_out, slots = width("encoder", "x_i"), width("encoder", "bits_o"), block.row_beats
    lines = [
        f"  {block.top}_encoder u_{k} (.slot_i({k}), .x_i(row[{k * beat_in} +: {beat_in}]), .bits_o(bits[{k * beat_out} +: {beat_out}]));"
        for k in range(slots)
    ]
    before = "bits"
    layer = re.search(r"_lut_layer(\d+)$", module)
    for index in range(len(block.luts_by_layer)):
        lines.append(f"  wire [{width(f'lut_layer{index}', 'bits_o') - 1}:0] layer{index};")
        lines.append(
            f"  {block.top}_lut_layer{index} u_layer{index} (.bits_i({before}), .bits_o(layer{index}));"
        )
        before = f"layer{index}"
        if layer and index == int(layer[1]):
            width_out = width(f"lut_layer{index}", "bits_o")
            return "\n".join(
                [
                    f"module observed (input [{slots * beat_in - 1}:0] row, output [{width_out - 1}:0] answer);",
                    f"  wire [{slots * beat_out - 1}:0] bits;",
                    *lines,
                    f"  assign answer = {before};",
                    "endmodule\n",
                ]
            )
    gated = width("value_table", "bits_i") == 0
    terms, bias, clock = (width("value_table", port) for port in ("terms_o", "bias_o", "time_i"))
    answer = f"output [{terms - 1}:0] terms, output [{bias - 1}:0] bias"
    answer += f", output [{block.luts_by_layer[-1] - 1}:0] gates" if gated else ""
    lines.append(f"  {'assign gates = ' + before + ';' if gated else ''}")
    bits = "" if gated else f".bits_i({before}), "
    lines.append(f"  {block.top}_value_table u_values (.time_i(slot), {bits}.terms_o(terms), .bias_o(bias));")
    return "\n".join(
        [
            f"module observed (input [{slots * beat_in - 1}:0] row, input [{clock - 1}:0] any_slot, {answer});",
            f"  wire [{slots * beat_out - 1}:0] bits;",
            f"  wire [{clock - 1}:0] slot = (any_slot < {block.output_beats}) ? any_slot : 0;",
            *lines,
            "endmodule\n",
        ]
    )


def _abc() -> Path:
    package = importlib.util.find_spec("pyosys")
    assert package is not None and package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "yosys-abc"
