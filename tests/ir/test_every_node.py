"""Four claims of every operation: right by hand, its types, the same after JSON, equal to torch. And what it costs.

An operation without a case fails. Torch computes in float64 where the node shifts and divides integers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from quweit_cli.ir.block import block_program
from quweit_cli.ir.cost import Cost
from quweit_cli.ir.nodes.attention import ScoreProduct, ValueProduct
from quweit_cli.ir.nodes.base import Node
from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.embeddings import Embedding, PositionEmbedding
from quweit_cli.ir.nodes.functions import LayerNormalisation, Softmax, Table
from quweit_cli.ir.nodes.leaving import Choose, Leave
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear, RangeScaling
from quweit_cli.ir.nodes.places import Patches, Select
from quweit_cli.ir.nodes.pooling import Pool
from quweit_cli.ir.nodes.products import ElementwiseProduct, MatrixProduct
from quweit_cli.ir.nodes.sums import Addition, ConditionalSummation, Requantize, RequantizeFeatures
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.ir.program import NodeRecord
from quweit_cli.ir.types import INT8, INT16, INT64, TensorType

RECORDS = {kind.model_fields["op"].default: kind for kind in get_args(get_args(NodeRecord)[0])}
READER: TypeAdapter[Any] = TypeAdapter(NodeRecord)

WEIGHTS = np.array([[1, -2], [3, 4], [0, -1]])
BIAS = np.array([10, -10])
VALUES = np.array([[1, -128], [127, 3]])
THRESHOLDS = np.array([[0, 5], [-3, 127]])
VECTORS = np.array([[1, 2], [3, -4], [5, 6]])
POSITIONS = np.array([[10, 20], [30, -40], [0, 0]])
ENTRIES = np.array([5, 7, -1, 0, 3])
QUERIES = [[1, 2, 0, 1], [3, -1, 2, 2]]
KEYS = [[1, 1, 5, -1], [0, 2, 1, 1]]
PROBABILITIES = [[[1, 9], [2, 3]], [[4, 9], [5, 6]]]
HEAD_VALUES = [[1, 2, 3, 4], [5, -1, 0, 2]]
PIECES = PiecewiseLinear(np.array([0, 3]), np.array([1, 2, -1]), np.array([0, 1, 10]), 1, 1, -4, 7)
WIDE = PiecewiseLinear(
    np.array([8]),
    np.array([-1, 0]),
    np.array([10, 2]),
    1,
    -1,
    0,
    100,
    RangeScaling(window=4, step=2, answer_step=1),
)
ROOT = PiecewiseLinear(
    np.array([8]),
    np.array([-1, 0]),
    np.array([10, 2]),
    1,
    3,
    -128,
    127,
    RangeScaling(window=4, step=2, answer_step=1),
)
# weights of 2^16 from 0 to -3, and of 2^15 farther away
EXPONENTIAL = PiecewiseLinear(np.array([-3]), np.array([0, 0]), np.array([4, 8]), 8, -5, 0, 65536)
RECIPROCAL = dataclasses.replace(ROOT, shift=6, low=0, scaling=RangeScaling(window=4, step=2, answer_step=2))
AND_XOR = LutLayer(np.array([[0, 2], [1, 3]]), np.array([8, 6], dtype=np.uint64))
EXAMPLE = block_program(  # of docs/formats.md
    "block0",
    Thermometer(np.array([[-1, 2], [0, 5]])),
    [AND_XOR],
    ConditionalSummation(np.array([[3, -2], [5, 7]]), np.array([1, -1])),
    Requantize(1, 1, *INT16),
)


@dataclass(frozen=True)
class Case:
    """sources: one example, whose answer is `answer`. types: what it is said to read, from which comes `type`."""

    op: str
    node: Node
    sources: list[Any]
    answer: list[Any]
    types: list[TensorType]
    type: TensorType
    cost: Cost
    torch: Callable[..., Tensor]
    refused: list[tuple[list[TensorType], str]]


# ---------------------------------------------------------------- the same in torch


def by_thermometer(x: Tensor, thresholds: np.ndarray = THRESHOLDS) -> Tensor:
    return (x[..., None] > torch.from_numpy(thresholds)).flatten(-2).long()


def by_and_xor(bit: Tensor) -> Tensor:
    return torch.stack([bit[..., 0] & bit[..., 2], bit[..., 1] ^ bit[..., 3]], dim=-1)


def by_example(x: Tensor) -> Tensor:
    bit = by_and_xor(by_thermometer(x, np.array([[-1, 2], [0, 5]])))
    total = bit @ torch.tensor([[3, -2], [5, 7]]) + torch.tensor([1, -1])
    return torch.floor(total / 2 + 0.5).long()


def by_linear(x: Tensor) -> Tensor:
    weight, bias = torch.from_numpy(WEIGHTS).double(), torch.from_numpy(BIAS).double()
    return F.linear(x.double(), weight.T, bias).long()


def heads(x: Tensor) -> Tensor:
    return x.unflatten(-1, (2, -1)).transpose(-2, -3)


def by_scores(q: Tensor, k: Tensor, causal: bool) -> Tensor:
    score = torch.einsum("...htc,...hsc->...hts", heads(q), heads(k))
    return score.tril() if causal else score


def by_values(p: Tensor, v: Tensor, causal: bool) -> Tensor:
    y = torch.einsum("...hts,...hsc->...htc", p.tril() if causal else p, heads(v))
    return y.transpose(-2, -3).flatten(-2)


def by_softmax(x: Tensor, causal: bool) -> Tensor:
    """Powers of two with a linear fraction, in float64, which holds all of it exactly."""
    far = -torch.inf if causal else 0.0
    score = x.double() + torch.full(x.shape[-1:] * 2, far).triu(1) if causal else x.double()
    octave = (score.amax(-1, keepdim=True) - score) * 64 / 256
    whole = octave.floor()
    weight = torch.floor(2.0**16 * (1 - (octave - whole).nan_to_num() / 2) * 2.0**-whole)
    reciprocal = torch.floor(2.0**31 / weight.sum(-1, keepdim=True))
    return torch.floor(weight * reciprocal / 2**24 + 0.5).clamp(max=127).long()


def by_fall(now: Tensor, before: Tensor) -> Tensor:
    leaves = (before - (before >> 1) < now).long()
    leaves[..., :1, :] = 0
    return leaves


def by_layer_norm(x: Tensor) -> Tensor:
    """In float64, whose root is far enough from the next integer; how near it is to torch's own, tests of units say."""
    width, exact = x.shape[-1], x.double()
    total = exact.sum(-1, keepdim=True)
    spread = width * exact.square().sum(-1, keepdim=True) - total.square()
    root = spread.sqrt().floor().clamp(min=1)
    bits = torch.frexp(root).exponent
    reciprocal = torch.floor(2.0 ** (bits + 16) / root)
    y = torch.floor((width * exact - total) * reciprocal * 2.0 ** -(bits + 11) + 0.5)
    return y.clamp(-128, 127).long()


