"""What a layer computes in integers, one module an operation of the program: it has no weights of its own.

In evaluation a module gives exactly the integers of its node, as numbers with a fixed point. In training it computes
nearly the same in float32, with gradients.
Shape suffixes: B samples, N tokens, D width, I inputs, O outputs, H heads, C width of a head.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.ir.nodes.functions import (
    FARTHEST,
    FRACTION,
    NORM_STEPS,
    RECIPROCAL_BITS,
    SOFTMAX_ONE,
    WEIGHT_BITS,
    LayerNormalisation,
    Table,
    code_table,
    gelu_pieces,
    gelu_table,
    sigmoid,
)
from quweit_cli.ir.nodes.functions import Softmax as SoftmaxNode
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear
from quweit_cli.ir.nodes.products import MatrixProduct as MatrixProductNode
from quweit_cli.ir.types import INT8, INT16, INT32
from quweit_cli.models.integer.fixed_point import FixedPoint, Grid, integers, rounded, straight_through
from quweit_cli.models.integer.pieces import Pieces, RealPieces
from quweit_cli.models.low_bits import WEIGHT_LIMIT, rounded_weights, step_of
from quweit_cli.weightless.powers import exponent_of, power_of_two

BIAS_BITS = 30  # of magnitude, so that accumulators fit int32
FINEST = 20  # bits below the point of a weight
NORM_FRACTION = NORM_STEPS.bit_length() - 1
SCORE_FRACTIONS = (
    1,
    5,
)  # with which the multiplier of a softmax has eight bits, and is exact to some percent
PROBABILITY_FRACTION = SOFTMAX_ONE.bit_length() - 1


class MatrixProduct(nn.Module):
    """`x @ weight + bias`: integer weights with a step an output, biases on the grid of the accumulators.

    kind: of the weights; `float` has eight bits here.
    """

    def __init__(self, kind: config.Weights = "float", settings: config.FewBits | None = None) -> None:
        super().__init__()
        self.kind, self.settings = kind, settings or config.FewBits()

    def forward(
        self, x: FixedPoint, weight_OI: Tensor, bias_O: Tensor | None, offset_I: Tensor | None = None
    ) -> FixedPoint:
        """offset_I: what every input is read with added to it."""
        weight_OI, bias_O, fraction_O = self._rounded(x.fraction, weight_OI, bias_O, offset_I)
        if not self.training:
            weight_OI = weight_OI.double()
            bias_O = None if bias_O is None else bias_O.double()
        return FixedPoint(F.linear(x.value, weight_OI, bias_O), fraction_O + x.fraction)

    @torch.no_grad()
    def node(
        self, fraction: int, weight_OI: Tensor, bias_O: Tensor | None, offset_I: Tensor | None = None
    ) -> tuple[MatrixProductNode, np.ndarray]:
        """The node, and the bits below the point of its outputs. fraction: those of its inputs."""
        read = torch.tensor(fraction, dtype=torch.int32)
        weight_OI, bias_O, fraction_O = self._rounded(read, weight_OI, bias_O, offset_I)
        code_OI = (weight_OI.double() * power_of_two(fraction_O)[:, None]).long()
        code_O = torch.zeros(len(weight_OI), dtype=torch.int64)
        if bias_O is not None:
            code_O = (bias_O.double() * power_of_two(fraction_O + read)).long()
        node = MatrixProductNode(np.ascontiguousarray(code_OI.T.numpy()), code_O.numpy())
        return node, (fraction_O + read).numpy().astype(np.int64)

    def _rounded(
        self, read: Tensor, weight_OI: Tensor, bias_O: Tensor | None, offset_I: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor]:
        """Weights, biases, and the bits below the point of weights, [O]."""
        fraction_O = self._fraction(weight_OI).clamp(-FINEST, FINEST)
        plain_O = bias_O
        if offset_I is not None:
            shift_O = (weight_OI.detach() * offset_I).sum(dim=1)
            plain_O = shift_O if bias_O is None else bias_O.detach() + shift_O
        if plain_O is not None:
            fits_O = BIAS_BITS - read - exponent_of(plain_O.detach().abs().float())
            fraction_O = torch.minimum(fraction_O, fits_O)
        if self.of_few_bits:
            step_O1 = power_of_two(-fraction_O)[:, None]
            weight_OI = rounded_weights(weight_OI, step_O1, self.settings, self.kind)
        else:
            weight_OI = rounded(weight_OI, fraction_O[:, None], -WEIGHT_LIMIT, WEIGHT_LIMIT)
        if offset_I is not None:
            moved_O = (weight_OI.double() * offset_I.double()).sum(dim=1).to(weight_OI.dtype)
            bias_O = moved_O if bias_O is None else bias_O + moved_O
        if bias_O is not None:
            bias_O = rounded(bias_O.double(), fraction_O + read, -(1 << BIAS_BITS), 1 << BIAS_BITS)
            if self.training:
                bias_O = bias_O.to(weight_OI.dtype)
        return weight_OI, bias_O, fraction_O

    @property
    def of_few_bits(self) -> bool:
        return self.kind in config.FEW_BITS

    def _fraction(self, weight_OI: Tensor) -> Tensor:
        """Bits below the point of each output's weights, [O]."""
        if self.of_few_bits:
            step_O = step_of(weight_OI, self.kind, scale=self.settings.scale)[:, 0]
            return 1 - exponent_of(step_O * math.sqrt(2))  # the nearest power of two
        return INT8[1].bit_length() - exponent_of(weight_OI.detach().abs().amax(dim=1))


