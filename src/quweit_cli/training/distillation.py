"""Learning from a teacher beside the labels: from its answers (Hinton et al., arXiv 1503.02531), and from its residual
stream after each layer, as inner states teach networks of bits (Martinez et al., arXiv 2003.11535) and small transformers
(Jiao et al., arXiv 1909.10351)."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.models import blocks_of
from quweit_cli.models.layer import Answer


class Teacher:
    """A finished model that answers and does not learn."""

    def __init__(self, model: nn.Module, settings: config.Training) -> None:
        self.model = model.eval().requires_grad_(False)
        self.states = bool(settings.distill.states)
        self.network: Callable[[Tensor], Tensor | Answer] = self._asked
        self.waits = bool(blocks_of(model))  # blocks in eval mode are integer programs, read on the host
        if settings.compile and not self.waits:
            self.network = torch.compile(self._asked, dynamic=False)

    @torch.no_grad()
    def answers(self, inputs: Tensor) -> Answer:
        """Logits, and the residual stream after each layer if the settings follow that."""
        answer = self.network(inputs)
        return (answer, []) if isinstance(answer, Tensor) else answer

    def _asked(self, inputs: Tensor) -> Tensor | Answer:
        answer: Tensor | Answer = self.model(inputs, states=True) if self.states else self.model(inputs)
        return answer


def distilled_loss(loss: Tensor, own_BO: Tensor, teacher_BO: Tensor, settings: config.Distillation) -> Tensor:
    """`(1 − w) loss + w T² KL(teacher ‖ student)`, of logits divided by the temperature T, mean over predictions."""
    student, wanted = (
        F.log_softmax(logits.flatten(0, -2).float() / settings.temperature, dim=-1)
        for logits in (own_BO, teacher_BO)
    )
    divergence = F.kl_div(student, wanted, reduction="batchmean", log_target=True)
    return (1 - settings.weight) * loss + settings.weight * settings.temperature**2 * divergence


def distance(student_BND: list[Tensor], teacher_BND: list[Tensor]) -> Tensor:
    """Mean over layers and tokens of `|student − teacher|² / |teacher|²`."""
    shares_BN = [
        (own.float() - wanted.float()).square().sum(-1) / wanted.float().square().sum(-1)
        for own, wanted in zip(student_BND, teacher_BND, strict=True)
    ]
    return torch.stack(shares_BN).mean()
