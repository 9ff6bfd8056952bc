"""The learning rule: the smoothed-table identity equals the explicit sum, and both equal an expectation."""

import itertools

import pytest
import torch
from torch import Tensor

from quweit_cli.errors import ConfigError
from quweit_cli.weightless.rules import RULES, learning_rule, smoothing_operator

EPSILONS = [0.0, 0.05, 0.25]


def slow_pin_gradients(table_JA: Tensor, epsilon: float) -> Tensor:
    """DWN's formula, term by term: W[j,a,l] = α Σ_k (2k_l − 1) β^H_l(k,a) U[j,k]."""
    luts, entries = table_JA.shape
    pins = entries.bit_length() - 1
    alpha = (1 - 2 * epsilon) * (1 - epsilon) ** (pins - 1)
    beta = epsilon / (1 - epsilon)
    result = torch.zeros(pins, luts, entries, dtype=torch.float64)
    for pin, address, k in itertools.product(range(pins), range(entries), range(entries)):
        distance = bin((k ^ address) & ~(1 << pin)).count("1")
        sign = 2 * (k >> pin & 1) - 1
        result[pin, :, address] += alpha * sign * beta**distance * table_JA[:, k].double()
    return result


def pin_gradients(rule: str, table_JA: Tensor, epsilon: float) -> Tensor:
    """[L, J, A], the fast way."""
    learner = learning_rule(rule, table_JA.shape[1].bit_length() - 1, epsilon)
    return learner.slopes(learner.smoothed(table_JA))


def slow_expectation(table_A: Tensor, bits: list[float], epsilon: float) -> Tensor:
    """The table's mean when each pin reads 1 with a probability: bit smoothed by epsilon, multilinear in the bits."""
    mean = torch.zeros((), dtype=torch.float64)
    for address in range(len(table_A)):
        chance = 1.0
        for pin, bit in enumerate(bits):
            one = bit * (1 - epsilon) + (1 - bit) * epsilon
            chance *= one if address >> pin & 1 else 1 - one
        mean += chance * table_A[address].double()
    return mean


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("fan_in", [2, 3, 6])
def test_the_fast_rule_equals_the_explicit_sum(fan_in: int, epsilon: float) -> None:
    table_JA = torch.rand(3, 2**fan_in, generator=torch.Generator().manual_seed(fan_in)) * 2 - 1
    fast = pin_gradients("efd", table_JA, epsilon)
    torch.testing.assert_close(fast.double(), slow_pin_gradients(table_JA, epsilon), atol=1e-6, rtol=0)


def test_at_a_quarter_it_is_the_published_constant() -> None:
    epsilon, pins = 0.25, 6
    assert (1 - 2 * epsilon) * (1 - epsilon) ** (pins - 1) == 0.5 * 0.75 ** (pins - 1)
    assert epsilon / (1 - epsilon) == pytest.approx(1 / 3)


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_it_is_the_slope_of_the_smoothed_table_numerically(epsilon: float) -> None:
    fan_in = 4
    table_JA = torch.rand(1, 2**fan_in, generator=torch.Generator().manual_seed(1)) * 2 - 1
    fast = pin_gradients("efd", table_JA, epsilon)
    for address, pin in itertools.product(range(2**fan_in), range(fan_in)):
        bits = [float(address >> position & 1) for position in range(fan_in)]
        up, down = list(bits), list(bits)
        up[pin], down[pin] = bits[pin] + 1e-3, bits[pin] - 1e-3
        slope = slow_expectation(table_JA[0], up, epsilon) - slow_expectation(table_JA[0], down, epsilon)
        assert float(fast[pin, 0, address]) == pytest.approx(float(slope) / 2e-3, abs=1e-6)


def test_another_epsilon_gives_other_gradients() -> None:
    table_JA = torch.rand(2, 64, generator=torch.Generator().manual_seed(2)) * 2 - 1
    fast = pin_gradients("efd", table_JA, 0.05)
    assert not torch.allclose(fast.double(), slow_pin_gradients(table_JA, 0.06), atol=1e-4)


def test_smoothing_keeps_the_mean_and_is_symmetric() -> None:
    operator = smoothing_operator(64, 0.1)
    torch.testing.assert_close(operator.sum(dim=0), torch.ones(64))
    assert torch.equal(operator, operator.t())
    assert operator[0, 0] == pytest.approx(0.9**6)
    assert operator[0, 0b101] == pytest.approx(0.1**2 * 0.9**4)


def test_tables_receive_their_histogram_smoothed() -> None:
    histogram_JA = torch.zeros(1, 4)
    histogram_JA[0, 2] = 1.0
    table_JA = torch.rand(1, 4, requires_grad=True)
    learning_rule("efd", 2, 0.25).smoothed(table_JA).backward(histogram_JA)
    torch.testing.assert_close(table_JA.grad, torch.tensor([[3 / 16, 1 / 16, 9 / 16, 3 / 16]]))


def test_binarised_tables_see_signs_only() -> None:
    table_JA = torch.rand(2, 16, generator=torch.Generator().manual_seed(3)) * 2 - 1
    expected = pin_gradients("efd", table_JA.sign(), 0.1)
    torch.testing.assert_close(pin_gradients("ste_binary", table_JA, 0.1), expected)
    torch.testing.assert_close(pin_gradients("ste_binary", table_JA * 0.01, 0.1), expected)


def test_an_annealed_epsilon_is_as_good_as_a_fresh_one() -> None:
    table_JA = torch.rand(2, 64, generator=torch.Generator().manual_seed(4)) * 2 - 1
    rule = learning_rule("efd", 6, 0.25)
    rule.set_epsilon(0.05)
    assert torch.equal(rule.slopes(rule.smoothed(table_JA)), pin_gradients("efd", table_JA, 0.05))


def test_an_unknown_rule_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        learning_rule("magic", 6, 0.1)
    assert caught.value.hint is not None
    assert all(name in caught.value.hint for name in RULES)
