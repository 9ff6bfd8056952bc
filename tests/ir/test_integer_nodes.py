"""Every node computes what its equation says: by hand, exhaustively, and over its whole range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.sums import ConditionalSummation, Requantize
from quweit_cli.ir.types import TensorType, bits_of_range

BITS = TensorType(8, 0, 1)


def test_a_thermometer_compares_strictly_and_numbers_bits_by_feature() -> None:
    node = Thermometer(np.array([[0, 5], [-3, 127]]))
    rows = np.array([[0, -3], [1, -2], [5, 127], [6, -128]])
    assert node.evaluate(rows).tolist() == [[0, 0, 0, 0], [1, 0, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0]]


def test_pin_0_is_address_bit_0_and_table_bit_a_answers_address_a() -> None:
    # y = bit 5 and not bit 2: true at address 0b01 alone when pin 0 is bit 5.
    node = LutLayer(np.array([[5, 2]]), np.array([0b0010], dtype=np.uint64))
    rows = np.zeros((4, 8), dtype=np.int64)
    rows[1, 5] = rows[2, 2] = rows[3, 5] = rows[3, 2] = 1
    assert node.evaluate(rows)[:, 0].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("fan_in", [1, 2, 3, 4, 5, 6])
def test_every_address_of_every_fan_in_reads_its_table_bit(fan_in: int) -> None:
    rng = np.random.default_rng(fan_in)
    table = int(rng.integers(0, 2**64, dtype=np.uint64)) & (2 ** (2**fan_in) - 1)
    node = LutLayer(np.arange(fan_in)[None], np.array([table], dtype=np.uint64))
    addresses = np.arange(2**fan_in)
    rows = addresses[:, None] >> np.arange(fan_in) & 1
    assert node.evaluate(rows)[:, 0].tolist() == [table >> int(a) & 1 for a in addresses]


def test_a_conditional_summation_adds_the_values_of_set_bits_to_the_bias() -> None:
    node = ConditionalSummation(np.array([[1, -128], [127, 3]]), np.array([10, 20]))
    assert node.evaluate(np.array([[0, 0], [1, 0], [0, 1], [1, 1]])).tolist() == [
        [10, 20],
        [11, -108],
        [137, 23],
        [138, -105],
    ]
    assert node.output_type(TensorType(2, 0, 1)) == TensorType(2, -108, 138)


def test_a_wide_summation_is_exact() -> None:
    bits = 200_001  # their sum is odd and above 2^24, where float32 has even numbers alone
    node = ConditionalSummation(np.full((bits, 1), 127), np.zeros(1, dtype=np.int64))
    assert node.evaluate(np.ones((1, bits), dtype=np.int64)).item() == 127 * bits


@pytest.mark.parametrize(
    ("x", "expected"),
    [(0, 0), (1, 1), (2, 1), (3, 2), (-1, 0), (-2, -1), (-3, -1), (1000, 127), (-1000, -128)],
)
def test_requantize_rounds_half_up_and_saturates(x: int, expected: int) -> None:
    node = Requantize(multiplier=1, shift=1, low=-128, high=127)
    assert node.evaluate(np.array([[x]])).item() == expected


@given(
    st.integers(-(2**24), 2**24),
    st.integers(1, 2**31 - 1),
    st.integers(0, 40),
)
def test_requantize_equals_exact_rational_rounding(x: int, multiplier: int, shift: int) -> None:
    node = Requantize(multiplier, shift, -32768, 32767)
    exact = (2 * x * multiplier + 2**shift) // (2 * 2**shift)  # floor(x*m/2^e + 1/2)
    assert node.evaluate(np.array([[x]])).item() == min(max(exact, -32768), 32767)


@given(st.integers(-(2**40), 2**40), st.integers(0, 2**40))
def test_bits_of_a_range_hold_both_ends_and_no_bit_is_idle(low: int, span: int) -> None:
    high = low + span
    bits = bits_of_range(low, high)
    if low < 0:
        assert -(2 ** (bits - 1)) <= low and high < 2 ** (bits - 1)
        assert bits == 1 or low < -(2 ** (bits - 2)) or high >= 2 ** (bits - 2)
    else:
        assert high < 2**bits
        assert bits == 1 or high >= 2 ** (bits - 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LutLayer(np.zeros((1, 7), int), np.zeros(1, np.uint64)), "fan-in 7"),
        (lambda: LutLayer(np.zeros((1, 2), int), np.array([16], np.uint64)), "bits at or above"),
        (lambda: LutLayer(np.zeros((2, 2), int), np.zeros(1, np.uint64)), "one table a LUT"),
        (lambda: ConditionalSummation(np.array([[128]]), np.zeros(1, int)), "int8"),
        (lambda: Requantize(2**31, 0, 0, 1), "31 bits"),
        (lambda: LutLayer(np.full((1, 2), 8), np.zeros(1, np.uint64)).output_type(BITS), "outside"),
        (lambda: Thermometer(np.zeros((3, 2), int)).output_type(BITS), "3 features"),
    ],
)
def test_nodes_that_make_no_sense_are_refused(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        make()