def by_pieces(x: Tensor, node: PiecewiseLinear, z: Tensor | None = None, steps: Tensor | int = 0) -> Tensor:
    z = x.double() if z is None else z
    slopes, intercepts = (torch.from_numpy(row).double() for row in (node.slopes_N, node.intercepts_N))
    piece = torch.bucketize(z, torch.from_numpy(node.breakpoints_M).double(), right=True)
    total = slopes[piece] * z + intercepts[piece] * 2.0**node.align
    return (
        torch.floor(total * 2.0 ** -(torch.as_tensor(steps) + node.shift) + 0.5)
        .clamp(node.low, node.high)
        .long()
    )


def by_wide_pieces(x: Tensor) -> Tensor:
    one = x.clamp(min=1).double()
    steps = torch.floor((torch.frexp(one).exponent - 1) / 2).double()
    return by_pieces(x, WIDE, torch.floor(one * 2.0**2 / 4.0**steps), steps)


def by_softmax_in_pieces(x: Tensor) -> Tensor:
    far = (x.amax(-1, keepdim=True) - x) * 2 > 3
    weight = torch.where(far, 2.0**15, 2.0**16).double()
    total = weight.sum(-1, keepdim=True)
    steps = torch.floor((torch.frexp(total).exponent - 1) / 2).double()
    z = torch.floor(total * 2.0**2 / 4.0**steps)
    reciprocal = torch.where(z < 8, 20 - z, 4.0)
    return torch.floor(weight * reciprocal * 4.0**-steps / 2**6 + 0.5).clamp(max=127).long()


def by_softmax_with_exponential(x: Tensor) -> Tensor:
    ahead = torch.ones(x.shape[-1:] * 2, dtype=torch.bool).triu(1)
    score = x.double().masked_fill(ahead, -128.0)
    far = (score.amax(-1, keepdim=True) - score) > 3
    weight = torch.where(far, 2.0**15, 2.0**16).double().masked_fill(ahead, 0.0)
    reciprocal = torch.floor(2.0**31 / weight.sum(-1, keepdim=True))
    return torch.floor(weight * reciprocal / 2**24 + 0.5).clamp(max=127).long()


def by_layer_norm_in_pieces(x: Tensor) -> Tensor:
    width, exact = x.shape[-1], x.double()
    total = exact.sum(-1, keepdim=True)
    one = (width * exact.square().sum(-1, keepdim=True) - total.square()).clamp(min=1)
    steps = torch.floor((torch.frexp(one).exponent - 1) / 2).double()
    z = torch.floor(one * 2.0**2 / 4.0**steps)
    reciprocal = torch.where(z < 8, 20 - z, 4.0)
    y = torch.floor((width * exact - total) * reciprocal * 2.0 ** -(3 + steps) + 0.5)
    return y.clamp(-128, 127).long()


def by_tokens_before(x: Tensor) -> Tensor:
    around = torch.zeros_like(x)
    for feature, back in enumerate((1, 1, 2, 3)):
        around[..., back:, feature] = x[..., :-back, feature]
    return torch.cat([x, around], dim=-1)


def by_patches_around(x: Tensor) -> Tensor:
    """The eight patches around the middle of nine, by padding and slicing the image."""
    padded = F.pad(x.unflatten(-2, (3, 3)), (0, 0, 1, 1, 1, 1))
    offsets = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))
    around = [
        padded[..., 1 + down : 4 + down, 1 + right : 4 + right, feature]
        for feature, (down, right) in enumerate(offsets)
    ]
    return torch.cat([x, torch.stack(around, dim=-1).flatten(-3, -2)], dim=-1)


def by_patches(x: Tensor) -> Tensor:
    y = F.unfold(x.double().reshape(-1, *x.shape[-3:]), 2, stride=2).transpose(-1, -2).long()
    return y.reshape(*x.shape[:-3], *y.shape[1:])


PATCHES = np.arange(1, 73).reshape(9, 8)
AROUND_MIDDLE = [9, 58, 27, 44, 5, 22, 55, 72]  # patches 1, 7, 3, 5, 0, 2, 6, 8: feature n of the n-th


def around_all() -> list[list[int]]:
    """By hand for the middle and a corner, whose neighbours are right, below and below right; the rest by the same rule."""
    image = PATCHES.reshape(3, 3, 8)
    offsets = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))
    rows = []
    for y in range(3):
        for x in range(3):
            near = [
                int(image[y + down, x + right, n]) if 0 <= y + down < 3 and 0 <= x + right < 3 else 0
                for n, (down, right) in enumerate(offsets)
            ]
            rows.append([*image[y, x].tolist(), *near])
    assert rows[4][8:] == AROUND_MIDDLE
    assert rows[0][8:] == [0, 26, 0, 12, 0, 0, 0, 40]
    return rows


# ---------------------------------------------------------------- the cases

