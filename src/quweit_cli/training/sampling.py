"""Text from a character model, one token after another."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from quweit_cli.errors import QuweitError
from quweit_cli.models.gpt import Gpt


@torch.no_grad()
def continuation(
    model: Gpt, tokens: list[int], *, temperature: float, top_k: int | None, seed: int
) -> Iterator[int]:
    """Endless tokens that follow; the model sees as many of the last ones as its context holds.

    temperature: divides the logits; 0 takes the likeliest token. Drawn on the CPU, so that a seed gives
    the same text wherever the model answers the same.
    """
    generator = torch.Generator().manual_seed(seed)
    device = next(model.parameters()).device
    seen = list(tokens)
    while True:
        token_1N = torch.tensor([seen[-model.tokens :]], device=device)
        logits_V = model(token_1N)[0, -1].float().cpu()
        seen.append(_drawn(logits_V, temperature, top_k, generator))
        yield seen[-1]


def _drawn(logits_V: Tensor, temperature: float, top_k: int | None, generator: torch.Generator) -> int:
    if not bool(torch.isfinite(logits_V).all()):
        raise QuweitError(
            "the model answers with what is no number: its weights are of no use",
            hint="train it again with a lower `training.learning_rate`",
        )
    if temperature == 0:
        return int(logits_V.argmax())
    likeliest = logits_V.topk(min(top_k or len(logits_V), len(logits_V)))
    # against the likeliest, so that the smallest temperature makes no infinity of it
    chance_K = torch.softmax((likeliest.values - likeliest.values[0]) / temperature, dim=0)
    return int(likeliest.indices[torch.multinomial(chance_K, 1, generator=generator)])
