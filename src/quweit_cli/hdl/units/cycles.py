"""Cycles of a row in the units between products, of one lane."""

from __future__ import annotations


def softmax_cycles(elements: int, pipelined: bool = False, *, reciprocal: bool = False) -> int:
    """First element taken to last given: three passes, the division (32) and its start and end.

    reciprocal: in pieces, which takes five cycles.
    """
    if reciprocal:
        return 3 * elements + 5
    return 3 * elements + 34 + (15 if pipelined else 0)


def layer_norm_cycles(elements: int, pipelined: bool = False, *, pieces: bool = False) -> int:
    """At most, for a constant row: two passes, square root, alignment of the root, reciprocal, their changes.

    Pipelined, the spread takes a cycle a bit of the root as well. In pieces a root takes six cycles.
    """
    if pieces:
        return 2 * elements + 6
    root_bits = 16 + max(1, (elements - 1).bit_length())
    more = root_bits + 19 if pipelined else 0
    return 2 * elements + root_bits + root_bits + (root_bits + 17) + 3 + more
