"""Matrix products of a transformer layer, and their cycles on a systolic array.

Only products count: softmax, normalisation and activation are on neither side of any comparison.
The attention of a decoder is counted twice, and the two are never mixed: as the full square, which seems to
be how the paper counts (`attention_gemms`), and without the tiles that its mask makes zero (`causal_gemms`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from quweit_cli.config import FEW_BITS, Weights
from quweit_cli.documents import ModelShape
from quweit_cli.ir.nodes.products import Gemm, systolic_cycles


def attention_gemms(shape: ModelShape) -> list[Gemm]:
    """QKV projection, QK^T and AV of every head, output projection."""
    tokens, dim, heads = shape.tokens, shape.dim, shape.heads
    return [
        Gemm("qkv", tokens, dim, 3 * dim),
        Gemm("qk", tokens, dim // heads, tokens, heads, weights=False),
        Gemm("av", tokens, tokens, dim // heads, heads, weights=False),
        Gemm("projection", tokens, dim, dim),
    ]


def attention_of_layer(shape: ModelShape) -> list[Gemm]:
    """Nothing where tokens do not see one another."""
    return attention_gemms(shape) if shape.attends else []


class Attention(NamedTuple):
    """The products of a layer's attention, by what computes them; those of blocks are none of it."""

    multiplied: list[Gemm]  # by an array of int8
    of_few_bits: list[Gemm]  # by one without multipliers


def attention_split(shape: ModelShape) -> Attention:
    kinds: dict[str, Weights] = {"qkv": shape.qkv, "projection": shape.projection}
    gemms = attention_of_layer(shape)
    few = [gemm for gemm in gemms if kinds.get(gemm.name) in FEW_BITS]
    return Attention(
        [gemm for gemm in gemms if gemm not in few and kinds.get(gemm.name) != "weightless"], few
    )


def causal_gemms(shape: ModelShape, side: int) -> dict[str, list[Gemm]]:
    """QK^T and AV of a decoder without masked tiles: one product a row of tiles, for all heads at once.

    The `side` tokens of row i have keys among the first side · (i + 1) alone. QK^T needs those columns, AV
    that inner dimension; tiles on the diagonal are whole. The heads stand below one another, each padded to whole tiles, each
    with a right side of its own: an array takes operands tile by tile and fills and drains once a product.
    """
    width, rows = shape.dim // shape.heads, range(0, shape.tokens, side)
    made: dict[str, list[Gemm]] = {"qk": [], "av": []}
    for place, first in enumerate(rows):
        keys = min(first + side, shape.tokens)
        stacked = (shape.heads - 1) * side + keys - first
        made["qk"].append(Gemm(f"qk_{place}", stacked, width, keys, weights=False))
        made["av"].append(Gemm(f"av_{place}", stacked, keys, width, weights=False))
    return made


def mlp_gemms(shape: ModelShape) -> list[Gemm]:
    """What a weightless block replaces: dim -> hidden -> dim. Of a learn-forget network two such branches."""
    gemms = mlp_products(shape.tokens, shape.dim, shape.mlp_hidden, shape.dim)
    if shape.mlp != "learn_forget":
        return gemms
    return [gemm._replace(name=f"{branch}_{gemm.name}") for branch in ("forget", "learn") for gemm in gemms]


def mlp_of_few_bits(shape: ModelShape) -> bool:
    """Whether an array without multipliers computes its MLPs, where no blocks replace them."""
    return shape.mlp_weights in FEW_BITS


def mlp_products(rows: int, features: int, hidden: int, outputs: int) -> list[Gemm]:
    """Those of any MLP of two matrices."""
    return [Gemm("up", rows, features, hidden), Gemm("down", rows, hidden, outputs)]


def utilisation(gemms: Iterable[Gemm], side: int) -> float:
    """Share of an array's S² multipliers at work in an average cycle: 1/S when a product has a single row."""
    products = list(gemms)
    return sum(gemm.macs for gemm in products) / (systolic_cycles(products, side) * side**2)


def multiplications_replaced(shape: ModelShape, *, mlp: bool = True) -> float:
    """Multiplications that are none any more over all of one layer: of projections, and of the MLP unless `mlp` is false.

    Embedding and head are not part of a layer.
    """
    whole = [*mlp_gemms(shape), *attention_of_layer(shape)]
    return 1 - sum(gemm.macs for gemm in _kept(shape, mlp)) / sum(gemm.macs for gemm in whole)


def weights_replaced(shape: ModelShape, *, mlp: bool = True) -> float:
    """The same of weights over all weight matrices of one layer; biases and normalisation are left out.

    The block's own tables and encoded values are not subtracted: they are no multiplier's weights.
    """
    whole = [*mlp_gemms(shape), *attention_of_layer(shape)]
    kept, every = (
        sum(gemm.inner * gemm.columns for gemm in gemms if gemm.weights)
        for gemms in (_kept(shape, mlp), whole)
    )
    return 1 - kept / every


def _kept(shape: ModelShape, mlp: bool) -> list[Gemm]:
    """Products that multiply still; mlp: whether the MLP is replaced."""
    kept = [] if mlp or mlp_of_few_bits(shape) else mlp_gemms(shape)
    return [*kept, *attention_split(shape).multiplied]
