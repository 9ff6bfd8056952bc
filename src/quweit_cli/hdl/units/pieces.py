"""A function in pieces as parameters of the module that has it."""

from __future__ import annotations

import numpy as np

from quweit_cli.hdl import literals
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.functions import window_sums
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear

CODE_BITS = 9  # of 0 ... -255 below the largest score
LINE = (
    "quweit_piece_select.sv",
    "quweit_piece_line.sv",
    "quweit_constant_line.sv",
)


def pieces_parameters(node: PiecewiseLinear, input_bits: int, bits: int) -> dict[str, str]:
    """bits: of a slope, and of an intercept."""
    pieces = len(node.slopes_N)
    return {
        "Pieces": str(pieces),
        "InputBits": str(input_bits),
        "WordBits": str(bits),
        "Breakpoints": _literal(node.breakpoints_M, input_bits, pieces),
        "Slopes": _literal(node.slopes_N, bits, pieces),
        "Intercepts": _literal(node.intercepts_N, bits, pieces),
    }


def exponential_parameters(node: PiecewiseLinear) -> dict[str, str]:
    """Of `quweit_softmax_rows`.

    Raises:
        ValueError: fewer than two pieces.
    """
    _require_two(node)
    parameters = pieces_parameters(node, CODE_BITS, node.word_bits)
    del parameters["InputBits"]
    parameters |= {
        "SumBits": str(sum_bits(node, CODE_BITS)),
        "Align": str(node.align),
        "Lift": str(-node.shift),
    }
    return {f"Exponential{name}": value for name, value in parameters.items()}


def _require_two(node: PiecewiseLinear) -> None:
    if len(node.slopes_N) < 2:
        raise ValueError("a function in pieces has two or more in hardware")


def scaled_parameters(node: PiecewiseLinear) -> dict[str, str]:
    """Of a root of `quweit_layer_norm`, and of a reciprocal of `quweit_softmax_rows`.

    Raises:
        ValueError: fewer than two pieces.
    """
    _require_two(node)
    scaling = node.scaling
    assert scaling is not None
    window = scaling.window + 1
    parameters = pieces_parameters(node, window, node.word_bits)
    del parameters["InputBits"]
    return parameters | {
        "Window": str(scaling.window),
        "Step": str(scaling.step),
        "AnswerStep": str(scaling.answer_step),
        "SumBits": str(sum_bits(node, window)),
        "RootBits": str(window_sums(node)[1].bit_length()),
        "Align": str(node.align),
        "Shift": str(node.shift),
    }


def sum_bits(node: PiecewiseLinear, input_bits: int) -> int:
    """That hold every product, every aligned intercept with its rounding, and their sum."""
    largest = int(np.abs(node.slopes_N).max()) << input_bits - 1
    largest += (int(np.abs(node.intercepts_N).max()) << node.align) + (1 << max(node.shift, 0))
    return max(largest.bit_length() + 1, input_bits + node.word_bits)


def _literal(values: Integers, bits: int, count: int) -> str:
    """Index 0 in the low bits."""
    packed_values = sum((int(one) & (1 << bits) - 1) << bits * place for place, one in enumerate(values))
    return literals.unsigned(packed_values, bits * count)
