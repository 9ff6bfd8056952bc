"""Text as characters: the first nine tenths are learned, the last tenth is held out, as in nanoGPT."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quweit_cli import config
from quweit_cli.boundary.readers import Unreadable, read_text
from quweit_cli.errors import ConfigError, DataUnavailable
from quweit_cli.training.datasets.download import SHAKESPEARE, ensure_downloaded
from quweit_cli.training.datasets.order import WHOLE, Share
from quweit_cli.training.randomness import generator_for

HELD_OUT = 0.1
MOST_BYTES = 1 << 28  # of a text, whose tokens take eight times as much


@dataclass
class Text:
    """Characters by their places in `vocabulary`, int64."""

    description: str
    vocabulary: str  # character of every token, in order
    train_tokens: Tensor
    test_tokens: Tensor
    meta: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.meta = {"kind": "text", "vocabulary": self.vocabulary}

    def to(self, device: torch.device) -> Text:
        """The same text on a device, where batches are then cut."""
        return dataclasses.replace(
            self, train_tokens=self.train_tokens.to(device), test_tokens=self.test_tokens.to(device)
        )

    def steps_per_epoch(self, size: int, tokens: int) -> float:
        """An epoch are as many predictions as there are characters."""
        return len(self.train_tokens) / (size * tokens)

    def check(self, tokens: int) -> None:
        """Raises ConfigError when a part is too short for a context of so many tokens, and what follows it."""
        shortest = min(len(self.train_tokens), len(self.test_tokens))
        if shortest <= tokens:
            held_out, needed = round(1 / HELD_OUT), tokens + 1
            raise ConfigError(
                f"the text has a part of {shortest} characters, too short for a context of {tokens}: "
                f"{held_out * needed:,} characters are needed in all, a tenth of which is held out",
                hint=f"lower `model.context` to at most {max(0, shortest - 1)}, or give more text",
            )

    def batch(
        self, step: int, size: int, tokens: int, seed: int, share: Share = WHOLE
    ) -> tuple[Tensor, Tensor]:
        """This process's share of a step's training batch: windows from anywhere, and what follows each."""
        self.check(tokens)
        device = self.train_tokens.device
        generator = generator_for(device, seed, "batch", step)
        starts, length = len(self.train_tokens) - tokens, torch.arange(tokens + 1, device=device)
        start_B1 = torch.randint(starts, (size, 1), generator=generator, device=device)[share.of(size)]
        window = self.train_tokens[start_B1 + length]
        return window[:, :-1], window[:, 1:]

    def test(self, tokens: int, samples: int | None = None) -> tuple[Tensor, Tensor]:
        """Adjoining windows over the whole held-out text (but for a last partial one), or evenly spread ones."""
        self.check(tokens)
        count = (len(self.test_tokens) - 1) // tokens
        inputs = self.test_tokens[: count * tokens].view(count, tokens)
        targets = self.test_tokens[1 : count * tokens + 1].view(count, tokens)
        if samples is None or samples >= count:
            return inputs, targets
        chosen = torch.arange(samples, device=inputs.device) * count // samples
        return inputs[chosen], targets[chosen]


def characters(text: str, origin: str) -> Text:
    """Raises ConfigError when there is too little text to learn from."""
    vocabulary = "".join(sorted(set(text)))
    token_of = {character: token for token, character in enumerate(vocabulary)}
    tokens = torch.tensor([token_of[character] for character in text], dtype=torch.int64)
    held_out = int(len(tokens) * HELD_OUT)
    train, test = tokens[: len(tokens) - held_out], tokens[len(tokens) - held_out :]
    return Text(
        description=f"{origin}, {len(train)} training and {len(test)} test characters of {len(vocabulary)} kinds",
        vocabulary=vocabulary,
        train_tokens=train,
        test_tokens=test,
    )


def pydoc_text(settings: config.Data) -> Text:
    """The English documentation inside Python's standard library; it differs a little between versions."""
    from pydoc_data.topics import topics  # noqa: PLC0415  (700 kB of text that no other source needs)

    return characters("\n".join(topics[name] for name in sorted(topics)), "Python's own help topics")


def text_file(settings: config.Data) -> Text:
    if settings.path is None:
        raise ConfigError("the dataset `text_file` needs `data.path`", hint="name a UTF-8 text file")
    return characters(_read(settings.path), f"`{settings.path.name}`")


def shakespeare_char(settings: config.Data) -> Text:
    path = settings.path or ensure_downloaded(SHAKESPEARE)
    return characters(_read(path), "tiny Shakespeare")


def _read(path: Path) -> str:
    try:
        text = read_text(path, MOST_BYTES)
    except Unreadable as error:
        raise DataUnavailable(
            f"cannot read the text `{path}`: {error}", hint="`data.path` must name a UTF-8 text file"
        ) from None
    if not text:
        raise DataUnavailable(f"the text `{path}` is empty", hint="`data.path` must name a UTF-8 text file")
    return text