BITS, BYTES, HALVES = (0, 1), INT8, INT16
CASES = [
    Case(
        op="thermometer",
        node=Thermometer(THRESHOLDS),
        sources=[[[0, -3], [1, -2], [5, 127], [6, -128]]],
        answer=[[0, 0, 0, 0], [1, 0, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0]],
        types=[TensorType(2, *BYTES, (4,))],
        type=TensorType(4, 0, 1, (4,)),
        cost=Cost(comparisons=4 * 4, stored_bits=4 * 8),
        torch=by_thermometer,
        refused=[([TensorType(3, *BYTES)], "thresholds for 2 features, input has 3")],
    ),
    Case(
        op="lut_layer",
        node=AND_XOR,
        sources=[[[1, 0, 1, 0], [1, 1, 0, 0]]],
        answer=[[1, 0], [0, 1]],
        types=[TensorType(4, *BITS, (2,))],
        type=TensorType(2, *BITS, (2,)),
        cost=Cost(lut_reads=2 * 2, stored_bits=2 * 4),
        torch=by_and_xor,
        refused=[
            ([TensorType(3, *BITS)], "outside of the 3 input bits"),
            ([TensorType(4, 0, 2)], "a LUT layer takes bits"),
        ],
    ),
    Case(
        op="conditional_summation",
        node=ConditionalSummation(VALUES, np.array([10, 20])),
        sources=[[[0, 0], [1, 0], [0, 1], [1, 1]]],
        answer=[[10, 20], [11, -108], [137, 23], [138, -105]],
        types=[TensorType(2, *BITS, (4,))],
        type=TensorType(2, -108, 138, (4,)),
        cost=Cost(additions=4 * 4, stored_bits=4 * 8),
        torch=lambda bit: bit @ torch.from_numpy(VALUES) + torch.tensor([10, 20]),
        refused=[
            ([TensorType(3, *BITS)], "values for 2 bits, input has 3"),
            ([TensorType(2, -1, 1)], "a conditional summation takes bits"),
        ],
    ),
    Case(
        op="requantize",
        node=Requantize(3, 2, -5, 4),
        sources=[[-3, -1, 0, 1, 2, 9]],  # times 3, by 4: -2.25, -0.75, 0, 0.75, 1.5, 6.75
        answer=[-2, -1, 0, 1, 2, 4],
        types=[TensorType(6, -3, 9)],
        type=TensorType(6, -2, 4),
        cost=Cost(multiplications=6),
        torch=lambda x: torch.floor(x * 3 / 4 + 0.5).clamp(-5, 4).long(),
        refused=[([TensorType(6, 0, 2**62)], "the product of accumulator and multiplier does not fit int64")],
    ),
    Case(
        op="requantize_features",
        node=RequantizeFeatures(2, np.array([2, 0, 3]), -5, 6),
        sources=[[[-3, -3, -3], [1, 2, 9]]],  # times 2, by 4, 1 and 8: -1.5, -6, -0.75, 0.5, 4, 2.25
        answer=[[-1, -5, -1], [1, 4, 2]],
        types=[TensorType(3, -3, 9, (2,))],
        type=TensorType(3, -5, 6, (2,)),
        cost=Cost(),
        torch=lambda x: torch.floor(x * 2 / torch.tensor([4, 1, 8]) + 0.5).clamp(-5, 6).long(),
        refused=[
            ([TensorType(2, -3, 9)], "shifts of 3 features, input has 2"),
            ([TensorType(3, 0, 2**62)], "the product of accumulator and multiplier does not fit int64"),
        ],
    ),
    Case(
        op="select",
        node=Select(1, 2),
        sources=[[[1, 2, 3, 4], [5, 6, 7, 8]]],
        answer=[[2, 3], [6, 7]],
        types=[TensorType(4, 1, 8, (2,))],
        type=TensorType(2, 1, 8, (2,)),
        cost=Cost(),
        torch=lambda x: x[..., 1:3],
        refused=[([TensorType(2, 0, 1)], r"features 1 \.\.\. 2 of rows of 2")],
    ),
    Case(
        op="patches",
        node=Patches(2),
        sources=[[[[1, 2, 3, 4], [5, 6, 7, 8]], [[11, 12, 13, 14], [15, 16, 17, 18]]]],
        answer=[[1, 2, 5, 6, 11, 12, 15, 16], [3, 4, 7, 8, 13, 14, 17, 18]],
        types=[TensorType(4, 1, 18, (2, 2))],
        type=TensorType(8, 1, 18, (2,)),
        cost=Cost(),
        torch=by_patches,
        refused=[
            ([TensorType(4, 0, 1, (2,))], "an image is channels x rows x columns"),
            ([TensorType(3, 0, 1, (2, 2))], "2 x 3 pixels cannot be cut into patches of 2"),
        ],
    ),
    Case(
        op="addition",
        node=Addition((0, -1), -4, 5),
        sources=[[1, -3, 10], [1, 1, 2]],  # 1.5, -2.5, 11
        answer=[2, -2, 5],
        types=[TensorType(3, -3, 10), TensorType(3, 1, 2)],
        type=TensorType(3, -2, 5),
        cost=Cost(additions=3),
        torch=lambda a, b: torch.floor(a + b / 2 + 0.5).clamp(-4, 5).long(),
        refused=[
            ([TensorType(3, 0, 1), TensorType(2, 0, 1)], r"tensors of shapes \(3,\) and \(2,\) are added"),
            ([TensorType(3, 0, 1)], "an addition of 2 tensors is given 1"),
            ([TensorType(3, 0, 2**62), TensorType(3, 0, 1)], "the sum does not fit int64"),
        ],
    ),
    Case(
        op="addition",
        node=Addition((2, 0, 1), -1000, 1000),
        sources=[[1], [2], [3]],
        answer=[12],
        types=[TensorType(1, -5, 5), TensorType(1, -5, 5), TensorType(1, 0, 5)],
        type=TensorType(1, -25, 35),
        cost=Cost(additions=2),
        torch=lambda a, b, c: 4 * a + b + 2 * c,
        refused=[],
    ),
    Case(
        op="matrix_product",
        node=MatrixProduct(WEIGHTS, BIAS),
        sources=[[[2, -1, 5], [0, 1, 0]]],
        answer=[[9, -23], [13, -6]],
        types=[TensorType(3, -1, 5, (2,))],
        type=TensorType(2, -29, 30, (2,)),
        cost=Cost(additions=2 * 6, multiplications=2 * 6, stored_bits=6 * 4),
        torch=by_linear,
        refused=[
            ([TensorType(2, -1, 5)], "weights for 3 inputs, input has 2"),
            ([TensorType(3, 0, 2**61)], "an accumulator does not fit int64"),
        ],
    ),
    Case(
        op="elementwise_product",
        node=ElementwiseProduct(),
        sources=[[[1, -3], [10, 2]], [[4, 5], [-2, 0]]],
        answer=[[4, -15], [-20, 0]],
        types=[TensorType(2, -3, 10, (2,)), TensorType(2, -2, 5, (2,))],
        type=TensorType(2, -20, 50, (2,)),
        cost=Cost(multiplications=4),
        torch=lambda a, b: a * b,
        refused=[
            (
                [TensorType(2, 0, 1), TensorType(3, 0, 1)],
                r"tensors of shapes \(2,\) and \(3,\) are multiplied",
            ),
            ([TensorType(2, -(2**32), 0), TensorType(2, 0, 2**31)], "a product does not fit int64"),
        ],
    ),
    Case(
        op="score_product",
        node=ScoreProduct(2, causal=True),
        sources=[QUERIES, KEYS],
        answer=[[[3, 0], [2, -2]], [[-1, 0], [8, 4]]],
        types=[TensorType(4, -1, 3, (2,)), TensorType(4, -1, 5, (2,))],
        type=TensorType(2, -10, 30, (2, 2)),
        cost=Cost(additions=3 * 4, multiplications=3 * 4),
        torch=lambda q, k: by_scores(q, k, causal=True),
        refused=[
            ([TensorType(4, 0, 1, (2,)), TensorType(4, 0, 1, (3,))], "causal, and there are 2 queries of 3"),
            ([TensorType(4, 0, 1, (2,)), TensorType(6, 0, 1, (2,))], "do not fit keys"),
            ([TensorType(3, 0, 1, (2,)), TensorType(3, 0, 1, (2,))], "2 heads share 3 features"),
            ([TensorType(4, 0, 1), TensorType(4, 0, 1)], "tokens x features"),
        ],
    ),
    Case(
        op="score_product",
        node=ScoreProduct(2, causal=False),
        sources=[QUERIES, KEYS],
        answer=[[[3, 4], [2, -2]], [[-1, 1], [8, 4]]],
        types=[TensorType(4, -1, 3, (2,)), TensorType(4, -1, 5, (2,))],
        type=TensorType(2, -10, 30, (2, 2)),
        cost=Cost(additions=4 * 4, multiplications=4 * 4),
        torch=lambda q, k: by_scores(q, k, causal=False),
        refused=[([TensorType(4, 0, 2**31, (2,))] * 2, "a sum of 2 products does not fit int64")],
    ),
    Case(
        op="value_product",
        node=ValueProduct(2, causal=True),
        sources=[PROBABILITIES, HEAD_VALUES],
        answer=[[1, 2, 12, 16], [17, 1, 15, 32]],
        types=[TensorType(2, 1, 9, (2, 2)), TensorType(4, -1, 5, (2,))],
        type=TensorType(4, -18, 90, (2,)),
        cost=Cost(additions=3 * 4, multiplications=3 * 4),
        torch=lambda p, v: by_values(p, v, causal=True),
        refused=[
            ([TensorType(2, 0, 1, (3, 2)), TensorType(4, 0, 1, (2,))], "do not fit 2 heads"),
            ([TensorType(2, 0, 1, (2, 2)), TensorType(4, 0, 1, (3,))], "do not fit 2 heads"),
            ([TensorType(2, 0, 1, (2, 2)), TensorType(3, 0, 1, (2,))], "2 heads share 3 features"),
            (
                [TensorType(3, 0, 1, (2, 2)), TensorType(4, 0, 1, (3,))],
                "causal, and there are 2 queries of 3",
            ),
            ([TensorType(2, 0, 1, (2,)), TensorType(4, 0, 1, (2,))], "heads x tokens x tokens"),
        ],
    ),
    Case(
        op="value_product",
        node=ValueProduct(2, causal=False),
        sources=[PROBABILITIES, HEAD_VALUES],
        answer=[[46, -7, 12, 34], [17, 1, 15, 32]],
        types=[TensorType(2, 1, 9, (2, 2)), TensorType(4, -1, 5, (2,))],
        type=TensorType(4, -18, 90, (2,)),
        cost=Cost(additions=4 * 4, multiplications=4 * 4),
        torch=lambda p, v: by_values(p, v, causal=False),
        refused=[
            ([TensorType(2, 0, 2**31, (2, 2)), TensorType(4, 0, 2**31, (2,))], "a sum of 2 products"),
        ],
    ),
    Case(
        op="table",
        node=Table(-2, ENTRIES),
        sources=[[[-2, 0], [2, 1]]],
        answer=[[5, -1], [3, 0]],
        types=[TensorType(2, -2, 2, (2,))],
        type=TensorType(2, -1, 7, (2,)),
        cost=Cost(lut_reads=4, stored_bits=5 * 4),
        torch=lambda x: torch.from_numpy(ENTRIES)[x + 2],
        refused=[
            ([TensorType(2, -3, 2)], r"the table answers -2 \.\.\. 2, the input is -3 \.\.\. 2"),
            ([TensorType(2, 0, 3)], "the table answers"),
        ],
    ),
    Case(
        op="piecewise_linear",
        node=PIECES,
        sources=[[-9, -1, 0, 2, 3, 5]],  # on a breakpoint the piece that starts there answers
        answer=[-4, 0, 1, 3, 7, 7],
        types=[TensorType(6, -9, 8)],
        type=TensorType(6, -4, 7),
        cost=Cost(comparisons=2 * 6, additions=6, multiplications=6, stored_bits=2 * 2 + 3 * 3 + 3 * 4),
        torch=lambda x: by_pieces(x, PIECES),
        refused=[([TensorType(1, 0, INT64[1])], "a sum of slope and intercept does not fit int64")],
    ),
    Case(
        op="piecewise_linear",
        node=WIDE,
        # 3 is 12 of the window 4 ... 15; 16 is 4 and two steps of two bits; 100 is 6 and three
        sources=[[0, 1, 3, 16, 100]],
        answer=[32, 32, 8, 8, 4],
        types=[TensorType(5, 0, 255)],
        type=TensorType(5, 1, 32),
        cost=Cost(comparisons=5, additions=5, multiplications=5, stored_bits=4 + 2 + 2 * 4),
        torch=by_wide_pieces,
        refused=[
            ([TensorType(1, 0, 2**31)], "inputs below 2\\^31, not of 2147483648"),
        ],
    ),
    Case(
        op="softmax",
        node=Softmax(64, causal=True),
        sources=[[[7, 100, -100], [3, 3, 127], [4, 0, 0]]],  # 4 steps of 64 to an octave: half the weight
        answer=[[127, 0, 0], [64, 64, 0], [64, 32, 32]],
        types=[TensorType(3, *BYTES, (3,))],
        type=TensorType(3, 0, 127, (3,)),
        cost=Cost(comparisons=3, additions=9, multiplications=12, divisions=3),
        torch=lambda x: by_softmax(x, causal=True),
        refused=[
            ([TensorType(3, *BYTES, (2,))], "a causal softmax takes tokens x tokens"),
            ([TensorType(3, *BYTES)], "a causal softmax takes tokens x tokens"),
            ([TensorType(3, -129, 0, (3,))], r"softmax takes int8, not -129 \.\.\. 0"),
        ],
    ),
    Case(
        op="softmax",
        node=Softmax(64, causal=False),
        sources=[[4, 0, 0]],
        answer=[64, 32, 32],
        types=[TensorType(3, *BYTES)],
        type=TensorType(3, 0, 127),
        cost=Cost(comparisons=2, additions=5, multiplications=6, divisions=1),
        torch=lambda x: by_softmax(x, causal=False),
        refused=[([TensorType(2**48, *BYTES)], "the sum of weights does not fit int64")],
    ),
    Case(
        op="softmax",
        node=Softmax(2, False, EXPONENTIAL, RECIPROCAL),
        # 2^16 + 2 * 2^15 is 2^17: eight steps of two bits, and 8 of the window, so 4; 2^16 * 4 / 2^(6+16) is 0.06
        sources=[[4, 0, 0]],
        answer=[0, 0, 0],
        types=[TensorType(3, *BYTES)],
        type=TensorType(3, 0, 127),
        cost=Cost(
            comparisons=2 + 3 + 1, additions=5 + 3 + 1, multiplications=6 + 1, stored_bits=3 + 2 + 2 * 4 + 14
        ),
        torch=by_softmax_in_pieces,
        refused=[([TensorType(2**48, *BYTES)], "the sum of weights does not fit int64")],
    ),
    Case(
        op="softmax",
        node=Softmax(1, True, EXPONENTIAL),
        sources=[[[7, 100, -100], [3, 3, 127], [4, 0, 0]]],
        answer=[[127, 0, 0], [64, 64, 0], [64, 32, 32]],
        types=[TensorType(3, *BYTES, (3,))],
        type=TensorType(3, 0, 127, (3,)),
        cost=Cost(
            comparisons=3 + 6, additions=9 + 6, multiplications=12, divisions=3, stored_bits=3 + 2 + 2 * 4
        ),
        torch=by_softmax_with_exponential,
        refused=[([TensorType(3, *BYTES)], "a causal softmax takes tokens x tokens")],
    ),
    Case(
        op="layer_normalisation",
        node=LayerNormalisation(),
        # 4·16 - 4² = 48, root 6 of 3 bits, reciprocal 2^19 / 6: 12 · 87381 / 2^14 is 64.0, -4 · 87381 / 2^14 is -21.3
        sources=[[[0, 0, 0, 4], [7, 7, 7, 7]]],
        answer=[[-21, -21, -21, 64], [0, 0, 0, 0]],
        types=[TensorType(4, *HALVES, (2,))],
        type=TensorType(4, *BYTES, (2,)),
        cost=Cost(additions=2 * 11, multiplications=2 * 14, divisions=2 * 2),
        torch=by_layer_norm,
        refused=[
            ([TensorType(2, 0, 32768)], r"takes int16, not 0 \.\.\. 32768"),
            ([TensorType(2**17, *HALVES)], "rows of 131072 elements do not fit int64"),
        ],
    ),
    Case(
        op="layer_normalisation",
        node=LayerNormalisation(ROOT),
        # 48 is 12 of the window 4 ... 15 and two steps of two bits: 12 · 4 / 2^5 is 1.5, -4 · 4 / 2^5 is -0.5
        sources=[[[0, 0, 0, 4], [7, 7, 7, 7]]],
        answer=[[0, 0, 0, 2], [0, 0, 0, 0]],
        types=[TensorType(4, *HALVES, (2,))],
        type=TensorType(4, *BYTES, (2,)),
        cost=Cost(comparisons=2, additions=2 * 12, multiplications=2 * 15, stored_bits=4 + 2 + 2 * 4),
        torch=by_layer_norm_in_pieces,
        refused=[
            ([TensorType(2, 0, 32768)], r"takes int16, not 0 \.\.\. 32768"),
            ([TensorType(2**17, *HALVES)], "rows of 131072 elements do not fit int64"),
        ],
    ),
    Case(
        op="embedding",
        node=Embedding(VECTORS),
        sources=[[2, 0, 2]],
        answer=[[5, 6], [1, 2], [5, 6]],
        types=[TensorType(3, 0, 2)],
        type=TensorType(2, -4, 6, (3,)),
        cost=Cost(lut_reads=6, stored_bits=6 * 4),
        torch=lambda x: F.embedding(x, torch.from_numpy(VECTORS)),
        refused=[
            ([TensorType(3, 0, 3)], r"codes are 0 \.\.\. 2, not 0 \.\.\. 3"),
            ([TensorType(3, -1, 2)], "codes are"),
        ],
    ),
    Case(
        op="position_embedding",
        node=PositionEmbedding(POSITIONS),
        sources=[[[1, 2], [3, 4]]],
        answer=[[11, 22], [33, -36]],
        types=[TensorType(2, 1, 4, (2,))],
        type=TensorType(2, -39, 34, (2,)),
        cost=Cost(additions=4, stored_bits=6 * 7),
        torch=lambda x: x + torch.from_numpy(POSITIONS)[:2],
        refused=[
            ([TensorType(2, 0, 1, (4,))], "positions of 3 tokens x 2 features"),
            ([TensorType(3, 0, 1, (2,))], "positions of 3 tokens x 2 features"),
            ([TensorType(2, 0, 1)], "positions of 3 tokens x 2 features"),
            ([TensorType(2, 0, INT64[1], (2,))], "the sum does not fit int64"),
        ],
    ),
    Case(
        op="tokens_around",
        node=Neighbourhood(4, causal=True),
        sources=[[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]],
        answer=[
            [1, 2, 3, 4, 0, 0, 0, 0],
            [5, 6, 7, 8, 1, 2, 0, 0],
            [9, 10, 11, 12, 5, 6, 3, 0],
            [13, 14, 15, 16, 9, 10, 7, 4],
        ],
        types=[TensorType(4, 1, 16, (4,))],
        type=TensorType(8, 0, 16, (4,)),
        cost=Cost(),
        torch=by_tokens_before,
        refused=[
            ([TensorType(4, 0, 1, (3,))], "what lies around 4 tokens"),
            ([TensorType(4, 0, 1)], "4 tokens"),
        ],
    ),
    Case(
        op="tokens_around",
        node=Neighbourhood(9, causal=False),
        sources=[PATCHES.tolist()],
        answer=around_all(),
        types=[TensorType(8, 1, 72, (9,))],
        type=TensorType(16, 0, 72, (9,)),
        cost=Cost(),
        torch=by_patches_around,
        refused=[],
    ),
    Case(
        op="pool",
        node=Pool("sum"),
        sources=[[[1, 2], [3, -4], [5, 6]]],
        answer=[9, 4],
        types=[TensorType(2, -4, 6, (3,))],
        type=TensorType(2, -12, 18),
        cost=Cost(additions=4),
        torch=lambda x: x.sum(-2),
        refused=[
            ([TensorType(2, 0, 1)], "pooling takes tokens x features"),
            ([TensorType(2, 0, 2**62, (3,))], "a sum over 3 tokens does not fit int64"),
        ],
    ),
    Case(
        op="pool",
        node=Pool("last"),
        sources=[[[1, 2], [3, -4], [5, 6]]],
        answer=[5, 6],
        types=[TensorType(2, -4, 6, (3,))],
        type=TensorType(2, -4, 6),
        cost=Cost(),
        torch=lambda x: x.select(-2, -1),
        refused=[],
    ),
    Case(
        op="leave",
        node=Leave("fall", 1, prompt=1),
        sources=[
            [[5], [5], [6], [0]],
            [[1], [10], [10], [0]],
        ],  # a prompt; 5 of 10 is half, 6 is more; 0 of 0 is no less
        answer=[[0], [0], [1], [0]],
        types=[TensorType(1, 0, 500, (4,)), TensorType(1, 0, 500, (4,))],
        type=TensorType(1, 0, 1, (4,)),
        cost=Cost(comparisons=4, additions=4),
        torch=by_fall,
        refused=[
            ([TensorType(1, 0, 5, (4,))], "reads 2 tensors, and is given 1"),
            ([TensorType(2, 0, 5, (4,)), TensorType(1, 0, 5, (4,))], "an entropy is one number"),
            ([TensorType(1, 0, 5, (4,)), TensorType(1, 0, 5, (3,))], "tokens"),
            ([TensorType(1, 0, 5), TensorType(1, 0, 5)], "tokens x features"),
        ],
    ),
    Case(
        op="leave",
        node=Leave("entropy", 64),
        sources=[[[63], [64], [0]]],
        answer=[[1], [0], [1]],
        types=[TensorType(1, 0, 200, (3,))],
        type=TensorType(1, 0, 1, (3,)),
        cost=Cost(comparisons=3),
        torch=lambda x: (x < 64).long(),
        refused=[([TensorType(2, 0, 5, (4,))], "an entropy is one number")],
    ),
    Case(
        op="leave",
        node=Leave("probability", 100),
        sources=[[[27, 100], [64, 64]]],
        answer=[[1], [0]],
        types=[TensorType(2, 0, 127, (2,))],
        type=TensorType(1, 0, 1, (2,)),
        cost=Cost(comparisons=4),
        torch=lambda x: (x.amax(-1, keepdim=True) >= 100).long(),
        refused=[([TensorType(2, 0, 5)], "tokens x features")],
    ),
    Case(
        op="choose",
        node=Choose(),
        sources=[[[1], [0]], [[1, 2], [3, 4]], [[5, 6], [7, 8]]],
        answer=[[1, 2], [7, 8]],
        types=[TensorType(1, 0, 1, (2,)), TensorType(2, -4, 6, (2,)), TensorType(2, 0, 9, (2,))],
        type=TensorType(2, -4, 9, (2,)),
        cost=Cost(),
        torch=lambda left, a, b: torch.where(left == 1, a, b),
        refused=[
            ([TensorType(1, 0, 2, (2,)), TensorType(2, 0, 1, (2,)), TensorType(2, 0, 1, (2,))], "0 or 1"),
            (
                [TensorType(1, 0, 1, (2,)), TensorType(2, 0, 1, (2,)), TensorType(3, 0, 1, (2,))],
                "between shapes",
            ),
            (
                [TensorType(1, 0, 1, (3,)), TensorType(2, 0, 1, (2,)), TensorType(2, 0, 1, (2,))],
                "for rows of",
            ),
        ],
    ),
    Case(
        op="program",
        node=EXAMPLE,
        sources=[[[1, 3], [3, 0], [-128, -128], [127, 127]]],
        answer=[[2, -1], [3, 3], [1, 0], [2, -1]],
        types=[TensorType(2, *BYTES, (4,))],
        type=TensorType(2, -1, 5, (4,)),
        cost=Cost(comparisons=4 * 4, lut_reads=4 * 2, additions=4 * 4, stored_bits=4 * 8 + 2 * 4 + 4 * 4),
        torch=by_example,
        refused=[
            ([TensorType(3, *BYTES)], r"takes -128 \.\.\. 127 in shape \(2,\), and is given .* shape \(3,\)"),
            ([TensorType(2, -129, 127)], "is given -129"),
            ([TensorType(2, -128, 128)], r"is given -128 \.\.\. 128"),
        ],
    ),
]