class Normalisation(nn.Module):
    """Rows to int8, 32 steps a deviation, without gain and bias.

    root: pieces of 1/√; training computes with them as evaluation does.
    """

    def __init__(self, root: PiecewiseLinear | None = None) -> None:
        super().__init__()
        self.root = None if root is None else Pieces(root)

    def forward(self, x: FixedPoint) -> FixedPoint:
        fraction = torch.full((), NORM_FRACTION, dtype=torch.int32, device=x.value.device)
        if self.training:
            normal = F.layer_norm(x.value, x.value.shape[-1:])
            if self.root is None:
                return FixedPoint(rounded(normal, fraction, *INT8), fraction)
            seen = _layer_norm(integers(x), self.root).to(normal.dtype) / NORM_STEPS
            return FixedPoint(straight_through(normal, seen), fraction)
        return FixedPoint(_layer_norm(integers(x), self.root).double() / NORM_STEPS, fraction)

    def node(self) -> LayerNormalisation:
        return LayerNormalisation(None if self.root is None else self.root.node)


class Softmax(nn.Module):
    """Scores of eight bits to probabilities in steps of 1/128, in powers of two whose fraction is taken linearly.

    padded: whether keys after the last token are there for the alignment alone. exponential, reciprocal: pieces of them;
    training computes with them as evaluation does.
    """

    def __init__(
        self,
        *,
        causal: bool,
        padded: bool = True,
        exponential: PiecewiseLinear | None = None,
        reciprocal: PiecewiseLinear | None = None,
    ) -> None:
        super().__init__()
        self.causal, self.padded = causal, padded
        self.exponential = None if exponential is None else Pieces(exponential)
        self.reciprocal = None if reciprocal is None else Pieces(reciprocal)

    def forward(self, x: FixedPoint) -> FixedPoint:
        device, (queries, keys) = x.value.device, x.value.shape[-2:]
        fraction = torch.full((), PROBABILITY_FRACTION, dtype=torch.int32, device=device)
        among = None
        if self.causal:
            among = torch.ones(queries, keys, dtype=torch.bool, device=device).tril()
        elif self.padded and keys > queries:
            among = torch.arange(keys, device=device) < queries
        octaves = self.multiplier(x.fraction)
        parts = (self.exponential, self.reciprocal)
        if self.training and parts != (None, None):
            seen = _shiftmax(integers(x), octaves.long(), among, *parts).to(x.value.dtype) / SOFTMAX_ONE
            score = x.value if among is None else x.value.masked_fill(~among, -torch.inf)
            return FixedPoint(straight_through(torch.softmax(score, -1), seen), fraction)
        if self.training:
            score, scale = x.value, octaves * power_of_two(x.fraction) / (1 << FRACTION)
            return FixedPoint(_shiftmax_in_training(score, scale, among), fraction)
        return FixedPoint(
            _shiftmax(integers(x), octaves.long(), among, *parts).double() / SOFTMAX_ONE, fraction
        )

    def multiplier(self, fraction: Tensor) -> Tensor:
        """Of the node for scores with so many bits below the point, float32."""
        if self.exponential is None:
            return self.octaves(fraction)
        return power_of_two(self.exponential.node.align - fraction)

    def node(self, fraction: int) -> SoftmaxNode:
        """fraction: bits below the point of the scores."""
        multiplier = int(self.multiplier(torch.tensor(fraction, dtype=torch.int32)))
        parts = (None if one is None else one.node for one in (self.exponential, self.reciprocal))
        return SoftmaxNode(multiplier, self.causal, *parts)

    @staticmethod
    def octaves(fraction: Tensor) -> Tensor:
        """The multiplier of the node for scores with so many bits below the point, float32."""
        return (power_of_two(-fraction) * (math.log2(math.e) * (1 << FRACTION)) + 0.5).floor()


