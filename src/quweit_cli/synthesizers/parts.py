"""Families of parts: how their names start, what Yosys calls them, and how Vivado's utilization report names what they have."""

from __future__ import annotations

import re
from typing import NamedTuple

from quweit_cli.errors import ConfigError


class Utilization(NamedTuple):
    """Where a figure stands: (section, row). `carries` is a row of a table of sites, or a primitive."""

    luts: tuple[str, str]
    ffs: tuple[str, str]
    latches: tuple[str, str]
    carries: tuple[str, str]
    muxes: tuple[tuple[str, str], ...]
    brams: tuple[str, str]
    dsps: tuple[str, str]


class Family(NamedTuple):
    name: str
    pattern: str  # of the start of a part's name; the first that fits counts
    yosys: str
    utilization: Utilization


PRIMITIVES = "Primitives"  # the section that lists the cells that are used, and no others
SLICES = Utilization(
    luts=("Slice Logic", "Slice LUTs"),
    ffs=("Slice Logic", "Slice Registers"),
    latches=("Slice Logic", "Register as Latch"),
    carries=(PRIMITIVES, "CARRY4"),
    muxes=(("Slice Logic", "F7 Muxes"), ("Slice Logic", "F8 Muxes")),
    brams=("Memory", "Block RAM Tile"),
    dsps=("DSP", "DSPs"),
)
CLBS = Utilization(
    luts=("CLB Logic", "CLB LUTs"),
    ffs=("CLB Logic", "CLB Registers"),
    latches=("CLB Logic", "Register as Latch"),
    carries=("CLB Logic", "CARRY8"),
    muxes=(("CLB Logic", "F7 Muxes"), ("CLB Logic", "F8 Muxes"), ("CLB Logic", "F9 Muxes")),
    brams=("BLOCKRAM", "Block RAM Tile"),
    dsps=("ARITHMETIC", "DSPs"),
)
# Commercial, automotive and defence parts start with xc, xa and xq; parts of UltraScale have three digits and no letter.
FAMILIES = (
    Family("7-series and Zynq-7000", r"x[acq]7[aksvz]", "xc7", SLICES),
    Family("UltraScale", r"x[acq][kv]u\d{3}-", "xcu", CLBS),
    Family("UltraScale+", r"x[acq]([akvzs]?u|k)\d", "xcup", CLBS),
)


def family_of(device: str) -> Family:
    """The family of a part such as xcvu9p-flgb2104-2-i.

    Raises:
        ConfigError: not a part of a known family.
    """
    for family in FAMILIES:
        if re.match(family.pattern, device):
            return family
    raise ConfigError(
        f"the device `{device}` is of no family that is known: {', '.join(one.name for one in FAMILIES)}",
        hint="name a part as Vivado spells it, such as xcvu9p-flgb2104-2-i; nothing is known of Versal",
    )
