"""FPGAs of Lattice: iCE40 LP, HX and UltraPlus. A logic cell has a LUT4, a flip-flop, and a carry of one bit in front of the LUT.

A carry takes no LUT: it has the inputs of the one in its cell, which mostly is the sum. There is no latch, and no
multiplexer: tables of more than four inputs are trees of LUT4s.
"""

from __future__ import annotations

from collections.abc import Iterator

from quweit_cli.technologies.base import (
    Cells,
    Joined,
    Lut,
    PlacedCell,
    Primitive,
    Resources,
    Routing,
    Size,
    Technology,
    Unknown,
)

_CONTROLS = ("", *"E SR R SS S ESR ER ESS ES".split())  # enable, reset and set, in step or at once

LUT4 = Cells(
    name="LUT4 of iCE40",
    lut_inputs=4,
    pair_inputs=None,
    adder_terms=2,
    resources=Resources(
        luts={"SB_LUT4": 1},
        ffs={f"SB_DFF{edge}{controls}": 1 for edge in ("", "N") for controls in _CONTROLS},
        carries={"SB_CARRY": 1},
        muxes={},
        brams={f"SB_RAM40_4K{edges}": 1 / 9 for edges in ("", "NR", "NW", "NRNW")},  # 4 kb
        dsps={"SB_MAC16": 1},
    ),
    luts={"SB_LUT4": Lut(("I0", "I1", "I2", "I3"), {"O": 4})},
    models="ice40/cells_sim.v",
    macros={
        "SB_DFF_INIT": "initial Q = 0;",
        "ICE40_DEFAULT_ASSIGNMENT_0": "",
        "ICE40_DEFAULT_ASSIGNMENT_1": "",
    },
)

INPUT, OUTPUT = 0b000001, 0b011001  # kinds of pins


def meaning(cell: PlacedCell) -> Iterator[Primitive | Joined]:
    """Of a logic cell, a pin, a global buffer."""
    if cell.kind == "ICESTORM_LC":
        yield from _logic_cell(cell)
    elif cell.kind == "SB_IO" and cell.number("PIN_TYPE") == INPUT:
        yield Joined(cell.pins["D_IN_0"], cell.pins["PACKAGE_PIN"])
    elif cell.kind == "SB_IO" and cell.number("PIN_TYPE") == OUTPUT:
        yield Joined(cell.pins["PACKAGE_PIN"], cell.pin("D_OUT_0"))
    elif cell.kind == "SB_GB":
        yield Joined(cell.pins["GLOBAL_BUFFER_OUTPUT"], cell.pins["USER_SIGNAL_TO_GLOBAL_BUFFER"])
    else:
        raise Unknown(cell.kind)


def _logic_cell(cell: PlacedCell) -> Iterator[Primitive]:
    """A carry before a LUT before a flip-flop."""
    kept, answer = cell.number("DFF_ENABLE"), cell.wire("lut")
    if cell.number("CARRY_ENABLE") and "COUT" in cell.pins:
        first = f"1'h{cell.number('CIN_SET')}" if cell.number("CIN_CONST") else cell.pin("CIN")
        pins = {"I0": cell.pin("I1"), "I1": cell.pin("I2"), "CI": first}
        yield Primitive("SB_CARRY", {}, {**pins, "CO": cell.pins["COUT"]})
    if "O" not in cell.pins:
        return
    inputs = {name: cell.pin(name) for name in ("I0", "I1", "I2", "I3")}
    contents = {"LUT_INIT": f"16'h{cell.number('LUT_INIT'):04x}"}
    yield Primitive("SB_LUT4", contents, {**inputs, "O": answer if kept else cell.pins["O"]})
    if kept:
        pins = {"C": cell.pins["CLK"], "D": answer, "Q": cell.pins["O"]}
        name = "SB_DFFN" if cell.number("NEG_CLK") else "SB_DFF"
        if "CEN" in cell.pins:
            name, pins["E"] = f"{name}E", cell.pins["CEN"]
        if "SR" in cell.pins:
            control = "S" if cell.number("SET_NORESET") else "R"
            name += control if cell.number("ASYNC_SR") else f"S{control}"
            pins[control] = cell.pins["SR"]
        yield Primitive(name, {}, pins)


ROUTING = Routing(
    tool="nextpnr-ice40",
    packer="icepack",
    part=r"(?:iCE|ICE)40(?P<size>[A-Z]+\d+K?)-(?P<package>[A-Z]+\d+)I?",
    sizes={
        "LP384": Size("--lp384", ("CM36", "CM49", "QN32")),
        "LP1K": Size("--lp1k", ("CM36", "CM49", "CM81", "CB81", "CM121", "CB121", "QN84")),
        "LP4K": Size("--lp4k", ("CM81", "CM121", "CM225")),
        "LP8K": Size("--lp8k", ("CM81", "CM121", "CM225")),
        "HX1K": Size("--hx1k", ("VQ100", "CB132", "TQ144")),
        "HX4K": Size("--hx4k", ("BG121", "CB132", "TQ144")),
        "HX8K": Size("--hx8k", ("BG121", "CB132", "CM225", "CT256")),
        "UP3K": Size("--up3k", ("SG48", "UWG30")),
        "UP5K": Size("--up5k", ("SG48", "UWG30")),
    },
    packages={
        name: name.lower()
        for name in (
            "CM36 CM49 CM81 CM121 CM225 CB81 CB121 CB132 QN32 QN84 VQ100 TQ144 BG121 CT256 SG48 UWG30".split()
        )
    },
    speeds=(),
    short={
        "lp1k": "iCE40LP1K-QN84",
        "lp8k": "iCE40LP8K-CM225",
        "hx1k": "iCE40HX1K-TQ144",
        "hx8k": "iCE40HX8K-CT256",
        "up5k": "iCE40UP5K-SG48",
    },
    always=("--pcf-allow-unconstrained",),
    constraints=("--pcf", "set_io {port} {site}"),
    written="--asc",
    bitstream=".bin",
    resources={"ICESTORM_LC": "logic cells", "ICESTORM_RAM": "block RAMs", "SB_IO": "pins"},
    pins="SB_IO",
    meaning=meaning,
)

ICE40 = Technology(
    name="iCE40",
    pattern=r"(iCE|ICE)40(LP|HX|UP)\d",
    example="iCE40UP5K-SG48",
    cells=LUT4,
    command="synth_ice40",
    flat="",
    modular="-noflatten",
    bare="",
    vendor_cells=False,
    routing=ROUTING,
    no_dsps="",  # it takes them with `-dsp` alone
)
