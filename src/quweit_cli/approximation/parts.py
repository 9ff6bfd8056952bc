"""Pieces of a function as a part of a normalisation or a softmax: shifted to what its answers are in."""

from __future__ import annotations

import dataclasses

from quweit_cli.ir.nodes.functions import NORM_STEPS, SOFTMAX_ONE, WEIGHT_BITS
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear
from quweit_cli.ir.types import INT8

NORM_BITS, SOFTMAX_BITS = NORM_STEPS.bit_length() - 1, SOFTMAX_ONE.bit_length() - 1
SCORE_BITS = 5  # below the point of a code of an exponential: of the finest scores


def root_part(pieces: PiecewiseLinear, fraction: int) -> PiecewiseLinear:
    """Of a layer normalisation. pieces: of 1/√x on 0.25 ... 4, ranges scaled. fraction: of a slope's bits.

    A spread v is brought to z = v / 4^(e+1) with e of its two bits, so that 1/√v is 1/√z, shifted by e + 1.

    Raises:
        ValueError: answers so coarse that they are not shifted down.
    """
    scaling = pieces.scaling
    if scaling is None:
        raise ValueError("a spread is a wide number, and these pieces scale no ranges")
    shift = fraction + pieces.align + scaling.answer_step // 2 - NORM_BITS
    if shift < 1:
        raise ValueError(
            f"{fraction + pieces.align} bits below the point of a root, and {NORM_BITS} at least are read"
        )
    return dataclasses.replace(pieces, shift=shift, low=INT8[0], high=INT8[1])


def gelu_part(pieces: PiecewiseLinear, fraction: int) -> PiecewiseLinear:
    """Of an MLP, to whole numbers; a layer takes it to its own codes. pieces: of GELU, unrounded.

    Raises:
        ValueError: pieces whose answers are rounded.
    """
    if pieces.shift:
        raise ValueError("its answers are rounded to one scale, and every layer has its own")
    return dataclasses.replace(pieces, shift=fraction + pieces.align, low=INT8[0], high=INT8[1])


def exponential_part(pieces: PiecewiseLinear, fraction: int) -> PiecewiseLinear:
    """Of a softmax. pieces: of exp on -8 ... 0, unrounded, at the scale of the finest scores.

    Raises:
        ValueError: another scale, or sums finer than weights.
    """
    if pieces.align != SCORE_BITS:
        raise ValueError(f"codes of scores are 2^-{SCORE_BITS}, and those of these pieces 2^-{pieces.align}")
    lift = WEIGHT_BITS - fraction - pieces.align
    if pieces.shift or lift < 0:
        raise ValueError(f"weights have {WEIGHT_BITS} bits below the point, and are not rounded to them")
    return dataclasses.replace(pieces, shift=-lift, low=0, high=1 << WEIGHT_BITS)


def reciprocal_part(pieces: PiecewiseLinear, fraction: int) -> PiecewiseLinear:
    """Of a softmax. pieces: of 1/x on 0.5 ... 4, ranges scaled.

    A sum s is brought to z = s / (2 * 8^e), so that 1/s is 1/z, shifted by 3e + 1.

    Raises:
        ValueError: answers so coarse that they are not shifted down.
    """
    if pieces.scaling is None:
        raise ValueError("a sum of weights is a wide number, and these pieces scale no ranges")
    shift = fraction + pieces.align + 1 - SOFTMAX_BITS
    if shift < 1:
        raise ValueError(
            f"{fraction + pieces.align} bits below the point of a reciprocal, and {SOFTMAX_BITS} at least are read"
        )
    return dataclasses.replace(pieces, shift=shift, low=0, high=INT8[1])