def piecewise(**changes: Any) -> Node:
    """That of a record which was changed."""
    raw = PIECES.record(name="y", source="x").model_dump() | changes
    made: Node = READER.validate_python(raw).node()
    return made


def norm(**changes: Any) -> LayerNormalisation:
    """With a root that was changed."""
    return LayerNormalisation(dataclasses.replace(ROOT, **changes))


def softmax(part: PiecewiseLinear | None = None, multiplier: int = 1, **changes: Any) -> Softmax:
    """With a part that was changed."""
    parts = {EXPONENTIAL: EXPONENTIAL, RECIPROCAL: RECIPROCAL}
    if part is not None:
        parts[part] = dataclasses.replace(part, **changes)
    return Softmax(multiplier, False, *parts.values())


def named(case: Case) -> str:
    return case.op


def drawn(case: Case, batch: tuple[int, ...] = (), seed: int = 0) -> list[np.ndarray]:
    """Tensors of the case's types, over their whole ranges."""
    rng = np.random.default_rng(seed)
    return [rng.integers(kind.low, kind.high, (*batch, *kind.shape), endpoint=True) for kind in case.types]


def test_every_operation_has_a_case() -> None:
    assert {case.op for case in CASES} == set(RECORDS)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_it_is_right_by_hand(case: Case) -> None:
    answer = case.node.evaluate(*(np.array(source) for source in case.sources))
    assert answer.dtype == np.int64
    assert answer.tolist() == case.answer


