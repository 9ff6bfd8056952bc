"""Published figures that the comparison and the power model rest on.

arXiv 2411.01818, table 3: the MLP of one I-ViT-T layer (196 tokens, 192 -> 768 -> 192, int8) on an
xcvu9p-flgb2104-2-i at 200 MHz, Vivado 2022.1, no DSP, vectorless power at 12.5 % toggle rate.
"""

from __future__ import annotations

from typing import NamedTuple

SOURCE = "arXiv 2411.01818, table 3"
TOOL = "Vivado 2022.1"
DEVICE = "xcvu9p-flgb2104-2-i"
CLOCK_MHZ = 200.0


class Point(NamedTuple):
    name: str
    cycles: int
    luts: int
    ffs: int
    energy_uj: float

    @property
    def power_mw(self) -> float:
        """Published is the energy: power = energy · clock / cycles."""
        return self.energy_uj * CLOCK_MHZ / self.cycles * 1000


# Output-stationary int8 arrays without DSP, by their side.
SYSTOLIC = {
    8: Point("systolic 8x8", 921_600, 7_792, 3_178, 585.22),
    16: Point("systolic 16x16", 239_616, 25_266, 12_522, 327.07),
    32: Point("systolic 32x32", 64_512, 94_619, 50_545, 188.69),
    64: Point("systolic 64x64", 18_432, 370_939, 203_023, 135.38),
}
# Its 196 cycles count one row a cycle; the structure takes 192 cycles a row (see docs/method.md).
BLOCK = Point("weightless block", 196, 23_984, 6_654, 0.15)
POINTS = (*SYSTOLIC.values(), BLOCK)

# Table 1: GPT-3 with 96 layers, 12,288 wide, 4,096 tokens: parameters, multiplications a token.
GPT3_BREAKDOWN: dict[str, tuple[int | None, int]] = {
    "QKV projection": (43_486_543_872, 43_486_543_872),
    "Q·Kᵀ": (None, 4_831_838_208),
    "softmax·V": (None, 4_831_838_208),
    "head concatenation": (14_495_514_624, 14_495_514_624),
    "feed forward 1": (57_982_058_496, 57_982_058_496),
    "feed forward 2": (57_982_058_496, 57_982_058_496),
}
ASIC_CLOCK_MHZ = 1000.0


class Silicon(NamedTuple):
    """Table 3, the columns beside those of `Point`: 45 nm at 1 GHz, Design Compiler Q-2019.12-SP5-5."""

    brams: int
    area_mm2: float
    energy_uj: float


SILICON = {
    8: Silicon(0, 0.95, 52.5),
    16: Silicon(3, 1.99, 28.18),
    32: Silicon(11, 4.31, 16.12),
    64: Silicon(27, 10.01, 10.34),
}
BLOCK_SILICON = Silicon(0, 0.11, 0.001)
# Table 4, whose body is not available: how many times less a layer takes with blocks, on a 32 x 32 array.
END_TO_END = {"i_vit_t": 2.2, "nanogpt_baby": 2.5}


class Access(NamedTuple):
    """Energy of reading or writing a word of a memory, as published for another one."""

    picojoules: float
    source: str


# Two ports of 2,048 words of 36 bits take 34 mW at 300 MHz, in four blocks of 18 kb: half of that for one, of two such blocks.
BLOCK_RAM_ACCESS = Access(
    34 / 300 * 1000 / 2 / 4 * 2,
    "DS512 of Xilinx (Block Memory Generator 6.1, 2011), table 41: an access of a block RAM of 36 kb of Virtex-5, 65 nm, which newer parts undercut",
)
# Of 64 bits of a cache of 8 KB; 32 KB take twice as much, so that it grows as the root of the size.
SRAM_ACCESS = Access(
    10.0, "Horowitz, ISSCC 2014, figure 1.1.9: 64 bits of 8 KB, 45 nm, 0.9 V, as the root of the size"
)
SRAM_BITS, SRAM_BYTES = 64, 8192
