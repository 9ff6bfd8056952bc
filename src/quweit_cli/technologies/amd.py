"""FPGAs of AMD: 7-series, UltraScale and UltraScale+, which have the same LUTs and flip-flops.

RTL is rendered in these cells (`hdl/`): they are placed by us, and synthesis only counts them.
"""

from __future__ import annotations

from quweit_cli.technologies.base import Cells, Lut, Resources, Technology, Utilization

LUT_INPUTS = 6
PAIR_INPUTS = 5  # of a cell that gives two answers
ADDER_TERMS = 3  # that one carry chain adds, as a LUT6_2 before each bit of it adds two of them

# RAM and SRL cells sit in LUTs (UG574, table 2-2).
RESOURCES = Resources(
    luts={
        **{f"LUT{inputs}": 1 for inputs in range(1, LUT_INPUTS + 1)},
        **{"LUT6_2": 1, "INV": 1, "SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1, "CFGLUT5": 1},
        **{"RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8},
        **{"RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8},
        **{"RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8},
    },
    ffs={"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1},
    carries={"CARRY4": 1, "CARRY8": 1},
    muxes={"MUXF7": 1, "MUXF8": 1, "MUXF9": 1},
    brams={"RAMB36E1": 1.0, "RAMB36E2": 1.0, "RAMB18E1": 0.5, "RAMB18E2": 0.5},
    dsps={"DSP48E1": 1, "DSP48E2": 1},
    urams={"URAM288": 1},
)


def _inputs(count: int) -> tuple[str, ...]:
    return tuple(f"I{place}" for place in range(count))


LUT6 = Cells(
    name="LUT6 of AMD",
    lut_inputs=LUT_INPUTS,
    pair_inputs=PAIR_INPUTS,
    adder_terms=ADDER_TERMS,
    resources=RESOURCES,
    luts={
        **{f"LUT{count}": Lut(_inputs(count), {"O": count}) for count in range(1, LUT_INPUTS + 1)},
        "LUT6_2": Lut(_inputs(LUT_INPUTS), {"O6": LUT_INPUTS, "O5": PAIR_INPUTS}),
    },
    models="xilinx/cells_sim.v",
)

PRIMITIVES = "Primitives"  # the section of Vivado's report that lists the cells that are used, and no others
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


ULTRA = CLBS._replace(urams=("BLOCKRAM", "URAM"))


def _family(name: str, pattern: str, example: str, yosys: str, utilization: Utilization) -> Technology:
    return Technology(
        name=name,
        pattern=pattern,
        example=example,
        cells=LUT6,
        command=f"synth_xilinx -family {yosys}",
        flat="-flatten",
        modular="",
        bare="-noiopad -noclkbuf",
        vendor_cells=True,
        utilization=utilization,
        ultra_rams=utilization.urams is not None,
    )


# Commercial, automotive and defence parts start with xc, xa and xq; parts of UltraScale have three digits and no letter.
SERIES_7 = _family("7-series and Zynq-7000", r"x[acq]7[aksvz]", "xc7z020clg400-1", "xc7", SLICES)
ULTRASCALE = _family("UltraScale", r"x[acq][kv]u\d{3}-", "xcku040-ffva1156-2-e", "xcu", CLBS)
ULTRASCALE_PLUS = _family(
    "UltraScale+", r"x[acq](?![kv]u\d{3}-)([akvzs]?u|k)\d", "xcvu9p-flgb2104-2-i", "xcup", ULTRA
)
