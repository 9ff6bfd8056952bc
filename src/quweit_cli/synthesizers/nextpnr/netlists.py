"""What nextpnr placed and routed, read back as a netlist of the vendor's cells.

nextpnr writes the design as it lies on the device: cells of the device, each with its bits, and nets between their pins.
`Routing.meaning` says what such a cell is in cells of the vendor's library, which have models. The text has no name of nextpnr's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from quweit_cli.errors import ToolFailed
from quweit_cli.technologies import Joined, PlacedCell, Primitive, Routing, Unknown

_PORT = re.compile(r"[a-z_]+")
_CONSTANTS = {"0": "1'h0", "1": "1'h1"}


def netlist(path: Path, top: str, routing: Routing) -> str | None:
    """Verilog of the module `top`; None where a cell has no meaning.

    path: of the JSON that nextpnr wrote.

    Raises:
        ToolFailed: there is none, or it is not what nextpnr writes.
    """
    try:
        (module,) = json.loads(path.read_text())["modules"].values()
        cells = [_cell(number, one) for number, one in enumerate(module["cells"].values())]
        made = list(chain.from_iterable(map(routing.meaning, cells)))
        return "\n".join(_text(top, module["ports"], made))
    except Unknown:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolFailed(f"nextpnr left no netlist of the design in `{path.name}`: {error!r:.200}") from None


def _cell(number: int, found: Mapping[str, Any]) -> PlacedCell:
    pins = {name: _signal(bits[0]) for name, bits in found["connections"].items() if bits}
    # Words of bits alone end with a space, so that they are no bits.
    parameters = {name: value.rstrip(" ") for name, value in found["parameters"].items()}
    return PlacedCell(f"c{number}", found["type"], parameters, pins)


def _signal(bit: object) -> str:
    """A net by its number, or a constant."""
    return f"n{bit}" if isinstance(bit, int) else _CONSTANTS[str(bit)]


def _text(top: str, ports: Mapping[str, Any], made: list[Primitive | Joined]) -> Iterator[str]:
    """In the layout of Yosys, which `simulators/cell_models.py` reads."""
    yield f"module {top}({', '.join(map(_port, ports))});"
    for name, port in ports.items():
        bits = port["bits"]
        if port["direction"] not in ("input", "output"):
            raise ValueError(f"port {name} is no plain one")
        yield f"  {port['direction']} [{len(bits) - 1}:0] {name};"
    signals = {one for item in made for one in _signals(item)}
    signals |= {_signal(bit) for port in ports.values() for bit in port["bits"]}
    yield from (f"  wire {name};" for name in sorted(signals - set(_CONSTANTS.values())))
    for name, port in ports.items():
        for place, bit in enumerate(port["bits"]):
            ends = (f"{name}[{place}]", _signal(bit))
            target, source = ends if port["direction"] == "output" else reversed(ends)
            yield f"  assign {target} = {source};"
    for number, item in enumerate(made):
        yield from _lines(number, item)
    yield "endmodule\n"


def _port(name: str) -> str:
    if not _PORT.fullmatch(name):
        raise ValueError("a port has another name than the wrapper's")
    return name


def _signals(item: Primitive | Joined) -> list[str]:
    return [item.signal] if isinstance(item, Joined) else list(item.pins.values())


def _lines(number: int, item: Primitive | Joined) -> Iterator[str]:
    if isinstance(item, Joined):
        yield f"  assign {item.signal} = {item.expression};"
        return
    if item.parameters:
        yield f"  {item.cell} #("
        yield ",\n".join(f"    .{name}({value})" for name, value in item.parameters.items())
        yield f"  ) p{number} ("
    else:
        yield f"  {item.cell} p{number} ("
    yield ",\n".join(f"    .{name}({value})" for name, value in item.pins.items())
    yield "  );"
