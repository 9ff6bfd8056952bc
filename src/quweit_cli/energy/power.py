"""Power of a design from its LUTs and flip-flops, calibrated on the five published points.

    power = k · LUTs^a · FFs^b,   a, b >= 0, least squares in the logarithm

The exponents are bounded because a design must not become cheaper by growing: unbounded, the fit is
a = -0.40, b = 0.96, within 8 % of every point, and nonsense elsewhere. Bounded, a = 0 and b = 0.61:
within 17 %. With one point left out, the arrays are predicted within 20 %, the block 68 % too high: in
the arrays LUTs and flip-flops grow together, so that the block alone tells the two apart. Affine in
LUTs and FFs is worse (24 %, and 49 % for an array left out). Five points carry no finer model, and
what comes out is an estimate to compare orders of magnitude with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from quweit_cli.documents import (
    CalibrationPoint,
    PowerModel,
)
from quweit_cli.energy import published
from quweit_cli.energy.published import Point
from quweit_cli.errors import ArtifactError
from quweit_cli.technologies import technology_of


def energy_uj(cycles: int, power_mw: float, clock_mhz: float) -> float:
    """mW · cycles / MHz is nJ."""
    return power_mw * cycles / clock_mhz / 1000


FORMULA = "power_mw = k · luts^a · ffs^b · clock_mhz / 200, a >= 0, b >= 0"


class Exponents(NamedTuple):
    k: float
    luts: float
    ffs: float

    def power_mw(self, luts: int, ffs: int) -> float:
        """At the published clock of 200 MHz."""
        return self.k * math.pow(luts, self.luts) * math.pow(ffs, self.ffs)


class Estimate(NamedTuple):
    power_mw: float
    source: str
    luts: int
    ffs: int
    extrapolated: bool

    @property
    def method(self) -> str:
        """The source with the design's own figures, for where they do not stand beside it."""
        return f"{self.source}; here {self.luts:,} LUTs, {self.ffs:,} FFs"


def calibrated() -> PowerModel:
    """The model with its residual at each published point, fitted with the point and without it."""
    fitted = fit(published.POINTS)
    points = []
    for point in published.POINTS:
        others = fit([other for other in published.POINTS if other != point])
        points.append(
            CalibrationPoint(
                name=point.name,
                luts=point.luts,
                ffs=point.ffs,
                published_mw=round(point.power_mw, 2),
                predicted_mw=round(fitted.power_mw(point.luts, point.ffs), 2),
                residual_percent=_off_percent(fitted, point),
                left_out_percent=_off_percent(others, point),
            )
        )
    luts = [point.luts for point in published.POINTS]
    return PowerModel(
        formula=FORMULA,
        coefficients={"k": fitted.k, "a": fitted.luts, "b": fitted.ffs},
        points=points,
        valid_luts=[min(luts), max(luts)],
    )


def covers(device: str) -> bool:
    """Whether a part has the cells whose counts the model was fitted to.

    Raises:
        ConfigError: a part of no known family.
    """
    return technology_of(device).cells == technology_of(published.DEVICE).cells


def estimate(model: PowerModel, *, luts: int, ffs: int, clock_mhz: float, device: str) -> Estimate:
    """Dynamic power of a design whose cells were counted for `device`; linear in the clock.

    The source says so when the design lies outside of the calibrated range.

    Raises:
        ArtifactError: a design without LUTs or flip-flops, or in cells of another kind, for which the model means nothing.
        ConfigError: a part of no known family.
    """
    if not covers(device):
        raise ArtifactError(
            f"the power model was fitted to counts of {technology_of(published.DEVICE).cells.name} "
            f"({published.DEVICE}), and `{device}` has {technology_of(device).cells.name}",
            hint=f"synthesize for a part with those cells, such as {published.DEVICE}, to state power and energy",
        )
    if luts <= 0 or ffs <= 0:
        raise ArtifactError(f"a block of {luts} LUTs and {ffs} flip-flops is no design to estimate power of")
    exponents = Exponents(model.coefficients["k"], model.coefficients["a"], model.coefficients["b"])
    source = f"model of LUTs and FFs, residuals up to {worst_residual_percent(model):.0f} %"
    outside = [
        f"{smallest:,} to {largest:,} {name}"
        for name, value, (smallest, largest) in (
            ("LUTs", luts, model.valid_luts),
            ("FFs", ffs, _range([point.ffs for point in model.points])),
        )
        if not smallest <= value <= largest
    ]
    if outside:
        source += f"; extrapolated, outside of {' and '.join(outside)}"
    power_mw = exponents.power_mw(luts, ffs) * clock_mhz / published.CLOCK_MHZ
    return Estimate(power_mw, source, luts, ffs, bool(outside))


def worst_residual_percent(model: PowerModel) -> float:
    return float(max(abs(point.residual_percent) for point in model.points))


def fit(points: Sequence[Point]) -> Exponents:
    """Least squares with exponents >= 0: of the fits with each subset of exponents free and the
    others 0, the best that has no negative one (exact, as the problem is convex)."""
    target = np.log([point.power_mw for point in points])
    columns = np.log([[point.luts, point.ffs] for point in points])
    best: tuple[float, Exponents] | None = None
    for free in (list(subset) for size in range(3) for subset in combinations(range(2), size)):
        matrix = np.column_stack([np.ones(len(points)), columns[:, free]])
        solution = np.linalg.lstsq(matrix, target, rcond=None)[0]
        error = float(np.sum((matrix @ solution - target) ** 2))
        if min(solution[1:], default=0) >= 0 and (best is None or error < best[0]):
            exponents = dict(zip(free, solution[1:], strict=True))
            best = (
                error,
                Exponents(
                    _six_digits(np.exp(solution[0])),
                    _six_digits(exponents.get(0, 0.0)),
                    _six_digits(exponents.get(1, 0.0)),
                ),
            )
    assert best is not None  # with no exponent free there is always a fit
    return best[1]


def _off_percent(exponents: Exponents, point: Point) -> float:
    return round(100 * (exponents.power_mw(point.luts, point.ffs) / point.power_mw - 1), 1)


def _range(values: Sequence[int]) -> tuple[int, int]:
    return min(values), max(values)


def _six_digits(value: float) -> float:
    """The last bits of a least-squares solution differ between machines."""
    return float(f"{value:.6g}")
