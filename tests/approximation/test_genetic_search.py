"""GQA-LUT's genetic search, as far as it is published: chords, grids, mutations, and errors like the published ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quweit_cli.approximation import genetic
from quweit_cli.approximation.functions import FUNCTIONS, Function
from quweit_cli.approximation.genetic import Pieces, Setting, _Search
from quweit_cli.approximation.problem import Format, of_codes, of_grid

GELU = FUNCTIONS["gelu"]


def test_pieces_are_chords_between_breakpoints_and_far_ends() -> None:
    """Of |x| with a breakpoint at 0: slopes -1 and 1 in 64ths."""
    bend = Function("bend", "|x|", np.abs, -2, 2)
    search = _Search(bend, 2, 6, (-2, 2), Setting(), 0)
    slopes, intercepts = search._chords(np.array([[0.0]]))
    assert (slopes.tolist(), intercepts.tolist()) == ([[-64, 64]], [[0, 0]])
    assert search._errors(np.array([[0.0]])).tolist() == [0]
    assert search._errors(np.array([[1.0]]))[0] > 0


def test_a_piece_of_no_width_is_no_error() -> None:
    search = _Search(GELU, 3, 6, (-4, 4), Setting(), 0)
    assert np.isfinite(search._errors(np.array([[1.0, 1.0]]))).all()


def test_the_same_seed_finds_the_same_and_another_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genetic, "GENERATIONS", 20)
    first, again, other = (genetic.search(GELU, 8, fraction=6, seed=seed) for seed in (42, 42, 43))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.breakpoints_M, other.breakpoints_M)


def test_rounding_mutation_leaves_breakpoints_on_coarse_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genetic, "MOVED", 2)  # nothing is moved at random
    monkeypatch.setattr(genetic, "MUTATION", 1)
    search = _Search(GELU, 8, 6, (-4, 4), Setting(offset={8: 2}), 0)
    genomes = search.random.uniform(-4, 4, (genetic.POPULATION, 7))
    mutated = search._mutated(genomes.copy())
    changed = mutated[mutated != genomes]
    on_codes = changed * 2**6
    assert 0.15 < changed.size / genomes.size < 0.35  # five draws of a twentieth
    assert np.array_equal(on_codes, np.rint(on_codes))  # of 2^-2 to 2^-6
    none = _Search(GELU, 8, 6, (-4, 4), Setting(rounding=False), 0)
    assert np.array_equal(none._mutated(genomes.copy()), genomes)


def test_genes_stay_where_they_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genetic, "GENERATIONS", 30)
    for name, least, most in (("exp", -6.5, 0), ("reciprocal", 0.625, 3.875)):
        found = genetic.search(FUNCTIONS[name], 16, fraction=6)
        assert least <= found.breakpoints_M.min() and found.breakpoints_M.max() <= most


@pytest.mark.parametrize(("segments", "published"), [(8, 7.3e-5), (16, 1.8e-5)])
def test_it_is_as_good_as_published(segments: int, published: float) -> None:
    """One run of another generator: within twice; the exact search is three times as good and more."""
    found = genetic.search(GELU, segments, fraction=6)
    problem = of_codes(GELU, np.arange(-64, 65), Format(8, 6, 4))
    assert np.square(problem.errors(genetic.node(found, problem))).mean() < 2 * published
    assert found.bits == 8


def test_a_code_on_a_breakpoint_belongs_to_the_piece_before_and_unread_pieces_are_left_out() -> None:
    pieces = Pieces(np.array([-9.0, 0.3, 0.4, 2.0]), np.arange(5.0), np.arange(5.0))
    problem = of_codes(GELU, np.arange(-4, 5), Format(8, 6, 0))
    node = genetic.node(pieces, problem)  # 0.3 and 0.4 are both 0
    assert node.breakpoints_M.tolist() == [1, 3]
    assert node.slopes_N.tolist() == [1, 3, 4]
    fine = genetic.node(pieces, of_codes(GELU, np.arange(-128, 128), Format(8, 6, 5)))
    assert fine.slopes_N.tolist() == [1, 2, 3, 4]


def test_storage_is_that_of_the_largest_slope_or_intercept() -> None:
    assert Pieces(np.array([0.0]), np.array([-128.0, 127.0]), np.array([0.0, 1.0])).bits == 8
    assert Pieces(np.array([0.0]), np.array([0.0, 128.0]), np.array([0.0, 1.0])).bits == 9
    assert Pieces(np.array([0.0]), np.array([0.0, 1.0]), np.array([-129.0, 1.0])).bits == 9


def test_errors_on_the_grid_are_those_of_the_search() -> None:
    search = _Search(GELU, 4, 6, (-4, 4), Setting(), 0)
    genome = np.array([[-1.0, 0.25, 1.5]])
    slopes, intercepts = search._chords(genome)
    problem = of_grid(GELU, -4, 4, genetic.GRID, Format(8, 6, 4))
    node = genetic.node(Pieces(genome[0], slopes[0], intercepts[0]), problem)
    # A real number just above a breakpoint is in the next piece at once, a code only from the next code on.
    assert math.isclose(np.square(problem.errors(node)).mean(), search._errors(genome)[0], rel_tol=0.2)


def test_one_segment_has_no_genome() -> None:
    with pytest.raises(ValueError, match="1 segment, and a genome needs a breakpoint"):
        genetic.search(GELU, 1, fraction=6)
