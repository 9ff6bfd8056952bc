"""Which samples a step sees, as a function of the seed and the step alone.

Every process of a training draws the whole batch in the same order and takes its own share of it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from quweit_cli.training.randomness import generator_for


@dataclass(frozen=True)
class Share:
    """One of `count` equal parts of a batch."""

    index: int = 0
    count: int = 1

    def of(self, size: int) -> slice:
        return slice(self.index * size // self.count, (self.index + 1) * size // self.count)


WHOLE = Share()


def epoch_order(samples: int, step: int, size: int, seed: int, device: torch.device) -> Tensor:
    """Samples of one step, int64 [size]: every sample once an epoch, a batch may reach over its end."""
    parts, position = [], step * size
    while position < (step + 1) * size:
        epoch, start = divmod(position, samples)
        end = min(samples, start + (step + 1) * size - position)
        parts.append(_permutation(samples, epoch, seed, device)[start:end])
        position += end - start
    return torch.cat(parts)


@functools.lru_cache(maxsize=2)  # an epoch and the next
def _permutation(samples: int, epoch: int, seed: int, device: torch.device) -> Tensor:
    generator = generator_for(device, seed, "epoch", epoch)
    return torch.randperm(samples, generator=generator, device=device)
