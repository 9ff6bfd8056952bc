"""AdamW with one group for each kind of parameter: what decays, and at which multiple of the base rate."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.training.schedules import rate_factor


class Optimizer:
    """A step sets the rates, then clips, moves the weights and clears the gradients."""

    def __init__(self, model: nn.Module, training: config.Training, block: config.Block, steps: int) -> None:
        self.model, self.training, self.steps = model, training, steps
        self.rate = 0.0  # base rate of the last step
        groups = parameter_groups(model, training, block)
        device = next(model.parameters()).device
        for group in groups:  # as tensors, which a recorded step reads anew every time
            group["lr"] = torch.tensor(training.learning_rate, device=device)
        self.adamw = torch.optim.AdamW(
            groups, betas=training.betas, fused=True, capturable=device.type == "cuda"
        )  # fused: a loop over 60 small tensors took a third of the step on the CPU

    def set_rates(self, step: int) -> None:
        self.rate = self.training.learning_rate * rate_factor(step, self.steps, self.training)
        for group in self.adamw.param_groups:
            group["lr"].fill_(self.rate * group["multiple"])

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.adamw.load_state_dict(state)
        for group in self.adamw.param_groups:
            group["lr"] = group["lr"].to(group["params"][0].device)

    def step(self) -> Tensor:
        """Gives the norm of the gradient before it was clipped, without waiting for it."""
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.training.gradient_clip)
        self.adamw.step()
        self.adamw.zero_grad(set_to_none=True)
        return norm


def parameter_groups(
    model: nn.Module, training: config.Training, block: config.Block
) -> list[dict[str, Any]]:
    """Every learned parameter in exactly one group; tables and mapping never decay, values at their own rate."""
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
        decay = training.weight_decay if multiple is None and parameter.ndim >= 2 else 0.0
        if name.endswith("value_KE"):
            decay = block.value_decay
        key = (multiple or 1.0, decay)
        groups.setdefault(key, []).append(parameter)
    return [
        {"params": parameters, "multiple": multiple, "weight_decay": decay}
        for (multiple, decay), parameters in groups.items()
    ]
