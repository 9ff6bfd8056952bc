"""How a block is spread over time: outputs a cycle, cycles a row, and what a table cell's inputs mean.

The summation goes output by output: in each time slot all bits of the row contribute to the outputs
of that slot, through tables addressed by the slot and an adder tree. A table cell has six inputs and
one answer, or five and two. They are split between time (the slot within the row) and data (bits
whose values one table adds): with few slots a table adds several bits at once, with many the bit
gates a register behind the table.
"""

from __future__ import annotations

from dataclasses import dataclass

from quweit_cli.technologies.amd import LUT_INPUTS, PAIR_INPUTS


@dataclass(frozen=True)
class Folding:
    """`outputs` of a row, `outputs_per_cycle` of them in each time slot."""

    bits: int
    outputs: int
    outputs_per_cycle: int

    def __post_init__(self) -> None:
        if not 1 <= self.outputs_per_cycle <= self.outputs:
            raise ValueError(f"outputs_per_cycle {self.outputs_per_cycle} is not within 1 ... {self.outputs}")

    @property
    def cycles(self) -> int:
        """Time slots of one row."""
        return -(-self.outputs // self.outputs_per_cycle)

    @property
    def time_inputs(self) -> int:
        """Bits that tell the slots apart; none when a row takes one cycle."""
        return (self.cycles - 1).bit_length()

    @property
    def time_bits(self) -> int:
        """Width of the time port, which cannot be empty."""
        return max(1, self.time_inputs)

    @property
    def gated(self) -> bool:
        """Whether the bit gates a register behind its table, since time alone fills more than a cell.

        The gate costs no logic, and the register a flip-flop a bit: with many outputs a cycle these add up.
        With 64 slots or fewer the bit is part of the table or of a cell behind it, and registers follow
        the first adders (64 slots: 10,348 LUTs and 3,629 FFs in place of 8,461 and 6,704).
        """
        return self.time_inputs > LUT_INPUTS

    @property
    def groups(self) -> list[range]:
        """Bits whose values one table adds; one bit each with more than 16 slots.

        Up to 8 slots a table has five inputs, so that a cell answers two bits of its sum; for 9 to 16 it
        has six, which saves more in the tree than the second answer saves in tables. LUTs of a lane of
        192 random values, tables and tree, five inputs against six: 1 slot 391 : 471, 4 slots
        592 : 686, 8 slots 837 : 905, 16 slots 1,472 : 1,222.
        """
        inputs = PAIR_INPUTS if self.time_inputs < PAIR_INPUTS - 1 else LUT_INPUTS
        size = max(1, inputs - self.time_inputs)
        return [range(first, min(first + size, self.bits)) for first in range(0, self.bits, size)]


# LUTs of one lane (tables and tree of one output) with at most so many time slots, 192 random values: of lanes by
# themselves for 1, 4, 8 and 16, of whole blocks less the 1,500 LUTs that lanes share for the others (`quweit front`).
LANE_LUTS = {1: 391, 2: 470, 4: 592, 8: 837, 16: 1222, 32: 2118, 64: 2950, 128: 3835}
MANY_SLOTS_LUTS = 5960


def cheapest(bits: int, outputs: int, most_cycles: int) -> Folding:
    """The folding with the fewest LUTs that keeps a row within so many cycles.

    Not always the slowest of them: a lane with 17 slots takes as much as one with 32, since time fills an input more
    of its tables. 192 outputs within 24 cycles take 12 lanes of 16 slots (16,202 LUTs and 6,265 FFs in all), not 8 of
    24 (18,637 and 6,867).
    """
    slots = [most_cycles, *(limit for limit in LANE_LUTS if limit < most_cycles)]
    foldings = [Folding(bits, outputs, -(-outputs // count)) for count in slots]
    return min(
        foldings,
        key=lambda folding: (_lane_luts(folding.cycles) * folding.outputs_per_cycle, -folding.cycles),
    )


def _lane_luts(slots: int) -> int:
    return next((luts for limit, luts in LANE_LUTS.items() if slots <= limit), MANY_SLOTS_LUTS)
