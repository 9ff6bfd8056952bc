"""What a search is given: points at which a function is known, and the integers that may answer them.

A point lies at `u` codes, a whole number unless errors are counted on a grid finer than the codes. Shape suffixes:
P points, C codes that a breakpoint can stand before (cells), N pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quweit_cli.approximation.functions import Function, Reals
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear

UNCLAMPED = (-(2**62), 2**62)


@dataclass(frozen=True)
class Format:
    """How integers stand for real numbers, all scales being powers of two.

    A code is 2^-scale_bits, a slope or an intercept 2^-fraction, an answer 2^-answer_bits. Without `answer_bits` the
    answer is the sum as it is, of 2^-(fraction + scale_bits).
    """

    bits: int  # of a slope, and of an intercept
    fraction: int
    scale_bits: int
    answer_bits: int | None = None
    answer_range: tuple[int, int] = UNCLAMPED

    @property
    def shift(self) -> int:
        """From a sum to an answer."""
        return 0 if self.answer_bits is None else self.sum_bits - self.answer_bits

    @property
    def sum_bits(self) -> int:
        """Below the point of a sum."""
        return self.fraction + self.scale_bits

    @property
    def coefficients(self) -> tuple[int, int]:
        """The least and the greatest slope or intercept."""
        return -(1 << self.bits - 1), (1 << self.bits - 1) - 1

    @property
    def step(self) -> float:
        """The real value of an answer of 1."""
        return 2.0 ** (self.shift - self.sum_bits)

    def nearest(self, targets: Reals) -> Integers:
        """The answers that are nearest to real numbers, as a table of them has."""
        nearest: Integers = np.clip(np.floor(targets / self.step + 0.5), *self.answer_range).astype(np.int64)
        return nearest

    def answers(self, sums: Reals) -> Reals:
        """As real numbers; sums are whole, but for points between codes."""
        if self.answer_bits is None:
            return sums * self.step
        whole = np.floor(sums * 2.0**-self.shift + 0.5)
        clamped: Reals = np.clip(whole, *self.answer_range) * self.step
        return clamped


@dataclass(frozen=True, eq=False)
class Problem:
    """points_P ascend, in codes; targets_P are the function there; starts_C: the first point of every cell."""

    points_P: Reals
    targets_P: Reals
    starts_C: Integers
    breakpoints_C: Integers  # the code with which a piece that starts in a cell starts
    format: Format

    @property
    def cells(self) -> int:
        return len(self.starts_C)

    def node(
        self, first_cells: Sequence[int], slopes: Sequence[int], intercepts: Sequence[int]
    ) -> PiecewiseLinear:
        """Pieces that start with these cells, the first of which is 0."""
        return PiecewiseLinear(
            self.breakpoints_C[list(first_cells)][1:],
            np.array(slopes, dtype=np.int64),
            np.array(intercepts, dtype=np.int64),
            self.format.scale_bits,
            self.format.shift,
            *self.format.answer_range,
        )

    def errors(self, node: PiecewiseLinear) -> Reals:
        """Answers less targets at every point; at codes, by the node itself."""
        codes_P = np.floor(self.points_P).astype(np.int64)
        if np.array_equal(codes_P, self.points_P):
            return node.evaluate(codes_P) * self.format.step - self.targets_P
        piece_P = node.pieces(codes_P)
        sums_P = node.slopes_N[piece_P] * self.points_P + (node.intercepts_N[piece_P] << node.align)
        return self.format.answers(sums_P) - self.targets_P


def of_codes(function: Function, codes_P: Integers, form: Format, cell_bits: int = 0) -> Problem:
    """At every code; breakpoints before every code that is a multiple of 2^cell_bits.

    Raises:
        ValueError: the function is not finite at a code.
    """
    return _problem(function, codes_P.astype(np.float64), codes_P >> cell_bits << cell_bits, form)


def of_grid(function: Function, low: float, high: float, distance: float, form: Format) -> Problem:
    """At real numbers from `low` on, `distance` apart; breakpoints before every code, sums unrounded.

    Raises:
        ValueError: the function is not finite at a point.
    """
    count = round((high - low) / distance)
    points_P = (low + distance * np.arange(count + 1)) * 2.0**form.scale_bits
    return _problem(function, points_P, np.floor(points_P).astype(np.int64), form)


def _problem(function: Function, points_P: Reals, cells_P: Integers, form: Format) -> Problem:
    targets_P = function.at(points_P * 2.0**-form.scale_bits)
    breakpoints_C, starts_C = np.unique(cells_P, return_index=True)
    return Problem(points_P, targets_P, starts_C.astype(np.int64), breakpoints_C, form)
