"""The vendor's cell models as they come with Yosys, in a form that simulators compile quickly.

Flip-flops, carries and multiplexers are the vendor's models without their delays. A LUT there is a tree of
multiplexers with its contents as a parameter: each of ten thousand different tables is elaborated as a
module of its own, and Verilator needs many minutes. What stands for a LUT depends on the simulator:

- One that knows 0 and 1 alone takes an equation that shifts the contents by the address, without any module: as
  instances of one module with its contents at a port, those of the I-ViT-T block at 16 cycles a row took Verilator
  55 s of processor time, as equations 34. `vendor_with_ports` makes the contents of the vendor's model a port and
  changes nothing else, so that Yosys can prove the equations equal to it for all contents.
- For one that knows X as well the equation is wrong: shifted by an address with one unknown bit, everything is unknown, where
  the vendor's tree answers what the table holds for both values of that bit. It takes primitives (`lut_primitives.py`).

tests/simulators/test_cell_models.py proves the first, and compares the second for every combination of 0, 1 and X.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from quweit_cli import toolbox
from quweit_cli.errors import ToolFailed, ToolNotFound
from quweit_cli.simulators.lut_primitives import Primitives, outputs_of
from quweit_cli.technologies import Cells, Lut
from quweit_cli.technologies.amd import LUT6

_MODULE = re.compile(r"^module (\w+)\b.*?^endmodule$", re.MULTILINE | re.DOTALL)
_PARAMETER = re.compile(r"^\s*parameter .*;$", re.MULTILINE)
_WORD = re.compile(r"[A-Z]\w+")
_SPECIFY = re.compile(r"^\s*specify\b.*?^\s*endspecify$\n", re.MULTILINE | re.DOTALL)
_CONTENTS = re.compile(r"^\s*parameter (\[\d+:0\]) (?:LUT_)?INIT = (?:\d+'h)?0+;\n", re.MULTILINE)
_CELL = re.compile(r"^  (\w+) (?:#\(|\S+ +\()$", re.MULTILINE)
_DEFINED = re.compile(r"^module (\w+)", re.MULTILINE)
_LONG_LINE = re.compile(r"^.{8000,}$", re.MULTILINE)  # Verilator takes at most 40,000 tokens on a line
_LUT = r"^  ({names}) #\(\s*\.(?:LUT_)?INIT\(([^()]+)\)\s*\) \S+ +\($\n(.*?)^  \);$"
_OPEN = re.compile(r"(\.INIT(?:_[A-H]|VAL)?\(\d+'h)x+\)")
_INCLUDE = re.compile(r'^`include "([\w.]+)"$', re.MULTILINE)
_PART = re.compile(r"^\s+([A-Z]\w+) (?:#\(|\w+ ?\(\.)", re.MULTILINE)
_PIN = re.compile(r"^    \.(\w+)\((.*)\),?$", re.MULTILINE)


def vendor_file(cells: Cells) -> Path:
    """The vendor's models of these cells; they may include files beside it.

    Raises:
        ToolNotFound: the Python package of Yosys is not installed.
    """
    package = importlib.util.find_spec("pyosys")
    if package is None or not package.submodule_search_locations:
        raise ToolNotFound("the cell models come with the package `pyosys`", hint=toolbox.YOSYS.install)
    return Path(package.submodule_search_locations[0]) / "share" / cells.models


def vendor_models(cells: Cells) -> dict[str, str]:
    """Module -> text of the vendor's models of these cells, without delays."""
    path = vendor_file(cells)
    text = _INCLUDE.sub(lambda one: path.with_name(one[1]).read_text(), path.read_text())
    for name, meaning in cells.macros.items():
        text = re.sub(rf"`{name}\b", meaning, text)
    return {found[1]: _SPECIFY.sub("", found[0]) for found in _MODULE.finditer(text)}


def cell_faces(texts: Iterable[str]) -> str:
    """Ports and parameters of all cells of AMD that these texts name, with nothing inside: enough to compile them."""
    words = {word for text in texts for word in _WORD.findall(text)}
    faces = []
    for name, model in vendor_models(LUT6).items():
        if name in words:
            head, _, body = model.partition(");")
            faces.append("\n".join([f"{head});", *_PARAMETER.findall(body), "endmodule"]))
    return "\n\n".join(faces) + "\n"


def simulation_text(
    netlist: str, cells: Cells, *, four_state: bool = False, others: Collection[str] = ()
) -> str:
    """One Verilog text: the netlist, its LUTs as equations or primitives, and the vendor's models of the other cells.

    cells: those that the netlist is made of.
    others: modules that it has as instances, and that are compiled beside it.
    four_state: whether the simulator that compiles it knows X.

    What a memory holds at the start, where Yosys leaves it open, is what the vendor's model says: 0.

    Raises:
        ToolFailed: the netlist names a cell that has no model.
    """
    primitives = Primitives()
    made = primitives.instances if four_state else equations
    luts = re.compile(_LUT.format(names="|".join(cells.luts)), re.MULTILINE | re.DOTALL)
    text = luts.sub(lambda one: made(cells.luts[one[1]], one[2], dict(_PIN.findall(one[3]))), netlist)
    text = _OPEN.sub(r"\g<1>0)", text)
    known = vendor_models(cells)
    used = {found[1] for found in _CELL.finditer(text)} - {"module", *_DEFINED.findall(text), *others}
    missing = sorted(used - known.keys())
    if missing:
        raise ToolFailed(f"the netlist has cells without a model: {', '.join(missing[:5])}")
    while parts := {part for name in used for part in _PART.findall(known[name])} & known.keys() - used:
        used |= parts
    text = _LONG_LINE.sub(lambda one: one[0].replace(", ", ",\n    "), text)
    return "\n\n".join([*primitives.texts(), *(known[name] for name in sorted(used)), text])


def equations(lut: Lut, contents: str, pins: Mapping[str, str]) -> str:
    """What the outputs of a LUT are, for a simulator that knows 0 and 1: `contents` shifted by the address."""
    return "\n".join(
        f"  assign {pin} = {contents} >> {{{', '.join(reversed(address))}}};"
        for pin, address in outputs_of(lut, pins)
    )


def vendor_with_ports(name: str, cells: Cells) -> str:
    """The vendor's LUT with its contents as a port in place of the parameter; its logic word for word."""
    model = vendor_models(cells)[name]
    contents = _CONTENTS.search(model)
    assert contents is not None
    return _CONTENTS.sub("", model).replace("(", f"(input {contents[1]} INIT, ", 1)
