"""Tables as the vendor's LUT cells: any function of a few wires, equal functions made once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from quweit_cli.hdl import literals
from quweit_cli.hdl.folding import LUT_INPUTS

SLOTS = 1 << LUT_INPUTS  # time slots that one cell holds


class Cell(NamedTuple):
    """`output = LUT(inputs)`, or a wide multiplexer `MUXF7`/`MUXF8` (inputs: I0, I1, S)."""

    kind: str
    inputs: tuple[str, ...]
    literal: str


@dataclass
class CellPlan:
    """Cells in the order in which they were asked for; cell `i` drives `cell_out[i]`."""

    cells: list[Cell] = field(default_factory=list)
    known: dict[Cell, str] = field(default_factory=dict)

    def lut(self, inputs: tuple[str, ...], table: int) -> str:
        """The wire that answers `table` at the address of `inputs`, input 0 least significant."""
        for place in reversed(range(len(inputs))):
            smaller = _without(table, len(inputs), place)
            if smaller is not None:
                return self.lut(inputs[:place] + inputs[place + 1 :], smaller)
        if not inputs:
            return f"1'b{table}"
        literal = literals.unsigned(table, 2 ** len(inputs))
        return self._wire(Cell(f"LUT{len(inputs)}", inputs, literal))

    def over_time(self, time: tuple[str, ...], bits_T: list[int]) -> str:
        """One bit that depends on the time slot: 64 slots a cell, wide multiplexers above.

        MUXF7 joins two cells, MUXF8 two MUXF7; where such a pair is not complete, or more slots come,
        a multiplexer takes a cell of its own.
        """
        chunks = [
            self.lut(
                time[:LUT_INPUTS], sum(bit << slot for slot, bit in enumerate(bits_T[first : first + SLOTS]))
            )
            for first in range(0, len(bits_T), SLOTS)
        ]
        for level, select in enumerate(time[LUT_INPUTS:]):
            pairs = [chunks[index : index + 2] for index in range(0, len(chunks), 2)]
            chunks = [
                pair[0] if len(pair) == 1 else self._select(level, pair[0], pair[1], select) for pair in pairs
            ]
        return chunks[0]

    def _select(self, level: int, zero: str, one: str, select: str) -> str:
        if zero == one:
            return zero
        wanted = {0: "LUT", 1: "MUXF7"}.get(level)
        if wanted is not None and all(self._kind(wire).startswith(wanted) for wire in (zero, one)):
            return self._wire(Cell(f"MUXF{7 + level}", (zero, one, select), ""))
        return self._wire(Cell("LUT3", (zero, one, select), literals.unsigned(0xCA, 8)))

    def _kind(self, wire: str) -> str:
        return self.cells[int(wire[9:-1])].kind if wire.startswith("cell_out[") else "constant"

    def _wire(self, cell: Cell) -> str:
        if cell not in self.known:
            self.known[cell] = f"cell_out[{len(self.cells)}]"
            self.cells.append(cell)
        return self.known[cell]


def _without(table: int, inputs: int, place: int) -> int | None:
    """The table over the other inputs, when it does not depend on this one."""
    smaller = 0
    for address in range(2 ** (inputs - 1)):
        low = address & ((1 << place) - 1)
        zero = (address - low) << 1 | low
        bit = table >> zero & 1
        if bit != table >> (zero | 1 << place) & 1:
            return None
        smaller |= bit << address
    return smaller
