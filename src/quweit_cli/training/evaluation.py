"""Loss and accuracy of a model in eval mode, where weightless blocks are their integer programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quweit_cli import interrupts
from quweit_cli.errors import QuweitError
from quweit_cli.training.distributed import ALONE, Processes

LARGEST_LOSS = 1e9
ROWS_PER_BATCH = 8192  # tokens in memory at once
GPU_ROWS_PER_BATCH = 65536


@dataclass(frozen=True)
class Score:
    samples: int
    loss: float  # mean over predictions, in nats
    accuracy: float | None  # share of samples, for classifiers

    def figures(self) -> dict[str, float]:
        figures = {"test_loss": self.loss}
        return figures if self.accuracy is None else figures | {"test_accuracy": self.accuracy}


class Unfinished(Exception):
    """An interrupt waits, and the test was ended for it: in every process."""


@torch.no_grad()
def evaluate(
    model: nn.Module, inputs: Tensor, targets: Tensor, tokens: int, processes: Processes = ALONE
) -> Score:
    """Test on samples [B, ...] of `tokens` rows each; leaves the model in the mode that it was in.

    Several processes share the samples, and all have the score of the whole.

    Raises:
        QuweitError: the loss is no number that a model can have.
        Unfinished: an interrupt came, where interrupts are held.
    """
    training, device = model.training, next(model.parameters()).device
    model.eval()
    rows = GPU_ROWS_PER_BATCH if device.type == "cuda" else None
    sums = torch.zeros(
        3, dtype=torch.float64, device=device
    )  # loss, correct, given up; read once, at the end
    for part in list(batches(len(inputs), tokens, rows))[processes.rank :: processes.count]:
        if interrupts.waiting():
            sums[2] += 1
            break
        logits = model(inputs[part].to(device))
        target = targets[part].to(device)
        sums[0] += prediction_loss(logits, target, reduction="sum")
        sums[1] += (logits.argmax(dim=-1) == target).sum()
    model.train(training)
    loss, correct, given_up = processes.sum(sums).tolist()
    if given_up:
        raise Unfinished
    accuracy = correct / len(targets) if targets.ndim == 1 else None
    mean = loss / targets.numel()
    if not mean < LARGEST_LOSS:  # nor for one that is not a number
        raise QuweitError(
            f"the loss on held-out data is {mean:.3g}: the weights are of no use",
            hint="train again with a lower `training.learning_rate`",
        )
    return Score(len(inputs), mean, accuracy)


def batches(samples: int, tokens: int, rows: int | None = None) -> Iterator[slice]:
    """Slices over samples that keep to so many rows, ROWS_PER_BATCH unless told."""
    size = max(1, (rows or ROWS_PER_BATCH) // tokens)
    for start in range(0, samples, size):
        yield slice(start, min(start + size, samples))


def prediction_loss(
    logits: Tensor, targets: Tensor, *, reduction: str = "mean", label_smoothing: float = 0.0
) -> Tensor:
    """Cross entropy over whatever is predicted: one class a sample, or one token a position.

    targets: classes, or for mixed images their shares, in the shape of the logits.
    """
    shares = targets.is_floating_point()
    return F.cross_entropy(
        logits.flatten(0, -2).float(),
        targets.flatten(0, -2) if shares else targets.flatten(),
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
