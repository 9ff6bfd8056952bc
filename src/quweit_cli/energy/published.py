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
