"""What a node costs by counting: before any tool runs, and independent of every tool."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Operations of one evaluation, and the bits that are stored for it.

    A table that passes a bit on is a wire, which costs nothing. Nor do roundings, clamps and shifts.
    """

    comparisons: int = 0
    lut_reads: int = 0  # of tables, whether an entry is a bit or a number
    additions: int = 0
    multiplications: int = 0
    divisions: int = 0  # and square roots
    stored_bits: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.comparisons + other.comparisons,
            self.lut_reads + other.lut_reads,
            self.additions + other.additions,
            self.multiplications + other.multiplications,
            self.divisions + other.divisions,
            self.stored_bits + other.stored_bits,
        )

    def times(self, evaluations: int) -> Cost:
        """That of so many evaluations; what is stored is stored once."""
        return Cost(
            self.comparisons * evaluations,
            self.lut_reads * evaluations,
            self.additions * evaluations,
            self.multiplications * evaluations,
            self.divisions * evaluations,
            self.stored_bits,
        )
