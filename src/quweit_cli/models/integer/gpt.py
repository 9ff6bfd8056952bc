"""Decoder in integers, from tokens to logits: the weights of the float one.

Shape suffixes: as in models/gpt.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.ir import TensorType
from quweit_cli.ir.nodes.embeddings import Embedding as EmbeddingNode
from quweit_cli.ir.nodes.leaving import Choose
from quweit_cli.models.exits import Certainty, rule_of
from quweit_cli.models.gpt import Gpt
from quweit_cli.models.integer.building import Building, Model, Wire, logits, positioned
from quweit_cli.models.integer.exits import TokenExit, leave
from quweit_cli.models.integer.fixed_point import FixedPoint, Grid, integers
from quweit_cli.models.integer.layer import IntegerLayer
from quweit_cli.models.integer.operations import (
    NORM_FRACTION,
    PROBABILITY_FRACTION,
    Embedding,
    Logits,
    MatrixProduct,
    Normalisation,
    OntoResidual,
    Sum,
    folded,
)
from quweit_cli.models.integer.pieces import found


class IntegerGpt(Gpt):
    def __init__(self, settings: config.Model, meta: dict[str, Any]) -> None:
        super().__init__(settings, meta)
        self.embedding, self.onto = Embedding(), OntoResidual()
        self.position_onto, self.position_sum = OntoResidual(), Sum()
        root = found(settings.functions.root, "root")
        self.normalisation, self.head_product, self.logits = Normalisation(root), MatrixProduct(), Logits()
        self.exits = nn.ModuleList(TokenExit(settings, self.residual) for _ in settings.exits.after)

    def make_layer(self, settings: config.Model, layer: int) -> nn.Module:
        if layer == 0:
            self.residual = Grid(16, headroom=1, smooth=False)
        return IntegerLayer(settings, layer, causal=True, bias=False, residual=self.residual)

    def head_weights(self) -> tuple[Tensor, Tensor | None]:
        """As they read what the last normalisation gives before its gain."""
        return folded(self.head, self.norm)

    def embedded(self, token_BN: Tensor) -> Tensor:
        token = self.embedding(token_BN, self.onto(self.embed.weight, self.residual))
        position = self.position_onto(self.position.weight[: token_BN.shape[1]], self.residual)
        x: FixedPoint = self.position_sum(self.residual, self.dropout(token.value + position.value))
        return x.value

    def logits_of(self, x_BND: Tensor) -> Tensor:
        normal = self.normalisation(FixedPoint(x_BND, self.residual.fraction()))
        logits_BNV: Tensor = self.logits(self.head_product(normal, *self.head_weights()))
        return logits_BNV

    def exit_logits(self, place: int, x_BND: Tensor) -> Tensor:
        logits_BNV: Tensor = self.exits[place](x_BND, *self.head_weights())
        return logits_BNV

    def certainty(self, place: int, x_BND: Tensor) -> Certainty:
        head = self.exits[place]
        assert isinstance(head, TokenExit)
        return head.certainty(self.exit_logits(place, x_BND))

    def codes(self, token_BN: Tensor) -> Tensor:
        """What the program reads of such tokens, int64."""
        return token_BN.long()

    @torch.no_grad()
    def build(self) -> Model:
        """The program from tokens to logits, with its layers as programs within."""
        residual, made = int(self.residual.fraction()), Building(Wire("tokens", np.asarray(0)))
        rows = integers(self.onto(self.embed.weight, self.residual)).numpy()
        x = made.add("embedded", EmbeddingNode(rows), made.source, fraction=residual, module=self.embedding)
        x = positioned(made, x, self.position_onto(self.position.weight, self.residual), self.position_sum)
        settings, left, before = self.exit_settings, None, None
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, IntegerLayer)
            y = made.nest(layer.build(number, self.tokens), x, fraction=residual)
            x = y if left is None else made.add(f"held{number}", Choose(), left, x, y, fraction=residual)
            if number + 1 in settings.after:
                place = settings.after.index(number + 1)
                head = self.exits[place]
                assert isinstance(head, TokenExit)
                exit_ = head.build(place, self.tokens, self.head_weights(), settings.criterion)
                sure = made.nest(exit_, x, fraction=PROBABILITY_FRACTION)
                left, before = leave(made, place, rule_of(settings), (sure, before), left), sure
        normal = made.add(
            "norm", self.normalisation.node(), x, fraction=NORM_FRACTION, module=self.normalisation
        )
        node, fraction = self.head_product.node(normal.bits, *self.head_weights())
        sums = made.add("logits_sum", node, normal, fraction=fraction, module=self.head_product)
        logits(made, sums, self.logits)
        return made.model("model", TensorType(self.tokens, 0, len(rows) - 1))
