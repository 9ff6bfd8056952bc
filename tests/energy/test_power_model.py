"""The power model rests on the published points, says how far it is off, and where it extrapolates."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from quweit_cli.energy import power, published
from quweit_cli.energy.power import calibrated, estimate, fit
from quweit_cli.energy.published import Point
from quweit_cli.errors import ArtifactError

MODEL = calibrated()


def test_published_powers_follow_from_published_energies() -> None:
    powers = [point.power_mw for point in published.POINTS]
    assert powers == pytest.approx([127.0, 273.0, 585.0, 1469.0, 153.1], abs=0.06)


def test_the_model_is_within_17_percent_of_every_published_point() -> None:
    assert [point.name for point in MODEL.points] == [point.name for point in published.POINTS]
    for point in MODEL.points:
        off = 100 * (point.predicted_mw / point.published_mw - 1)
        assert point.residual_percent == pytest.approx(off, abs=0.1)
        assert abs(off) < 17
    assert power.worst_residual_percent(MODEL) == pytest.approx(16.4, abs=0.05)


def test_what_the_model_says_without_a_point_is_stated_too() -> None:
    left_out = {point.name: point.left_out_percent for point in MODEL.points}
    assert left_out["weightless block"] == pytest.approx(68, abs=1)
    assert max(abs(value) for name, value in left_out.items() if name != "weightless block") < 20


def test_a_power_law_is_found_again() -> None:
    points = [
        Point("", 1000, luts, ffs, 3e-6 * 1000 * luts**0.4 * ffs**0.3)
        for luts, ffs in [(100, 900), (2_000, 300), (40_000, 5_000), (9_000, 70_000)]
    ]
    found = fit(points)
    assert (found.luts, found.ffs) == pytest.approx((0.4, 0.3), abs=1e-5)
    assert found.k == pytest.approx(3e-6 * 200 * 1000, rel=1e-4)


def test_a_bigger_design_never_takes_less_power() -> None:
    for luts in (8_000, 20_000, 300_000):
        for ffs in (4_000, 20_000, 200_000):
            here = estimate(MODEL, luts=luts, ffs=ffs, clock_mhz=200, device=published.DEVICE).power_mw
            assert (
                estimate(MODEL, luts=luts + 1_000, ffs=ffs, clock_mhz=200, device=published.DEVICE).power_mw
                >= here
            )
            assert (
                estimate(MODEL, luts=luts, ffs=ffs + 1_000, clock_mhz=200, device=published.DEVICE).power_mw
                > here
            )


def test_power_is_linear_in_the_clock() -> None:
    slow = estimate(MODEL, luts=24_000, ffs=6_000, clock_mhz=100, device=published.DEVICE).power_mw
    assert estimate(
        MODEL, luts=24_000, ffs=6_000, clock_mhz=300, device=published.DEVICE
    ).power_mw == pytest.approx(3 * slow)


def test_a_design_outside_of_the_calibrated_range_is_marked() -> None:
    assert MODEL.valid_luts == [7_792, 370_939]
    assert (
        "extrapolated"
        not in estimate(MODEL, luts=7_792, ffs=3_178, clock_mhz=200, device=published.DEVICE).source
    )
    assert (
        "outside of 7,792 to 370,939 LUTs"
        in estimate(MODEL, luts=7_791, ffs=3_178, clock_mhz=200, device=published.DEVICE).source
    )
    assert (
        "outside of 3,178 to 203,023 FFs"
        in estimate(MODEL, luts=7_792, ffs=3_177, clock_mhz=200, device=published.DEVICE).source
    )


def test_an_empty_design_has_no_estimate() -> None:
    with pytest.raises(ArtifactError, match="0 flip-flops"):
        estimate(MODEL, luts=10, ffs=0, clock_mhz=200, device=published.DEVICE)


def test_the_figures_in_the_docstring_are_those_of_the_fit() -> None:
    assert (MODEL.coefficients["a"], round(MODEL.coefficients["b"], 2)) == (0, 0.61)
    assert "a = 0 and b = 0.61" in str(power.__doc__)
    assert not any(math.isnan(value) for value in MODEL.coefficients.values())


def test_docs_method_states_the_fit_and_the_points(repository: Path) -> None:
    words = (repository / "docs" / "method.md").read_text().replace("×", "x").replace("−", "-")
    for point, published_point in zip(MODEL.points, published.POINTS, strict=True):
        off = f"{point.residual_percent:+.1f} % | {point.left_out_percent:+.1f} %"
        assert f"| {point.name} | {point.predicted_mw:,.1f} | {off} |" in words
        figures = f"{published_point.cycles:,} | {published_point.luts:,} | {published_point.ffs:,}"
        energies = f"{published_point.energy_uj} | {published_point.power_mw:,.1f}"
        assert f"| {point.name} | {figures} | {energies} |" in words
    for value in (f"k = {MODEL.coefficients['k']:.3f} mW", f"b = {MODEL.coefficients['b']:.3f}"):
        assert value in words
