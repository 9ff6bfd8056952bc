"""Causal attention as an array computes it without masked tiles: a product a row of tiles, heads below one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.products import Head, Operands


def causal_products(heads: Sequence[Head], side: int) -> list[Operands]:
    """All products of `energy.workload.causal_gemms`, by its names.

    Row i of tiles has the queries side * i and on, and the keys below side * (i + 1).
    """
    tokens = len(heads[0].q_TD)
    scores, mixed = [], []
    for place, first in enumerate(range(0, tokens, side)):
        keys = min(first + side, tokens)
        queries = slice(first, keys)
        scores.append(
            _stacked(f"qk_{place}", [(one.q_TD[queries], one.k_DT[:, :keys]) for one in heads], side)
        )
        mixed.append(
            _stacked(f"av_{place}", [(one.p_TT[queries, :keys], one.v_TD[:keys]) for one in heads], side)
        )
    return scores + mixed


def _stacked(name: str, products: Sequence[tuple[Integers, Integers]], side: int) -> Operands:
    """One product of all heads; every left side but the last is padded to a whole tile."""
    lefts = [np.pad(left, ((0, side - len(left)), (0, 0))) for left, _ in products[:-1]]
    rights = np.concatenate([right for _, right in products])
    return Operands(name, np.concatenate([*lefts, products[-1][0]]), rights, tile_rows=side)
