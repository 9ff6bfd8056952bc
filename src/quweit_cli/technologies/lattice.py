"""FPGAs of Lattice: ECP5 and ECP5-5G. A slice has two LUT4s, two flip-flops, a carry of two bits, and multiplexers.

A PFUMX makes a LUT5 of two LUT4s, an L6MUX21 doubles again: none takes a LUT. A carry of two bits takes both LUTs of
its slice. A memory of 16 words of 4 bits takes three slices: two hold it, and the third brings the address to write to.
There is no latch: Yosys refuses one that it infers, and makes one that RTL asks for (`always_latch`) of LUTs.
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

LUT4 = Cells(
    name="LUT4 of Lattice",
    lut_inputs=4,
    pair_inputs=None,
    adder_terms=2,
    resources=Resources(
        luts={"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
        ffs={"TRELLIS_FF": 1},
        carries={"CCU2C": 1},
        muxes={"PFUMX": 1, "L6MUX21": 1},
        brams={"DP16KD": 0.5},  # 18 kb
        dsps={"MULT18X18D": 1},
    ),
    luts={"LUT4": Lut(("A", "B", "C", "D"), {"Z": 4})},
    models="ecp5/cells_sim.v",
)

_SMALL = ("BG256", "MG285", "BG381", "TG144")
_PACKAGES = {
    "12F": _SMALL,
    "25F": _SMALL,
    "45F": (*_SMALL, "BG554"),
    "85F": ("MG285", "BG381", "BG554", "BG756"),
}

_FF_PARAMETERS = ("CEMUX", "CLKMUX", "LSRMUX", "SRMODE", "REGSET", "LSRMODE")


def meaning(cell: PlacedCell) -> Iterator[Primitive | Joined]:
    """Of a LUT with its multiplexer or its carry, a flip-flop, a pin, a global buffer.

    Carries are those of `TRELLIS_COMB` in the models that come with Yosys, of which no simulator takes the text.
    """
    if cell.kind == "TRELLIS_COMB" and cell.parameters.get("MODE", "LOGIC") in ("LOGIC", "CCU2"):
        yield from _slice_half(cell)
    elif cell.kind == "TRELLIS_FF":
        words = {name: f'"{value}"' for name, value in cell.parameters.items() if name in _FF_PARAMETERS}
        inputs = {name: cell.pin(name) for name in ("CLK", "LSR", "CE", "DI", "M")}
        if cell.parameters.get("SD", "1") == "0":  # what comes from elsewhere than the LUT
            inputs["DI"] = cell.pin("M")
        yield Primitive("TRELLIS_FF", words, {**inputs, "Q": cell.pins["Q"]})
    elif cell.kind == "TRELLIS_IO" and cell.parameters["DIR"] == "INPUT":
        yield Joined(cell.pins["O"], cell.pins["B"])
    elif cell.kind == "TRELLIS_IO" and cell.parameters["DIR"] == "OUTPUT" and "T" not in cell.pins:
        yield Joined(cell.pins["B"], cell.pin("I"))
    elif cell.kind == "DCCA" and "CE" not in cell.pins:
        yield Joined(cell.pins["CLKO"], cell.pins["CLKI"])
    else:
        raise Unknown(cell.kind)


def _slice_half(cell: PlacedCell) -> Iterator[Primitive | Joined]:
    """A LUT4; as half of a CCU2C it answers with the carry before it, and its two lowest inputs make the carry after it."""
    contents, carries = cell.number("INITVAL"), cell.parameters.get("MODE") == "CCU2"
    inputs = {name: cell.pin(name, "1'h1") for name in ("A", "B", "C", "D")}  # an open one reads 1
    answer = cell.wire("lut") if carries else cell.pin("F", cell.wire("lut"))
    yield Primitive("LUT4", {"INIT": f"16'h{contents:04x}"}, {**inputs, "Z": answer})
    if carries:
        low, before = cell.wire("low"), cell.pin("FCI")
        pair = {"A": inputs["A"], "B": inputs["B"], "C": "1'h0", "D": "1'h0"}
        yield Primitive("LUT4", {"INIT": f"16'h{contents & 0xF:04x}"}, {**pair, "Z": low})
        cut = cell.parameters["CCU2_INJECT1"] == "YES"
        if "F" in cell.pins:
            yield Joined(cell.pins["F"], answer if cut else f"{answer} ^ {before}")
        if "FCO" in cell.pins:
            made = "" if cut else f"~{answer} & {low} | "
            yield Joined(cell.pins["FCO"], f"{made}{answer} & {before}")
    if "OFX" in cell.pins:
        choice = cell.pin("M")
        if "FXA" in cell.pins or "FXB" in cell.pins:
            pins = {"D0": cell.pin("FXA"), "D1": cell.pin("FXB"), "SD": choice}
            yield Primitive("L6MUX21", {}, {**pins, "Z": cell.pins["OFX"]})
        else:
            pins = {"ALUT": cell.pin("F1"), "BLUT": answer, "C0": choice}
            yield Primitive("PFUMX", {}, {**pins, "Z": cell.pins["OFX"]})


ROUTING = Routing(
    tool="nextpnr-ecp5",
    packer="ecppack",
    part=r"LFE5(?P<size>U(?:M|M5G)?-\d+F)-(?P<speed>\d)(?P<package>[A-Z]+\d+)[CI]?",
    sizes={
        f"{kind}-{size}": Size(f"--{option}{size[:-1]}k", packages)
        for kind, option in (("U", ""), ("UM", "um-"), ("UM5G", "um5g-"))
        for size, packages in _PACKAGES.items()
        if kind == "U" or size != "12F"
    },
    packages={
        "BG256": "CABGA256",
        "MG285": "CSFBGA285",
        "BG381": "CABGA381",
        "BG554": "CABGA554",
        "BG756": "CABGA756",
        "TG144": "TQFP144",
    },
    speeds=("6", "7", "8"),
    short={f"ecp5-{size}": f"LFE5U-{size}F-6BG381C" for size in (12, 25, 45, 85)},
    always=("--lpf-allow-unconstrained",),
    constraints=("--lpf", 'LOCATE COMP "{port}" SITE "{site}"; IOBUF PORT "{port}" IO_TYPE=LVCMOS33;'),
    written="--textcfg",
    bitstream=".bit",
    resources={
        "TRELLIS_COMB": "LUTs",
        "TRELLIS_FF": "flip-flops",
        "DP16KD": "block RAMs",
        "TRELLIS_IO": "pins",
    },
    pins="TRELLIS_IO",
    meaning=meaning,
)

# LFE5UM has serial transceivers, LFE5UM5G faster ones; automotive parts start with LAE.
ECP5 = Technology(
    name="ECP5",
    pattern=r"L[AF]E5U(M(5G)?)?-\d",
    example="LFE5U-85F-8BG381C",
    cells=LUT4,
    command="synth_ecp5",
    flat="",
    modular="-noflatten",
    bare="",
    vendor_cells=False,
    routing=ROUTING,
)
