"""What is changed: a table of kinds, each with patterns of places and what is written there instead."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Place = re.Match[str]
Change = Callable[[Place, random.Random], str]


@dataclass(frozen=True)
class Rule:
    """Group `x` of `pattern` is replaced by what `change` says.

    files: what the name of a file must contain. within: only inside matches of this pattern.
    """

    pattern: re.Pattern[str]
    change: Change
    files: str
    within: re.Pattern[str] | None

    def places(self, text: str) -> Iterator[Place]:
        """Where the rule applies in a text; a match without group `x` only steps over what must stay."""
        regions = [(0, len(text))] if self.within is None else [m.span() for m in self.within.finditer(text)]
        for start, end in regions:
            for place in self.pattern.finditer(text, start, end):
                if place["x"] is not None:
                    yield place


def rule(pattern: str, change: Change, files: str = "", within: str | None = None) -> Rule:
    region = None if within is None else re.compile(within, re.DOTALL)
    return Rule(re.compile(pattern, re.MULTILINE), change, files, region)


# ---------------------------------------------------------------- what is written instead


def one_of(*texts: str) -> Change:
    return lambda place, rng: rng.choice(texts)


def bit_flipped(place: Place, rng: random.Random) -> str:
    """A sized literal, one bit of which is changed."""
    width, literal = place["x"].split("'")
    base, digits = literal[0], literal[1:]
    number = int(digits, 16 if base == "h" else 2) ^ 1 << rng.randrange(int(width))
    return f"{width}'{base}{number:0{len(digits)}{'x' if base == 'h' else 'b'}}"


def word_flipped(place: Place, rng: random.Random) -> str:
    """A word of hexadecimal digits, one bit of which is changed."""
    digits = place["x"]
    return f"{int(digits, 16) ^ 1 << rng.randrange(4 * len(digits)):0{len(digits)}x}"


def threshold_moved(place: Place, rng: random.Random) -> str:
    """A word of bytes, one of which is one more or less."""
    width, digits = place["x"].split("'h")
    low = 8 * rng.randrange(int(width) // 8)
    byte = int(digits, 16) >> low & 255
    moved = byte + rng.choice([-1, 1]) & 255
    return f"{width}'h{int(digits, 16) ^ (byte ^ moved) << low:0{len(digits)}x}"


def number_moved(place: Place, rng: random.Random) -> str:
    return str(abs(int(place["x"]) + rng.choice([-1, 1])))


def another_index(place: Place, rng: random.Random) -> str:
    """Another bit of the same vector that the text reads; of cells only one before, so that no loop arises."""
    read = [int(x) for x in re.findall(rf"\b{place['vector']}\[(\d+)\]", place.string)]
    here = int(place["x"])
    return str(rng.choice([x for x in read if x <= here] if place["vector"] == "cell_out" else read))


def another_slice(place: Place, rng: random.Random) -> str:
    """Another part of the same vector, equally wide."""

    def bits(part: str) -> int:
        high, low = part.split(":")
        return int(high) - int(low)

    parts = re.findall(rf"\b{place['vector']}\[(\d+:\d+)\]", place.string)
    return rng.choice([part for part in parts if bits(part) == bits(place["x"])])


def another_name(place: Place, rng: random.Random) -> str:
    """Another term, or another sum of the same level."""
    return rng.choice(re.findall(rf"\b{place['prefix']}(\d+)\)", place.string))


def held(place: Place, rng: random.Random) -> str:
    """What a register keeps when its reset is removed."""
    return place["register"]


# ---------------------------------------------------------------- where

SIZED = r"(?P<x>\d+'h[0-9a-f_]+|1'b[01])"
CONTROL = r"\w*(?:valid|ready|last|take|give|advance|held|full|busy|load|step|final|broken|early|complete|break_off|token|exists)\w*"
READ = rf"\blogic +(?:\[.*?\] +)?\w+;|(?<=[ (!])(?P<x>{CONTROL})(?=\)|;| &&| \|\|| \?)"  # a signal of the handshake where it is read
OUTPUT = r"\.\w+_o +\(\w+\)"
RESET_BRANCH = r"if \(!rst_ni\)(?:(?!\belse\b).)*"
KINDS: dict[str, tuple[Rule, ...]] = {
    "table": (
        rule(rf"(?:Table\d+ = |\.INIT\(){SIZED}", bit_flipped, "lut_layer"),
        rule(r"(?P<x>32'h[0-9a-fA-F]{8})", bit_flipped, "xilinx/quweit_"),
    ),
    "threshold": (
        rule(r"thresholds\d+ = (?P<x>\d+'h[0-9a-f]+);", threshold_moved, "encoder"),
        rule(r"thresholds\d+ = (?P<x>\d+'h[0-9a-f]+);", bit_flipped, "encoder"),
        rule(rf"\.INIT\({SIZED}", bit_flipped, "encoder"),
        rule(r"(?<=[{ ])(?P<x>1'b[01])(?=[,}])", bit_flipped, "encoder", r"\.threshold_i\(\{.*?\}\)"),
    ),
    "value": (
        rule(rf"(?:values|bias)\d+ = {SIZED};", bit_flipped, "value_table"),
        rule(rf"\.INIT\({SIZED}", bit_flipped, "value_table"),
        rule(SIZED, bit_flipped, "value_table", r"assign bias_o = \{.*?\}"),
    ),
    "pin": (
        rule(
            r"\.O[56]?\(\w+\[\d+\]\)|\b(?P<vector>bits_i|cell_out|x_i|time_i|slot_i|values\d+)\[(?P<x>\d+)\]",
            another_index,
            "_block",
        ),
        rule(r"\b(?P<vector>terms_i|values\d+)\[(?P<x>\d+:\d+)\]", another_slice, "_block"),
        rule(r"\b(?P<prefix>term|level\d+_)(?P<x>\d+)\)", another_name, "adder_tree"),
    ),
    "operator": (
        rule(r" (?P<x>\+) ", one_of("-")),
        rule(r" (?P<x>-) ", one_of("+")),
        rule(r" (?P<x>&&) ", one_of("||")),
        rule(r" (?P<x>\|\|) ", one_of("&&")),
        rule(r" (?P<x>&) ", one_of("|", "^")),
        rule(r" (?P<x>\|) ", one_of("&", "^")),
        rule(r" (?P<x>==) ", one_of("!=")),
        rule(r" (?P<x>!=) ", one_of("==")),
        rule(r" (?P<x><) ", one_of("<=", ">=", ">")),
        rule(r" (?P<x>>) ", one_of(">=", "<", "<=")),
        rule(r" (?P<x>>=) ", one_of(">", "<")),
        rule(r"\([\w_]+ (?P<x><=) ", one_of("<", ">")),
        rule(r"(?<=[ (])(?P<x>[!~])(?=[\w(])", one_of("")),
        rule(r" (?P<x>>>>) ", one_of(">>")),
        rule(r" (?P<x>>>) ", one_of("<<")),
        rule(r" (?P<x><<) ", one_of(">>")),
    ),
    "reset": (
        rule(r"(?P<x> or negedge rst_ni)", one_of("")),
        rule(r"(?P<register>\w+) +<= (?P<x>[^;]+);", held, "", RESET_BRANCH),
        rule(r"<= (?P<x>'0|1'b0|2'd0)(?=;)", one_of("'1"), "", RESET_BRANCH),
        rule(r"if \((?P<x>!)rst_ni\)", one_of("")),
        rule(r"^ +\.rst_ni *(?P<x>\(aresetn\)|(?=,$))", one_of("(1'b1)")),
    ),
    "handshake": (
        rule(rf"{OUTPUT}|{READ}", one_of("1'b0", "1'b1")),
        rule(rf"{OUTPUT}|{READ}", lambda place, rng: f"!{place['x']}"),
    ),
    "counter": (
        rule(r"[+-] (?P<x>1'b1|1)(?=[);: ])", one_of("0", "2")),
        rule(r"\d'd(?P<x>\d+)\b(?!:)", number_moved),
        rule(r"^ +\.[A-Z]\w+ +\((?P<x>\d+)\)", number_moved, "_block"),
        rule(r"(?<=[ (])(?P<x>\w+_q)(?= (?:[-+<>]|[=!]=) )", one_of("'0", "'1")),
    ),
}
# Of a whole model alone, and not of blocks.
CONTENTS = "contents"
OF_MODELS: dict[str, tuple[Rule, ...]] = {
    **{kind: KINDS[kind] for kind in ("operator", "reset", "handshake", "counter")},
    CONTENTS: (rule(r"^(?P<x>[0-9a-f]+)$", word_flipped, ".hex"),),
}
