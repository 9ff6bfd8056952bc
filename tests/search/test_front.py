"""What is on the front, and what comes first of it, by hand."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from quweit_cli.documents import SearchTrial
from quweit_cli.energy import foldings
from quweit_cli.search.compromise import nearest_to_ideal


def trial(number: int, loss: float, luts: int, energy_uj: float) -> SearchTrial:
    return SearchTrial(number=number, settings={}, state="tried", loss=loss, luts=luts, energy_uj=energy_uj)


MADE = [
    trial(0, 0.5, 1000, 4.0),
    trial(1, 0.4, 2000, 3.0),
    trial(2, 0.5, 1000, 4.1),  # trial 0 is as good in two, and better in one
    trial(3, 0.6, 3000, 5.0),  # every other one is better in all
    trial(4, 0.7, 4000, 0.1),  # the least energy
    trial(5, 0.4, 2000, 3.0),  # the same as trial 1
    trial(6, 0.45, 1500, 3.5),  # between 0 and 1, and beaten by none
]


def numbers(trials: list[SearchTrial]) -> list[int]:
    return [one.number for one in trials]


def test_a_trial_is_on_the_front_when_no_other_is_as_good_in_all_three() -> None:
    assert numbers(foldings.front(MADE, lambda one: one.figures)) == [1, 6, 0, 4]
    assert numbers(foldings.front(MADE[::-1], lambda one: one.figures)) == [5, 6, 0, 4]
    assert foldings.front([], lambda one: (one,)) == []


def test_a_figure_more_can_only_add_to_the_front() -> None:
    assert numbers(foldings.front(MADE, lambda one: (one.loss or 0, one.luts or 0))) == [1, 6, 0]


def test_the_best_compromise_comes_first() -> None:
    """Each figure from 0, the least, to 1, the greatest; LUTs and energy by powers of ten."""
    best, balanced, worst = trial(0, 0.0, 1000, 100.0), trial(1, 0.2, 100, 10.0), trial(2, 1.0, 10, 1.0)
    # squares: 0 + 1 + 1; 0.04 + 0.25 + 0.25; 1 + 0 + 0
    assert numbers(nearest_to_ideal([best, balanced, worst])) == [1, 2, 0]


def test_a_front_of_one_or_of_equal_figures_has_an_order_too() -> None:
    assert numbers(nearest_to_ideal([trial(3, 0.5, 10, 1.0)])) == [3]
    assert numbers(nearest_to_ideal([trial(4, 0.5, 10, 1.0), trial(3, 0.5, 10, 1.0)])) == [3, 4]
    assert nearest_to_ideal([]) == []


@pytest.mark.parametrize(
    "kept",
    [
        {"state": "tried", "loss": 0.5, "luts": 10},
        {"state": "tried", "loss": 0.5, "luts": 0, "energy_uj": 1.0},
        {"state": "refused"},
        {"state": "failed", "reason": "no", "loss": 0.5},
        {"state": "refused", "reason": "no", "on_front": True},
    ],
)
def test_a_trial_has_all_its_figures_or_none_and_a_reason(kept: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SearchTrial.model_validate({"number": 0, "settings": {}, **kept})
