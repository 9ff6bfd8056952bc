"""A rendered block on rows, in numpy: what every table reads, and whether another answer of it would be seen.

Index suffixes: R rows, I bits that a layer reads, J LUTs, A addresses of a table, K bits summed, E outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from quweit_cli.hdl.block.structure import Structure
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.bits import MAX_FAN_IN
from quweit_cli.ir.nodes.sums import ConditionalSummation

Bits = NDArray[np.uint8]
Mask = NDArray[np.bool_]

THERMOMETER = -1  # the layer before the first
FEW = 4  # outputs that are looked at first; a flipped bit changes most of them
ADDRESSES = 2**MAX_FAN_IN


@dataclass(frozen=True, eq=False)
class Trace:
    """Rows on their way: `bits_IR` and `addresses_JR` by layer, the last bits being those that are summed."""

    rows_RD: Integers
    bits_IR: list[Bits]
    addresses_JR: list[Bits]
    sums_RE: Integers
    outputs_RE: Integers

    def of(self, rows: NDArray[np.int64] | Mask) -> Trace:
        """Some of the rows."""
        return Trace(
            self.rows_RD[rows],
            [bit_IR[:, rows] for bit_IR in self.bits_IR],
            [address_JR[:, rows] for address_JR in self.addresses_JR],
            self.sums_RE[rows],
            self.outputs_RE[rows],
        )


class Circuit:
    """What `structure` renders.

    tables_JA: by layer; a table of fewer pins leaves the addresses beyond its own at 0.
    readers: by layer, for every bit the LUTs that read it and at which pin.
    """

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self.tables_JA = [
            np.array([[lut.table >> a & 1 for a in range(ADDRESSES)] for lut in layer.table], dtype=np.uint8)
            for layer in structure.layers
        ]
        self.readers: list[dict[int, list[tuple[int, int]]]] = []
        for layer in structure.layers:
            of_layer: dict[int, list[tuple[int, int]]] = {}
            for number, lut in enumerate(layer.table):
                for place, pin in enumerate(lut.pins):
                    of_layer.setdefault(pin, []).append((number, place))
            self.readers.append(of_layer)

    @property
    def entries(self) -> int:
        """Table entries of all LUTs."""
        return sum(2 ** len(lut.pins) for layer in self.structure.layers for lut in layer.table)

    @property
    def luts(self) -> int:
        return sum(layer.luts for layer in self.structure.layers)

    def trace(self, rows_RD: Integers) -> Trace:
        thresholds_DT = self.structure.thresholds_DT
        bit_IR = (rows_RD.T[:, None, :] > thresholds_DT[:, :, None]).reshape(-1, len(rows_RD))
        bits, addresses = [bit_IR.astype(np.uint8)], []
        for layer, table_JA in zip(self.structure.layers, self.tables_JA, strict=True):
            address_JR = np.zeros((len(layer.table), len(rows_RD)), dtype=np.uint8)
            for number, lut in enumerate(layer.table):
                for place, pin in enumerate(lut.pins):
                    address_JR[number] |= bits[-1][pin] << np.uint8(place)
            addresses.append(address_JR)
            bits.append(np.take_along_axis(table_JA, address_JR, axis=1))
        values_KE, biases_E = self.structure.values_KE, self.structure.biases_E
        summation = ConditionalSummation(values_KE, np.zeros_like(biases_E))
        sums_RE = (
            summation.evaluate(bits[-1].T.astype(np.int64)) + biases_E
        )  # which may hold the rounding, too
        return Trace(rows_RD, bits, addresses, sums_RE, self.requantized(sums_RE))

    def requantized(self, sums: Integers) -> Integers:
        """Of sums that hold what is added to round already, unless the structure adds it."""
        node = self.structure.requantize
        rounding = (1 << node.shift) >> 1 if self.structure.rounds else 0
        return ((sums * node.multiplier + rounding) >> node.shift).clip(node.low, node.high)

    def seen(self, trace: Trace, layer: int, number: int) -> Mask:
        """[R], whether the rows' outputs would change if this bit answered the opposite."""
        flips = self._flips(trace, layer, number)
        if not flips:
            return np.zeros(len(trace.rows_RD), dtype=bool)
        summed = np.array(list(flips))
        flip_KR = np.stack(list(flips.values()))
        alone_KR = flip_KR & (flip_KR.sum(axis=0) == 1)
        seen_R: Mask = (alone_KR & self._always_seen[summed, None]).any(axis=0)
        left = np.flatnonzero(flip_KR.any(axis=0) & ~seen_R)
        if len(left):
            up_KR = flip_KR[:, left] * (1 - 2 * trace.bits_IR[-1][np.ix_(summed, left)].astype(np.int64))
            seen_R[left] = self._differ(trace.sums_RE[left], trace.outputs_RE[left], summed, up_KR)
        return seen_R

    def _flips(self, trace: Trace, layer: int, number: int) -> dict[int, Mask]:
        """Bits that are summed -> the rows in which they change with this one."""
        flips: dict[int, Mask] = {number: np.ones(len(trace.rows_RD), dtype=bool)}
        for after in range(layer + 1, len(self.structure.layers)):
            changed_at: dict[int, Bits] = {}
            for bit, flip_R in flips.items():
                for reader, place in self.readers[after].get(bit, ()):
                    changed_at[reader] = changed_at.get(reader, np.uint8(0)) ^ (
                        flip_R.astype(np.uint8) << np.uint8(place)
                    )
            flips = {}
            for reader, pins_R in changed_at.items():
                address_R = trace.addresses_JR[after][reader]
                table_A = self.tables_JA[after][reader]
                flip_R = table_A[address_R] != table_A[address_R ^ pins_R]
                if flip_R.any():
                    flips[reader] = flip_R
        return flips

    @cached_property
    def _always_seen(self) -> Mask:
        """Bits of which one value moves an output by a step or more, where no output is clamped."""
        node = self.structure.requantize
        largest_K = np.abs(self.structure.values_KE).max(axis=1)
        moves_K: Mask = largest_K * node.multiplier >= 1 << node.shift
        return moves_K & (not self.structure.clamps)

    def _differ(self, sums_RE: Integers, outputs_RE: Integers, summed: Integers, up_KR: Integers) -> Mask:
        """Whether any output changes when the values of `summed` are added (1) or taken away (-1)."""
        v_KE = self.structure.values_KE[summed]
        order_E = np.argsort(-np.abs(v_KE).sum(axis=0), kind="stable")
        differ_R = np.zeros(len(sums_RE), dtype=bool)
        left = np.arange(len(sums_RE))
        first = 0
        while len(left) and first < len(order_E):
            some = order_E[first : max(FEW, 4 * first)]
            moved = sums_RE[np.ix_(left, some)] + up_KR[:, left].T @ v_KE[:, some]
            found = (self.requantized(moved) != outputs_RE[np.ix_(left, some)]).any(axis=1)
            differ_R[left[found]] = True
            left, first = left[~found], first + len(some)
        return differ_R
