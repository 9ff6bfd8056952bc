"""One pre-norm transformer layer in integers: the weights of the float one, and grids between its operations.

Gains and biases of a normalisation are part of the weights that read it, and so is 1/√C of the scores.
Shape suffixes: B samples, N tokens, D width, H heads, C width of a head.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.ir import TensorType
from quweit_cli.ir.nodes.attention import ScoreProduct as ScoreProductNode
from quweit_cli.ir.nodes.attention import ValueProduct as ValueProductNode
from quweit_cli.ir.nodes.places import Select
from quweit_cli.ir.nodes.sums import Addition
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.ir.types import INT16
from quweit_cli.models.attention import SelfAttention
from quweit_cli.models.integer.building import Building, Model, Wire, onto_grid, onto_residual
from quweit_cli.models.integer.fixed_point import FixedPoint, Grid, full_scale
from quweit_cli.models.integer.mlp import IntegerLearnForget, IntegerMlp
from quweit_cli.models.integer.operations import (
    NORM_FRACTION,
    PROBABILITY_FRACTION,
    SCORE_FRACTIONS,
    MatrixProduct,
    Normalisation,
    OntoResidual,
    ScoreProduct,
    Softmax,
    Sum,
    ValueProduct,
    folded,
)
from quweit_cli.models.integer.pieces import found
from quweit_cli.models.layer import TransformerLayer
from quweit_cli.models.neighbours import with_neighbours
from quweit_cli.weightless.block import WeightlessBlock
from quweit_cli.weightless.thermometer import INPUT_SCALE

ALIGNED = 8  # keys and values while training: of rows of 196 a GPU takes up to three times as long


class IntegerAttention(SelfAttention):
    def __init__(self, settings: config.Model, *, causal: bool, bias: bool) -> None:
        super().__init__(settings, causal=causal, bias=bias)
        weights = settings.attention.projections
        self.qkv_product = MatrixProduct(weights.qkv, weights)
        self.project_product = MatrixProduct(weights.output, weights)
        self.score_product, self.value_product = ScoreProduct(causal=causal), ValueProduct()
        self.query, self.key, self.value, self.mixed = Grid(), Grid(), Grid(), Grid()
        least, most = SCORE_FRACTIONS
        self.score = Grid(least=least, most=most)
        self.softmax = Softmax(
            causal=causal,
            exponential=found(settings.functions.exponential, "exponential"),
            reciprocal=found(settings.functions.reciprocal, "reciprocal"),
        )
        self.onto = OntoResidual()

    def qkv_weights(self, qkv: nn.Linear, norm: nn.LayerNorm) -> tuple[Tensor, Tensor | None]:
        """As they read what `norm` gives before its gain and bias; queries are divided by the root of C."""
        weight, bias = folded(qkv, norm)
        width = weight.shape[1]
        factor = torch.ones(3 * width, device=weight.device)
        factor[:width] = self.score_scale
        return weight * factor[:, None], None if bias is None else bias * factor

    def read(self, x_BND: FixedPoint, norm: nn.LayerNorm, residual: Grid) -> Tensor:
        """What joins the residual stream. x_BND: what `norm` gives before its gain and bias."""
        if isinstance(self.qkv, WeightlessBlock):
            made_BNE = self.qkv(x_BND.value)
            query, key, value = (made_BNE if self.training else made_BNE.double()).chunk(3, dim=-1)
            sums: tuple[Tensor, ...] = (query * self.score_scale, key, value)
        else:
            sums = self.qkv_product(x_BND, *self.qkv_weights(self.qkv, norm)).value.chunk(3, dim=-1)
        grids = (self.query, self.key, self.value)
        query, key, value = (self._split(grid(one)) for grid, one in zip(grids, sums, strict=True))
        if self.training:
            key, value = _aligned(key), _aligned(value)
        score = self.score(self.score_product(query, key).value)
        weight = self.softmax(score)
        if self.training and self.dropout:
            weight = weight._replace(value=F.dropout(weight.value, self.dropout))
        mixed = self.mixed(self.value_product(weight, value).value)
        mixed = mixed._replace(value=self.projection_dropout(mixed.value))
        if isinstance(self.project, WeightlessBlock):
            out_BND: Tensor = self.project(full_scale(mixed, INPUT_SCALE))
        else:
            product = self.project_product(mixed, self.project.weight, self.project.bias)
            out_BND = self.onto(product.value, residual).value
        dropped_BND: Tensor = self.residual_dropout(out_BND)
        return dropped_BND

    def _split(self, x_BND: FixedPoint) -> FixedPoint:
        """[B, H, N, C]."""
        B, N, D = x_BND.value.shape
        return x_BND._replace(value=x_BND.value.reshape(B, N, self.heads, D // self.heads).transpose(1, 2))

    def build(self, made: Building, number: int, x: Wire, norm: nn.LayerNorm, residual: int) -> Wire:
        """Steps from what `norm` gives to what joins the residual stream, in layer `number`.

        residual: its bits below the point.
        """
        width, heads, causal = self.dim, self.heads, self.causal
        if isinstance(self.qkv, WeightlessBlock):
            sums = made.block("qkv", self.qkv, f"qkv{number}", x)
            fraction = np.full(3 * width, sums.bits)
            fraction[:width] -= int(math.log2(self.score_scale))
        else:
            node, fraction = self.qkv_product.node(x.bits, *self.qkv_weights(self.qkv, norm))
            sums = made.add("qkv", node, x, fraction=fraction, module=self.qkv_product)
        parts = []
        for place, (name, grid) in enumerate(
            (("query", self.query), ("key", self.key), ("value", self.value))
        ):
            first, of_part = place * width, fraction[place * width : (place + 1) * width]
            part = made.add(f"{name}_sum", Select(first, width), sums, fraction=of_part)
            parts.append(onto_grid(made, name, part, grid))
        query, key, value = parts
        score = made.add(
            "score_sum",
            ScoreProductNode(heads, causal),
            query,
            key,
            fraction=query.bits + key.bits,
            module=self.score_product,
        )
        score = onto_grid(made, "score", score, self.score)
        weight = made.add(
            "weight",
            self.softmax.node(score.bits),
            score,
            fraction=PROBABILITY_FRACTION,
            module=self.softmax,
        )
        mixed = made.add(
            "mixed_sum",
            ValueProductNode(heads, causal),
            weight,
            value,
            fraction=weight.bits + value.bits,
            module=self.value_product,
        )
        mixed = onto_grid(made, "mixed", mixed, self.mixed)
        if isinstance(self.project, WeightlessBlock):
            return made.block("projected", self.project, f"projection{number}", mixed)
        node, fraction = self.project_product.node(mixed.bits, self.project.weight, self.project.bias)
        out = made.add("projected_sum", node, mixed, fraction=fraction, module=self.project_product)
        return onto_residual(made, "projected", out, residual, self.onto)


def _aligned(x_BHNC: FixedPoint) -> FixedPoint:
    """Tokens of 0 after the last, to a multiple of ALIGNED."""
    missing = -x_BHNC.value.shape[-2] % ALIGNED
    return x_BHNC._replace(value=F.pad(x_BHNC.value, (0, 0, 0, missing))) if missing else x_BHNC


class IntegerLayer(TransformerLayer):
    """The residual stream of all layers is on one grid."""

    attention: IntegerAttention
    mlp: IntegerMlp | IntegerLearnForget | WeightlessBlock

    def __init__(
        self, settings: config.Model, layer: int, *, causal: bool, bias: bool, residual: Grid
    ) -> None:
        super().__init__(settings, layer, causal=causal, bias=bias)
        self.residual = residual
        root = found(settings.functions.root, "root")
        self.attention_normalisation, self.mlp_normalisation = Normalisation(root), Normalisation(root)
        self.attention_sum, self.mlp_sum = Sum(), Sum()

    def make_attention(self, settings: config.Model, *, causal: bool, bias: bool) -> IntegerAttention:
        return IntegerAttention(settings, causal=causal, bias=bias)

    def make_mlp(self, inputs: int, settings: config.Model, *, bias: bool) -> IntegerMlp | IntegerLearnForget:
        kind = IntegerLearnForget if settings.mlp == "learn_forget" else IntegerMlp
        return kind(inputs, settings, bias=bias)

    def forward(self, x_BND: Tensor) -> Tensor:
        """x_BND: on the grid of the residual stream, as what is given."""
        read = self.attention_normalisation(FixedPoint(x_BND, self.residual.fraction()))
        added_BND = self.attention.read(read, self.attention_norm, self.residual)
        x = self.attention_sum(self.residual, x_BND, self.drop_path(added_BND))
        read = self.mlp_normalisation(x)
        if self.neighbours:
            read = read._replace(value=with_neighbours(read.value, causal=self.attention.causal))
        if isinstance(self.mlp, WeightlessBlock):
            y_BND = self.mlp(read.value)
        else:
            y_BND = self.mlp.read(read, self.mlp_norm, self.residual).value
        after: FixedPoint = self.mlp_sum(self.residual, x.value, self.drop_path(y_BND))
        return after.value

    def build(self, number: int, tokens: int) -> Model:
        """The layer as a program of its number, on so many tokens."""
        residual, causal = int(self.residual.fraction()), self.attention.causal
        x = Wire("x", np.asarray(residual))
        made = Building(x)
        normal = made.add(
            "attention_norm",
            self.attention_normalisation.node(),
            x,
            fraction=NORM_FRACTION,
            module=self.attention_normalisation,
        )
        added = self.attention.build(made, number, normal, self.attention_norm, residual)
        addition = Addition((0, residual - added.bits), *INT16)
        x = made.add("attended", addition, x, added, fraction=residual, module=self.attention_sum)
        read = made.add(
            "mlp_norm",
            self.mlp_normalisation.node(),
            x,
            fraction=NORM_FRACTION,
            module=self.mlp_normalisation,
        )
        if self.neighbours:
            read = made.add("around", Neighbourhood(tokens, causal), read, fraction=read.fraction)
        if isinstance(self.mlp, WeightlessBlock):
            y = made.block("mlp", self.mlp, f"block{number}", read)
        else:
            y = self.mlp.build(made, read, self.mlp_norm, residual)
        addition = Addition((0, residual - y.bits), *INT16)
        made.add("y", addition, x, y, fraction=residual, module=self.mlp_sum)
        return made.model(f"layer{number}", TensorType(self.attention.dim, *INT16, (tokens,)))
