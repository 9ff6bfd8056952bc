"""The memory in front of a block that reads the tokens around: its pace, its size and its module."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from quweit_cli.documents import BlockDesign, RtlNeighbours
from quweit_cli.errors import UnsupportedModel
from quweit_cli.ir.nodes.tokens import Neighbourhood, Part
from quweit_cli.templating import render

# A RAM64M8 (UG574), of which distributed memory is made: bits, words, LUTs.
BITS_OF_CELLS, WORDS_OF_CELLS, LUTS_OF_CELLS = 7, 64, 8
CONTROL_LUTS, CONTROL_FFS = 40, 30  # counters, comparisons, addresses


class Bound(NamedTuple):
    """What a token's row or column must be for its neighbour to be in the sample."""

    counter: str  # "down" or "right"
    at_least: bool  # else below
    value: int


@dataclass(frozen=True)
class Source:
    """Where the beats of a row up to `last_beat` (not included) come from."""

    part: Part
    last_beat: int
    distance: int  # in tokens, modulo those that are kept
    bounds: tuple[Bound, ...] | None  # None: no sample has such a neighbour


def features_of_a_beat(around: Neighbourhood, features: int, wanted: int) -> int:
    """As few as wanted, or more; all of a beat lie in one token, so that one is read a cycle."""
    common = common_features(around, features)
    divisors = (number for number in range(wanted, common + 1) if common % number == 0)
    return min(divisors, default=common)


def check_features_of_a_beat(around: Neighbourhood, features: int, chosen: int) -> None:
    """Raises UnsupportedModel when a beat would hold features of two tokens."""
    common = common_features(around, features)
    if common % chosen:
        raise UnsupportedModel(
            f"features_per_beat is {chosen}, and a block takes features of its neighbours in parts of {common}",
            hint=f"choose a divisor of {common}, or `auto`",
        )


def common_features(around: Neighbourhood, features: int) -> int:
    """The largest number of features that divides a token's and every part of its neighbours'."""
    return math.gcd(features, *(part.last - part.first for part in around.parts(features)))


def describe(around: Neighbourhood, features: int, per_beat: int) -> RtlNeighbours:
    """features: of a token."""
    after, before = reach(around, features)
    return RtlNeighbours(
        tokens=around.tokens,
        width=around.width,
        causal=around.causal,
        row_beats=2 * features // per_beat,
        kept_tokens=1 << (after + before + 1).bit_length(),
    )


def reach(around: Neighbourhood, features: int) -> tuple[int, int]:
    """Tokens to the last one that is read after a token, and to the first one before it."""
    distances = [distance(part, around.width) for part in around.parts(features)]
    return max(0, *distances), max(0, *(-one for one in distances))


def distance(part: Part, width: int) -> int:
    return part.down * width + part.right


def waiting_cycles(around: Neighbourhood, features: int, input_beats: int) -> int:
    """From the first beat of a sample to the first one that the block takes: what its first token reads has come."""
    after, _ = reach(around, features)
    return min(after + 1, around.tokens) * input_beats + 1


def render_neighbours(block: BlockDesign, around: Neighbourhood, header: str) -> dict[str, str]:
    """Name -> text of the module."""
    module = f"{block.top}_neighbours"
    after, before = reach(around, block.features)
    near = describe(around, block.features, block.features_per_beat)
    text = render(
        "block/neighbours.sv.mako",
        module=module,
        block=block,
        near=near,
        sources=sources(around, block, near.kept_tokens),
        height=around.tokens // around.width,
        after=after,
        before=before,
        header=header,
    )
    return {f"rtl/{module}.sv": text}


def sources(around: Neighbourhood, block: BlockDesign, kept_tokens: int) -> list[Source]:
    """Of the second half of a row, in order."""
    return [
        Source(
            part,
            block.input_beats + part.last // block.features_per_beat,
            distance(part, around.width) % kept_tokens,
            bounds(part, around),
        )
        for part in around.parts(block.features)
    ]


def bounds(part: Part, around: Neighbourhood) -> tuple[Bound, ...] | None:
    """Of the tokens that have the neighbour which a part comes from; None where none has it."""
    found = []
    for counter, steps, places in (
        ("down", part.down, around.tokens // around.width),
        ("right", part.right, around.width),
    ):
        if abs(steps) >= places:
            return None
        if steps:
            found.append(Bound(counter, steps < 0, -steps if steps < 0 else places - steps))
    return tuple(found)


def cells(near: RtlNeighbours, input_beats: int, per_beat: int) -> tuple[int, int]:
    """LUTs and flip-flops as Yosys will count them: memory, multiplexers of its parts, control."""
    bits = 8 * per_beat
    parts = max(1, near.kept_tokens * (1 << (input_beats - 1).bit_length()) // WORDS_OF_CELLS)
    memory = LUTS_OF_CELLS * -(-bits // BITS_OF_CELLS) * parts
    selects = bits * -(-(parts - 1) // 3) + (3 * parts if parts > 1 else 0)
    return memory + selects + bits // 2 + CONTROL_LUTS, bits + CONTROL_FFS