def _shiftmax_in_training(score: Tensor, scale: Tensor, among: Tensor | None) -> Tensor:
    """The node in float32, with the gradient of a softmax that gives the same. scale: octaves of a step of the score."""
    score_RN = score.flatten(
        0, -2
    )  # rows, whose strides the compiler leaves as they are: one pass reads them
    exact_RN = score_RN.float()
    seen_RN = exact_RN.detach()
    if among is not None:
        among = among.expand(score.shape).reshape(score_RN.shape)
        seen_RN = seen_RN.masked_fill(~among, -torch.inf)
    octave_RN = (seen_RN.amax(-1, keepdim=True) - seen_RN) * scale
    whole_RN = octave_RN.floor().clamp(max=126.0)
    weight_RN = (1 - (octave_RN - whole_RN).clamp(max=1.0) / 2) * torch.exp2(-whole_RN)
    if among is not None:
        weight_RN = weight_RN.masked_fill(~among, 0.0)
    weight_RN = weight_RN * (1 / weight_RN.sum(-1, keepdim=True))
    steps_RN = (weight_RN * SOFTMAX_ONE + 0.5).floor().clamp(max=INT8[1])
    share_RN = weight_RN.to(score.dtype)  # kept for the gradient, and nothing else as large
    tangent_RN = share_RN * (exact_RN - (share_RN * exact_RN).sum(-1, keepdim=True))
    return straight_through(tangent_RN, steps_RN / SOFTMAX_ONE).to(score.dtype).view(score.shape)


class Gelu(nn.Module):
    """A table of 256 entries, or pieces; training computes with them as evaluation does."""

    def __init__(self, pieces: PiecewiseLinear | None = None) -> None:
        super().__init__()
        self.grid = Grid()
        self.line = None if pieces is None else RealPieces(pieces)

    def forward(self, x: FixedPoint) -> FixedPoint:
        if self.training:
            y: FixedPoint = self.grid(F.gelu(x.value))
            if self.line is None:
                return y
            seen = rounded(self.line(x.value), y.fraction, *INT8).to(y.value.dtype)
            seen = torch.where(self.grid.largest > 0, seen, y.value.detach())
            return FixedPoint(straight_through(y.value, seen), y.fraction)
        fraction = self.grid.fraction()
        if self.line is not None:
            return FixedPoint(rounded(self.line(x.value), fraction, *INT8), fraction)
        return FixedPoint(_looked_up(self.table(int(x.fraction)), x, fraction), fraction)

    def table(self, fraction: int) -> list[int]:
        return gelu_table(2.0**-fraction, 2.0 ** -self.fraction())

    def node(self, fraction: int) -> Table | PiecewiseLinear:
        """fraction: bits below the point of the hidden features."""
        if self.line is None:
            return Table(INT8[0], np.array(self.table(fraction)))
        return gelu_pieces(self.line.node, fraction, self.fraction())

    def fraction(self) -> int:
        """Bits below the point of its answers."""
        return int(self.grid.fraction())


