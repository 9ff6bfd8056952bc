"""Buffers between a clock and what it drives, so that the power of the clock is that of a circuit.

Before placement there is no clock tree, and a net that drives thousands of flip-flops directly has
slopes for which no table of the library was made: OpenSTA then extrapolates a multiple of their power.
Sinks are grouped as they come, which keeps neighbours in a module together; timing still takes the
clock as ideal.
"""

from __future__ import annotations

from quweit_cli.synthesizers.library.liberty import Library
from quweit_cli.synthesizers.library.netlist import Bit, Instance, Netlist

FANOUT = 24  # flip-flops of one buffer


def clock_gates(netlist: Netlist) -> dict[Bit, Instance]:
    """Gated clock -> the clock gate that drives it."""
    return {
        one.pins[pin.name]: one
        for one in netlist.instances
        if one.cell.clock_gate
        for pin in one.cell.outputs
        if pin.clock_gate == "out" and pin.name in one.pins
    }


def add_clock_tree(netlist: Netlist, library: Library, clock_port: str) -> int:
    """Buffer the clock and every gated clock, at most FANOUT sinks a driver; gives the number of buffers.

    The root has a buffer in any case: what drives a port is no part of the block, and the load on it
    would be counted nowhere.

    Raises:
        ConfigError: the library has no buffer for so many sinks.
    """
    (root,) = netlist.ports[clock_port][1]
    clocks = [*sorted(clock_gates(netlist), key=str), root]
    sinks = netlist.loads()
    heaviest = max(one.cell.pins[pin].capacitance_ff for bit in clocks for one, pin in sinks[bit])
    buffer = library.buffer(1.5 * FANOUT * heaviest)  # half as much again for wires
    before = len(netlist.instances)
    for clock in clocks:
        level = sinks[clock]
        while len(level) > FANOUT or (clock == root and level == sinks[root]):
            groups = [level[first : first + FANOUT] for first in range(0, len(level), FANOUT)]
            level = [
                (netlist.add_buffer("c", buffer, clock, group), buffer.inputs[0].name) for group in groups
            ]
    return len(netlist.instances) - before
