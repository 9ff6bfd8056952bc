"""Muon (Jordan et al. 2024): momentum whose directions all have one length, for the matrices inside a network.

torch.optim.Muon reads its rate on the host, which a recorded step cannot, and takes matrices one by one: fifty small
products where one of a stack of fifty does. Steps are as long as AdamW's (Liu et al., arXiv 2502.16982, eq. 4), so
that both follow the same rates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

MOMENTUM = 0.95
QUINTIC = (
    3.4445,
    -4.7750,
    2.0315,
)  # of Jordan et al.: all singular values between 0.7 and 1.2 after five steps
ITERATIONS = 5
ADAM_LENGTH = 0.2  # root mean square of what AdamW adds to an entry, over its rate


class Muon(torch.optim.Optimizer):
    """Groups of matrices with `lr` (a tensor) and `weight_decay`; matrices of one shape in a group move together."""

    def __init__(self, groups: Iterable[dict[str, Any]]) -> None:
        super().__init__(groups, {"weight_decay": 0.0})
        for group in self.param_groups:
            for matrix in group["params"]:
                self.state[matrix]["momentum"] = torch.zeros_like(matrix)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            stacks: dict[torch.Size, list[tuple[Tensor, Tensor]]] = {}
            for matrix in group["params"]:
                if matrix.grad is not None:
                    stacks.setdefault(matrix.shape, []).append((matrix, matrix.grad))
            for stack in stacks.values():
                matrices, gradients = map(list, zip(*stack, strict=True))
                self._move(matrices, gradients, group["lr"], group["weight_decay"])

    def _move(self, matrices: list[Tensor], gradients: list[Tensor], rate: Tensor, decay: float) -> None:
        momenta = [self.state[matrix]["momentum"] for matrix in matrices]
        torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
        ahead_MRC = torch.stack(torch._foreach_lerp(gradients, momenta, MOMENTUM))  # Nesterov's
        length = ADAM_LENGTH * max(matrices[0].shape) ** 0.5
        update_MRC = orthogonal(ahead_MRC).to(ahead_MRC.dtype) * (-length * rate)
        if decay:
            torch._foreach_mul_(matrices, 1 - rate * decay)
        torch._foreach_add_(matrices, update_MRC.unbind())


def orthogonal(matrix_MRC: Tensor) -> Tensor:
    """About the nearest matrices whose singular values are all 1, [M, R, C]; in bfloat16 on a GPU.

    Newton and Schulz's iteration: products alone, no decomposition.
    """
    x_MRC = matrix_MRC.bfloat16() if matrix_MRC.is_cuda else matrix_MRC
    upright = x_MRC.shape[1] > x_MRC.shape[2]
    if upright:
        x_MRC = x_MRC.mT
    x_MRC = x_MRC / (x_MRC.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = QUINTIC
    for _ in range(ITERATIONS):
        gram_MRR = x_MRC @ x_MRC.mT
        x_MRC = torch.baddbmm(
            x_MRC, torch.baddbmm(gram_MRR, gram_MRR, gram_MRR, beta=b, alpha=c), x_MRC, beta=a
        )
    return x_MRC.mT if upright else x_MRC
