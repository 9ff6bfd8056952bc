"""Tables as the vendor's LUT cells: any function of a few wires, equal functions made once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from quweit_cli.hdl import literals
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.technologies.amd import LUT_INPUTS, PAIR_INPUTS

SLOTS = 1 << LUT_INPUTS  # time slots that one cell holds
CANDIDATES = 32  # looked at for a partner; more finds hardly any


class Cell(NamedTuple):
    """`output = LUT(inputs)`, or a wide multiplexer `MUXF7`/`MUXF8` (inputs: I0, I1, S)."""

    kind: str
    inputs: tuple[str, ...]
    table: int


class Placed(NamedTuple):
    """A cell of the vendor: port -> wire, and INIT where it has one."""

    kind: str
    name: str
    init: str
    ports: dict[str, str]


@dataclass
class CellPlan:
    """Cells in the order in which they were asked for; cell `i` drives `cell_out[i]`."""

    cells: list[Cell] = field(default_factory=list)
    known: dict[Cell, str] = field(default_factory=dict)
    shared: tuple[int, dict[int, int]] = (0, {})  # partners, as found when there were so many cells

    def lut(self, inputs: tuple[str, ...], table: int) -> str:
        """The wire that answers `table` at the address of `inputs`, input 0 least significant."""
        for place, low in _LOW_HALVES[len(inputs)]:
            if not (table ^ table >> (1 << place)) & low:  # the same whether this input is 0 or 1
                return self.lut(inputs[:place] + inputs[place + 1 :], _without(table, len(inputs), place))
        if not inputs:
            return f"1'b{table}"
        if len(inputs) == 1 and table == 0b10:
            return inputs[0]
        return self._wire(Cell(f"LUT{len(inputs)}", inputs, table))

    def over_time(self, time: tuple[str, ...], tables: list[int]) -> str:
        """One bit that depends on the time slot: 64 slots a table and cell, wide multiplexers above.

        MUXF7 joins two cells, MUXF8 two MUXF7; where such a pair is not complete, or more slots come,
        a multiplexer takes a cell of its own.
        """
        chunks = [self.lut(time[:LUT_INPUTS], table) for table in tables]
        for level, select in enumerate(time[LUT_INPUTS:]):
            pairs = [chunks[index : index + 2] for index in range(0, len(chunks), 2)]
            chunks = [
                pair[0] if len(pair) == 1 else self._select(level, pair[0], pair[1], select) for pair in pairs
            ]
        return chunks[0]

    def greater(self, x: tuple[str, ...], threshold: int) -> str:
        """`x > threshold` of a signed input bit 0 first: the low three bits, which other thresholds share, first."""
        low_bits, low = 3, threshold & 7
        answer = threshold >> low_bits
        high = x[low_bits:]
        numbers = [
            address - 2 ** len(high) if address >> (len(high) - 1) else address
            for address in range(2 ** len(high))
        ]
        table = sum((number > answer) << address for address, number in enumerate(numbers))
        if low == 7:
            return self.lut(high, table)
        exceeds = self.lut(x[:low_bits], sum((address > low) << address for address in range(8)))
        both = sum((number >= answer) << address for address, number in enumerate(numbers))
        return self.lut((*high, exceeds), table | both << 2 ** len(high))

    def placed(self) -> list[Placed]:
        """The vendor's cells, two tables of at most five inputs together sharing one."""
        partners = self._partners()
        placed = []
        for index, cell in enumerate(self.cells):
            partner = partners.get(index)
            if partner is None:
                placed.append(_single(index, cell))
            elif index < partner:
                placed.append(_pair(index, cell, partner, self.cells[partner]))
        return placed

    def luts(self) -> int:
        """How many of the placed cells are LUTs."""
        cells = sum(cell.kind.startswith("LUT") for cell in self.cells)
        return cells - len(self._partners()) // 2

    def _partners(self) -> dict[int, int]:
        if self.shared[0] != len(self.cells):
            self.shared = len(self.cells), _partners(self.cells)
        return self.shared[1]

    def _select(self, level: int, zero: str, one: str, select: str) -> str:
        if zero == one:
            return zero
        wanted = {0: "LUT", 1: "MUXF7"}.get(level)
        if wanted is not None and all(self._kind(wire).startswith(wanted) for wire in (zero, one)):
            return self._wire(Cell(f"MUXF{7 + level}", (zero, one, select), 0))
        return self._wire(Cell("LUT3", (zero, one, select), 0xCA))

    def _kind(self, wire: str) -> str:
        return self.cells[int(wire[9:-1])].kind if wire.startswith("cell_out[") else "constant"

    def _wire(self, cell: Cell) -> str:
        if cell not in self.known:
            self.known[cell] = f"cell_out[{len(self.cells)}]"
            self.cells.append(cell)
        return self.known[cell]


