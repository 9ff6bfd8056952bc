"""Which table entries the vectors of a block read, as a document beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from quweit_cli.documents import TableEntries, TableEntry, VectorCoverage
from quweit_cli.hdl.directed.circuit import ADDRESSES, Circuit
from quweit_cli.hdl.directed.rows import ROWS_AT_ONCE, Directed
from quweit_cli.hdl.directed.wanted import Target
from quweit_cli.ir.nodes.base import Integers

LISTED = 1_000
UNREAD = np.iinfo(np.int64).max


def coverage_of(name: str, circuit: Circuit, rows_RI: Integers, directed: Directed) -> VectorCoverage:
    """rows_RI: all vectors of the block, as they are read."""
    first_JA = first_reads(circuit, rows_RI)
    first = np.concatenate(
        [
            first_JA[layer][number][: 2 ** len(lut.pins)]
            for layer, one in enumerate(circuit.structure.layers)
            for number, lut in enumerate(one.table)
        ]
    )
    read = first[first != UNREAD]
    tables = TableEntries(
        entries=circuit.entries,
        read=len(read),
        observed=directed.observed,
        unreachable=len(directed.unreachable),
        masked=len(directed.masked),
    )
    if tables.not_found < 0:
        raise AssertionError(f"rows of `{name}` read table entries that are proven unreachable")
    return VectorCoverage(
        block=name,
        tables=tables,
        read_by_first_rows=np.cumsum(np.bincount(read, minlength=len(rows_RI))).tolist(),
        unreachable=_listed(directed.unreachable.items()),
        masked=_listed((target, "") for target in directed.masked),
        not_found=_listed(
            (target, "") for target in _unread(circuit, first_JA) if target not in directed.unreachable
        ),
    )


def first_reads(circuit: Circuit, rows_RI: Integers) -> list[Integers]:
    """By layer, [J, A]: the first row that reads each entry, or UNREAD."""
    first_JA = [np.full((layer.luts, ADDRESSES), UNREAD) for layer in circuit.structure.layers]
    for first in range(0, len(rows_RI), ROWS_AT_ONCE):
        trace = circuit.trace(rows_RI[first : first + ROWS_AT_ONCE])
        for of_layer, address_JR in zip(first_JA, trace.addresses_JR, strict=True):
            for first_A, address_R in zip(of_layer, address_JR, strict=True):
                addresses, rows = np.unique(address_R, return_index=True)
                first_A[addresses] = np.minimum(first_A[addresses], first + rows)
    return first_JA


def _unread(circuit: Circuit, first_JA: list[Integers]) -> Iterator[Target]:
    for layer, one in enumerate(circuit.structure.layers):
        for number, address in np.argwhere(first_JA[layer] == UNREAD).tolist():
            if address < 2 ** len(one.table[number].pins):
                yield Target("entry", layer, number, address)


def _listed(targets: Iterable[tuple[Target, str]]) -> list[TableEntry]:
    chosen = sorted(targets)[:LISTED]
    return [TableEntry(layer=t.layer, lut=t.number, address=t.detail, why=why) for t, why in chosen]