@pytest.mark.parametrize("case", CASES, ids=named)
def test_its_type_is_the_worst_case(case: Case) -> None:
    assert case.node.output_type(*case.types) == case.type
    for seed in range(5):
        answer = case.node.evaluate(*drawn(case, (20,), seed))
        assert answer.shape == (20, *case.type.shape)
        assert case.type.low <= answer.min() and answer.max() <= case.type.high


@pytest.mark.parametrize("case", CASES, ids=named)
def test_types_that_do_not_fit_are_refused(case: Case) -> None:
    for types, message in case.refused:
        with pytest.raises(ValueError, match=message):
            case.node.output_type(*types)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_read_back_from_json_it_is_the_same(case: Case) -> None:
    sources = [f"x{index}" for index in range(len(case.types))]
    record = case.node.record(name="y", source=sources[0] if len(sources) == 1 else sources, scale=0.5)
    assert (record.op, record.sources) == (case.op, tuple(sources))
    text = record.model_dump_json()
    again = READER.validate_json(text, strict=True)
    assert type(again) is RECORDS[case.op]
    assert again.node().record(name="y", source=again.source, scale=again.scale).model_dump_json() == text
    tensors = drawn(case, (5,))
    assert np.array_equal(again.node().evaluate(*tensors), case.node.evaluate(*tensors))


