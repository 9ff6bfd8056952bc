"""Passages of words with classes: which package of Python's standard library a stretch of source comes from.

Shape suffixes: B samples, N tokens, C classes.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from quweit_cli import config
from quweit_cli.boundary.readers import Unreadable, read_text
from quweit_cli.errors import ConfigError, DataUnavailable
from quweit_cli.training.datasets.order import WHOLE, Share
from quweit_cli.training.randomness import generator_for

PACKAGES = ("asyncio", "email", "http", "importlib", "logging", "multiprocessing", "unittest", "xml")
HELD_OUT = 0.2  # of every file
WORDS = 511  # that are known: the most common of what is learned
MOST_BYTES = 1 << 22  # of a file
UNKNOWN = "?"  # in place of all other words
WORD = re.compile("[a-z]+")  # of a name such as `read_line` two


class Part(NamedTuple):
    """Texts of all classes, one after another. lengths: of each."""

    tokens: Tensor
    lengths: tuple[int, ...]


@dataclass
class Passages:
    """A sample is as many tokens of one class as the model reads."""

    description: str
    classes: list[str]
    vocabulary: list[str]  # word of every token, in order
    train: Part
    held_out: Part
    meta: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.meta = {"kind": "passages", "vocabulary": self.vocabulary, "classes": self.classes}

    def to(self, device: torch.device) -> Passages:
        """The same text on a device, where batches are then cut."""
        train, held_out = (
            part._replace(tokens=part.tokens.to(device)) for part in (self.train, self.held_out)
        )
        return dataclasses.replace(self, train=train, held_out=held_out)

    def steps_per_epoch(self, size: int, tokens: int) -> float:
        """An epoch are as many words as there are."""
        return len(self.train.tokens) / (size * tokens)

    def check(self, tokens: int) -> None:
        """Raises ConfigError when a class has no passage of so many tokens."""
        shortest = min(*self.train.lengths, *self.held_out.lengths)
        if shortest < tokens:
            raise ConfigError(
                f"a class has a part of {shortest:,} words, too short for passages of {tokens:,}",
                hint=f"lower `model.context` to at most {shortest:,}",
            )

    def batch(
        self, step: int, size: int, tokens: int, seed: int, share: Share = WHOLE
    ) -> tuple[Tensor, Tensor]:
        """This process's share of a step's training batch: passages from anywhere, each within its class."""
        self.check(tokens)
        device, (text, lengths) = self.train.tokens.device, self.train
        generator = generator_for(device, seed, "batch", step)
        starts_C = torch.tensor([length - tokens + 1 for length in lengths], device=device)
        before_C = starts_C.cumsum(0) - starts_C
        drawn_B = torch.randint(
            sum(lengths) - len(lengths) * (tokens - 1), (size,), generator=generator, device=device
        )
        drawn_B = drawn_B[share.of(size)]
        label_B = torch.searchsorted(before_C, drawn_B, right=True) - 1
        # every class before has tokens - 1 places more than starts
        start_B = drawn_B + label_B * (tokens - 1)
        return text[start_B[:, None] + torch.arange(tokens, device=device)], label_B

    def test(self, tokens: int, samples: int | None = None) -> tuple[Tensor, Tensor]:
        """Adjoining passages over the whole held-out text of each class (but for its end), or evenly spread ones."""
        self.check(tokens)
        text, lengths = self.held_out
        counts = [length // tokens for length in lengths]
        inputs = torch.cat(
            [
                part[: count * tokens].view(count, tokens)
                for part, count in zip(torch.split(text, list(lengths)), counts, strict=True)
            ]
        )
        labels = torch.arange(len(counts), device=text.device)
        targets = labels.repeat_interleave(torch.tensor(counts, device=text.device))
        if samples is None or samples >= len(inputs):
            return inputs, targets
        chosen = torch.arange(samples, device=text.device) * len(inputs) // samples
        return inputs[chosen], targets[chosen]


def library_source(settings: config.Data) -> Passages:
    """Words of some packages of Python's standard library; they differ a little between versions.

    The first four fifths of every file are learned, the rest is held out.

    Raises:
        DataUnavailable: this Python comes without its source.
    """
    train, held_out = [], []
    for package in PACKAGES:
        learned, tested = zip(*map(_divided, _words(package)), strict=True)
        train.append([*itertools.chain(*learned)])
        held_out.append([*itertools.chain(*tested)])
    counted = Counter(word for words in train for word in words)
    common = sorted(counted, key=lambda word: (-counted[word], word))[:WORDS]
    vocabulary = [UNKNOWN, *common]
    parts = [_part(texts, vocabulary) for texts in (train, held_out)]
    return Passages(
        f"source of {len(PACKAGES)} packages of Python's standard library, {len(parts[0].tokens)} training and"
        f" {len(parts[1].tokens)} test words, {WORDS} of them known",
        list(PACKAGES),
        vocabulary,
        *parts,
    )


def _words(package: str) -> list[list[str]]:
    """Of every file but its tests, in lower case."""
    found = importlib.util.find_spec(package)
    folders = list(found.submodule_search_locations or ()) if found else []
    files = sorted(Path(folders[0]).rglob("*.py")) if folders else []
    try:
        texts = [
            read_text(file, MOST_BYTES)
            for file in files
            if not {"test", "tests"} & set(file.relative_to(folders[0]).parts)
        ]
    except Unreadable as error:
        raise DataUnavailable(f"cannot read the source of Python's `{package}`: {error}") from None
    if not any(texts):
        raise DataUnavailable(
            f"this Python has no source of its package `{package}`",
            hint="use a Python that comes with its standard library as files",
        )
    return [WORD.findall(text.lower()) for text in texts]


def _divided(words: list[str]) -> tuple[list[str], list[str]]:
    """What is learned of a file, and what is held out."""
    end = len(words) - int(len(words) * HELD_OUT)
    return words[:end], words[end:]


def _part(texts: Sequence[list[str]], vocabulary: Sequence[str]) -> Part:
    token_of = {word: token for token, word in enumerate(vocabulary)}
    tokens = torch.tensor([token_of.get(word, 0) for text in texts for word in text], dtype=torch.int64)
    return Part(tokens, tuple(map(len, texts)))
