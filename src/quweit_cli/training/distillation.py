"""Learning from a teacher's answers beside the labels (Hinton et al., arXiv 1503.02531)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.models import blocks_of


class Teacher:
    """A finished model that answers and does not learn."""

    def __init__(self, model: nn.Module, settings: config.Training) -> None:
        self.model = model.eval().requires_grad_(False)
        self.network: Callable[[Tensor], Tensor] = self.model
        self.waits = bool(blocks_of(model))  # blocks in eval mode are integer programs, read on the host
        if settings.compile and not self.waits:
            self.network = torch.compile(self.model, dynamic=False)

    @torch.no_grad()
    def answers(self, inputs: Tensor) -> Tensor:
        return self.network(inputs)


def distilled_loss(loss: Tensor, logits: Tensor, answers: Tensor, settings: config.Distillation) -> Tensor:
    """`(1 − w) loss + w T² KL(teacher ‖ student)`, of logits divided by the temperature T, mean over predictions."""
    student, teacher = (
        F.log_softmax(one.flatten(0, -2).float() / settings.temperature, dim=-1) for one in (logits, answers)
    )
    divergence = F.kl_div(student, teacher, reduction="batchmean", log_target=True)
    return (1 - settings.weight) * loss + settings.weight * settings.temperature**2 * divergence
