"""Text from a character model, one token after another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from quweit_cli.errors import QuweitError
from quweit_cli.models.exits import rule_of
from quweit_cli.models.gpt import Gpt


class Speaker(Protocol):
    """What answers tokens with logits: a network, or hardware."""

    context: int  # tokens that it sees at most

    def logits(self, tokens: list[int], cached: int = 0) -> Tensor:
        """Of the token that follows these, one a code. cached: how many of them, the first ones, were those asked before."""
        ...


class Network:
    """A model in PyTorch. What comes with nothing cached is a prompt; tokens that go on may leave early, if it has exits."""

    def __init__(self, model: Gpt) -> None:
        self.model, self.context = model, model.tokens
        self.device = next(model.parameters()).device
        self.prompt = 0
        self.depths: list[int] = []  # layers of each token that went on

    @torch.no_grad()
    def logits(self, tokens: list[int], cached: int = 0) -> Tensor:
        asked_1N, exits = torch.tensor([tokens], device=self.device), self.model.exit_settings
        if not exits.after:
            logits_1NV: Tensor = self.model(asked_1N)
            return logits_1NV[0, -1]
        if not cached:
            self.prompt = len(tokens)
        decoded = self.model.decoded(asked_1N, rule_of(exits), self.prompt)
        self.depths += decoded.layers_BN[0, max(cached, self.prompt) :].tolist()
        return decoded.logits_BNV[0, -1]


def continuation(
    speaker: Speaker, tokens: list[int], *, temperature: float, top_k: int | None, seed: int
) -> Iterator[int]:
    """Endless tokens that follow; the speaker sees as many of the last ones as its context holds.

    temperature: divides the logits; 0 takes the likeliest token. Drawn on the CPU, so that a seed gives
    the same text wherever the answers are the same.
    """
    generator = torch.Generator().manual_seed(seed)
    seen, asked = list(tokens), 0
    while True:
        moved = len(seen) > speaker.context  # every token has another position
        logits_V = speaker.logits(seen[-speaker.context :], 0 if moved else asked).float().cpu()
        asked = len(seen)
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
