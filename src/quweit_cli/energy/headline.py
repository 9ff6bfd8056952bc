"""What an energy table comes down to: blocks beside the most frugal of the arrays, in both accountings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from quweit_cli.documents import EnergyRatio, EnergyRow
from quweit_cli.energy.power import EXTRAPOLATED
from quweit_cli.energy.rows import ALL_LAYERS, ALL_MLPS, BLOCK_IMPLEMENTATION, sentences

SUBJECTS = {"mlps": ALL_MLPS, "model": ALL_LAYERS}
IDLE = 0.5  # utilisation below which a ratio to the array as it is used says more of the array than of blocks


class Comparison(NamedTuple):
    """One of SUBJECTS on one array, and with blocks in place of MLPs; energies of one sample, µJ."""

    what: str
    array: str
    dense_uj: float
    blocks_uj: dict[str, float]  # by accounting of the blocks' cycles
    times: dict[str, float]
    times_full: dict[str, float]  # were every multiplier of the array at work in every cycle
    utilisation: float | None  # of the array, dense; older tables do not say it

    @property
    def idle(self) -> bool:
        return self.utilisation is not None and self.utilisation < IDLE


def comparisons(rows: Sequence[EnergyRow], ratios: Sequence[EnergyRatio]) -> list[Comparison]:
    """Of all MLPs, and of all layers where there is attention; none for blocks that stand alone."""
    arrays = frugal_arrays(rows)
    return [_of(subject, arrays[0], rows, ratios) for subject in SUBJECTS if arrays and _has(rows, subject)]


def frugal_arrays(rows: Sequence[EnergyRow]) -> list[str]:
    """From the one on which the dense model spends least."""
    subject = "model" if _has(rows, "model") else "mlps"
    dense = [row for row in rows if (row.subject, row.accounting) == (subject, "formula")]
    return [row.implementation for row in sorted(dense, key=lambda row: row.value)]


def least_when_full(ratios: Sequence[EnergyRatio]) -> tuple[float, str]:
    """How many times the energy of the blocks all MLPs take on the best array were all arrays full, and which it is."""
    return min(
        (one.full_array or one.value, one.numerator)
        for one in ratios
        if one.name.startswith(f"{ALL_MLPS}, ") and one.accounting == "measured"
    )


class RatioRow(NamedTuple):
    """One comparison in its three readings."""

    name: str
    measured: float | None
    full_array: float | None  # at measured cycles too
    paper: float | None


def ratio_rows(ratios: Sequence[EnergyRatio]) -> list[RatioRow]:
    """The comparisons of the table in their order, each once."""
    by_name: dict[str, dict[str, EnergyRatio]] = {}
    for one in ratios:
        by_name.setdefault(one.name, {})[one.accounting] = one
    made = []
    for name, by in by_name.items():
        measured, paper = by.get("measured"), by.get("paper")
        made.append(
            RatioRow(
                name,
                measured.value if measured else None,
                measured.full_array if measured else None,
                paper.value if paper else None,
            )
        )
    return made


def power_origin(rows: Sequence[EnergyRow]) -> str:
    """Where the power of the blocks comes from, in a few words."""
    blocks = [row for row in rows if row.implementation == BLOCK_IMPLEMENTATION]
    if not any(map(by_model, blocks)):
        return "the vendor's tool"
    smaller = any(EXTRAPOLATED in row.power_source for row in blocks)
    return "a model's estimate" + (", extrapolated to their size" if smaller else "")


def by_model(row: EnergyRow) -> bool:
    """Whether its power is the model's estimate, or an average with one."""
    return any(sentence.startswith("model ") for sentence in sentences(row.power_source))


def _of(subject: str, array: str, rows: Sequence[EnergyRow], ratios: Sequence[EnergyRatio]) -> Comparison:
    (dense,) = (row for row in rows if (row.subject, row.implementation) == (subject, array))
    name = f"{SUBJECTS[subject]}, {array}"
    named = [one for one in ratios if one.name == name]
    return Comparison(
        SUBJECTS[subject],
        array,
        dense.value,
        {one.accounting: dense.value / one.value for one in named},
        {one.accounting: one.value for one in named},
        {one.accounting: one.full_array or one.value for one in named},
        dense.utilisation,
    )


def _has(rows: Sequence[EnergyRow], subject: str) -> bool:
    return any((row.subject, row.accounting) == (subject, "formula") for row in rows)
