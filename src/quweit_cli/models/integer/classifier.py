"""An encoder that answers once a sample, in integers: the weights of the float one.

Shape suffixes: as in models/classifier.py.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.ir import TensorType
from quweit_cli.models.classifier import Classifier
from quweit_cli.models.exits import ExitHead
from quweit_cli.models.integer.building import Building, Model, Wire, positioned
from quweit_cli.models.integer.exits import IntegerExit, answer, averaging, build_answer
from quweit_cli.models.integer.fixed_point import FixedPoint, Grid
from quweit_cli.models.integer.layer import IntegerLayer
from quweit_cli.models.integer.operations import (
    PROBABILITY_FRACTION,
    Logits,
    MatrixProduct,
    Normalisation,
    OntoResidual,
    Sum,
    TokenSum,
)
from quweit_cli.models.integer.pieces import found


class IntegerClassifier(Classifier):
    """Comes before the float family that says what is read."""

    source: str  # name of what the program reads

    def __init__(self, settings: config.Model, meta: dict[str, Any]) -> None:
        super().__init__(settings, meta)
        self.onto, self.position_onto, self.position_sum = OntoResidual(), OntoResidual(), Sum()
        root = found(settings.functions.root, "root")
        self.normalisation, self.token_sum = Normalisation(root), TokenSum()
        self.pooled, self.head_product, self.logits = Grid(), MatrixProduct(), Logits()

    def make_layer(self, settings: config.Model, layer: int) -> nn.Module:
        if layer == 0:
            self.residual = Grid(16, headroom=1, smooth=False)
        return IntegerLayer(settings, layer, causal=False, bias=True, residual=self.residual)

    def make_exit(self, settings: config.Model, classes: int, layer: int) -> ExitHead:
        return IntegerExit(settings, classes, self.residual, self.tokens)

    @abstractmethod
    def codes(self, sample: Tensor) -> Tensor:
        """What the program reads of such samples, int64."""

    @property
    @abstractmethod
    def reads(self) -> TensorType:
        """What the program reads of one sample."""

    @abstractmethod
    def build_vectors(self, made: Building, residual: int) -> Wire:
        """Steps from a sample to a vector a token. residual: bits below the point of the residual stream."""

    def head_weights(self) -> tuple[Tensor, Tensor | None]:
        """As they read the sum over all tokens of what the last normalisation gives before its gain and bias."""
        return averaging(self.head, self.norm, self.tokens)

    def embedded(self, sample: Tensor) -> Tensor:
        vectors_BND = self.token_vectors(sample)
        position = self.position_onto(self.position_ND, self.residual)
        x_BND: Tensor = self.position_sum(self.residual, self.dropout(vectors_BND + position.value)).value
        return x_BND

    def logits_of(self, x_BND: Tensor) -> Tensor:
        x = FixedPoint(x_BND, self.residual.fraction())
        logits_BO: Tensor = self.logits(answer(self, x, self.head_weights()))
        return logits_BO

    @torch.no_grad()
    def build(self) -> Model:
        """The program from a sample to logits, with its layers and exits as programs within."""
        residual, made = int(self.residual.fraction()), Building(Wire(self.source, np.asarray(0)))
        x = self.build_vectors(made, residual)
        x = positioned(made, x, self.position_onto(self.position_ND, self.residual), self.position_sum)
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, IntegerLayer)
            x = made.nest(layer.build(number, self.tokens), x, fraction=residual)
            if number + 1 in self.exit_settings.after:
                place = self.exit_settings.after.index(number + 1)
                head = self.exits[place]
                assert isinstance(head, IntegerExit)
                made.nest(head.build(place), x, fraction=PROBABILITY_FRACTION)
        build_answer(made, self, x, self.head_weights())
        return made.model("model", self.reads)
