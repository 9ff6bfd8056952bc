"""What an energy table comes down to: blocks beside the most frugal of the arrays, in both accountings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from quweit_cli.documents import Accounting, EnergyRatio, EnergyRow, Scope
from quweit_cli.energy.rows import ALL_LAYERS, ALL_MLPS

SCOPES: dict[Scope, str] = {"mlps": ALL_MLPS, "model": ALL_LAYERS}
IDLE = 0.5  # utilisation below which a ratio to the array as it is used says more of the array than of blocks


class Comparison(NamedTuple):
    """One of SCOPES on one array, and with blocks in place of MLPs; energies of one sample, µJ."""

    scope: Scope
    what: str
    array: str
    dense_uj: float
    blocks_uj: dict[Accounting, float]  # by accounting of the blocks' cycles
    times: dict[Accounting, float]
    times_full: dict[Accounting, float]  # were every multiplier of the array at work in every cycle
    utilisation: float | None  # of the array, dense; older tables do not say it

    @property
    def idle(self) -> bool:
        return self.utilisation is not None and self.utilisation < IDLE


def comparisons(rows: Sequence[EnergyRow], ratios: Sequence[EnergyRatio]) -> list[Comparison]:
    """Of all MLPs, and of all layers where there is attention; none for blocks that stand alone, or a model without any."""
    arrays = frugal_arrays(rows) if ratios else []
    known = {(one.scope, one.array) for one in ratios if one.accounting == "measured"}
    best = {scope: next((one for one in arrays if (scope, one) in known), None) for scope in SCOPES}
    return [_of(scope, array, rows, ratios) for scope, array in best.items() if array]


def frugal_arrays(rows: Sequence[EnergyRow]) -> list[str]:
    """From the one on which the dense model spends least."""
    dense = _dense(rows, "model") or _dense(rows, "mlps")
    return [row.array for row in sorted(dense, key=lambda row: row.value) if row.array]


def least_when_full(ratios: Sequence[EnergyRatio]) -> tuple[float, str] | None:
    """How many times the energy of the blocks all MLPs take on the best array were all arrays full, and which it is.

    None where no block stands in the place of an MLP.
    """
    found = (
        (one.full_array or one.value, one.numerator)
        for one in ratios
        if (one.scope, one.accounting) == ("mlps", "measured")
    )
    return min(found, default=None)


class RatioRow(NamedTuple):
    """One comparison in its three readings."""

    scope: Scope
    name: str
    measured: float | None
    full_array: float | None  # at measured cycles too
    counted: float | None


def ratio_rows(ratios: Sequence[EnergyRatio]) -> list[RatioRow]:
    """The comparisons of the table in their order, each once."""
    by_name: dict[tuple[Scope, str], dict[Accounting, EnergyRatio]] = {}
    for one in ratios:
        by_name.setdefault((one.scope, one.name), {})[one.accounting] = one
    made = []
    for (scope, name), by in by_name.items():
        measured, counted = by.get("measured"), by.get("counted")
        made.append(
            RatioRow(
                scope,
                name,
                measured.value if measured else None,
                measured.full_array if measured else None,
                counted.value if counted else None,
            )
        )
    return made


def power_origin(rows: Sequence[EnergyRow]) -> str:
    """Where the power of the blocks comes from, in a few words."""
    blocks = [row for row in rows if row.scope == "block"]
    if not any(row.modelled for row in blocks):
        return "the vendor's tool"
    return "a model's estimate" + (
        ", extrapolated to their size" if any(row.extrapolated for row in blocks) else ""
    )


def _of(scope: Scope, array: str, rows: Sequence[EnergyRow], ratios: Sequence[EnergyRatio]) -> Comparison:
    (dense,) = (row for row in _dense(rows, scope) if row.array == array)
    found = [one for one in ratios if (one.scope, one.array) == (scope, array)]
    return Comparison(
        scope,
        SCOPES[scope],
        array,
        dense.value,
        {one.accounting: dense.value / one.value for one in found},
        {one.accounting: one.value for one in found},
        {one.accounting: one.full_array or one.value for one in found},
        dense.utilisation,
    )


def _dense(rows: Sequence[EnergyRow], scope: Scope) -> list[EnergyRow]:
    return [row for row in rows if row.scope == scope and not row.weightless]
