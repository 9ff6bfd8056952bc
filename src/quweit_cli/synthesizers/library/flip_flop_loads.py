"""Buffers behind flip-flops that drive more than they are made for.

ABC buffers and sizes logic, but takes every flip-flop for a driver as strong as the one of an input. The counter
of time slots of a block of 192 features drives 384 fF and took a whole nanosecond for it, where its cell may
drive 61 fF.
"""

from __future__ import annotations

from quweit_cli.errors import ConfigError
from quweit_cli.synthesizers.library.liberty import Cell, Library
from quweit_cli.synthesizers.library.netlist import Bit, Instance, Netlist

WIRES = 1.3  # load with wires over that of pins alone

Sink = tuple[Instance, str]


def buffer_flip_flops(netlist: Netlist, library: Library) -> int:
    """Put a buffer, or several side by side, behind every overloaded flip-flop; gives their number."""
    sinks, before = netlist.loads(), len(netlist.instances)
    for one in [one for one in netlist.instances if one.cell.sequential and not one.cell.clock_gate]:
        for pin in one.cell.outputs:
            bit = one.pins.get(pin.name)
            if bit is not None and pin.max_capacitance_ff and _load_ff(sinks[bit]) > pin.max_capacitance_ff:
                _buffer(netlist, library, bit, sinks[bit])
    return len(netlist.instances) - before


def _buffer(netlist: Netlist, library: Library, source: Bit, sinks: list[Sink]) -> None:
    """Halves until there is a buffer for each part, neighbours staying together."""
    cell = _buffer_for(library, _load_ff(sinks))
    if cell is not None:
        netlist.add_buffer("b", cell, source, sinks)
        return
    if len(sinks) == 1:  # the library says nothing of its buffers, or of this pin too much
        return
    half = len(sinks) // 2
    for part in (sinks[:half], sinks[half:]):
        _buffer(netlist, library, source, part)


def _buffer_for(library: Library, load_ff: float) -> Cell | None:
    try:
        return library.buffer(load_ff)
    except ConfigError:
        return None


def _load_ff(sinks: list[Sink]) -> float:
    return WIRES * sum(one.cell.pins[pin].capacitance_ff for one, pin in sinks)
