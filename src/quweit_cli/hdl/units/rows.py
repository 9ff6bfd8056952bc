"""Rows that units are played with."""

from __future__ import annotations

import numpy as np

from quweit_cli.ir.nodes.base import Integers

RANDOM_ROWS = 12
STD = {8: 32.0, 16: 2000.0}  # of random rows, by the bits of an element


def rows_of(elements: int, bits: int) -> Integers:
    """Rows at the edges of what a unit takes, then RANDOM_ROWS random ones; of single elements every code."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    if elements == 1:
        return np.arange(low, high + 1)[:, None]
    edges = np.full((5, elements), low)
    edges[1:4] = [[high], [0], [low]]
    edges[2, 0], edges[3, 0] = 1, high  # the smallest deviation; one far from all others
    edges[4, 1::2] = high
    return np.concatenate([edges, drawn(RANDOM_ROWS, elements, bits)])


def drawn(rows: int, elements: int, bits: int) -> Integers:
    """Rows of a normal distribution, clamped to what the bits hold, seed 0."""
    high = 2 ** (bits - 1)
    values = np.rint(np.random.default_rng(0).normal(0, STD[bits], (rows, elements)))
    clipped: Integers = np.clip(values, -high, high - 1).astype(np.int64)
    return clipped
