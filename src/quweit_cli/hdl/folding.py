"""How the conditional summation is spread over time: bits a cycle, cycles a row, grouping of bits.

A table cell has six inputs. They are split between time (the slot within the row) and data (bits
of the slot whose values one table adds): with few slots a table adds several bits at once.
"""

from __future__ import annotations

from dataclasses import dataclass

LUT_INPUTS = 6


@dataclass(frozen=True)
class Folding:
    """`bits` of a row, consumed `bits_per_cycle` a cycle."""

    bits: int
    bits_per_cycle: int

    def __post_init__(self) -> None:
        if not 1 <= self.bits_per_cycle <= self.bits:
            raise ValueError(f"bits_per_cycle {self.bits_per_cycle} is not within 1 ... {self.bits}")

    @property
    def cycles(self) -> int:
        """Cycles that the summation of one row takes."""
        return -(-self.bits // self.bits_per_cycle)

    @property
    def padded_bits(self) -> int:
        return self.cycles * self.bits_per_cycle

    @property
    def time_inputs(self) -> int:
        """Bits that tell the slots apart; none when a row takes one cycle."""
        return (self.cycles - 1).bit_length()

    @property
    def time_bits(self) -> int:
        """Width of the time port, which cannot be empty."""
        return max(1, self.time_inputs)

    @property
    def group_size(self) -> int:
        """Bits whose values one table adds."""
        return min(self.bits_per_cycle, max(1, LUT_INPUTS - self.time_inputs))

    @property
    def table_inputs(self) -> int:
        return self.time_inputs + self.group_size

    @property
    def groups(self) -> int:
        return len(self.places_of_groups)

    @property
    def places_of_groups(self) -> list[range]:
        size = self.group_size
        return [
            range(first, min(first + size, self.bits_per_cycle))
            for first in range(0, self.bits_per_cycle, size)
        ]


def fewest_per_beat(elements: int, cycles: int) -> int:
    """Smallest power of two that moves `elements` in at most `cycles` beats."""
    per_beat = 1
    while -(-elements // per_beat) > cycles:
        per_beat *= 2
    return per_beat
