"""A moving average of the weights: what training keeps, less noisy than any single step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn


class WeightAverage:
    """`average = decay * average + (1 - decay) * weight` after every step, from the first weights on.

    Early the decay is (1 + step) / (10 + step) when that is smaller, so that the start is forgotten.
    A decay of 0 averages nothing and costs nothing.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights: list[Tensor] = []
        if decay:
            self.weights = [weight.data for weight in model.parameters() if weight.requires_grad]
        self.averages = [weight.clone() for weight in self.weights]

    @torch.no_grad()
    def update(self, step: int) -> None:
        if self.weights:
            decay = min(self.decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(self.averages, self.weights, 1 - decay)

    @torch.no_grad()
    def exchange(self) -> None:
        """Put the averages into the model, or the weights back."""
        for weight, average in zip(self.weights, self.averages, strict=True):
            kept = weight.clone()
            weight.copy_(average)
            average.copy_(kept)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        self.exchange()
        try:
            yield
        finally:
            self.exchange()
