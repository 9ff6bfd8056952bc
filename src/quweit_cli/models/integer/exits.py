"""Exits in integers: logits, probabilities of seven bits, and their entropy by a table.

Shape suffixes: B samples, N tokens, D width, O classes, V vocabulary.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.ir import TensorType
from quweit_cli.ir.exits import STEPS, Criterion, ExitRule
from quweit_cli.ir.nodes.functions import Table
from quweit_cli.ir.nodes.leaving import Choose, Leave
from quweit_cli.ir.nodes.pooling import Pool
from quweit_cli.ir.nodes.products import MatrixProduct as MatrixProductNode
from quweit_cli.ir.types import INT8, INT16
from quweit_cli.models.exits import Certainty, ExitHead
from quweit_cli.models.integer.building import Building, Model, Wire, logits, onto_grid
from quweit_cli.models.integer.fixed_point import FixedPoint, Grid
from quweit_cli.models.integer.operations import (
    NORM_FRACTION,
    PROBABILITY_FRACTION,
    SCORE_FRACTIONS,
    Logits,
    MatrixProduct,
    Normalisation,
    Softmax,
    TokenSum,
    folded,
)
from quweit_cli.models.integer.pieces import found


class Answering(Protocol):
    """What makes logits of a residual stream."""

    normalisation: Normalisation
    token_sum: TokenSum
    pooled: Grid
    head_product: MatrixProduct
    logits: Logits


def answer(parts: Answering, x: FixedPoint, weights: tuple[Tensor, Tensor | None]) -> FixedPoint:
    """Logits [B, O], before they are brought to one scale. weights: as they read the sum over all tokens."""
    pooled = parts.pooled(parts.token_sum(parts.normalisation(x)).value)
    product: FixedPoint = parts.head_product(pooled, *weights)
    return product


def build_answer(made: Building, parts: Answering, x: Wire, weights: tuple[Tensor, Tensor | None]) -> Wire:
    """Steps of `answer`, the last of which is `logits`."""
    normal = made.add(
        "norm", parts.normalisation.node(), x, fraction=NORM_FRACTION, module=parts.normalisation
    )
    pooled = made.add("pooled_sum", Pool("sum"), normal, fraction=NORM_FRACTION, module=parts.token_sum)
    pooled = onto_grid(made, "pooled", pooled, parts.pooled)
    node, fraction = parts.head_product.node(pooled.bits, *weights)
    sums = made.add("logits_sum", node, pooled, fraction=fraction, module=parts.head_product)
    return logits(made, sums, parts.logits)


def averaging(head: nn.Linear, norm: nn.LayerNorm, tokens: int) -> tuple[Tensor, Tensor | None]:
    """Weights that read the sum over all tokens of what a normalisation gives before its gain and bias."""
    weight, bias = folded(head, norm)
    return weight / tokens, bias


class Sureness(nn.Module):
    """What an exit makes of its logits: how sure it is. Its ranges are those of the exit that inherits it."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        least, most = SCORE_FRACTIONS
        self.score, self.softmax = Grid(least=least, most=most), Softmax(causal=False, padded=False)
        self.information, self.entropy = Information(), Entropy()

    def probability(self, score: FixedPoint) -> FixedPoint:
        """A row is the only one of its sample."""
        row = score._replace(value=score.value.unsqueeze(-2))
        made: FixedPoint = self.softmax(row)
        return made._replace(value=made.value.squeeze(-2))

    @torch.no_grad()
    def certainty(self, logits_BO: Tensor) -> Certainty:
        """In whole steps, of logits of samples or of tokens in evaluation."""
        share = self.probability(self.score(logits_BO))
        entropy_B = self.entropy(self.information(share)).value.squeeze(-1)
        return Certainty(STEPS * entropy_B, STEPS * share.value.amax(dim=-1))

    def build_entropy(self, made: Building, answered: Wire, classes: int) -> None:
        """Steps from logits to the entropy, the last of which is `entropy`."""
        score = onto_grid(made, "score", answered, self.score)
        share = made.add(
            "probability",
            self.softmax.node(score.bits),
            score,
            fraction=PROBABILITY_FRACTION,
            module=self.softmax,
        )
        table = made.add(
            "information",
            Table(INT8[0], information_table()),
            share,
            fraction=PROBABILITY_FRACTION,
            module=self.information,
        )
        total = MatrixProductNode(np.ones((classes, 1), dtype=np.int64), np.zeros(1, dtype=np.int64))
        made.add("entropy", total, table, fraction=PROBABILITY_FRACTION, module=self.entropy)


