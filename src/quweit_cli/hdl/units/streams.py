"""What the units between products see in every cycle: row after row, without gaps and stalls.

Rows are random: scores of a normal distribution with a deviation of 32, residuals with one of 2,000, seed 0. The next
element waits while a unit computes. The first row leads in and is not recorded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from quweit_cli.documents import UnitDesign
from quweit_cli.hdl.stimulus import RESET, Stream
from quweit_cli.hdl.units.cycles import layer_norm_cycles, softmax_cycles
from quweit_cli.hdl.units.rows import drawn
from quweit_cli.ir.nodes.base import Integers

ROWS = 4  # recorded
GELU_CYCLES = 2048
CODES_A_STEP = 4  # of an exponential in pieces: scores in steps of 1/8
LANE = 16  # registers of a lane at most
WORD_BITS = 8  # of a code of int32 below that of int8
SAID = "rows of a normal distribution, deviation 32 of int8 and 2,000 of int16, seed 0"


def stream_of(unit: UnitDesign) -> Stream:
    return MAKERS[unit.top](unit)


def lane_stream(
    module: str, elements: int, multiplier: int, parameters: Mapping[str, str] = MappingProxyType({})
) -> Stream | None:
    """Of a lane of a whole model; None of a module that is none.

    multiplier: of a softmax with an exact exponential, which has it as an input. parameters: of a lane in pieces.
    """
    if module == "quweit_softmax_rows":
        reciprocal = parameters.get("SearchedReciprocal") == "1"
        multiplier = CODES_A_STEP if parameters.get("SearchedExponential") == "1" else multiplier
        made = _of_softmax(module, elements, softmax_cycles(elements, reciprocal=reciprocal))
        still = {"multiplier_i": [multiplier] * made.cycles, "counts_i": [0xFFFF] * made.cycles}
        return made._replace(ports=made.ports | still)
    if module == "quweit_layer_norm" and parameters.get("SearchedRoot") == "1":
        return _of_even_norm(module, elements, layer_norm_cycles(elements, pieces=True))
    if module == "quweit_layer_norm":
        return _of_layer_norm(module, elements, layer_norm_cycles(elements))
    return None


def _gelu(unit: UnitDesign) -> Stream:
    return _played(unit.name, drawn(1 + GELU_CYCLES, 1, 8), [1] * (1 + GELU_CYCLES), 8)


def _softmax(unit: UnitDesign) -> Stream:
    return _of_softmax(unit.name, unit.features, unit.initiation_interval_cycles)


def _layer_norm(unit: UnitDesign) -> Stream:
    return _of_layer_norm(unit.name, unit.features, unit.initiation_interval_cycles)


def _of_even_norm(name: str, elements: int, cycles: int) -> Stream:
    """Every row takes as long."""
    rows_RD = drawn(1 + ROWS, elements, 16)
    return _played(name, rows_RD, [cycles] * len(rows_RD), 16)


def _of_softmax(name: str, elements: int, cycles: int) -> Stream:
    rows_RN = drawn(1 + ROWS, elements, 8)
    return _played(name, rows_RN, [cycles] * len(rows_RN), 8)


def _of_layer_norm(name: str, elements: int, longest: int) -> Stream:
    """Its root is aligned bit by bit, so that a row takes the less the larger its deviation is."""
    rows_RD = drawn(1 + ROWS, elements, 16)
    spreads = elements * (rows_RD**2).sum(axis=1) - rows_RD.sum(axis=1) ** 2
    bits = [max(math.isqrt(int(spread)), 1).bit_length() for spread in spreads]
    return _played(name, rows_RD, [longest + 1 - one for one in bits], 16)


def _function(unit: UnitDesign) -> Stream:
    """Elements one by one, or in rows behind the words of their pieces; the same real numbers in every arithmetic."""
    elements = unit.outputs
    codes_RN = drawn(
        1 + max(ROWS, GELU_CYCLES // elements), elements, min(unit.input_bits, 16) if unit.top == WIDE else 8
    )
    rows_RN = CODES[unit.top](codes_RN) if unit.top in CODES else codes_RN
    words = np.tile(np.array(unit.words, dtype=np.int64), (len(rows_RN), 1))
    played = np.concatenate([words, rows_RN], axis=1)
    return _played(unit.name, played, [unit.features] * len(rows_RN), unit.input_bits, LANE)


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


def _played(name: str, rows_RN: Integers, cycles: list[int], input_bits: int, lead: int = 0) -> Stream:
    """lead: cycles until the registers of a lane are filled, where that is longer than a row."""
    marks = [0] * (rows_RN.shape[1] - 1) + [1]
    following = [*rows_RN[1:, 0], rows_RN[0, 0]]
    data, last = [int(rows_RN[0, 0])] * RESET, marks[:1] * RESET
    for row, length, after in zip(rows_RN, cycles, following, strict=True):
        waiting = length - len(row)
        data += [*map(int, row), *[int(after)] * waiting]
        last += marks + marks[:1] * waiting
    ones = [1] * len(data)
    ports = {"rst_ni": [0] * RESET + ones[RESET:], "x_valid_i": ones, "x_last_i": last, "y_ready_i": ones}
    words = _words(np.array(data), input_bits)
    return Stream(name, 1.0, RESET + max(cycles[0], lead), ports | {"x_data_i": words})


def _words(values: Integers, bits: int) -> list[int]:
    return [int(value) & 2**bits - 1 for value in values]
