"""Normalisation with functions in pieces: RTL equal to the integers, on both simulators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lanes import play, residuals
from quweit_cli.approximation import exact
from quweit_cli.approximation.functions import FUNCTIONS
from quweit_cli.approximation.parts import root_part
from quweit_cli.approximation.problem import Format, of_codes
from quweit_cli.approximation.wide import widened
from quweit_cli.hdl.units.cycles import layer_norm_cycles
from quweit_cli.hdl.units.pieces import LINE, root_parameters
from quweit_cli.ir.nodes.functions import layer_norm
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear
from quweit_cli.templating import template_root

NORM = (*LINE, "quweit_window.sv", "quweit_layer_norm_pieces.sv")


def sources(names: tuple[str, ...]) -> list[Path]:
    return [template_root() / "units" / name for name in names]


def written(parameters: dict[str, str]) -> str:
    return ", ".join(f".{name}({value})" for name, value in parameters.items())


def root(scale_bits: int = 5, segments: int = 8) -> PiecewiseLinear:
    function = FUNCTIONS["reciprocal_root"]
    codes = np.arange(1 << scale_bits - 2, 4 << scale_bits)
    pieces = exact.search(of_codes(function, codes, Format(9, 6, scale_bits)), segments)
    return root_part(widened(function, pieces, scale_bits, 6, 16).node, 6)


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("elements", "gaps", "scale_bits", "segments"), [(12, True, 5, 8), (21, False, 8, 16), (32, False, 5, 2)]
)
def test_a_normalisation_in_pieces_equals_the_integers(
    tmp_path: Path, elements: int, gaps: bool, scale_bits: int, segments: int
) -> None:
    rows, pieces = residuals(7, elements), root(scale_bits, segments)
    parameters = written({"Elements": str(elements)} | root_parameters(pieces))
    got, cycles, last = play(
        tmp_path, "quweit_layer_norm_pieces", parameters, rows, 16, sources(NORM), gaps=gaps
    )
    assert np.array_equal(got, layer_norm(rows, pieces))
    assert last == [*range(elements - 1, rows.size, elements)]
    if not gaps:
        assert set(cycles) == {layer_norm_cycles(elements, pieces=True)}


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("* ShiftBits'(steps_q)", "* ShiftBits'(steps_q & 2)"),
        ("(One <<< (shift - 1'b1))", "One"),
        ("(rounded > Most)", "(rounded > One)"),
        ("(Step * step))", "(Step * step + 1))"),
        ("<< (Window - Step)", "<< (Window - Step - 1)"),
    ],
)
def test_a_broken_root_is_found(tmp_path: Path, old: str, new: str) -> None:
    rows, pieces = residuals(7, 21), root()
    parameters = written({"Elements": "21"} | root_parameters(pieces))
    got, *_ = play(
        tmp_path, "quweit_layer_norm_pieces", parameters, rows, 16, sources(NORM), change=(old, new)
    )
    assert not np.array_equal(got, layer_norm(rows, pieces))
