"""A mapped, flat netlist: cells of a library and the nets between them, read from Yosys and written as Verilog.

The Verilog is the plainest there is: one scalar wire a net, one instance a cell, pins by name. All
readers take it, and an activity that a simulator counts on a net finds its way back by the name.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from quweit_cli.errors import ToolFailed
from quweit_cli.synthesizers.library.liberty import Cell, Library

Bit = int | str  # as Yosys writes it: a number, or a constant "0", "1", "x"


@dataclass
class Instance:
    name: str
    cell: Cell
    pins: dict[str, Bit]


@dataclass
class Netlist:
    """`ports` name -> (direction, bits, bit 0 first)."""

    top: str
    ports: dict[str, tuple[str, list[Bit]]]
    instances: list[Instance]
    next_bit: int

    def cells_by_type(self) -> dict[str, int]:
        return dict(sorted(Counter(one.cell.name for one in self.instances).items()))

    def area_um2(self, *, sequential: bool = False) -> float:
        """Of all cells, or of flip-flops, latches and clock gates alone."""
        return sum(
            one.cell.area_um2
            for one in self.instances
            if not sequential or one.cell.sequential or one.cell.clock_gate
        )

    def add(self, prefix: str, cell: Cell, pins: dict[str, Bit]) -> Instance:
        made = Instance(f"{prefix}{len(self.instances)}", cell, pins)
        self.instances.append(made)
        return made

    def add_buffer(
        self, prefix: str, buffer: Cell, source: Bit, group: list[tuple[Instance, str]]
    ) -> Instance:
        """Put a buffer between `source` and a group of input pins."""
        bit, self.next_bit = self.next_bit, self.next_bit + 1
        for one, pin in group:
            one.pins[pin] = bit
        return self.add(prefix, buffer, {buffer.inputs[0].name: source, buffer.outputs[0].name: bit})

    def loads(self) -> dict[Bit, list[tuple[Instance, str]]]:
        """Bit -> input pins of cells that it drives."""
        found: dict[Bit, list[tuple[Instance, str]]] = defaultdict(list)
        for one in self.instances:
            for pin in one.cell.inputs:
                if pin.name in one.pins:
                    found[one.pins[pin.name]].append((one, pin.name))
        return found

    def net_names(self) -> dict[Bit, str]:
        """Bit -> name in the Verilog: the port where it is one, `n<number>` elsewhere."""
        names: dict[Bit, str] = {}
        for direction in ("input", "output"):
            for port, (kind, bits) in self.ports.items():
                for index, bit in enumerate(bits):
                    if kind == direction and isinstance(bit, int):
                        names.setdefault(bit, port if len(bits) == 1 else f"{port}[{index}]")
        for one in self.instances:
            for bit in one.pins.values():
                if bit not in names:
                    names[bit] = f"n{bit}" if isinstance(bit, int) else f"1'b{bit}"
        return names


def read_netlist(path: Path, top: str, library: Library) -> Netlist:
    """What `write_json` left of a flat design.

    Raises:
        ToolFailed: no such module, or a cell that the library does not have.
    """
    try:
        module = json.loads(path.read_text())["modules"][top]
        ports = {
            re.sub(r"\W", "_", name): (port["direction"], port["bits"])
            for name, port in sorted(module["ports"].items())
        }
        raw = [(cell["type"], cell["connections"]) for _, cell in sorted(module["cells"].items())]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ToolFailed(f"Yosys left no netlist of `{top}` in `{path.name}`: {error!r}") from None
    unknown = sorted({kind for kind, _ in raw} - set(library.cells))
    if unknown or not raw:
        raise ToolFailed(
            f"`{top}` is not mapped to cells of `{library.name}`: {', '.join(unknown[:8]) or 'no cells'}",
            hint="the library lacks a cell for it: a flip-flop, a latch or a basic gate",
        )
    bits = [bit for _, connections in raw for (bit,) in connections.values() if isinstance(bit, int)]
    netlist = Netlist(top, ports, [], max(bits, default=1) + 1)
    for kind, connections in raw:
        cell = library.cells[kind]
        prefix = "k" if cell.clock_gate else "r" if cell.sequential else "g"
        netlist.add(prefix, cell, {pin: bit for pin, (bit,) in sorted(connections.items())})
    return netlist


def verilog(netlist: Netlist, header: str) -> str:
    """The netlist as a module; constants have been given tie cells before."""
    names = netlist.net_names()
    lines = [header, f"module {netlist.top} ({', '.join(netlist.ports)});"]
    for port, (direction, bits) in netlist.ports.items():
        width = "" if len(bits) == 1 else f"[{len(bits) - 1}:0] "
        lines.append(f"  {direction} {width}{port};")
    lines += [f"  wire {name};" for bit, name in sorted(names.items(), key=str) if name == f"n{bit}"]
    for port, (direction, bits) in netlist.ports.items():
        for index, bit in enumerate(bits):
            own = port if len(bits) == 1 else f"{port}[{index}]"
            source = names.get(bit, f"1'b{bit}")
            if direction == "output" and source != own:
                lines.append(f"  assign {own} = {source};")
    for one in netlist.instances:
        pins = ", ".join(f".{pin}({names[bit]})" for pin, bit in one.pins.items())
        lines.append(f"  {one.cell.name} {one.name} ({pins});")
    return "\n".join([*lines, "endmodule", ""])
