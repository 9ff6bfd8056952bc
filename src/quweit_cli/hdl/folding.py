"""How a block is spread over time: outputs a cycle, cycles a row, and what a table cell's inputs mean.

The summation goes output by output: in each time slot all bits of the row contribute to the outputs
of that slot, through tables addressed by the slot and an adder tree. A table cell has six inputs.
They are split between time (the slot within the row) and data (bits whose values one table adds):
with few slots a table adds several bits at once, with many the bit gates a register behind the table.
"""

from __future__ import annotations

from dataclasses import dataclass

LUT_INPUTS = 6


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
        """Whether time fills a table cell, so that the bit gates the register behind it."""
        return self.time_inputs >= LUT_INPUTS

    @property
    def groups(self) -> list[range]:
        """Bits whose values one table adds; one bit each where it gates a register."""
        size = max(1, LUT_INPUTS - self.time_inputs)
        return [range(first, min(first + size, self.bits)) for first in range(0, self.bits, size)]
