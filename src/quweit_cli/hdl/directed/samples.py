"""Input rows in the units in which they are played: single rows, or whole samples where a block reads the tokens around.

Suffixes: N units, R rows, D features that are played, I features that are read.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from quweit_cli.hdl.block.structure import Structure
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.ir.types import TensorType

AT_AN_EDGE = 0.75  # of drawn features: beside one of their thresholds, where comparisons change


class Samples:
    """Rows for a block whose features are within `kind`."""

    def __init__(self, structure: Structure, kind: TensorType, around: Neighbourhood | None) -> None:
        self.kind, self.around = kind, around
        self.rows_of_unit = 1 if around is None else around.tokens
        self.features = kind.features if around is None else kind.features // 2
        self._thresholds_DT = structure.thresholds_DT.reshape(
            -1, self.features, structure.thresholds_DT.shape[1]
        )
        self._thresholds_DT = np.concatenate(
            list(self._thresholds_DT), axis=1
        )  # those of a feature's two readers

    def read(self, played_RD: Integers) -> Integers:
        return played_RD if self.around is None else self.around.read(played_RD)

    def draw(self, rng: np.random.Generator, units: int, at_an_edge: float = AT_AN_EDGE) -> Integers:
        """Played rows at random, many of them beside thresholds."""
        shape = (units * self.rows_of_unit, self.features)
        chosen = rng.integers(0, self._thresholds_DT.shape[1], shape)
        beside = self._thresholds_DT[np.arange(self.features), chosen] + rng.integers(0, 2, shape)
        anywhere = rng.integers(self.kind.low, self.kind.high, shape, endpoint=True)
        drawn: Integers = np.where(rng.random(shape) < at_an_edge, beside, anywhere)
        return drawn.clip(self.kind.low, self.kind.high)

    @cached_property
    def absent(self) -> list[frozenset[int]]:
        """By kind of token, the features that no token gives it and that are 0; the fewest, where one has more than another."""
        return [held for held, _ in self._kinds]

    def placed(self, rows_RI: Integers, places: list[int], rng: np.random.Generator) -> Integers:
        """Units in which tokens read these rows, each of the kind of token that `places` names; what is left is drawn."""
        around = self.around
        if around is None:
            return rows_RI
        played: list[Integers] = []
        waiting = list(range(len(rows_RI)))
        while waiting:
            unit_RD, taken, later = (
                self.draw(rng, 1),
                np.zeros((self.rows_of_unit, self.features), dtype=bool),
                [],
            )
            for row in waiting:
                for token in self._kinds[places[row]][1]:
                    sources = self._sources(token)
                    if not any(taken[source, first:last].any() for source, first, last, _ in sources):
                        for source, first, last, at in sources:
                            unit_RD[source, first:last] = rows_RI[row, at : at + last - first]
                            taken[source, first:last] = True
                        break
                else:
                    later.append(row)
            played.append(unit_RD)
            waiting = later
        return np.concatenate(played) if played else np.zeros((0, self.features), dtype=np.int64)

    @cached_property
    def _kinds(self) -> list[tuple[frozenset[int], list[int]]]:
        """What is absent -> the tokens of which it is."""
        if self.around is None:
            return [(frozenset(), [])]
        tokens: dict[frozenset[int], list[int]] = {}
        for token in range(self.around.tokens):
            given = {
                at + place for _, first, last, at in self._sources(token) for place in range(last - first)
            }
            tokens.setdefault(frozenset(range(self.kind.features)) - frozenset(given), []).append(token)
        return [(held, of) for held, of in tokens.items() if not any(other < held for other in tokens)]

    def _sources(self, token: int) -> list[tuple[int, int, int, int]]:
        """Token, its features from and to, and where they stand in what this token reads."""
        around = self.around
        assert around is not None
        sources = [(token, 0, self.features, 0)]
        row, column = divmod(token, around.width)
        for first, last, down, right in around.parts(self.features):
            inside = 0 <= row + down < around.tokens // around.width and 0 <= column + right < around.width
            if inside:
                sources.append((token + down * around.width + right, first, last, self.features + first))
        return sources