@pytest.mark.parametrize("case", CASES, ids=named)
def test_it_equals_torch(case: Case) -> None:
    """Batches as well, of one axis and of two, and of nothing."""
    for batch in ((), (7,), (3, 2), (0,)):
        tensors = drawn(case, batch)
        expected = case.torch(*(torch.from_numpy(tensor) for tensor in tensors))
        assert np.array_equal(case.node.evaluate(*tensors), expected.numpy())


@pytest.mark.parametrize("case", CASES, ids=named)
def test_its_cost_is_counted(case: Case) -> None:
    assert case.node.cost(*case.types) == case.cost


@pytest.mark.parametrize("op", RECORDS)
def test_a_record_says_what_is_computed(op: str) -> None:
    assert "=" in str(RECORDS[op].__doc__)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Thermometer(np.zeros(3, int)), "features x thresholds"),
        (lambda: ConditionalSummation(VALUES, np.array([0, 2**47 + 1])), "biases must lie within"),
        (lambda: MatrixProduct(WEIGHTS, BIAS[:1]), "one bias an output"),
        (lambda: MatrixProduct(WEIGHTS[0], BIAS), "inputs x outputs"),
        (lambda: MatrixProduct(WEIGHTS * 2**40, BIAS), "weights must fit int32"),
        (lambda: MatrixProduct(WEIGHTS, BIAS * 2**50), "biases must lie within"),
        (lambda: Addition((0,), 0, 1), "two sources or more"),
        (lambda: Addition((0, 63), 0, 1), "shift 63 is not within"),
        (lambda: Addition((0, 0), 1, 1), "every output is constant"),
        (lambda: Addition((0, 0), 2, 1), "empty range"),
        (lambda: ScoreProduct(0, False), "0 heads"),
        (lambda: ValueProduct(0, False), "0 heads"),
        (lambda: Softmax(0, False), "multiplier 0"),
        (lambda: Softmax(256, False), "multiplier 256"),
        (lambda: Table(0, np.zeros((2, 2), int)), "one row"),
        (lambda: piecewise(slopes=[]), "at least 1 item"),
        (lambda: piecewise(intercepts=[1]), "a breakpoint between two"),
        (lambda: piecewise(breakpoints=[3, 3]), "breakpoints must ascend"),
        (lambda: piecewise(align=-1), "align -1 is not within 0"),
        (lambda: piecewise(shift=63), "shift 63 is not within -62"),
        (lambda: piecewise(high=-4), "every output is constant"),
        (lambda: RangeScaling(4, 5, 1), "steps of 5 bits in a window of 4"),
        (lambda: RangeScaling(4, 2, 3), "an answer of 3 bits a step"),
        (lambda: norm(scaling=None), "the root scales no ranges"),
        (lambda: norm(scaling=RangeScaling(4, 2, 2)), "the root of 2\\^step is not 2\\^answer_step"),
        (lambda: norm(low=0), "a normalisation answers in int8"),
        (lambda: norm(shift=0), "a normalisation shifts down with rounding, not by 0"),
        (lambda: norm(slopes_N=np.array([-1, -9])), "a root is above 0, and the pieces answer"),
        (lambda: norm(scaling=RangeScaling(18, 2, 1)), "a window of 18 bits"),
        (lambda: norm(slopes_N=np.array([2**16, 0])), "a slope or an intercept of 18 bits"),
        (lambda: norm(align=17), "a shift of intercepts of 17 bits"),
        (lambda: norm(shift=50).output_type(TensorType(4, *HALVES)), "a shift of 67, more than 62"),
        (lambda: softmax(multiplier=3), "a multiplier of 3, and codes of an exponential want a power of two"),
        (lambda: softmax(EXPONENTIAL, scaling=RangeScaling(4, 2, 2)), "the exponential scales ranges"),
        (lambda: softmax(EXPONENTIAL, high=65535), r"weights are 0 \.\.\. 65536"),
        (lambda: softmax(EXPONENTIAL, shift=1), "weights are shifted up, not down by 1"),
        (
            lambda: softmax(EXPONENTIAL, intercepts_N=np.array([4, 4])),
            "the weight of the largest score is 32768",
        ),
        (lambda: softmax(RECIPROCAL, scaling=None), "the reciprocal scales no ranges"),
        (lambda: softmax(RECIPROCAL, scaling=RangeScaling(4, 2, 1)), "the reciprocal of 2\\^step"),
        (lambda: softmax(RECIPROCAL, low=-128), r"probabilities are 0 \.\.\. 127"),
        (lambda: softmax(RECIPROCAL, shift=0), "a softmax shifts down with rounding, not by 0"),
        (lambda: softmax(RECIPROCAL, slopes_N=np.array([-1, -9])), "a reciprocal is above 0"),
        (
            lambda: softmax(RECIPROCAL, shift=50).output_type(TensorType(3, *BYTES)),
            "a shift of 66, more than 62",
        ),
        (lambda: Embedding(np.zeros(3, int)), "rows of features"),
        (lambda: PositionEmbedding(np.full((2, 2), 2**47 + 1)), "vectors of positions must lie within"),
        (lambda: Neighbourhood(5, causal=False), "no square|not a square"),
    ],
)
def test_a_node_that_makes_no_sense_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "change",
    [
        {"op": "gelu"},
        {"extra": 1},
        {"source": []},
        {"source": ["x"]},
        {"source": ["x"] * 101},
        {"name": "y" * 201},
        {"source": ["x", "y" * 201]},
        {"scale": 0},
        {"scale": -1.0},
        {"low": 2**63},
        {"low": 1.0},
        {"entries": []},
    ],
)
def test_a_record_beyond_its_bounds_is_refused(change: dict[str, Any]) -> None:
    raw = Table(0, ENTRIES).record(name="y", source="x").model_dump() | {"name": "y"}
    assert READER.validate_python(raw, strict=True)
    with pytest.raises(ValidationError):
        READER.validate_python(raw | change, strict=True)


