"""The genetic search of GQA-LUT (arXiv 2403.19591), as far as it is published; what the exact one is compared with.

A genome is the breakpoints. A piece is the chord between two of them, its slope and intercept rounded to the format. A
genome is judged on a grid of real numbers, with breakpoints as they are; *Rounding Mutation* moves some of them to where
a coarse scale has codes. Pieces are the same for all scales, only the breakpoints are rounded to each.

Not published, and chosen here: the answer is the best genome that was ever judged; without Rounding Mutation a gene is
moved as often and as far. The draws are numpy's: one run differs from another's as two seeds do.

Shape suffixes: I individuals, M breakpoints, N = M + 1 pieces, G points of the grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from quweit_cli.approximation.functions import Function, Reals
from quweit_cli.approximation.problem import Problem
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear
from quweit_cli.ir.types import bits_of_range

POPULATION, GENERATIONS, SEED = 50, 500, 42
CROSSOVER, MUTATION = 0.7, 0.2  # of a pair, and of an individual
TOURNAMENT = 3
GRID = 0.01
ROUNDED, MOVED, DEVIATION = 0.05, 0.9, 0.2  # of a gene
FINEST = 6  # bits below the point that a gene is rounded to


class Setting(NamedTuple):
    """What is published for one function."""

    ends: tuple[float, float] = (-1e4, 1e4)  # of the first and the last chord
    search: Mapping[
        int, tuple[float, float]
    ] = {}  # by pieces, where breakpoints are looked for; else the range
    offset: Mapping[int, int] = {}  # by pieces, of Rounding Mutation
    rounding: bool = True


PUBLISHED: Mapping[str, Setting] = {
    "gelu": Setting(offset={8: 2}),
    "hswish": Setting(offset={16: 2}),
    "silu": Setting(),
    "exp": Setting((-16, 0), {16: (-6.5, 0)}),
    "reciprocal": Setting((0.5, 4), {8: (0.625, 3.875), 16: (0.625, 3.875)}, rounding=False),
    "reciprocal_root": Setting((0.25, 4), {8: (0.25, 3.875), 16: (0.25, 3.875)}, rounding=False),
}


class Pieces(NamedTuple):
    """breakpoints_M: real numbers, ascending; slopes_N and intercepts_N: whole numbers of 2^-fraction."""

    breakpoints_M: Reals
    slopes_N: Reals
    intercepts_N: Reals

    @property
    def bits(self) -> int:
        """Of a slope or an intercept, whichever needs more."""
        both = np.concatenate([self.slopes_N, self.intercepts_N])
        return bits_of_range(min(int(both.min()), -1), int(both.max()))


def search(
    function: Function,
    segments: int,
    *,
    fraction: int,
    low: float | None = None,
    high: float | None = None,
    seed: int = SEED,
) -> Pieces:
    """The best of all generations.

    low, high: another range than the function's; it is searched as a function of which nothing is published.

    Raises:
        ValueError: fewer than two segments, or the function is not finite somewhere.
    """
    if segments < 2:
        raise ValueError(f"{segments} segment, and a genome needs a breakpoint")
    own = (low, high) in ((None, None), (function.low, function.high))
    ends = (function.low if low is None else low, function.high if high is None else high)
    setting = PUBLISHED.get(function.name) if own else None
    setting = Setting(ends) if setting is None else setting
    return _Search(function, segments, fraction, ends, setting, seed).run()


class _Search:
    def __init__(
        self, function: Function, segments: int, fraction: int, ends: tuple[float, float], setting: Setting, seed: int
    ) -> None:  # fmt: skip
        self.function, self.fraction, self.setting, self.segments = function, fraction, setting, segments
        self.random: Generator = np.random.default_rng(seed)
        self.grid_G = ends[0] + GRID * np.arange(round((ends[1] - ends[0]) / GRID) + 1)
        self.target_G = function.at(self.grid_G)
        self.least, self.most = setting.search.get(segments, ends)

    def run(self) -> Pieces:
        genomes_IM: Reals = self.random.uniform(self.least, self.most, (POPULATION, self.segments - 1))
        errors_I = self._errors(genomes_IM)
        best, least = genomes_IM[np.argmin(errors_I)], errors_I.min()
        for _ in range(GENERATIONS):
            drawn_IT = self.random.integers(POPULATION, size=(POPULATION, TOURNAMENT))
            chosen_I = drawn_IT[np.arange(POPULATION), np.argmin(errors_I[drawn_IT], axis=1)]
            genomes_IM = self._mutated(self._crossed(genomes_IM[chosen_I]))
            errors_I = self._errors(genomes_IM)
            if errors_I.min() < least:
                best, least = genomes_IM[np.argmin(errors_I)], errors_I.min()
        breakpoints_M = np.sort(best)
        slopes_1N, intercepts_1N = self._chords(breakpoints_M[None])
        return Pieces(breakpoints_M, slopes_1N[0], intercepts_1N[0])

    def _chords(self, sorted_IM: Reals) -> tuple[Reals, Reals]:
        """Slopes and intercepts in steps of 2^-fraction; a piece of no width has none, as no point reads it."""
        first, last = (np.full((len(sorted_IM), 1), end) for end in self.setting.ends)
        x_IE = np.concatenate([first, sorted_IM, last], axis=1)
        y_IE = self.function.at(x_IE)
        width_IN = np.diff(x_IE)
        slope_IN = np.where(width_IN > 0, np.diff(y_IE) / np.where(width_IN > 0, width_IN, 1), 0)
        intercept_IN = y_IE[:, :-1] - slope_IN * x_IE[:, :-1]
        scale = 2.0**self.fraction
        return np.rint(slope_IN * scale), np.rint(intercept_IN * scale)

    def _errors(self, genomes_IM: Reals) -> Reals:
        sorted_IM = np.sort(genomes_IM)
        slopes_IN, intercepts_IN = self._chords(sorted_IM)
        piece_IG = (sorted_IM[:, None, :] < self.grid_G[None, :, None]).sum(axis=-1)
        sums_IG = np.take_along_axis(slopes_IN, piece_IG, 1) * self.grid_G
        answers_IG = (sums_IG + np.take_along_axis(intercepts_IN, piece_IG, 1)) * 2.0**-self.fraction
        errors_I: Reals = np.square(answers_IG - self.target_G).mean(axis=1)
        return errors_I

    def _crossed(self, genomes_IM: Reals) -> Reals:
        """Neighbours exchange what lies between two places."""
        width = genomes_IM.shape[1]
        for one in range(1, POPULATION, 2) if width > 1 else ():
            if self.random.random() < CROSSOVER:
                start, end = sorted(self.random.choice(np.arange(1, width + 1), 2, replace=False))
                genomes_IM[[one - 1, one], start:end] = genomes_IM[[one, one - 1], start:end]
        return genomes_IM

    def _mutated(self, genomes_IM: Reals) -> Reals:
        offset = self.setting.offset.get(self.segments, 0)
        chosen_I = np.flatnonzero(self.random.random(POPULATION) < MUTATION)
        genes_JM = genomes_IM[chosen_I]
        for bits in range(offset, FINEST + 1) if self.setting.rounding else (None,):
            p_JM = self.random.random(genes_JM.shape)
            if bits is not None:
                rounded_JM = (ROUNDED * bits <= p_JM) & (p_JM < ROUNDED * (bits + 1))
                genes_JM = np.where(rounded_JM, np.rint(genes_JM * 2.0**bits) * 2.0**-bits, genes_JM)
            moved_JM = genes_JM + self.random.normal(0, DEVIATION, genes_JM.shape)
            genes_JM = np.where(p_JM >= MOVED, moved_JM, genes_JM)
        genomes_IM[chosen_I] = np.clip(genes_JM, self.least, self.most)
        return genomes_IM


def node(pieces: Pieces, problem: Problem) -> PiecewiseLinear:
    """The pieces at the scale of a problem: breakpoints rounded to its codes, and only the pieces that a code reads.

    A code on a breakpoint belongs to the piece before it, as published.
    """
    after_M = np.rint(pieces.breakpoints_M * 2.0**problem.format.scale_bits).astype(np.int64) + 1
    piece_C = np.searchsorted(after_M, problem.breakpoints_C, side="right")
    used, firsts = np.unique(piece_C, return_index=True)
    return problem.node(
        firsts.tolist(),
        pieces.slopes_N[used].astype(int).tolist(),
        pieces.intercepts_N[used].astype(int).tolist(),
    )
