"""A flip-flop that drives more than its cell may gets buffers, and what it drove is driven by them."""

from __future__ import annotations

from pathlib import Path

import cell_library
from quweit_cli.synthesizers.library.flip_flop_loads import buffer_flip_flops
from quweit_cli.synthesizers.library.liberty import Library, read_libraries
from quweit_cli.synthesizers.library.netlist import Netlist


def flip_flop_with(loads: int, library: Library) -> Netlist:
    netlist = Netlist("top", {"clk": ("input", [2])}, [], 1000)
    flip_flop = library.cells["DFF"]
    (clock,) = (pin.name for pin in flip_flop.inputs if pin.name.startswith("C"))
    (data,) = (pin.name for pin in flip_flop.inputs if pin.name != clock)
    netlist.add("r", flip_flop, {clock: 2, data: 3, flip_flop.outputs[0].name: 4})
    for place in range(loads):
        netlist.add("g", library.cells["INV"], {"A": 4, library.cells["INV"].outputs[0].name: 100 + place})
    return netlist


def library_in(folder: Path) -> Library:
    return read_libraries([cell_library.write(folder)])


def test_a_load_within_the_cells_limit_is_left_alone(tmp_path: Path) -> None:
    library = library_in(tmp_path)
    netlist = flip_flop_with(3, library)
    assert buffer_flip_flops(netlist, library) == 0
    assert len(netlist.loads()[4]) == 3


def test_every_driver_is_within_its_limit_afterwards_and_no_sink_is_lost(tmp_path: Path) -> None:
    library = library_in(tmp_path)
    netlist = flip_flop_with(1000, library)
    assert buffer_flip_flops(netlist, library) > 1
    loads = netlist.loads()
    buffers = [one for one in netlist.instances if one.name.startswith("b")]
    assert sum(len(loads[one.pins[one.cell.outputs[0].name]]) for one in buffers) == 1000
    for one in buffers:
        output = one.cell.outputs[0]
        load = sum(sink.cell.pins[pin].capacitance_ff for sink, pin in loads[one.pins[output.name]])
        assert 0 < load <= output.max_capacitance_ff
    assert {sink.name[0] for sink, _ in loads[4]} == {"b"}
