"""The two products of attention, head by head: queries times keys, and probabilities times values.

Head h of H has the features h*C ... h*C + C-1 of its D = H*C. Causal: a token sees itself and those before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from quweit_cli.ir.cost import Cost
from quweit_cli.ir.nodes.base import Integer, Integers, StepRecord, product, products_range, require
from quweit_cli.ir.types import TensorType


@dataclass(frozen=True)
class ScoreProduct:
    """`score[h][t][s] = Σ_c q[t][h*C + c] · k[s][h*C + c]`: tokens x features of each to heads x tokens x tokens.

    Causal: 0 where s > t, which is not computed.
    """

    heads: int
    causal: bool

    def __post_init__(self) -> None:
        require(self.heads >= 1, f"{self.heads} heads")

    def evaluate(self, q_TD: Integers, k_SD: Integers) -> Integers:
        q_HTC, k_HSC = _heads(q_TD, self.heads), _heads(k_SD, self.heads)
        score_HTS = product(q_HTC, k_HSC.swapaxes(-1, -2))
        return np.tril(score_HTS) if self.causal else score_HTS

    def output_type(self, q: TensorType, k: TensorType) -> TensorType:
        for kind in (q, k):
            require(bool(kind.outer), f"queries and keys are tokens x features, not of shape {kind.shape}")
        fits = q.features == k.features and q.outer[:-1] == k.outer[:-1]
        require(fits, f"queries of shape {q.shape} do not fit keys of shape {k.shape}")
        width = _width_of_head(q.features, self.heads)
        *batch, queries = q.outer
        keys = k.outer[-1]
        if self.causal:
            _require_square(queries, keys)
        low, high = products_range(q, k, width)
        if self.causal:
            low, high = min(low, 0), max(high, 0)
        return TensorType(keys, low, high, (*batch, self.heads, queries))

    def cost(self, q: TensorType, k: TensorType) -> Cost:
        batch = q.rows // q.outer[-1]
        macs = _pairs(q.outer[-1], k.outer[-1], self.causal) * q.features * batch
        return Cost(additions=macs, multiplications=macs)

    def record(self, **step: Any) -> ScoreProductRecord:
        return ScoreProductRecord(heads=self.heads, causal=self.causal, **step)


class ScoreProductRecord(StepRecord):
    """score[h][t][s] = sum over c of q[t][h*C + c] * k[s][h*C + c]; where causal and s > t, 0"""

    op: Literal["score_product"] = "score_product"
    heads: Integer
    causal: bool

    def node(self) -> ScoreProduct:
        return ScoreProduct(self.heads, self.causal)


@dataclass(frozen=True)
class ValueProduct:
    """`y[t][h*C + c] = Σ_s p[h][t][s] · v[s][h*C + c]`: heads x tokens x tokens to tokens x features.

    Causal: the sum ends with s = t, whatever comes after.
    """

    heads: int
    causal: bool

    def __post_init__(self) -> None:
        require(self.heads >= 1, f"{self.heads} heads")

    def evaluate(self, p_HTS: Integers, v_SD: Integers) -> Integers:
        if self.causal:
            p_HTS = np.tril(p_HTS)
        y_HTC = product(p_HTS, _heads(v_SD, self.heads))
        y_THC = y_HTC.swapaxes(-2, -3)
        return y_THC.reshape(*y_THC.shape[:-2], v_SD.shape[-1])

    def output_type(self, p: TensorType, v: TensorType) -> TensorType:
        require(len(p.outer) >= 2, f"probabilities are heads x tokens x tokens, not of shape {p.shape}")
        *batch, heads, queries = p.outer
        fits = heads == self.heads and v.outer == (*batch, p.features)
        require(fits, f"values of shape {v.shape} do not fit {self.heads} heads of shape {p.shape}")
        _width_of_head(v.features, self.heads)
        if self.causal:
            _require_square(queries, p.features)
        low, high = products_range(p, v, p.features)
        if self.causal:  # fewer terms may count than there are
            one = products_range(p, v, 1)
            low, high = min(low, one[0]), max(high, one[1])
        return TensorType(v.features, low, high, (*batch, queries))

    def cost(self, p: TensorType, v: TensorType) -> Cost:
        batch = p.rows // (p.outer[-1] * self.heads)
        macs = _pairs(p.outer[-1], p.features, self.causal) * v.features * batch
        return Cost(additions=macs, multiplications=macs)

    def record(self, **step: Any) -> ValueProductRecord:
        return ValueProductRecord(heads=self.heads, causal=self.causal, **step)


class ValueProductRecord(StepRecord):
    """y[t][h*C + c] = sum over s of p[h][t][s] * v[s][h*C + c]; where causal, over s = 0 ... t alone"""

    op: Literal["value_product"] = "value_product"
    heads: Integer
    causal: bool

    def node(self) -> ValueProduct:
        return ValueProduct(self.heads, self.causal)


def _heads(x_TD: Integers, heads: int) -> Integers:
    """[..., T, D] to [..., H, T, C]."""
    *axes, width = x_TD.shape
    return x_TD.reshape(*axes, heads, width // heads).swapaxes(-2, -3)


def _pairs(queries: int, keys: int, causal: bool) -> int:
    """A query and a key that it sees."""
    return queries * (queries + 1) // 2 if causal else queries * keys


def _width_of_head(features: int, heads: int) -> int:
    require(features % heads == 0, f"{heads} heads share {features} features")
    return features // heads


def _require_square(queries: int, keys: int) -> None:
    require(queries == keys, f"causal, and there are {queries} queries of {keys} keys")