class BoundedFunction(NamedTuple):
    """With answers within -1 and 1, in torch and exactly."""

    of_tensor: Callable[[Tensor], Tensor]
    of_number: Callable[[float], float]


SIGMOID, TANH = BoundedFunction(torch.sigmoid, sigmoid), BoundedFunction(torch.tanh, math.tanh)


class Bounded(nn.Module):
    """A table of 256 entries of such a function, in steps of 1/128."""

    def __init__(self, exact: BoundedFunction) -> None:
        super().__init__()
        self.exact = exact

    def forward(self, x: FixedPoint) -> FixedPoint:
        fraction = torch.full_like(x.fraction, self.fraction())
        if self.training:
            return FixedPoint(rounded(self.exact.of_tensor(x.value), fraction, *INT8), fraction)
        return FixedPoint(_looked_up(self.table(int(x.fraction)), x, fraction), fraction)

    def table(self, fraction: int) -> list[int]:
        return code_table(self.exact.of_number, 2.0**-fraction, 2.0 ** -self.fraction())

    def node(self, fraction: int) -> Table:
        """fraction: bits below the point of what it reads."""
        return Table(INT8[0], np.array(self.table(fraction)))

    def fraction(self) -> int:
        """Bits below the point of its answers."""
        return PROBABILITY_FRACTION


def _looked_up(table: Sequence[int], x: FixedPoint, fraction: Tensor) -> Tensor:
    """Entries for int8 codes. fraction: bits below their point."""
    entries = torch.tensor(table, device=x.value.device)
    return entries[integers(x) - INT8[0]].double() * power_of_two(-fraction)


class ElementwiseProduct(nn.Module):
    def forward(self, a: FixedPoint, b: FixedPoint) -> FixedPoint:
        exact = torch.float32 if self.training else torch.float64  # sixteen bits do not fit bfloat16
        return FixedPoint(a.value.to(exact) * b.value.to(exact), a.fraction + b.fraction)