def tables_of_bits(numbers: Integers, bits: int) -> list[Any]:
    """Every bit of numbers [..., A] as tables of up to 64 addresses: nested lists [..., bits, A / 64]."""
    bit = np.stack([(numbers >> place & 1).astype(np.uint8) for place in range(bits)], axis=-2)
    padding = [(0, 0)] * (bit.ndim - 1) + [(0, -bit.shape[-1] % SLOTS)]
    packed = np.packbits(np.pad(bit, padding), axis=-1, bitorder="little")
    tables: list[Any] = np.ascontiguousarray(packed).view("<u8").tolist()
    return tables


def _without(table: int, inputs: int, place: int) -> int:
    """The table over the other inputs, where it does not depend on this one."""
    step, smaller = 1 << place, 0
    for block in range(1 << (inputs - 1 - place)):
        smaller |= (table >> (block << place + 1) & ((1 << step) - 1)) << (block << place)
    return smaller


# For tables of so many inputs: each input, the last first, and the addresses at which it is 0.
_LOW_HALVES = [
    [
        (place, sum(1 << a for a in range(2**inputs) if not a >> place & 1))
        for place in reversed(range(inputs))
    ]
    for inputs in range(LUT_INPUTS + 1)
]


def _partners(cells: list[Cell]) -> dict[int, int]:
    """Which tables share a cell: equal inputs first, then any that have five together.

    Both lie equally deep, or one could read the other and the cell would look like a loop. A table
    behind a wide multiplexer stays alone, as the multiplexer hangs on the whole cell.
    """
    depths = _depths(cells)
    muxed = {wire for cell in cells if cell.kind == "MUXF7" for wire in cell.inputs[:2]}
    free: dict[tuple[int, frozenset[str]], list[int]] = defaultdict(list)
    for index, cell in enumerate(cells):
        if cell.kind.startswith("LUT") and len(cell.inputs) <= PAIR_INPUTS and _out(index) not in muxed:
            free[depths[index], frozenset(cell.inputs)].append(index)
    partners: dict[int, int] = {}
    left = []
    for (depth, inputs), indices in free.items():
        partners.update(zip(indices[::2], indices[1::2], strict=False))
        if len(indices) % 2:
            left.append((depth, inputs, indices[-1]))
    waiting: dict[tuple[int, str], list[tuple[frozenset[str], int]]] = defaultdict(list)
    taken: set[int] = set()
    for depth, inputs, index in sorted(left, key=lambda one: (-len(one[1]), one[2])):
        near = [one for wire in sorted(inputs) for one in waiting[depth, wire][-CANDIDATES:]]
        found = _closest(inputs, [one for one in near if one[1] not in taken])
        if found is not None:
            partners[found] = index
            taken.add(found)
            continue
        for wire in inputs:
            waiting[depth, wire].append((inputs, index))
    return partners | {second: first for first, second in partners.items()}


def _depths(cells: list[Cell]) -> list[int]:
    depths: list[int] = []
    for cell in cells:
        below = [depths[int(wire[9:-1])] for wire in cell.inputs if wire.startswith("cell_out[")]
        depths.append(1 + max(below, default=0))
    return depths


def _closest(inputs: frozenset[str], candidates: list[tuple[frozenset[str], int]]) -> int | None:
    """The candidate that adds the fewest inputs, if any fits."""
    fitting = [
        (len(inputs | other), index) for other, index in candidates if len(inputs | other) <= PAIR_INPUTS
    ]
    return min(fitting)[1] if fitting else None


def _out(index: int) -> str:
    return f"cell_out[{index}]"


def _single(index: int, cell: Cell) -> Placed:
    if cell.kind.startswith("MUXF"):
        names: tuple[str, ...] = ("I0", "I1", "S")
        init = ""
    else:
        names = tuple(f"I{place}" for place in range(len(cell.inputs)))
        init = literals.unsigned(cell.table, 2 ** len(cell.inputs))
    ports = {**dict(zip(names, cell.inputs, strict=True)), "O": _out(index)}
    return Placed(cell.kind, f"u_cell{index}", init, ports)


def _pair(index: int, cell: Cell, other_index: int, other: Cell) -> Placed:
    wires = tuple(dict.fromkeys((*cell.inputs, *other.inputs)))
    init = _widened(cell, wires) << 32 | _widened(other, wires)
    ports = {f"I{place}": wire for place, wire in enumerate(wires)}
    ports |= {f"I{place}": "1'b0" for place in range(len(wires), PAIR_INPUTS)}
    ports |= {"I5": "1'b1", "O5": _out(other_index), "O6": _out(index)}
    return Placed("LUT6_2", f"u_cell{index}", literals.unsigned(init, 64), ports)


def _widened(cell: Cell, wires: tuple[str, ...]) -> int:
    """The table over five inputs, of which it reads some."""
    table = 0
    for address, source in enumerate(_addresses(tuple(wires.index(wire) for wire in cell.inputs))):
        table |= (cell.table >> source & 1) << address
    return table


@lru_cache(maxsize=1024)
def _addresses(places: tuple[int, ...]) -> tuple[int, ...]:
    """For every address of five inputs, the one that the inputs at these places give by themselves."""
    return tuple(
        sum((address >> place & 1) << index for index, place in enumerate(places))
        for address in range(2**PAIR_INPUTS)
    )
