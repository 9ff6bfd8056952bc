"""What moves the weights: AdamW, or Muon for matrices and AdamW for the rest, at multiples of one base rate."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.models import blocks_of
from quweit_cli.training.muon import Muon
from quweit_cli.training.schedules import rate_factor


class Optimizer:
    """A step sets the rates, then clips, moves the weights and clears the gradients."""

    def __init__(self, model: nn.Module, training: config.Training, steps: int) -> None:
        self.training, self.steps = training, steps
        self.parameters = list(model.parameters())
        self.rate = 0.0  # base rate of the last step
        muon = training.optimizer == "muon"
        groups = parameter_groups(model, weight_decay=training.weight_decay, muon=muon)
        device = next(model.parameters()).device
        for group in groups:  # as tensors, which a recorded step reads anew every time
            group["lr"] = torch.tensor(training.learning_rate, device=device)
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        if matrices := [group for group in groups if group["muon"]]:
            self.optimizers["muon"] = Muon(matrices)
        if others := [group for group in groups if not group["muon"]]:
            # fused: a loop over 60 small tensors took a third of the step on the CPU
            self.optimizers["adamw"] = torch.optim.AdamW(
                others, betas=training.betas, fused=True, capturable=device.type == "cuda"
            )

    def set_rates(self, step: int) -> None:
        self.rate = self.training.learning_rate * rate_factor(step, self.steps, self.training)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"].fill_(self.rate * group["multiple"])

    def state_dict(self) -> dict[str, Any]:
        return {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises KeyError, TypeError or ValueError where a state is not one of these weights."""
        for name, optimizer in self.optimizers.items():
            _check_fits(optimizer, state[name])
            optimizer.load_state_dict(state[name])
            for group in optimizer.param_groups:
                group["lr"] = group["lr"].to(group["params"][0].device)

    def step(self) -> Tensor:
        """Gives the norm of the gradient before it was clipped, without waiting for it."""
        norm = nn.utils.clip_grad_norm_(self.parameters, self.training.gradient_clip)
        for optimizer in self.optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return norm


def _check_fits(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Groups as they are, and for each weight the tensors that such an optimiser keeps, in its shape."""
    names = {"momentum"} if isinstance(optimizer, Muon) else {"step", "exp_avg", "exp_avg_sq"}
    groups = zip(optimizer.state_dict()["param_groups"], state["param_groups"], strict=True)
    for own, other in groups:
        if any(own[key] != other[key] for key in own if key != "lr") or other["lr"].shape != own["lr"].shape:
            raise ValueError("the optimizer has other settings")
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    if state["state"].keys() - set(range(len(weights))):
        raise ValueError("the optimizer has states of weights that there are not")
    for number, kept in state["state"].items():
        for name, tensor in kept.items():
            shape = torch.Size() if name == "step" else weights[number].shape
            if kept.keys() != names or tensor.shape != shape or not bool(torch.isfinite(tensor).all()):
                raise ValueError(f"the optimizer's `{name}` of weight {number} does not fit it")


def parameter_groups(model: nn.Module, *, weight_decay: float, muon: bool = False) -> list[dict[str, Any]]:
    """Every learned parameter in exactly one group; tables and mapping never decay, values at their own rate.

    `multiple` is that of the base rate. Of a weightless block both are as its own settings say.
    muon: mark the matrices within the layers for it: those of attention and MLPs, and encoded values.
    """
    of_blocks = _of_blocks(model)
    groups: dict[tuple[bool, float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        multiple, decay = of_blocks.get(id(parameter), (1.0, weight_decay if parameter.ndim >= 2 else 0.0))
        leaf = name.rpartition(".")[2]
        inner = parameter.ndim == 2 and name.startswith("layers.") and leaf in {"weight", "value_KE"}
        groups.setdefault((muon and inner, multiple, decay), []).append(parameter)
    return [
        {"params": parameters, "muon": by_muon, "multiple": multiple, "weight_decay": decay}
        for (by_muon, multiple, decay), parameters in groups.items()
    ]


def _of_blocks(model: nn.Module) -> dict[int, tuple[float, float]]:
    """Multiple of the base rate, and weight decay, of the parameters that blocks alone have, by id."""
    found = {}
    for block in blocks_of(model).values():
        settings = block.settings
        rules = {
            "table_JA": (settings.table_rate, 0.0),
            "choice_JLC": (settings.table_rate, 0.0),
            "value_KE": (settings.value_rate, settings.value_decay),
            "threshold_DT": (settings.threshold_rate, 0.0),
        }
        for name, parameter in block.named_parameters():
            if (leaf := name.rpartition(".")[2]) in rules:
                found[id(parameter)] = rules[leaf]
    return found
