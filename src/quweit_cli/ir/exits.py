"""The rule by which a sample or a token leaves a model early, in whole numbers: a comparison, or a shift, a subtraction and
a comparison.

Entropies are in steps of 1/128 bit, probabilities in steps of 1/128. A float model's are real numbers in the same steps.
Shape suffixes: B samples, E exits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

STEPS = 128  # of a probability, and of a bit of entropy
MOST_SHIFT = 16

Criterion = Literal["fall", "entropy", "probability"]
CRITERIA: tuple[Criterion, ...] = ("fall", "entropy", "probability")
Numbers = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True)
class ExitRule:
    """criterion: what is compared. steps: with how many steps; of `fall`, by how much its shift goes to the right."""

    criterion: Criterion
    steps: int

    @classmethod
    def of(cls, criterion: Criterion, threshold: float) -> ExitRule:
        """threshold: a share, rounded to a power of two; bits; or a probability."""
        if criterion == "fall":
            shift = round(-math.log2(max(threshold, 2.0**-MOST_SHIFT)))
            return cls(criterion, min(max(0, shift), MOST_SHIFT))
        return cls(criterion, math.ceil(STEPS * threshold))

    def leaves(self, entropy: Any, before: Any, largest: Any) -> Any:
        """Where it lets leave at an exit, as truth values: of arrays or of tensors.

        before: the entropy at the exit before. None at the first one, where there is nothing to fall from; an entropy is never below 0.
        """
        if self.criterion == "entropy":
            return entropy < self.steps
        if self.criterion == "probability":
            return largest >= self.steps
        return entropy < 0 if before is None else before - before // 2**self.steps < entropy

    def leaving(self, entropy_EB: Sequence[Numbers], largest_EB: Sequence[Numbers]) -> NDArray[np.int64]:
        """Of each sample the exit that it takes, [B]; as many as there are exits where it goes to the end."""
        exits = len(entropy_EB)
        taken_B = np.full(len(entropy_EB[0]), exits, dtype=np.int64)
        for number in range(exits):
            before_B = entropy_EB[number - 1] if number else None
            leaves_B = self.leaves(entropy_EB[number], before_B, largest_EB[number])
            taken_B = np.where(leaves_B & (taken_B == exits), number, taken_B)
        return taken_B


def exits_taken(tensors: Mapping[str, NDArray[np.int64]], rule: ExitRule, exits: int) -> NDArray[np.int64]:
    """Of each sample, by the traced tensors of a program with so many exits."""
    entropies = [tensors[f"exit{number}/entropy"][:, 0] for number in range(exits)]
    largest = [tensors[f"exit{number}/probability"].max(axis=-1) for number in range(exits)]
    return rule.leaving(entropies, largest)


def answers_with_exits(
    tensors: Mapping[str, NDArray[np.int64]], last_BO: NDArray[np.int64], rule: ExitRule, exits: int
) -> NDArray[np.int64]:
    """Logits of the exit that each sample takes. last_BO: those of the last head."""
    heads = np.stack([*(tensors[f"exit{number}/logits"] for number in range(exits)), last_BO])
    answers: NDArray[np.int64] = heads[exits_taken(tensors, rule, exits), np.arange(len(last_BO))]
    return answers


def token_exits(tensors: Mapping[str, NDArray[np.int64]], exits: int) -> NDArray[np.int64]:
    """Of each token the exit that it takes, by the traced tensors of a decoder, which decides within; as many as there are exits
    where it goes to the end."""
    taken = np.full(tensors["logits"].shape[:-1], exits, dtype=np.int64)
    for number in reversed(range(exits)):
        left = tensors.get(f"left{number}", tensors.get(f"leaves{number}"))
        if left is not None:
            taken = np.where(left[..., 0] == 1, number, taken)
    return taken
