"""The exact search: nothing is better, by trying everything; never worse than the genetic one or what was published."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest

from quweit_cli.approximation import exact
from quweit_cli.approximation.exact import Objective
from quweit_cli.approximation.functions import FUNCTIONS, Function
from quweit_cli.approximation.problem import Format, Problem, of_codes, of_grid
from quweit_cli.documents import FunctionRow
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear
from quweit_cli.stages import functions

OBJECTIVES: tuple[Objective, ...] = ("squared", "magnitude", "largest")
CODES = np.arange(-3, 5)
BUMP = Function("bump", "x - x^3", lambda x: x - x**3, -1, 1)
COARSE = Format(3, 1, 2)
ROUNDED = Format(3, 2, 2, answer_bits=2, answer_range=(-2, 1))


def everything(problem: Problem, segments: int) -> Iterable[PiecewiseLinear]:
    """All breakpoints, all slopes and all intercepts."""
    low, high = problem.format.coefficients
    pairs = list(itertools.product(range(low, high + 1), repeat=2))
    for firsts in itertools.combinations(range(1, problem.cells), segments - 1):
        for chosen in itertools.product(pairs, repeat=segments):
            yield problem.node([0, *firsts], [one for one, _ in chosen], [one for _, one in chosen])


def cost(problem: Problem, node: PiecewiseLinear, objective: Objective) -> float:
    errors = np.abs(problem.errors(node))
    return float(
        {"squared": np.square(errors).sum(), "magnitude": errors.sum(), "largest": errors.max()}[objective]
    )


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("form", [COARSE, ROUNDED], ids=["sums", "rounded"])
@pytest.mark.parametrize("segments", [1, 2])
def test_nothing_is_better_of_all_that_there_is(segments: int, form: Format, objective: Objective) -> None:
    problem = of_codes(BUMP, CODES, form)
    found = exact.search(problem, segments, objective)
    assert len(found.slopes_N) <= segments
    best = min(cost(problem, node, objective) for node in everything(problem, segments))
    assert cost(problem, found, objective) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("objective", ["squared", "largest"])
def test_nothing_is_better_on_a_grid_and_with_fewer_places_for_breakpoints(objective: Objective) -> None:
    for problem in (of_grid(BUMP, -1, 1, 0.1, COARSE), of_codes(BUMP, CODES, COARSE, cell_bits=1)):
        assert len(problem.points_P) > problem.cells
        found = exact.search(problem, 2, objective)
        best = min(cost(problem, node, objective) for node in everything(problem, 2))
        assert cost(problem, found, objective) == pytest.approx(best, abs=1e-12)


def test_of_the_least_largest_errors_it_is_the_one_of_least_squares() -> None:
    problem = of_codes(FUNCTIONS["gelu"], np.arange(-64, 65), Format(8, 6, 4))
    by_squares, by_largest = (exact.search(problem, 8, objective) for objective in ("squared", "largest"))
    assert cost(problem, by_largest, "largest") < cost(problem, by_squares, "largest")
    assert cost(problem, by_largest, "squared") > cost(problem, by_squares, "squared")
    for place in range(8):  # no step to the side is better in squares where the largest stays
        for row, change in itertools.product(("slopes_N", "intercepts_N"), (-1, 1)):
            moved = getattr(by_largest, row).copy()
            moved[place] += change
            other = PiecewiseLinear(
                **{name: getattr(by_largest, name) for name in by_largest.__dataclass_fields__} | {row: moved}
            )
            if cost(problem, other, "largest") <= cost(problem, by_largest, "largest"):
                assert cost(problem, other, "squared") >= cost(problem, by_largest, "squared")


def test_pieces_that_do_not_help_are_not_there() -> None:
    problem = of_codes(Function("line", "x", lambda x: x, -1, 1), np.arange(-16, 17), Format(8, 6, 4))
    node = exact.search(problem, 8)
    assert len(node.slopes_N) == 1
    assert not problem.errors(node).any()


def test_more_segments_than_codes_are_refused() -> None:
    problem = of_codes(BUMP, CODES, COARSE)
    with pytest.raises(ValueError, match="9 segments, and only 8 codes"):
        exact.search(problem, 9)


def beaten(rows: list[FunctionRow]) -> list[str]:
    """Rows at equal storage and of the same measure in which an exact search is worse than another."""
    found = []
    for row, other in itertools.product(rows, rows):
        same = all(
            getattr(row, key) == getattr(other, key)
            for key in ("function", "segments", "bits", "fraction", "scale", "errors_at")
        )
        if same and row.method == "exact" and other.method in ("genetic", "published"):
            worse = row.objective == "squared" and (row.mse or 0) > (other.mse or 0)
            if worse or (row.objective == "largest" and (row.max_error or 0) > (other.max_error or 1)):
                found.append(f"{row} is worse than {other}")
    return found


@pytest.mark.parametrize(
    "name", ["gelu", *(pytest.param(name, marks=pytest.mark.slow) for name in ("exp", "reciprocal"))]
)
def test_it_is_never_worse_than_the_genetic_search_or_what_was_published(name: str) -> None:
    ranged = name in functions.RANGED
    rows = list(functions.rows_of(FUNCTIONS[name], (8,), (5,) if ranged else (0, 2)))
    assert {row.method for row in rows} == {"exact", "genetic", "published", "table"}
    assert beaten(rows) == []
    for row in rows:  # the check can fail
        if row.method == "exact" and row.objective == "squared" and row.errors_at != "rounded codes":
            worse = row.model_copy(update={"mse": 1.0})
            comparable = bool(row.bits == (9 if ranged else 8))
            assert bool(beaten([*rows, worse])) == comparable


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_is_never_worse_at_any_scale(name: str) -> None:
    assert beaten(list(functions.rows_of(FUNCTIONS[name]))) == []
