"""What the units between products see in every cycle: row after row, without gaps and stalls.

Rows are random: scores of a normal distribution with a deviation of 32, residuals with one of 2,000, seed 0. The next
element waits while a unit computes. The first row leads in and is not recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from quweit_cli.documents import UnitDesign
from quweit_cli.hdl.stimulus import RESET, Stream
from quweit_cli.hdl.units.rows import drawn
from quweit_cli.ir.nodes.base import Integers

ROWS = 4  # recorded
GELU_CYCLES = 2048
LANE = 16  # registers of a lane at most
WORD_BITS = 8  # of a code of int32 below that of int8
SAID = "rows of a normal distribution, deviation 32 of int8 and 2,000 of int16, seed 0"


def stream_of(unit: UnitDesign) -> Stream:
    return MAKERS[unit.top](unit)


def _gelu(unit: UnitDesign) -> Stream:
    return _played(unit, drawn(1 + GELU_CYCLES, 1, 8), [1] * (1 + GELU_CYCLES))


def _softmax(unit: UnitDesign) -> Stream:
    elements = unit.features
    rows_RN = drawn(1 + ROWS, elements, 8)
    return _played(unit, rows_RN, [unit.initiation_interval_cycles] * len(rows_RN))


def _layer_norm(unit: UnitDesign) -> Stream:
    """Its root is aligned bit by bit, so that a row takes the less the larger its deviation is."""
    elements = unit.features
    rows_RD = drawn(1 + ROWS, elements, 16)
    spreads = elements * (rows_RD**2).sum(axis=1) - rows_RD.sum(axis=1) ** 2
    bits = [max(math.isqrt(int(spread)), 1).bit_length() for spread in spreads]
    longest = unit.initiation_interval_cycles
    return _played(unit, rows_RD, [longest + 1 - one for one in bits])


def _function(unit: UnitDesign) -> Stream:
    """Elements one by one, or in rows behind the words of their pieces; the same real numbers in every arithmetic."""
    elements = unit.outputs
    codes_RN = drawn(
        1 + max(ROWS, GELU_CYCLES // elements), elements, min(unit.input_bits, 16) if unit.top == WIDE else 8
    )
    rows_RN = CODES[unit.top](codes_RN) if unit.top in CODES else codes_RN
    words = np.tile(np.array(unit.words, dtype=np.int64), (len(rows_RN), 1))
    return _played(unit, np.concatenate([words, rows_RN], axis=1), [unit.features] * len(rows_RN), LANE)


# What stands for an int8 code of 2^-4 in other arithmetic; of wide inputs, whole numbers above 0.
WIDE = "quweit_wide_pieces"
CODES: Mapping[str, Callable[[Integers], Integers]] = {
    WIDE: lambda codes: np.abs(codes) + 1,
    "quweit_loadable_words": lambda codes: codes << WORD_BITS,
    "quweit_loadable_floats": lambda codes: (codes / 16).astype(np.float32).view(np.int32).astype(np.int64),
}
MAKERS: Mapping[str, Callable[[UnitDesign], Stream]] = {
    "quweit_gelu": _gelu,
    "quweit_softmax": _softmax,
    "quweit_layer_norm": _layer_norm,
    "quweit_pieces": _function,
    "quweit_loadable_pieces": _function,
    "quweit_wide_pieces": _function,
    "quweit_loadable_words": _function,
    "quweit_loadable_floats": _function,
}


def _played(unit: UnitDesign, rows_RN: Integers, cycles: list[int], lead: int = 0) -> Stream:
    """lead: cycles until the registers of a lane are filled, where that is longer than a row."""
    marks = [0] * (unit.features - 1) + [1]
    following = [*rows_RN[1:, 0], rows_RN[0, 0]]
    data, last = [int(rows_RN[0, 0])] * RESET, marks[:1] * RESET
    for row, length, after in zip(rows_RN, cycles, following, strict=True):
        waiting = length - len(row)
        data += [*map(int, row), *[int(after)] * waiting]
        last += marks + marks[:1] * waiting
    ones = [1] * len(data)
    ports = {"rst_ni": [0] * RESET + ones[RESET:], "x_valid_i": ones, "x_last_i": last, "y_ready_i": ones}
    return Stream(
        unit.name,
        1.0,
        RESET + max(cycles[0], lead),
        ports | {"x_data_i": _words(np.array(data), unit.input_bits)},
    )


def _words(values: Integers, bits: int) -> list[int]:
    return [int(value) & 2**bits - 1 for value in values]
