"""Pieces of a function as a part of a normalisation: shifted to what its answers are in."""

from __future__ import annotations

import dataclasses

from quweit_cli.ir.nodes.functions import NORM_STEPS
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear
from quweit_cli.ir.types import INT8

NORM_BITS = NORM_STEPS.bit_length() - 1


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
