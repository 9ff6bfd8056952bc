"""What a family of FPGA parts is, as a value: its parts, its cells, and how tools are told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
