"""Wide inputs: the pieces of one range serve all others, found by the leading one.

Of 1/x, f(8 x) = f(x) / 8, so that the range 0.5 ... 4 gives every other. A wide input is a positive whole number q. It is
brought to the window of codes that the pieces know, and their answer is shifted back.
"""

from __future__ import annotations

import dataclasses
import math

from quweit_cli.approximation.functions import Function
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear, RangeScaling


@dataclasses.dataclass(frozen=True)
class Widened:
    """A node of positive whole numbers, and the real value of an answer of 1."""

    node: PiecewiseLinear
    step: float


def widened(
    function: Function, pieces: PiecewiseLinear, scale_bits: int, fraction: int, bits: int
) -> Widened:
    """For inputs of so many bits, unsigned. No bit of an answer is lost: its step is that of the widest input.

    pieces: of the whole range of the function, unrounded.

    Raises:
        ValueError: the function has no such ranges, or codes of this scale no window for them.
    """
    scaled = function.scaled
    if scaled is None:
        raise ValueError(f"ranges of `{function.name}` are not multiples of one another")
    window = math.log2(function.high) + scale_bits
    if math.log2(function.high / function.low) % scaled.step or window < scaled.step:
        raise ValueError(f"codes of 2^-{scale_bits} hold no whole range of `{function.name}`")
    scaling = RangeScaling(int(window), scaled.step, scaled.answer_step)
    # The pieces know f(q * low / 2^(step * e)), and low = 2^-k.
    k = -math.log2(function.low)
    lift = scaled.answer_step * scaling.most_steps((1 << bits) - 1)
    step = 2.0 ** -(fraction + scale_bits + lift + k * scaled.answer_step / scaled.step)
    return Widened(dataclasses.replace(pieces, shift=-lift, scaling=scaling), step)
