"""What stands between the products of a transformer layer, in integers: GELU, softmax, layer normalisation.

All in int64, every intermediate within it, every division a floor. After the algorithms of I-ViT (arXiv
2207.01405), with the semantics our own: I-ViT carries its integers in float32, which is wrong above 2^24,
and its Newton iteration for the square root, started at 2^16 and stopped after ten steps, for small sums.
"""

from __future__ import annotations

import math

import numpy as np

from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.types import INT8

FRACTION = 8  # bits of an octave below the point
WEIGHT_BITS = 16  # of 2^-0
SOFTMAX_ONE = 128  # a probability of one, but for its clamp to 127
NORM_STEPS = 32  # of int8 for a standard deviation
RECIPROCAL_BITS = 16


def gelu_table(input_scale: float, output_scale: float) -> list[int]:
    """The exact GELU of every int8 code, rounded half up and clamped: entry i is of code i - 128.

    A table of 256 bytes takes 32 LUTs and their multiplexers a lane, less than any shift algorithm, which
    needs an exponential and a division; and it is exact to half a step.
    """
    table = []
    for code in range(INT8[0], INT8[1] + 1):
        x = code * input_scale
        y = 0.5 * x * (1 + math.erf(x / math.sqrt(2)))
        table.append(min(max(math.floor(y / output_scale + 0.5), INT8[0]), INT8[1]))
    return table


def octaves(score_scale: float) -> int:
    """The multiplier of `shiftmax` for scores of this scale: log2(e) · scale in steps of 2^-8.

    Raises:
        ValueError: it does not fit eight bits.
    """
    multiplier = round(score_scale * math.log2(math.e) * (1 << FRACTION))
    if not 1 <= multiplier <= 255:
        raise ValueError(
            f"scores of scale {score_scale} need a multiplier of {multiplier}, not within 1 ... 255"
        )
    return multiplier


def shiftmax(scores_RN: Integers, multiplier: int) -> Integers:
    """Softmax of int8 scores as int8 probabilities, 128 steps to one (one itself is 127).

    exp(-d) as a power of two whose fraction is taken linearly, 2^-f = 1 - f/2: shifts alone. One
    reciprocal a row.
    """
    distance_RN = (scores_RN.max(axis=1, keepdims=True) - scores_RN) * multiplier
    whole_RN, part_RN = distance_RN >> FRACTION, distance_RN & (2**FRACTION - 1)
    weight_RN = (((2 << FRACTION) - part_RN) << (WEIGHT_BITS - FRACTION - 1)) >> np.minimum(whole_RN, 31)
    reciprocal_R1 = (1 << 2 * WEIGHT_BITS - 1) // weight_RN.sum(axis=1, keepdims=True)
    scaled_RN = (weight_RN * reciprocal_R1 + (1 << 23)) >> 24
    probability_RN: Integers = np.minimum(scaled_RN, INT8[1])
    return probability_RN


def layer_norm(rows_RD: Integers) -> Integers:
    """(x - mean) / deviation of int16 rows as int8, 32 steps to a deviation; half rounds up.

    D·x - Σx and D·Σx² - (Σx)² hold mean and variance without a division; one floor square root and
    one reciprocal of 17 bits a row. A constant row is all zeros.
    """
    width = rows_RD.shape[1]
    if width * 2**30 * width >= 2**62:
        raise ValueError(f"rows of {width} elements do not fit int64")
    sum_R1 = rows_RD.sum(axis=1, keepdims=True)
    spread_R1 = width * (rows_RD**2).sum(axis=1, keepdims=True) - sum_R1**2
    root_R1 = np.maximum(_floor_root(spread_R1), 1)
    bits_R1 = np.array([[int(root).bit_length()] for root in root_R1[:, 0]])
    reciprocal_R1 = (1 << (bits_R1 + RECIPROCAL_BITS)) // root_R1
    shift_R1 = bits_R1 + RECIPROCAL_BITS - NORM_STEPS.bit_length() + 1
    scaled_RD = ((width * rows_RD - sum_R1) * reciprocal_R1 + (1 << (shift_R1 - 1))) >> shift_R1
    clamped_RD: Integers = np.clip(scaled_RD, *INT8)
    return clamped_RD


def _floor_root(values: Integers) -> Integers:
    return np.array([math.isqrt(int(value)) for value in values.ravel()]).reshape(values.shape)
