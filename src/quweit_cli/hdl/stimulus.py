"""What the ports of a module see, a number a cycle: for its activity in library cells."""

from __future__ import annotations

from typing import NamedTuple

LEAD = 48  # cycles: a reset, and both banks of the operand buffer filled once
RESET = 4


class Stream(NamedTuple):
    """`share` of the time of a layer is spent in this product."""

    product: str
    share: float
    lead: int
    ports: dict[str, list[int]]

    @property
    def cycles(self) -> int:
        return len(next(iter(self.ports.values())))
