"""What a block reads with `model.neighbours`: the features of a token, then those of tokens around it.

Where each feature comes from is the same for the model, the dump and the hardware. A sample's tokens lie in rows
as they are read; a text is one long row.
Shape suffixes: R rows (a token each), D features of a token, I features of what is read, 2D.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from quweit_cli.ir.cost import Cost
from quweit_cli.ir.nodes.base import Integer, Integers, StepRecord, require
from quweit_cli.ir.types import TensorType

AROUND = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))  # rows down, columns right
BEFORE = (1, 1, 2, 3)  # tokens back


class Part(NamedTuple):
    """Features `first` to `last` (not included), which come from the token so far down and to the right."""

    first: int
    last: int
    down: int
    right: int


@dataclass(frozen=True)
class Neighbourhood:
    """Of samples of so many tokens; causal: of those before alone, else of the patches of a square image.

    Raises:
        ValueError: no tokens, or no square.
    """

    tokens: int
    causal: bool

    def __post_init__(self) -> None:
        if self.tokens < 1 or not (self.causal or self.width**2 == self.tokens):
            raise ValueError(
                f"{self.tokens} tokens are not {'a text' if self.causal else 'a square of patches'}"
            )

    @cached_property
    def width(self) -> int:
        """Tokens from one to the one below it; all of them in a text."""
        return self.tokens if self.causal else math.isqrt(self.tokens)

    def parts(self, features: int) -> list[Part]:
        """The second half of what is read; neighbours share the features as evenly as they can."""
        offsets = [(0, -back) for back in BEFORE] if self.causal else AROUND
        shares = np.array_split(np.arange(features), len(offsets))
        return [
            Part(int(share[0]), int(share[-1]) + 1, down, right)
            for share, (down, right) in zip(shares, offsets, strict=True)
            if len(share)
        ]

    def read(self, row_RD: Integers) -> Integers:
        """Rows of whole samples with their neighbours, [R, I]; 0 where there is no neighbour.

        Raises:
            ValueError: not whole samples.
        """
        if len(row_RD) % self.tokens:
            raise ValueError(f"{len(row_RD)} rows are not whole samples of {self.tokens} tokens")
        place_R = np.arange(len(row_RD)) % self.tokens
        down_R, right_R = place_R // self.width, place_R % self.width
        height = self.tokens // self.width
        around_RD = np.zeros_like(row_RD)
        for first, last, down, right in self.parts(row_RD.shape[1]):
            inside_R = (down_R + down >= 0) & (down_R + down < height)
            inside_R &= (right_R + right >= 0) & (right_R + right < self.width)
            source_R = np.flatnonzero(inside_R) + down * self.width + right
            around_RD[inside_R, first:last] = row_RD[source_R, first:last]
        return np.concatenate([row_RD, around_RD], axis=1)

    def evaluate(self, x_TD: Integers) -> Integers:
        *axes, features = x_TD.shape
        return self.read(x_TD.reshape(-1, features)).reshape(*axes, 2 * features)

    def output_type(self, x: TensorType) -> TensorType:
        fits = x.outer[-1:] == (self.tokens,)
        require(fits, f"what lies around {self.tokens} tokens is not in a tensor of shape {x.shape}")
        return TensorType(2 * x.features, min(x.low, 0), max(x.high, 0), x.outer)

    def cost(self, x: TensorType) -> Cost:  # wires
        return Cost()

    def record(self, **step: Any) -> TokensAroundRecord:
        return TokensAroundRecord(tokens=self.tokens, causal=self.causal, **step)


class TokensAroundRecord(StepRecord):
    """y[t][d] = x[t][d]; y[t][D + d] = x[n][d], n being the neighbour of token t that feature d comes from, or 0"""

    op: Literal["tokens_around"] = "tokens_around"
    tokens: Integer
    causal: bool

    def node(self) -> Neighbourhood:
        return Neighbourhood(self.tokens, self.causal)
