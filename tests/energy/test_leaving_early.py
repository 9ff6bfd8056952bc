"""The energy of an average sample, where samples leave a model early."""

from __future__ import annotations

import pytest

import whole_models
from quweit_cli.energy import power
from quweit_cli.energy.whole import model_energy


def with_means(share: float) -> object:
    """Every engine works, and every memory is read, that share of what it does for a sample that goes to the end."""
    design = whole_models.model_design()
    return design.model_copy(
        update={
            "mean_cycles": share * design.initiation_interval_cycles,
            "engines": [one.model_copy(update={"mean_cycles": share * one.cycles}) for one in design.engines],
            "banks": [
                one.model_copy(update={"mean_accesses": share * (one.reads + one.writes)})
                for one in design.banks
            ],
        }
    )


def energy_of(design: object) -> object:
    made = whole_models.synthesized()
    return model_energy(design, whole_models.CYCLES, made, 200, power.calibrated(), weightless=True)


def test_an_average_sample_takes_what_its_engines_and_memories_do() -> None:
    made = energy_of(with_means(0.25))
    assert made.mean.cycles == pytest.approx(0.25 * whole_models.CYCLES)
    assert made.mean.energy_uj == pytest.approx(0.25 * made.energy_uj)


def test_a_model_that_nobody_leaves_has_none() -> None:
    assert energy_of(whole_models.model_design()).mean is None


def test_where_a_part_has_no_energy_the_average_has_none() -> None:
    design = with_means(0.5)
    made = whole_models.synthesized(urams=1)
    found = model_energy(design, whole_models.CYCLES, made, 200, power.calibrated(), weightless=True)
    assert found.mean.energy_uj is None and found.mean.cycles
