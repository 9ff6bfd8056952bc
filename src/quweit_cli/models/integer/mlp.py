"""MLPs of matrices in integers: the weights of the float ones, and grids between their operations.

Gain and bias of the normalisation before them are part of the weights that read it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import nn

from quweit_cli import config
from quweit_cli.ir.nodes.products import ElementwiseProduct as ElementwiseProductNode
from quweit_cli.models.attention import residual_dropout
from quweit_cli.models.integer.building import Building, Wire, onto_grid, onto_residual
from quweit_cli.models.integer.fixed_point import FixedPoint, Grid
from quweit_cli.models.integer.operations import (
    SIGMOID,
    TANH,
    Bounded,
    ElementwiseProduct,
    Gelu,
    MatrixProduct,
    OntoResidual,
    folded,
)
from quweit_cli.models.integer.pieces import found
from quweit_cli.models.mlp import Branch, Function, LearnForget


class Names(NamedTuple):
    """Of the steps of a branch, in their order."""

    hidden_sum: str
    hidden: str
    function: str
    sum: str


DENSE = Names("hidden_sum", "hidden", "gelu", "mlp_sum")
FORGET = Names("forget_hidden_sum", "forget_hidden", "sigmoid", "forgotten_sum")
LEARN = Names("learn_hidden_sum", "learn_hidden", "tanh", "learned_sum")


class IntegerBranch(Branch):
    def __init__(self, inputs: int, settings: config.Model, function: Function, *, bias: bool) -> None:
        super().__init__(inputs, settings, function, bias=bias)
        few, kind = settings.learn_forget, settings.mlp_weights
        self.expand_product, self.project_product = MatrixProduct(kind, few), MatrixProduct(kind, few)
        self.hidden = Grid()

    def sums(self, x: FixedPoint, norm: nn.LayerNorm, function: Gelu | Bounded) -> FixedPoint:
        """Of its second matrix. x: what `norm` gives before its gain and bias, and beside it that of neighbours."""
        hidden = self.hidden(self.expand_product(x, *folded(self.expand, norm)).value)
        answer: FixedPoint = function(hidden)
        answer = answer._replace(value=self.projection_dropout(answer.value))
        sums: FixedPoint = self.project_product(answer, self.project.weight, self.project.bias)
        return sums

    def build_sums(
        self, made: Building, names: Names, x: Wire, norm: nn.LayerNorm, function: Gelu | Bounded
    ) -> Wire:
        """Steps of `sums`."""
        node, fraction = self.expand_product.node(x.bits, *folded(self.expand, norm))
        hidden = made.add(names.hidden_sum, node, x, fraction=fraction, module=self.expand_product)
        hidden = onto_grid(made, names.hidden, hidden, self.hidden)
        answer = made.add(
            names.function,
            function.node(hidden.bits),
            hidden,
            fraction=function.fraction(),
            module=function,
        )
        node, fraction = self.project_product.node(answer.bits, self.project.weight, self.project.bias)
        return made.add(names.sum, node, answer, fraction=fraction, module=self.project_product)


class IntegerMlp(IntegerBranch):
    def __init__(self, inputs: int, settings: config.Model, *, bias: bool) -> None:
        super().__init__(inputs, settings, F.gelu, bias=bias)
        gelu = found(settings.functions.gelu, "gelu")
        if gelu is not None:
            self.hidden = Grid(least=0)
        self.gelu, self.onto = Gelu(gelu), OntoResidual()
        self.dropout = nn.Dropout(residual_dropout(settings))

    def read(self, x: FixedPoint, norm: nn.LayerNorm, residual: Grid) -> FixedPoint:
        """x: what `norm` gives before its gain and bias, and beside it that of neighbours."""
        out: FixedPoint = self.onto(self.sums(x, norm, self.gelu).value, residual)
        return out._replace(value=self.dropout(out.value))

    def build(self, made: Building, x: Wire, norm: nn.LayerNorm, residual: int) -> Wire:
        """Steps from what `norm` gives to what joins the residual stream. residual: its bits below the point."""
        sums = self.build_sums(made, DENSE, x, norm, self.gelu)
        return onto_residual(made, "mlp", sums, residual, self.onto)


class IntegerLearnForget(LearnForget):
    """Either branch comes to eight bits, so that their product has sixteen."""

    forget: IntegerBranch
    learn: IntegerBranch

    def __init__(self, inputs: int, settings: config.Model, *, bias: bool) -> None:
        super().__init__(inputs, settings, bias=bias)
        self.sigmoid, self.tanh = Bounded(SIGMOID), Bounded(TANH)
        self.forgotten, self.learned = Grid(), Grid()
        self.product, self.onto = ElementwiseProduct(), OntoResidual()

    def make_branch(
        self, inputs: int, settings: config.Model, function: Function, *, bias: bool
    ) -> IntegerBranch:
        return IntegerBranch(inputs, settings, function, bias=bias)

    def read(self, x: FixedPoint, norm: nn.LayerNorm, residual: Grid) -> FixedPoint:
        """x: what `norm` gives before its gain and bias, and beside it that of neighbours."""
        forgotten = self.forgotten(self.forget.sums(x, norm, self.sigmoid).value)
        learned = self.learned(self.learn.sums(x, norm, self.tanh).value)
        out: FixedPoint = self.onto(self.product(learned, forgotten).value, residual)
        return out._replace(value=self.dropout(out.value))

    def build(self, made: Building, x: Wire, norm: nn.LayerNorm, residual: int) -> Wire:
        """Steps from what `norm` gives to what joins the residual stream. residual: its bits below the point."""
        sums = self.forget.build_sums(made, FORGET, x, norm, self.sigmoid)
        forgotten = onto_grid(made, "forgotten", sums, self.forgotten)
        sums = self.learn.build_sums(made, LEARN, x, norm, self.tanh)
        learned = onto_grid(made, "learned", sums, self.learned)
        product = made.add(
            "mlp_product",
            ElementwiseProductNode(),
            learned,
            forgotten,
            fraction=learned.bits + forgotten.bits,
            module=self.product,
        )
        return onto_residual(made, "mlp", product, residual, self.onto)
