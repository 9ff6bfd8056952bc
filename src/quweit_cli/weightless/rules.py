"""Learning rules: how a table, which is discrete in its address, passes gradients to its pins and entries.

A rule sees tables only, never rows, so it costs the same at every batch size. It gives the tables as a row sees
them (smoothed), through which entries learn, and for every entry the gradient that each pin receives when a row
addresses that entry.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from quweit_cli.errors import ConfigError


class ExtendedFiniteDifference(nn.Module):
    """EFD (DWN, arXiv 2410.11112) by the smoothed-table identity.

    DWN differences every entry against all 2^n others, weighted by Hamming distance H_l (ignoring bit l):
    `W[j,a,l] = α Σ_k (2k_l − 1) β^H_l(k,a) U[j,k]`, α = (1−2ε)(1−ε)^(n−1), β = ε/(1−ε).
    With S the tables smoothed along every pin by `[[1−ε, ε], [ε, 1−ε]]` that is
    `W[j,a,l] = (2a_l − 1) (S[j,a] − S[j, a xor 2^l])`: computed once a step, read per row.
    Both are linear in the tables and have at most 64 entries a side, so two small GEMMs do them.
    """

    def __init__(self, fan_in: int, epsilon: float) -> None:
        super().__init__()
        self.register_buffer("smoothing_AA", smoothing_operator(1 << fan_in, epsilon), persistent=False)
        self.register_buffer("difference_LAA", difference_operators(1 << fan_in), persistent=False)
        self.smoothing_AA: Tensor
        self.difference_LAA: Tensor

    def smoothed(self, table_JA: Tensor) -> Tensor:
        """[J, A]. Their gradient, a histogram over rows, reaches the tables smoothed as well: an entry learns
        from rows that fell beside it, which was worth a little in every run against the bare histogram."""
        return table_JA @ self.smoothing_AA

    def slopes(self, smoothed_JA: Tensor) -> Tensor:
        """[L, J, A]: derivative of the output with respect to pin l, at every address; without gradients."""
        return smoothed_JA.detach() @ self.difference_LAA

    @torch.no_grad()
    def set_epsilon(self, epsilon: float) -> None:
        """Another noise from here on, when it is annealed."""
        self.smoothing_AA.copy_(smoothing_operator(len(self.smoothing_AA), epsilon))


class BinaryTables(ExtendedFiniteDifference):
    """The same differences taken on the deployed tables, ±1 by the sign of their entries."""

    def smoothed(self, table_JA: Tensor) -> Tensor:
        sign_JA = (table_JA > 0).to(table_JA.dtype) * 2 - 1
        return super().smoothed(table_JA + (sign_JA - table_JA).detach())


RULES: dict[str, Callable[[int, float], ExtendedFiniteDifference]] = {
    "efd": ExtendedFiniteDifference,
    "ste_binary": BinaryTables,
}


def learning_rule(name: str, fan_in: int, epsilon: float) -> ExtendedFiniteDifference:
    """Raises ConfigError for a name that is not registered."""
    if name not in RULES:
        raise ConfigError(
            f"no learning rule `{name}`", hint=f"`model.block.rule` is one of: {', '.join(RULES)}"
        )
    return RULES[name](fan_in, epsilon)


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