class ScoreProduct(nn.Module):
    """`q @ k^T` of every head; causal: 0 where the key comes after the query."""

    def __init__(self, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal

    def forward(self, q_BHNC: FixedPoint, k_BHNC: FixedPoint) -> FixedPoint:
        value = q_BHNC.value @ k_BHNC.value.transpose(-1, -2)
        value = value.tril() if self.causal else value
        return FixedPoint(value, q_BHNC.fraction + k_BHNC.fraction)


class ValueProduct(nn.Module):
    """`p @ v` of every head, side by side."""

    def forward(self, p_BHNN: FixedPoint, v_BHNC: FixedPoint) -> FixedPoint:
        mixed_BNHC = (p_BHNN.value @ v_BHNC.value).transpose(1, 2)
        return FixedPoint(mixed_BNHC.flatten(-2), p_BHNN.fraction + v_BHNC.fraction)


class OntoResidual(nn.Module):
    """Rounds what joins the residual stream to its grid; in training the sum that it enters is rounded alone."""

    def forward(self, x: Tensor, residual: Grid) -> FixedPoint:
        fraction = residual.fraction()
        if self.training:
            return FixedPoint(x, fraction)
        return FixedPoint(rounded(x.double(), fraction, *INT16), fraction)


class Sum(nn.Module):
    """Terms on the residual stream, rounded once."""

    def forward(self, residual: Grid, *terms: Tensor) -> FixedPoint:
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        y: FixedPoint = residual(total)
        return y


class Logits(nn.Module):
    """Brings the outputs of the head, whose scales differ, to the coarsest of them; in training they are as they are."""

    def forward(self, x: FixedPoint) -> Tensor:
        return x.value if self.training else rounded(x.value, x.fraction.min(), *INT32)


class TokenSum(nn.Module):
    """Over all tokens: the mean, whose division is in the weights that follow."""

    def forward(self, x_BND: FixedPoint) -> FixedPoint:
        return FixedPoint(x_BND.value.sum(dim=1), x_BND.fraction)


class Embedding(nn.Module):
    """A row a token."""

    def forward(self, token_BN: Tensor, row_VD: FixedPoint) -> FixedPoint:
        return row_VD._replace(value=F.embedding(token_BN, row_VD.value))


def folded(linear: nn.Linear, norm: nn.LayerNorm) -> tuple[Tensor, Tensor | None]:
    """Weight and bias of a linear layer that reads what `norm` gives before its gain and bias.

    Features of neighbours come after those of a token, in their order. Where there is no neighbour a float model reads 0,
    and this one the bias of the normalisation.
    """
    weight_OI: Tensor = linear.weight
    bias_O: Tensor | None = linear.bias
    rows = linear.in_features // norm.normalized_shape[0]
    if norm.bias is not None:  # a product of matrices would be in bfloat16 under autocast
        moved_O = (weight_OI * norm.bias.repeat(rows)).sum(dim=1)
        bias_O = moved_O if bias_O is None else bias_O + moved_O
    return (weight_OI if norm.weight is None else weight_OI * norm.weight.repeat(rows)), bias_O


def _layer_norm(rows_RD: Tensor, root: Pieces | None) -> Tensor:
    """`ir`'s layer normalisation on int64."""
    width = rows_RD.shape[-1]
    sum_R1 = rows_RD.sum(-1, keepdim=True)
    spread_R1 = width * rows_RD.square().sum(-1, keepdim=True) - sum_R1.square()
    if root is not None:
        reciprocal_R1, shift_R1 = root.sums(spread_R1)
        return root.rounded((width * rows_RD - sum_R1) * reciprocal_R1, shift_R1)
    root_R1 = _floor_root(spread_R1).clamp(min=1)
    bits_R1 = torch.frexp(root_R1.double()).exponent.long()
    reciprocal_R1 = torch.div(
        torch.ones_like(bits_R1) << (bits_R1 + RECIPROCAL_BITS), root_R1, rounding_mode="floor"
    )
    shift_R1 = bits_R1 + RECIPROCAL_BITS - NORM_FRACTION
    half_R1 = torch.ones_like(shift_R1) << (shift_R1 - 1)
    return (((width * rows_RD - sum_R1) * reciprocal_R1 + half_R1) >> shift_R1).clamp(*INT8)


def _floor_root(values: Tensor) -> Tensor:
    """The root in float64 is off by one at most below 2^62."""
    root = values.double().sqrt().long()
    root = root - (root.square() > values).long()
    return root + ((root + 1).square() <= values).long()


def _shiftmax(
    score: Tensor,
    multiplier: Tensor,
    among: Tensor | None,
    exponential: Pieces | None,
    reciprocal: Pieces | None,
) -> Tensor:
    """`ir`'s softmax on int64."""
    if among is not None:
        score = score.masked_fill(~among, INT8[0])
    distance = (score.amax(-1, keepdim=True) - score) * multiplier
    if exponential is None:
        whole, part = distance >> FRACTION, distance & ((1 << FRACTION) - 1)
        weight = (((2 << FRACTION) - part) << (WEIGHT_BITS - FRACTION - 1)) >> whole.clamp(max=31)
    else:
        weight = exponential.rounded(*exponential.sums(-distance.clamp(max=FARTHEST)))
    if among is not None:
        weight = weight * among
    if reciprocal is not None:
        of_row, shift = reciprocal.sums(weight.sum(-1, keepdim=True))
        return reciprocal.rounded(weight * of_row, shift)
    one = torch.full((), 1 << 2 * WEIGHT_BITS - 1, dtype=torch.int64, device=score.device)
    whole_reciprocal = torch.div(one, weight.sum(-1, keepdim=True), rounding_mode="floor")
    return ((weight * whole_reciprocal + (1 << 23)) >> 24).clamp(max=INT8[1])
