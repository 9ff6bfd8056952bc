"""What a family of FPGA parts is, as a value: its parts, its cells, and how tools are told of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple


class Resources(NamedTuple):
    """How many units of each resource a cell takes. A cell may take some of several; one that takes none is refused."""

    luts: Mapping[str, float]
    ffs: Mapping[str, float]
    carries: Mapping[str, float]
    muxes: Mapping[str, float]
    brams: Mapping[str, float]
    dsps: Mapping[str, float]
    urams: Mapping[str, float] = MappingProxyType({})


class Lut(NamedTuple):
    """Pins of a LUT in a netlist: inputs, that of the lowest address bit first; how many of them each output reads."""

    inputs: tuple[str, ...]
    outputs: Mapping[str, int]


class Utilization(NamedTuple):
    """Where a figure stands in Vivado's report: (section, row). `carries` is a row of a table of sites, or a primitive."""

    luts: tuple[str, str]
    ffs: tuple[str, str]
    latches: tuple[str, str]
    carries: tuple[str, str]
    muxes: tuple[tuple[str, str], ...]
    brams: tuple[str, str]
    dsps: tuple[str, str]
    urams: tuple[str, str] | None = None  # absent where the family has none


@dataclass(frozen=True)
class Cells:
    """The cells that a netlist is made of. Counts in different cells are never compared."""

    name: str
    lut_inputs: int
    pair_inputs: int | None  # of a LUT that gives two answers; absent where none does
    adder_terms: int  # that one carry chain adds
    resources: Resources
    luts: Mapping[str, Lut]  # those that a simulator gets as equations or primitives
    models: str  # Verilog of all cells, within the share folder of Yosys
    macros: Mapping[str, str] = field(
        default_factory=dict
    )  # that this Verilog names, and what stands for them


class PlacedCell(NamedTuple):
    """A cell of a device as nextpnr left it, with what its pins are in Verilog; pins that are open are not there."""

    name: str  # an identifier that no other has
    kind: str
    parameters: Mapping[str, str]  # bits as 0 and 1, or words
    pins: Mapping[str, str]

    def number(self, parameter: str) -> int:
        """Raises ValueError where it is no bits, KeyError where there is none."""
        return int(self.parameters[parameter], 2)

    def pin(self, name: str, otherwise: str = "1'h0") -> str:
        """What drives an input; `otherwise` where nothing does."""
        return self.pins.get(name, otherwise)

    def wire(self, role: str) -> str:
        """The name of a wire within the cell."""
        return f"{self.name}_{role}"


class Primitive(NamedTuple):
    """A cell of the vendor's library in a netlist, in Verilog."""

    cell: str
    parameters: Mapping[str, str]
    pins: Mapping[str, str]


class Joined(NamedTuple):
    """A signal of a netlist that is an expression of others, in Verilog."""

    signal: str
    expression: str


class Unknown(ValueError):
    """A cell that has no meaning here."""


class Size(NamedTuple):
    """Parts of one die: the option of nextpnr that names it, and the packages that it comes in."""

    option: str
    packages: tuple[str, ...]


@dataclass(frozen=True)
class Routing:
    """How nextpnr places and routes parts of a family, and what packs bitstreams of them.

    A part's name has its size, its package and, where the family is sold so, its speed grade: groups of `part`.
    """

    tool: str  # by its name in `toolbox.TOOLS`
    packer: str  # the program that comes with it
    part: str  # pattern of a whole name
    sizes: Mapping[str, Size]
    packages: Mapping[str, str]  # as a part's name has it -> as nextpnr does
    speeds: tuple[str, ...]  # none where nextpnr has no option for them
    short: Mapping[str, str]  # names of ours -> parts
    always: tuple[str, ...]  # options of nextpnr
    constraints: tuple[
        str, str
    ]  # its option that reads where pins lie, and such a file's line of {port} and {site}
    written: str  # its option that writes what the packer reads
    bitstream: str  # how the name of a bitstream ends
    resources: Mapping[str, str]  # as nextpnr counts them -> in words; others stand by their own names
    pins: str  # which of these a port of the top takes
    meaning: Callable[[PlacedCell], Iterator[Primitive | Joined]]  # of a cell that it left; raises Unknown

    def options(self, device: str) -> tuple[str, ...] | None:
        """Of nextpnr for a part; None for one that it does not know."""
        found = re.fullmatch(self.part, device)
        size = self.sizes.get(found["size"]) if found else None
        if found is None or size is None or found["package"] not in size.packages:
            return None
        words = (size.option, "--package", self.packages[found["package"]])
        if not self.speeds:
            return words
        return (*words, "--speed", found["speed"]) if found["speed"] in self.speeds else None

    @property
    def known(self) -> str:
        """Sizes, packages and speed grades that there are, for a message."""
        sizes = "; ".join(f"{name} in {', '.join(size.packages)}" for name, size in self.sizes.items())
        return sizes + (f"; speed grades {', '.join(self.speeds)}" if self.speeds else "")


@dataclass(frozen=True)
class Technology:
    """A family of parts."""

    name: str
    pattern: str  # of the start of a part's name; no part fits two
    example: str  # a part
    cells: Cells
    command: str  # of Yosys
    flat: str  # its option that flattens; empty where it does so by itself
    modular: str  # its option that does not
    bare: str  # its options that leave out I/O and clock buffers
    vendor_cells: bool  # whether RTL is rendered in its cells (`sources_xilinx`); otherwise the behavioural rendering is taken
    utilization: Utilization | None = None  # absent where Vivado does not know the family
    ultra_rams: bool = False  # whether its parts have memories of 288 kb
    routing: Routing | None = None  # absent where no open tool places and routes it
    no_dsps: str = "-nodsp"
    no_brams: str = "-nobram"

    def synthesis(self, top: str, *, flatten: bool = False) -> str:
        """The command of Yosys that maps `top` to the cells, without DSPs, pads and clock buffers.

        Memories become block RAM only where they say so themselves.
        """
        words = (
            self.command,
            f"-top {top}",
            self.flat if flatten else self.modular,
            self.no_dsps,
            self.no_brams,
            self.bare,
        )
        return " ".join(word for word in words if word)
