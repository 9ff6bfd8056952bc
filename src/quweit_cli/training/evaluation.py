"""Loss and accuracy of a model in eval mode, where weightless blocks are their integer programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROWS_PER_BATCH = 8192  # tokens in memory at once


@dataclass(frozen=True)
class Score:
    samples: int
    loss: float  # mean over predictions, in nats
    accuracy: float | None  # share of samples, for classifiers

    def figures(self) -> dict[str, float]:
        figures = {"test_loss": self.loss}
        return figures if self.accuracy is None else figures | {"test_accuracy": self.accuracy}


@torch.no_grad()
def evaluate(model: nn.Module, inputs: Tensor, targets: Tensor, tokens: int) -> Score:
    """Test on samples [B, ...] of `tokens` rows each; leaves the model in the mode that it was in."""
    training, device = model.training, next(model.parameters()).device
    model.eval()
    loss, correct = 0.0, 0
    for part in batches(len(inputs), tokens):
        logits = model(inputs[part].to(device))
        target = targets[part].to(device)
        loss += float(prediction_loss(logits, target, reduction="sum"))
        correct += int((logits.argmax(dim=-1) == target).sum())
    model.train(training)
    accuracy = correct / len(targets) if targets.ndim == 1 else None
    return Score(len(inputs), loss / targets.numel(), accuracy)


def batches(samples: int, tokens: int) -> Iterator[slice]:
    """Slices over samples that keep to ROWS_PER_BATCH."""
    size = max(1, ROWS_PER_BATCH // tokens)
    for start in range(0, samples, size):
        yield slice(start, min(start + size, samples))


def prediction_loss(
    logits: Tensor, targets: Tensor, *, reduction: str = "mean", label_smoothing: float = 0.0
) -> Tensor:
    """Cross entropy over whatever is predicted: one class a sample, or one token a position."""
    return F.cross_entropy(
        logits.flatten(0, -2).float(),
        targets.flatten(),
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
