"""Sentences that belong to figures, each said once and referred to by its number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Noted(NamedTuple):
    """A cell with what is to be known of it."""

    value: object
    notes: tuple[str, ...]


def sourced(value: object, what: str, sources: Iterable[str]) -> Noted:
    """A figure with the sentences that say where it comes from."""
    return Noted(value, tuple(f"{what}: {source}." for source in sources))


class Footnotes:
    """Numbers sentences in the order in which they are first referred to."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def number(self, sentence: str) -> int:
        """From 1; the same sentence has the same number."""
        if sentence not in self.sentences:
            self.sentences.append(sentence)
        return self.sentences.index(sentence) + 1

    def numbers(self, sentences: Iterable[str]) -> str:
        """As they stand in a column of a table: 1, 4."""
        return ", ".join(str(self.number(sentence)) for sentence in dict.fromkeys(sentences))
