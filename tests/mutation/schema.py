"""Many mutants in one text: each changed expression is a choice by a number that the simulation is given.

So one build of a simulator serves all of them: `+mutant=N` plays mutant N, and 0 the original. What no choice
can express (sensitivity lists, parameters, outputs of cells) needs a build of its own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from mutation.mutant import Mutant, masked

_ASSIGNMENT = re.compile(r"(?<![<>=!:+])(?:<=|=)(?!=)")
_TABLE = re.compile(r"localparam logic (\[\d+:0\]) (\w+) $")
_GENERATE = re.compile(r"\) begin : gen_")
_GROUP = {"(": ")", "[": "]", "{": "}"}
SWITCH = """
  integer mutant_number;
  initial if (!$value$plusargs("mutant=%d", mutant_number)) mutant_number = 0;
"""


class Span(NamedTuple):
    """An expression: `text[start:end]`; before it, `text[edit:start]` becomes `opening` where that is not None."""

    start: int
    end: int
    edit: int = 0
    opening: str | None = None
    after: int = 0  # `text[end:after]` becomes `closing`
    closing: str | None = None


def expression(text: str, mutant: Mutant) -> Span | None:
    """The expression around a mutant that a choice can stand for; None when there is none."""
    hidden = masked(text)
    start, end, assignment = _statement(hidden, mutant.start)
    if end < mutant.end:
        return None
    if assignment is not None and assignment <= mutant.start:
        prefix = hidden[start : assignment - 1]
        if "localparam" in prefix or "parameter" in prefix:
            found = _TABLE.search(hidden[: hidden.rindex("=", 0, assignment + 1)])
            if found is None:
                return None
            return Span(assignment, end, found.start(), f"wire {found[1]} {found[2]} =", end, "")
        return Span(assignment, end)
    return _inside_parentheses(hidden, start, mutant)


def combined(text: str, mutants: Iterable[tuple[int, Mutant]]) -> str:
    """The text with all mutants, each under its number; every one must have an expression."""
    spans: dict[Span, list[tuple[int, Mutant]]] = defaultdict(list)
    for number, mutant in mutants:
        span = expression(text, mutant)
        assert span is not None
        spans[span].append((number, mutant))
    edits: list[tuple[int, int, str]] = [(_body(text), _body(text), SWITCH)] if spans else []
    for span, inside in spans.items():
        choice = f"({text[span.start : span.end].strip()})"
        for number, mutant in inside:
            changed = text[span.start : mutant.start] + mutant.new + text[mutant.end : span.end]
            choice = f"((mutant_number == {number}) ? ({changed.strip()}) : {choice})"
        first = span.start if span.opening is None else span.edit
        last = span.end if span.closing is None else span.after
        edits.append((first, last, f"{span.opening or ''} {choice}{span.closing or ''}"))
    for first, last, new in sorted(edits, reverse=True):
        text = text[:first] + new + text[last:]
    return text


def _statement(hidden: str, place: int) -> tuple[int, int, int | None]:
    """Start and end of the statement around a place, and where its right side begins, if it is an assignment."""
    start, depth = 0, 0
    assignment: int | None = None
    # Statements of a generated file are short; a module's header ends in a semicolon as well.
    first = max(hidden.rfind(";\n", 0, place), hidden.rfind("module ", 0, place), 0)
    position = start = first + 1 if first else 0
    while position < len(hidden):
        letter = hidden[position]
        if letter in _GROUP:
            depth += 1
        elif letter in _GROUP.values():
            depth -= 1
        elif letter == ";" and depth == 0:
            if position >= place:
                return start, position, assignment
            start, assignment = position + 1, None
        elif letter in "<=" and depth == 0 and assignment is None and _ASSIGNMENT.match(hidden, position):
            assignment = _ASSIGNMENT.match(hidden, position).end()  # type: ignore[union-attr]
        position += 1
    return start, place, None


def _inside_parentheses(hidden: str, start: int, mutant: Mutant) -> Span | None:
    """The condition of an `if`, or what is connected to a port, around a mutant."""
    opened: list[int] = []
    for position in range(start, mutant.start):
        if hidden[position] in _GROUP:
            opened.append(position)
        elif hidden[position] in _GROUP.values() and opened:
            opened.pop()
    for place in reversed(opened):
        end = _closing(hidden, place)
        before = hidden[:place].rstrip()
        if hidden[place] != "(":
            continue
        if before.endswith(("if", "for")):
            return None if before.endswith("for") or _GENERATE.match(hidden, end) else Span(place + 1, end)
        port = re.search(r"\.(\w+)$", before)
        if port is None:
            continue
        parameters = hidden[:place].rfind("#(", start) > hidden[:place].rfind(") ", start)
        if not parameters:
            return None if re.fullmatch(r"\w+_o|O[56]?|CO", port[1]) else Span(place + 1, end)
    return None


def _closing(hidden: str, place: int) -> int:
    depth = 0
    for position in range(place, len(hidden)):
        depth += (hidden[position] in _GROUP) - (hidden[position] in _GROUP.values())
        if depth == 0:
            return position
    raise ValueError("parentheses are not closed")


def _body(text: str) -> int:
    """Where the body of the first module begins."""
    found = re.search(r"^\);\n", text, re.MULTILINE)
    assert found is not None
    return found.end()
