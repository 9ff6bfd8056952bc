"""The vendor's cell models as they come with Yosys, in a form that simulators compile quickly.

Flip-flops, carries and multiplexers are the vendor's models without their delays. A LUT there is a tree of
multiplexers with its contents as a parameter: each of ten thousand different tables is elaborated as a
module of its own, and Verilator needs many minutes. Here the contents are a port, and the LUT reads its
table by an index; `vendor_with_ports` makes the contents of the vendor's model a port as well and changes
nothing else, so that Yosys can prove the two equal for all contents (tests/test_cell_models.py does).
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.errors import ToolFailed, ToolNotFound

_MODULE = re.compile(r"^module (\w+)\b.*?^endmodule$", re.MULTILINE | re.DOTALL)
_SPECIFY = re.compile(r"^\s*specify\b.*?^\s*endspecify$\n", re.MULTILINE | re.DOTALL)
_CONTENTS = re.compile(r"^\s*parameter (\[\d+:0\]) INIT = 0;\n", re.MULTILINE)
_CELL = re.compile(r"^  (\w+) (?:#\(|\S+ +\()$", re.MULTILINE)
_LONG_LINE = re.compile(r"^.{8000,}$", re.MULTILINE)  # Verilator takes at most 40,000 tokens on a line
_TABLE_CELL = re.compile(r"^  (LUT\w+) #\(\s*\.INIT\(([^()]+)\)\s*\) (\S+) +\($", re.MULTILINE)


def vendor_file() -> Path:
    """cells_sim.v of the AMD families.

    Raises:
        ToolNotFound: the Python package of Yosys is not installed.
    """
    package = importlib.util.find_spec("pyosys")
    if package is None or not package.submodule_search_locations:
        raise ToolNotFound("the cell models come with the package `pyosys`", hint=toolbox.YOSYS.install)
    return Path(package.submodule_search_locations[0]) / "share" / "xilinx" / "cells_sim.v"


def simulation_text(netlist: str, models: str) -> str:
    """One Verilog text: the netlist, its tables' contents as ports, and the models of the cells that it names.

    Raises:
        ToolFailed: the netlist names a cell that has no model.
    """
    known = {found[1]: found[0] for found in _MODULE.finditer(models)}
    used = sorted({found[1] for found in _CELL.finditer(netlist)} - {"module"})
    missing = [name for name in used if name not in known]
    if missing:
        raise ToolFailed(f"the netlist has cells without a model: {', '.join(missing[:5])}")
    ported = _TABLE_CELL.sub(lambda one: f"  {one[1]} {one[3]} (\n    .INIT({one[2]}),", netlist)
    ported = _LONG_LINE.sub(lambda one: one[0].replace(", ", ",\n    "), ported)
    kept = (indexed(name) or _SPECIFY.sub("", known[name]) for name in used)
    return "\n\n".join([*kept, ported])


def indexed(name: str) -> str | None:
    """A LUT that reads its contents by an index; None for other cells."""
    match = re.fullmatch(r"LUT([1-6])(_2)?", name)
    if match is None:
        return None
    inputs = [f"I{place}" for place in range(int(match[1]))]
    contents = 2 ** len(inputs)
    header = f"module {name}(input [{contents - 1}:0] INIT, {{}}, input {', '.join(inputs)});\n"
    address = ", ".join(reversed(inputs))
    if match[2] is None:
        return header.format("output O") + f"  assign O = INIT[{{{address}}}];\nendmodule"
    lower = ", ".join(reversed(inputs[:-1]))
    return (
        header.format("output O6, output O5")
        + f"  assign O6 = INIT[{{{address}}}];\n  assign O5 = INIT[{{1'b0, {lower}}}];\nendmodule"
    )


def vendor_with_ports(name: str, models: str) -> str:
    """The vendor's LUT with its contents as a port in place of the parameter; its logic word for word."""
    model = next(found[0] for found in _MODULE.finditer(models) if found[1] == name)
    contents = _CONTENTS.search(model)
    assert contents is not None
    model = _CONTENTS.sub("", _SPECIFY.sub("", model))
    return model.replace("(output", f"(input {contents[1]} INIT, output", 1)
