"""AdamW with one group for each kind of parameter: what decays, and at which multiple of the base rate."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.training.schedules import rate_factor


class Optimizer:
    """One call a step: clip, set the rates, step, clear."""

    def __init__(self, model: nn.Module, training: config.Training, block: config.Block, steps: int) -> None:
        self.model, self.training, self.steps = model, training, steps
        self.rate = 0.0  # base rate of the last step
        groups = parameter_groups(model, training, block)
        self.adamw = torch.optim.AdamW(
            groups, lr=training.learning_rate, betas=training.betas, fused=True
        )  # fused: a loop over 60 small tensors took a third of the step on the CPU

    def step(self, step: int) -> Tensor:
        """Gives the norm of the gradient before it was clipped, without waiting for it."""
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.training.gradient_clip)
        self.rate = self.training.learning_rate * rate_factor(step, self.steps, self.training)
        for group in self.adamw.param_groups:
            group["lr"] = self.rate * group["multiple"]
        self.adamw.step()
        self.adamw.zero_grad(set_to_none=True)
        return norm


def parameter_groups(
    model: nn.Module, training: config.Training, block: config.Block
) -> list[dict[str, Any]]:
    """Every learned parameter in exactly one group; tables and mapping never decay."""
    multiples = {
        "table_JA": block.table_rate,
        "choice_JLC": block.table_rate,
        "value_KE": block.value_rate,
        "threshold_DT": block.threshold_rate,
    }
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        multiple = multiples.get(name.rpartition(".")[2])
        matrix = multiple is None and parameter.ndim >= 2
        decay = training.weight_decay if matrix else 0.0
        if name.endswith("value_KE"):
            decay = block.value_decay
        key = (multiple or 1.0, decay)
        groups.setdefault(key, []).append(parameter)
    return [
        {"params": parameters, "multiple": multiple, "weight_decay": decay}
        for (multiple, decay), parameters in groups.items()
    ]
