"""Which encoded values and biases rows show: a value one larger, or one smaller, changes an output of some row.

Then any other change of it is seen as well, since an output never falls where a sum rises. A row shows it where its bit
is 1, the sum stands at a rounding edge and the output is not clamped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quweit_cli.hdl.directed.circuit import Circuit, Mask, Trace

Floats = NDArray[np.float32]


class ValuesWanted:
    """`lacking_WKE`: one larger and one smaller (W), of every value; the last row (K) stands for the biases."""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        bits, outputs = len(circuit.structure.values_KE), circuit.structure.outputs
        self.lacking_WKE: Mask = np.ones((2, bits + 1, outputs), dtype=bool)

    def take(self, trace: Trace) -> None:
        """All of these rows are among the vectors."""
        bits_KR = self._bits(trace)
        for way, edges_RE in enumerate(self._edges(trace)):
            self.lacking_WKE[way] &= bits_KR @ edges_RE == 0

    def gains(self, trace: Trace) -> NDArray[np.int64]:
        """[R], how much of what is lacking each row alone shows."""
        bits_KR = self._bits(trace)
        gain_R = np.zeros(len(trace.rows_RD), dtype=np.int64)
        for lacking_KE, edges_RE in zip(self.lacking_WKE, self._edges(trace), strict=True):
            gain_R += ((bits_KR.T @ lacking_KE.astype(np.float32)) * edges_RE).sum(axis=1).astype(np.int64)
        return gain_R

    def choose(self, trace: Trace, unit: int, most: int, least: int) -> list[int]:
        """Units of so many rows that add at least so much, the best first; they are taken."""
        gain_N = self.gains(trace).reshape(-1, unit).sum(axis=1)
        chosen: list[int] = []
        for candidate in np.argsort(-gain_N, kind="stable").tolist():
            if len(chosen) == most or gain_N[candidate] < least:
                break
            own = trace.of(np.arange(candidate * unit, (candidate + 1) * unit))
            if self.gains(own).sum() >= least:
                self.take(own)
                chosen.append(candidate)
        return chosen

    @staticmethod
    def _bits(trace: Trace) -> Floats:
        bit_KR = trace.bits_IR[-1]
        return np.concatenate([bit_KR, np.ones((1, bit_KR.shape[1]), dtype=np.uint8)]).astype(np.float32)

    def _edges(self, trace: Trace) -> list[Floats]:
        """Where a sum one larger, or one smaller, gives another output."""
        outputs = self.circuit.structure.outputs
        return [
            (self.circuit.requantized(trace.sums_RE + step) != trace.outputs_RE)[:, :outputs].astype(
                np.float32
            )
            for step in (1, -1)
        ]
