"""Ranges scaled by the leading one: as good as the pieces of one range, at every input of sixteen bits."""

from __future__ import annotations

import numpy as np
import pytest

from quweit_cli.approximation import exact
from quweit_cli.approximation.functions import FUNCTIONS
from quweit_cli.approximation.problem import Format, of_codes
from quweit_cli.approximation.wide import widened

INPUTS = np.arange(1, 65536)


@pytest.mark.parametrize("name", ["reciprocal", "reciprocal_root"])
def test_every_wide_input_is_answered_by_the_pieces_of_its_range(name: str) -> None:
    """Below the window nothing is cut off, and the error is that of the pieces; above it, of what is cut off as well."""
    function = FUNCTIONS[name]
    assert function.scaled is not None
    low, high = int(function.low * 32), int(function.high * 32) - 1
    problem = of_codes(function, np.arange(low, high + 1), Format(9, 6, 5))
    pieces = exact.search(problem, 8)
    wide = widened(function, pieces, 5, 6, 16)
    target = function.at(INPUTS.astype(np.float64))
    relative = np.abs(wide.node.evaluate(INPUTS) * wide.step / target - 1)
    codes = problem.points_P
    of_pieces = np.abs(problem.errors(pieces) / problem.targets_P).max()
    assert relative[: int(codes[0])].max() <= of_pieces + 1e-12
    cut_off = function.at(np.array([1.0]))[0] / function.at(np.array([1 + 1 / codes[0]]))[0] - 1
    assert of_pieces < relative.max() <= (1 + of_pieces) * (1 + cut_off) - 1


def test_another_function_has_no_such_ranges_and_a_coarse_scale_no_window() -> None:
    gelu, root = FUNCTIONS["gelu"], FUNCTIONS["reciprocal_root"]
    pieces = exact.search(of_codes(gelu, np.arange(-8, 8), Format(8, 6, 1)), 2)
    with pytest.raises(ValueError, match="ranges of `gelu` are not multiples"):
        widened(gelu, pieces, 4, 6, 16)
    with pytest.raises(ValueError, match="hold no whole range of `reciprocal_root`"):
        widened(root, pieces, 1, 6, 16)
