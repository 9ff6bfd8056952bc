"""Normalisation and softmax with functions in pieces: RTL equal to the integers, on both simulators."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lanes import play, residuals, scores
from quweit_cli.approximation import exact
from quweit_cli.approximation.functions import FUNCTIONS
from quweit_cli.approximation.parts import exponential_part, reciprocal_part, root_part
from quweit_cli.approximation.problem import Format, of_codes
from quweit_cli.approximation.wide import widened
from quweit_cli.hdl.units.cycles import layer_norm_cycles, softmax_cycles
from quweit_cli.hdl.units.lanes import NORM_IN_PIECES, softmax_lane
from quweit_cli.hdl.units.pieces import scaled_parameters
from quweit_cli.ir.nodes.functions import layer_norm, shiftmax
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear
from quweit_cli.templating import template_root


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
    ("elements", "gaps", "scale_bits", "segments"),
    [(12, True, 5, 8), pytest.param(21, False, 8, 16, marks=pytest.mark.slow), (32, False, 5, 2)],
)
def test_a_normalisation_in_pieces_equals_the_integers(
    tmp_path: Path, elements: int, gaps: bool, scale_bits: int, segments: int
) -> None:
    rows, pieces = residuals(7, elements), root(scale_bits, segments)
    parameters = written({"Elements": str(elements), "SearchedRoot": "1"} | scaled_parameters(pieces))
    got, cycles, last = play(
        tmp_path, "quweit_layer_norm", parameters, rows, 16, sources(NORM_IN_PIECES), gaps=gaps
    )
    assert np.array_equal(got, layer_norm(rows, pieces))
    assert last == [*range(elements - 1, rows.size, elements)]
    if not gaps:
        assert set(cycles) == {layer_norm_cycles(elements, pieces=True)}


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("- LiftBits'(steps)", "- LiftBits'(steps & 2)"),
        ("(coarse + RoundedBits'($signed(2'sd1)))", "coarse"),
        ("(rounded > Most)", "(rounded > Least)"),
        ("(Step * step))", "(Step * step + 1))"),
        ("<< (Window - Step)", "<< (Window - Step - 1)"),
    ],
)
def test_a_broken_root_is_found(tmp_path: Path, old: str, new: str) -> None:
    rows, pieces = residuals(7, 21), root()
    parameters = written({"Elements": "21", "SearchedRoot": "1"} | scaled_parameters(pieces))
    got, *_ = play(
        tmp_path, "quweit_layer_norm", parameters, rows, 16, sources(NORM_IN_PIECES), change=(old, new)
    )
    assert not np.array_equal(got, layer_norm(rows, pieces))


def reciprocal(scale_bits: int = 5, segments: int = 8) -> PiecewiseLinear:
    function = FUNCTIONS["reciprocal"]
    codes = np.arange(1 << scale_bits - 1, 4 << scale_bits)
    pieces = exact.search(of_codes(function, codes, Format(9, 6, scale_bits)), segments)
    return reciprocal_part(widened(function, pieces, scale_bits, 6, 16).node, 6)


def exponential(segments: int = 8) -> PiecewiseLinear:
    pieces = exact.search(of_codes(FUNCTIONS["exp"], np.arange(-256, 1), Format(8, 6, 5)), segments)
    below = pieces.intercepts_N.copy()
    below[0] -= 1  # far scores would weigh less than nothing
    return exponential_part(dataclasses.replace(pieces, intercepts_N=below), 6)


# The lane has its multiplier as an input: a wrapper gives it, so that the bench of rows can play it.
WRAPPER = """
module wrapper (
  input logic clk_i, rst_ni, x_valid_i, x_last_i, y_ready_i, input logic [7:0] x_data_i,
  output logic x_ready_o, y_valid_o, y_last_o, output logic [7:0] y_data_o
);
  quweit_softmax_rows #({parameters}) u_lane (.multiplier_i (8'd{multiplier}), .counts_i (16'd{counts}), .*);
endmodule
"""
KINDS = ("exponential", "reciprocal", "both")


def parts_of(kind: str) -> tuple[PiecewiseLinear | None, PiecewiseLinear | None]:
    return exponential() if kind != "reciprocal" else None, reciprocal() if kind != "exponential" else None


def play_softmax(
    folder: Path, rows: np.ndarray, kind: str, multiplier: int, counts: int = 65535, *, gaps: bool = False,
    change: tuple[str, str] | None = None,
) -> tuple[np.ndarray, list[int], list[int]]:  # fmt: skip
    lane = softmax_lane(rows.shape[1], *parts_of(kind))
    wrapper = folder / "wrapper.sv"
    wrapper.write_text(
        WRAPPER.format(parameters=written(lane.parameters), multiplier=multiplier, counts=counts)
    )
    return play(folder, "wrapper", "", rows, 8, [*sources(lane.sources), wrapper], gaps=gaps, change=change)


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("elements", "gaps", "multiplier", "counts"),
    [(12, True, 16, 65535), (21, False, 1, 65535), (32, False, 4, 17)],
)
def test_a_softmax_in_pieces_equals_the_integers(
    tmp_path: Path, kind: str, elements: int, gaps: bool, multiplier: int, counts: int
) -> None:
    rows = scores(6, elements)
    got, cycles, last = play_softmax(tmp_path, rows, kind, multiplier, counts, gaps=gaps)
    among = np.arange(elements) <= counts
    assert np.array_equal(got, shiftmax(rows, multiplier, among, *parts_of(kind)))
    assert last == [*range(elements - 1, rows.size, elements)]
    if not gaps:
        assert set(cycles) == {softmax_cycles(elements, reciprocal=kind != "exponential")}


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("8'd255 : scaled[7:0]", "8'd25 : scaled[7:0]"),
        ("(wide_intercept <<< Align)", "wide_intercept"),
        ("sum[SumBits-1] ? 17'd0", "sum[SumBits-1] ? 17'd1024"),
        ("counts ? full_weight : '0", "full_weight"),
        ("(ScaledBits'(1) << (shift - 1'b1))", "ScaledBits'(1)"),
        ("* ShiftBits'(steps)", "* ShiftBits'(steps & 2)"),
        ("(rounded[ScaledBits-1:7] != '0)", "1'b0"),
    ],
)
def test_a_broken_softmax_is_found(tmp_path: Path, old: str, new: str) -> None:
    rows = scores(6, 21)
    got, *_ = play_softmax(tmp_path, rows, "both", 2, 15, change=(old, new))
    assert not np.array_equal(got, shiftmax(rows, 2, np.arange(21) <= 15, *parts_of("both")))
