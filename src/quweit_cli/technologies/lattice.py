"""FPGAs of Lattice: ECP5 and ECP5-5G. A slice has two LUT4s, two flip-flops, a carry of two bits, and multiplexers.

A PFUMX makes a LUT5 of two LUT4s, an L6MUX21 doubles again: none takes a LUT. A carry of two bits takes both LUTs of
its slice. A memory of 16 words of 4 bits takes three slices: two hold it, and the third brings the address to write to.
There is no latch: Yosys refuses one that it infers, and makes one that RTL asks for (`always_latch`) of LUTs.
"""

from __future__ import annotations

from quweit_cli.technologies.base import Cells, Lut, Resources, Routing, Size, Technology

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
    written="--textcfg",
    bitstream=".bit",
    resources={
        "TRELLIS_COMB": "LUTs",
        "TRELLIS_FF": "flip-flops",
        "DP16KD": "block RAMs",
        "TRELLIS_IO": "pins",
    },
    pins="TRELLIS_IO",
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