def test_products_are_exact_where_floating_point_is_not() -> None:
    """Sums beyond 2^24, beyond 2^53, and just within int64."""
    for largest in (2**11 + 1, 2**26 + 1, 2**30 + 1):
        node = MatrixProduct(np.full((4, 1), largest), np.zeros(1, dtype=np.int64))
        x = np.full((1, 4), largest)
        x[0, 0] -= 1
        assert node.evaluate(x).item() == largest * (4 * largest - 1)
        assert node.output_type(TensorType(4, 0, largest)).high == 4 * largest**2


def test_the_ends_of_a_worst_case_are_reached() -> None:
    """By the inputs that make them: no output type is wider than it must be."""
    product = MatrixProduct(WEIGHTS, BIAS)
    kind = product.output_type(TensorType(3, -1, 5))
    every = np.stack(np.meshgrid(*[np.arange(-1, 6)] * 3), axis=-1)
    answers = product.evaluate(every)
    assert (int(answers.min()), int(answers.max())) == (kind.low, kind.high)
    addition = Addition((0, -2), -100, 100)
    kind = addition.output_type(TensorType(1, -3, 3), TensorType(1, -5, 9))
    a, b = np.meshgrid(np.arange(-3, 4), np.arange(-5, 10))
    answers = addition.evaluate(a, b)
    assert (int(answers.min()), int(answers.max())) == (kind.low, kind.high)


def test_what_a_causal_product_leaves_out_is_in_its_range() -> None:
    """Of positive numbers: a score that is not computed is 0, and a first token's sum has one term."""
    positive = TensorType(2, 2, 3, (4,))
    scores = ScoreProduct(1, causal=True).output_type(positive, positive)
    assert (scores.low, scores.high) == (0, 2 * 9)
    mixed = ValueProduct(1, causal=True).output_type(TensorType(4, 1, 9, (1, 4)), positive)
    assert (mixed.low, mixed.high) == (2, 4 * 27)
