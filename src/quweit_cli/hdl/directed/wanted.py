"""What vectors are to show of a block, so that no single fault of it stays unseen.

A fault is seen in a row whose outputs it changes. Rows are wanted in which another answer would be seen of

    entry       every table entry
    pin         every pin of a LUT, at 0 and at 1, in several rows: a LUT that reads another bit agrees by chance in one
    edge        every pin that reads a comparison, with its feature at the last value that answers 0, at the first that answers 1
    threshold   every comparison, at these two values

Each is a number (a code); `lacking` counts the rows that it still wants.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quweit_cli.hdl.directed.circuit import ADDRESSES, THERMOMETER, Circuit, Trace
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.bits import MAX_FAN_IN
from quweit_cli.ir.types import TensorType

PIN_ROWS = 8


class Target(NamedTuple):
    """A code in words. `number` is the LUT of the layer or the comparison, `detail` the entry's address or the pin's place."""

    kind: str
    layer: int
    number: int
    detail: int = 0
    answer: int = 0


class Wanted:
    """Everything, at first; `kind` is the range of the features."""

    def __init__(self, circuit: Circuit, kind: TensorType) -> None:
        self.circuit, self.kind = circuit, kind
        structure = circuit.structure
        self.first_of_layer = np.cumsum([0, *(layer.luts for layer in structure.layers)])
        luts = int(self.first_of_layer[-1])
        self.pins = luts * ADDRESSES
        self.edges = self.pins + luts * 2 * MAX_FAN_IN
        self.thresholds = self.edges + structure.layers[0].luts * 2 * MAX_FAN_IN
        self.lacking = np.zeros(self.thresholds + 2 * structure.thresholds_DT.size, dtype=np.int16)
        flat_I = structure.thresholds_DT.reshape(-1)
        changing_I = (flat_I >= kind.low) & (flat_I < kind.high)
        for layer, one in enumerate(structure.layers):
            for number, lut in enumerate(one.table):
                entry, pin = self._codes_of(layer, number)
                self.lacking[entry : entry + 2 ** len(lut.pins)] = 1
                changing = [layer > 0 or bool(changing_I[bit]) for bit in lut.pins for _ in range(2)]
                self.lacking[self.pins + pin : self.pins + pin + len(changing)] = PIN_ROWS * np.array(
                    changing
                )
                if layer == 0:
                    self.lacking[self.edges + pin : self.edges + pin + len(changing)] = changing
        for bit in circuit.readers[0]:
            self.lacking[self.thresholds + 2 * bit : self.thresholds + 2 * bit + 2] = changing_I[bit]

    def target(self, code: int) -> Target:
        if code >= self.thresholds:
            bit, answer = divmod(code - self.thresholds, 2)
            return Target("threshold", THERMOMETER, bit, 0, answer)
        if code < self.pins:
            lut, address = divmod(code, ADDRESSES)
            return Target("entry", *self._lut(lut), address)
        name, first = ("pin", self.pins) if code < self.edges else ("edge", self.edges)
        lut, rest = divmod(code - first, 2 * MAX_FAN_IN)
        return Target(name, *self._lut(lut), *divmod(rest, 2))

    def take(self, trace: Trace) -> None:
        """All of these rows are among the vectors."""
        for codes in self._shown(trace):
            shown, often = np.unique(codes, return_counts=True)
            self.lacking[shown] = np.maximum(self.lacking[shown] - often, 0)

    def _shown(self, trace: Trace) -> Iterator[Integers]:
        """What these rows show, LUT by LUT: a code once for each row that shows it."""
        for layer, one in enumerate(self.circuit.structure.layers):
            for number in range(one.luts):
                yield self._shown_of(trace, layer, number)
        for bit in self.circuit.readers[0]:
            codes = self.thresholds + 2 * bit + np.arange(2)
            if self.lacking[codes].any():
                yield self._shown_of_threshold(trace, bit)

    def _shown_of(self, trace: Trace, layer: int, number: int) -> Integers:
        entry, pin = self._codes_of(layer, number)
        row_S = np.flatnonzero(self.circuit.seen(trace, layer, number))
        address_S = trace.addresses_JR[layer][number][row_S].astype(np.int64)
        table_A = self.circuit.tables_JA[layer][number]
        codes = [entry + address_S]
        for place, bit in enumerate(self.circuit.structure.layers[layer].table[number].pins):
            matters_S = np.flatnonzero(table_A[address_S] != table_A[address_S ^ (1 << place)])
            of_pin = pin + 2 * place + (address_S[matters_S] >> place & 1)
            codes.append(self.pins + of_pin)
            if layer == 0:
                codes.append(self.edges + of_pin[self._at_edge(trace, bit, row_S[matters_S])])
        return np.concatenate(codes)

    def _shown_of_threshold(self, trace: Trace, bit: int) -> Integers:
        at_edge = np.flatnonzero(self._at_edge(trace, bit, np.arange(len(trace.rows_RD))))
        seen = at_edge[self.circuit.seen(trace.of(at_edge), THERMOMETER, bit)]
        codes: Integers = self.thresholds + 2 * bit + trace.bits_IR[0][bit, seen].astype(np.int64)
        return codes

    def _at_edge(self, trace: Trace, bit: int, rows: Integers) -> NDArray[np.bool_]:
        feature, threshold = divmod(bit, self.circuit.structure.thresholds_DT.shape[1])
        above_R: Integers = (
            trace.rows_RD[rows, feature] - self.circuit.structure.thresholds_DT[feature, threshold]
        )
        at_edge_R: NDArray[np.bool_] = (above_R == 0) | (above_R == 1)
        return at_edge_R

    def _codes_of(self, layer: int, number: int) -> tuple[int, int]:
        """The first code of a LUT's entries, and of its pins counted from the first pin's."""
        lut = int(self.first_of_layer[layer]) + number
        return lut * ADDRESSES, lut * 2 * MAX_FAN_IN

    def _lut(self, lut: int) -> tuple[int, int]:
        layer = int(np.searchsorted(self.first_of_layer, lut, side="right")) - 1
        return layer, lut - int(self.first_of_layer[layer])