class IntegerExit(Sureness, ExitHead):
    def __init__(self, settings: config.Model, classes: int, residual: Grid, tokens: int) -> None:
        super().__init__(settings.dim, classes)
        self.residual, self.tokens = residual, tokens
        self.normalisation = Normalisation(found(settings.functions.root, "root"))
        self.token_sum, self.pooled = TokenSum(), Grid()
        self.head_product, self.logits = MatrixProduct(), Logits()

    def forward(self, x_BND: Tensor) -> Tensor:
        """x_BND: on the grid of the residual stream."""
        weights = averaging(self.head, self.norm, self.tokens)
        logits_BO: Tensor = self.logits(answer(self, FixedPoint(x_BND, self.residual.fraction()), weights))
        if self.training:  # where its range alone is of use
            self.score(logits_BO)
        else:
            self.certainty(logits_BO)
        return logits_BO

    @torch.no_grad()
    def build(self, number: int) -> Model:
        """The program of exit `number`, from the residual stream to its entropy."""
        x = Wire("x", np.asarray(int(self.residual.fraction())))
        made = Building(x)
        answered = build_answer(made, self, x, averaging(self.head, self.norm, self.tokens))
        self.build_entropy(made, answered, self.head.out_features)
        width = self.norm.normalized_shape[0]
        return made.model(f"exit{number}", TensorType(width, *INT16, (self.tokens,)))


class TokenExit(Sureness):
    """Of a decoder, whose last normalisation and head it reads with: it has ranges alone, and no weights."""

    def __init__(self, settings: config.Model, residual: Grid) -> None:
        super().__init__()
        self.residual = residual
        self.normalisation = Normalisation(found(settings.functions.root, "root"))
        self.head_product, self.logits = MatrixProduct(), Logits()

    def forward(self, x_BND: Tensor, weight_VD: Tensor, bias_V: Tensor | None) -> Tensor:
        """Logits [B, N, V]. x_BND: on the grid of the residual stream. Weights as they read what is normalised."""
        normal = self.normalisation(FixedPoint(x_BND, self.residual.fraction()))
        logits_BNV: Tensor = self.logits(self.head_product(normal, weight_VD, bias_V))
        if self.training:  # where its range alone is of use
            self.score(logits_BNV)
        return logits_BNV

    @torch.no_grad()
    def build(
        self, number: int, tokens: int, weights: tuple[Tensor, Tensor | None], criterion: Criterion
    ) -> Model:
        """The program of exit `number`, from the residual stream of so many tokens to what the criterion reads of each."""
        made = Building(Wire("x", np.asarray(int(self.residual.fraction()))))
        normal = made.add(
            "norm", self.normalisation.node(), made.source, fraction=NORM_FRACTION, module=self.normalisation
        )
        node, fraction = self.head_product.node(normal.bits, *weights)
        sums = made.add("logits_sum", node, normal, fraction=fraction, module=self.head_product)
        classes, width = weights[0].shape
        self.build_entropy(made, logits(made, sums, self.logits), classes)
        answer = "probability" if criterion == "probability" else "entropy"
        return made.model(f"exit{number}", TensorType(width, *INT16, (tokens,)), answer)


def leave(
    made: Building, number: int, rule: ExitRule, sure: tuple[Wire, Wire | None], left: Wire | None
) -> Wire | None:
    """Steps that say who has left at exit `number` or before; None where nobody can have.

    sure: what this exit and the one before make of each token. left: who has before.
    """
    now, before = sure
    read = (now,) if rule.criterion != "fall" else (now, before)
    if before is None and rule.criterion == "fall":
        return None
    leaves = made.add(f"leaves{number}", Leave(rule.criterion, rule.steps), *filter(None, read), fraction=0)
    return leaves if left is None else made.add(f"left{number}", Choose(), left, left, leaves, fraction=0)


class Information(nn.Module):
    """`-p log2 p` of probabilities in steps of 1/128, in such steps of a bit."""

    def forward(self, share: FixedPoint) -> FixedPoint:
        table = torch.from_numpy(information_table()).to(share.value.device)
        code = (share.value * STEPS).long() - INT8[0]
        return share._replace(value=table[code].to(share.value.dtype) / STEPS)


class Entropy(nn.Module):
    """The sum over all classes."""

    def forward(self, information: FixedPoint) -> FixedPoint:
        return information._replace(value=information.value.sum(dim=-1, keepdim=True))


def information_table() -> np.ndarray:
    """Of every code of int8; probabilities are none of the negative ones, whose entries are 0."""
    entries = [0] * -INT8[0]
    for code in range(INT8[1] + 1):
        share = code / STEPS
        entries.append(math.floor(-share * math.log2(share) * STEPS + 0.5) if code else 0)
    return np.array(entries)
