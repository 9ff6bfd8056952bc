"""A mutant: one change of one line, and how mutants are drawn from the files of a package."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mutation.rules import KINDS, Place, Rule

_COMMENT = re.compile(r"//[^\n]*|\(\*.*?\*\)", re.DOTALL)
_SYNTHESIS = re.compile(r"`ifdef SYNTHESIS.*?`(?:else|endif)", re.DOTALL)  # what no simulator reads
_IDLE = re.compile(
    r"^ *localparam logic \[\d+:0\] \w+ = \d+'d\d+, .*"  # numbers of states, of which any others serve
    r"|^ *(?:parameter|input|output|logic|wire|reg)\b[^=\n]*(?:=[^;\n]*,)?(?://.*)?$|^ *parameter\b.*|^.*\bunused_.*|^`.*",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Mutant:
    """`text[start:end]` of a file of a package, replaced by `new`."""

    design: str
    kind: str
    file: str  # relative to the package
    line: int  # from 1
    start: int
    end: int
    new: str
    before: str  # the line
    after: str

    def apply(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]

    def describe(self) -> str:
        """Where it is and what it is, as a difference of one line."""
        return (
            f"{self.design}: {self.file}:{self.line} ({self.kind})\n"
            f"  - {_short(self.before, self.after)}\n  + {_short(self.after, self.before)}"
        )


def masked(text: str) -> str:
    """The text with comments, attributes and what no instance reads as blanks, so that places keep their numbers."""
    for pattern in (_COMMENT, _SYNTHESIS, _IDLE):
        text = pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    return text


class Places:
    """Every place of a package where a rule of a kind applies, by kind and file."""

    def __init__(
        self,
        design: str,
        package: Path,
        files: tuple[str, ...],
        kinds: Mapping[str, tuple[Rule, ...]] = KINDS,
    ) -> None:
        self.design = design
        self.texts = {name: (package / name).read_text() for name in files}
        self._by_kind: dict[str, list[list[tuple[str, Rule, Place]]]] = {kind: [] for kind in kinds}
        for name, text in self.texts.items():
            hidden = masked(text)
            for kind, rules in kinds.items():
                for one in rules:
                    if one.files in name and (places := list(one.places(hidden))):
                        self._by_kind[kind].append([(name, one, place) for place in places])

    def has(self, kind: str) -> bool:
        return bool(self._by_kind.get(kind))

    @property
    def kinds(self) -> list[str]:
        """Those of which there is a place."""
        return [kind for kind, places in self._by_kind.items() if places]

    def draw(self, kind: str, rng: random.Random) -> Mutant | None:
        """A file and a rule first, then a place: large tables do not crowd out the rest. None for no change."""
        name, one, place = rng.choice(rng.choice(self._by_kind[kind]))
        text, (start, end), new = self.texts[name], place.span("x"), one.change(place, rng)
        if new == text[start:end]:
            return None
        first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        return Mutant(
            self.design,
            kind,
            name,
            text.count("\n", 0, start) + 1,
            start,
            end,
            new,
            text[first:last].strip(),
            (text[first:start] + new + text[end:last]).strip(),
        )


def _short(line: str, other: str, width: int = 150) -> str:
    """The part of a long line around where it differs from the other."""
    if len(line) <= width:
        return line
    same = next((i for i, (a, b) in enumerate(zip(line, other, strict=False)) if a != b), len(line))
    first = max(0, same - width // 2)
    return f"{'…' if first else ''}{line[first : first + width]}{'…' if first + width < len(line) else ''}"
