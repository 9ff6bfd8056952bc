"""Learning rules: how a table, which is discrete in its address, passes gradients to its pins and entries.

A rule sees tables only, never rows, so it costs the same at every batch size: it gives, for every
table entry, the gradient that each pin receives when a row addresses that entry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from quweit_cli.errors import ConfigError


class Rule(Protocol):
    def pin_gradients(self, table_JA: Tensor) -> Tensor:
        """[L, J, A]: derivative of the output with respect to pin l, at every address."""
        ...

    def table_gradient(self, histogram_JA: Tensor) -> Tensor:
        """[J, A] from the sum of the output's gradients at every address."""
        ...


class ExtendedFiniteDifference:
    """EFD (DWN, arXiv 2410.11112) by the smoothed-table identity.

    DWN differences every entry against all 2^n others, weighted by Hamming distance H_l (ignoring bit l):
    `W[j,a,l] = α Σ_k (2k_l − 1) β^H_l(k,a) U[j,k]`, α = (1−2ε)(1−ε)^(n−1), β = ε/(1−ε).
    With S the tables smoothed along every pin by `[[1−ε, ε], [ε, 1−ε]]` that is
    `W[j,a,l] = (2a_l − 1) (S[j,a] − S[j, a xor 2^l])`: read per row, computed once a step.
    Both steps are linear in the tables and have at most 64 entries a side, so one small GEMM does them.
    """

    def __init__(self, epsilon: float) -> None:
        self.epsilon = epsilon
        self.operators: dict[tuple[int, torch.device], tuple[Tensor, Tensor]] = {}

    def pin_gradients(self, table_JA: Tensor) -> Tensor:
        _, difference_LAA = self._operators(table_JA)
        return table_JA @ difference_LAA

    def table_gradient(self, histogram_JA: Tensor) -> Tensor:
        # Smoothing the gradient as well lets an entry learn from rows that fell beside it; it was worth a
        # little, in every run, against the bare histogram.
        smoothing_AA, _ = self._operators(histogram_JA)
        return histogram_JA @ smoothing_AA

    def _operators(self, table_JA: Tensor) -> tuple[Tensor, Tensor]:
        key = (table_JA.shape[1], table_JA.device)
        if key not in self.operators:
            smoothing_AA = smoothing_operator(key[0], self.epsilon)
            operators = smoothing_AA, smoothing_AA @ difference_operators(key[0])
            self.operators[key] = operators[0].to(key[1]), operators[1].to(key[1])
        return self.operators[key]


class BinaryTables(ExtendedFiniteDifference):
    """The same differences taken on the deployed tables, ±1 by the sign of their entries."""

    def pin_gradients(self, table_JA: Tensor) -> Tensor:
        return super().pin_gradients((table_JA > 0).to(table_JA.dtype) * 2 - 1)


RULES: dict[str, Callable[[float], Rule]] = {
    "efd": ExtendedFiniteDifference,
    "ste_binary": BinaryTables,
}


def learning_rule(name: str, epsilon: float) -> Rule:
    """Raises ConfigError for a name that is not registered."""
    if name not in RULES:
        raise ConfigError(
            f"no learning rule `{name}`", hint=f"`model.block.rule` is one of: {', '.join(RULES)}"
        )
    return RULES[name](epsilon)


def smoothing_operator(entries: int, epsilon: float) -> Tensor:
    """[A, A], symmetric: expected entry when every address bit flips independently with probability epsilon."""
    flips_AA = _bits(torch.arange(entries)[:, None] ^ torch.arange(entries)).sum(dim=0)
    pins = entries.bit_length() - 1
    chance_AA = epsilon ** flips_AA.double() * (1 - epsilon) ** (pins - flips_AA.double())
    return chance_AA.float()


def difference_operators(entries: int) -> Tensor:
    """[L, A, A]: `(S @ D[l])[j, a] = (2a_l − 1) (S[j, a] − S[j, a xor 2^l])`."""
    identity_AA = torch.eye(entries)
    address_A = torch.arange(entries)
    sign_LA = 2.0 * _bits(address_A)[: entries.bit_length() - 1] - 1
    differences = [
        (identity_AA - identity_AA[address_A ^ (1 << pin)]) * sign_A for pin, sign_A in enumerate(sign_LA)
    ]
    return torch.stack(differences)


def _bits(number: Tensor) -> Tensor:
    """The six low bits, along a new first dimension."""
    shift = torch.arange(6).view(-1, *[1] * number.ndim)
    return (number >> shift) & 1
