"""Jobs of a model, which words they read and write, and what its memories hold before the first one.

A word of activations holds a feature of as many tokens as the array has lanes; a tensor of T tokens and D features has a word
for each feature of each tile of tokens, tile after tile. Weights lie likewise: a word is an input's weights for as many
outputs. With weights as its left side, a product leaves the array as words of activations. Values alone are made the
other way round, since attention sums over tokens: their words hold features of one token.

A decoder has a second schedule, of the same jobs on one tile of tokens: a decode step. Its token is in the lane where the whole
sequence has it, so that its key goes into that lane of the words that hold keys, and its value into a word of its own. With exits a
third one has the keys and values of layers that a token skips; each exit leads into the midst of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from quweit_cli.documents import BlockDesign
from quweit_cli.hdl.array.design import FEW_BITS_COLUMNS, few_bit_sum_bits
from quweit_cli.hdl.model.schedule import (
    CACHES,
    JOB_BITS,
    KINDS,
    SINKS,
    Cache,
    Job,
    Scales,
    Sink,
    fields_of_word,
)
from quweit_cli.hdl.units.lanes import Lane, norm_lane, softmax_lane
from quweit_cli.hdl.vectors import packed
from quweit_cli.ir.exits import CRITERIA, ExitRule
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear
from quweit_cli.ir.types import INT32

SIDES = (8, 16, 32, 64)
DRAIN = 3  # times the side, and DRAIN_MORE: cycles from the last beat of a product to its last word written
DRAIN_MORE = 24
GATED = 3  # cycles more, where the word is first multiplied by one of the gate
GROUP = 8  # cycles around a group of rows in units
LEFT, SHIFT_BITS = 7, 6  # the most bits to the left; bits of a shift, which is stored with LEFT added
SCALE_BITS = 32 + SHIFT_BITS


@dataclass(frozen=True)
class Memory:
    file: str
    bits: int  # of a word
    lines: list[str]

    @property
    def words(self) -> int:
        return len(self.lines)


@dataclass(frozen=True)
class Image:
    """What a vision transformer reads."""

    channels: int
    rows: int
    columns: int
    patch: int

    @property
    def beats(self) -> int:
        return self.channels * self.rows * self.columns

    @property
    def features(self) -> int:
        """Of a patch."""
        return self.channels * self.patch**2


@dataclass(frozen=True)
class Text:
    """What a decoder reads: tokens of so many codes."""

    codes: int
    beats: int  # the context

    @property
    def code_bits(self) -> int:
        return Layout.bits_of(self.codes)

    @property
    def unknown(self) -> int | None:
        """A code of no token, where words have room for one."""
        return self.codes if self.codes < 1 << self.word_bits - 1 else None

    @property
    def word_bits(self) -> int:
        """Of a code as it comes: whole bytes, whose highest bit says that it goes on from what is cached."""
        return 8 * -(-(self.code_bits + 1) // 8)


@dataclass(frozen=True)
class LaidOutExits:
    """By which samples leave early. information: of probability 0, 1, ... in steps of 1/128.

    rest_from: of a decoder, where each exit leads to among the jobs of a token that has left.
    """

    rule: ExitRule
    count: int
    information: list[int]
    rest_from: list[int] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return self.rule.steps

    @property
    def criterion_number(self) -> int:
        return CRITERIA.index(self.rule.criterion)


@dataclass
class Layout:
    """Jobs, and what the memories hold before the first one.

    steps: those of a decode step, where a text is read.
    """

    side: int
    lanes: int  # units of normalisation, and of softmax
    reads: Image | Text
    tokens: int
    width: int
    logits: int
    folder: str
    root: PiecewiseLinear | None = None  # of all normalisations, where it is in pieces
    exponential: PiecewiseLinear | None = None  # of all softmax likewise
    reciprocal: PiecewiseLinear | None = None
    head_width: int = 0
    values_after_keys: int = 0  # words from the keys of a layer to its values
    exits: LaidOutExits | None = None
    few_bit_steps: int = 1  # of the inner dimension a cycle, of products with weights of few bits
    few_bit_sum_bits: int = 0  # the most that their sums have
    gate: int | None = None  # the first of the words that results are multiplied by, where some are
    jobs: list[Job] = field(default_factory=list)
    steps: list[Job] = field(default_factory=list)
    rests: list[Job] = field(default_factory=list)  # of a token that has left: keys and values
    activations: int = 0  # words
    block_shifts: list[tuple[int, ...]] = field(
        default_factory=list
    )  # of each block, to the left: onto the residual stream, or of queries, keys and values
    weight_words: list[list[int]] = field(default_factory=list)
    few_bit_words: list[list[int]] = field(default_factory=list)  # weights of two bits
    scale_words: list[list[tuple[int, int]]] = field(default_factory=list)  # bias and shift of each lane
    position_words: list[list[int]] = field(default_factory=list)
    table_entries: list[int] = field(default_factory=list)
    vectors: list[int] = field(default_factory=list)  # of tokens, one after the other
    heads: list[tuple[Integers, int]] = field(default_factory=list)  # weights, and where they lie

    kinds, sinks, caches, job_bits = KINDS, SINKS, CACHES, JOB_BITS
    few_bit_columns = FEW_BITS_COLUMNS

    @property
    def fields(self) -> list[tuple[str, int, int]]:
        return list(fields_of_word())

    @property
    def norm_lane(self) -> Lane:
        return norm_lane(self.width, self.root)

    @property
    def softmax_lane(self) -> Lane:
        return softmax_lane(self.tokens, self.exponential, self.reciprocal)

    @property
    def exit_lane(self) -> Lane:
        """That makes probabilities of the logits of an exit."""
        return softmax_lane(self.logits)

    @property
    def parts(self) -> int:
        """In which units take the tokens of a word."""
        return self.side // self.lanes

    @property
    def tiles(self) -> int:
        return -(-self.tokens // self.side)

    @property
    def residual(self) -> int:
        """Words of the residual stream."""
        return self.tiles * self.width

    @property
    def text(self) -> Text | None:
        return self.reads if isinstance(self.reads, Text) else None

    @property
    def places(self) -> int:
        """Of jobs of all schedules."""
        return len(self.jobs) + len(self.steps) + len(self.rests)

    @property
    def memories(self) -> dict[str, Memory]:
        content = {
            "jobs": (
                JOB_BITS,
                [f"{job.word():0{-(-JOB_BITS // 4)}x}" for job in (*self.jobs, *self.steps, *self.rests)],
            ),
            "weights": (8 * self.side, [packed(one, 8) for one in self.weight_words]),
            "few_bit_weights": (
                2 * self.side * self.few_bit_steps,
                [packed(one, 2) for one in self.few_bit_words],
            ),
            "scales": (SCALE_BITS * self.side, [_packed_scales(one) for one in self.scale_words]),
            "information": (8, [packed([one], 8) for one in self.exits.information] if self.exits else []),
            "positions": (16 * self.side, [packed(one, 16) for one in self.position_words]),
            "tables": (8, [packed([one], 8) for one in self.table_entries]),
            "vectors": (16, [packed([one], 16) for one in self.vectors]),
        }
        return {
            name: Memory(f"{self.folder}/{name}.hex", bits, lines)
            for name, (bits, lines) in content.items()
            if lines
        }

    def address_bits(self, memory: str) -> int:
        words = {"activations": self.activations, "jobs": self.places, "weights": len(self.weight_words)}
        words |= {"few_bit_weights": len(self.few_bit_words)}
        words |= {"scales": len(self.scale_words), "positions": len(self.position_words)}
        words |= {"tables": len(self.table_entries), "vectors": len(self.vectors)}
        return self.bits_of(words[memory])

    @staticmethod
    def bits_of(words: int) -> int:
        return max(1, (words - 1).bit_length())

    # ------------------------------------------------------------ memories

    def activation_memory(self, port: str, step: int = 0) -> str:
        """Of a copy, and of the words whose place is `step` in a row of as many as a beat of few bits reads."""
        return f"activations_{port}{step if self.few_bit_steps > 1 else ''}"

    def region(self, words: int) -> int:
        first, rows = self.activations, -(-words // self.few_bit_steps)
        self.activations += rows * self.few_bit_steps
        return first

    def weights(self, weights_IO: Integers, *, few_bits: bool = False) -> int:
        """The first word of these weights: tile after tile of outputs, in each a word an input. Of few bits a word has several
        inputs, those of an output side by side."""
        memory = self.few_bit_words if few_bits else self.weight_words
        steps = self.few_bit_steps if few_bits else 1
        first, (inputs, outputs) = len(memory), weights_IO.shape
        for output in range(0, outputs, self.side):
            tile = np.zeros((inputs, self.side), dtype=np.int64)
            part = weights_IO[:, output : output + self.side]
            tile[:, : part.shape[1]] = part
            memory += (
                tile.reshape(-1, steps, self.side).swapaxes(1, 2).reshape(-1, steps * self.side).tolist()
            )
        return first

    def head_weights(self, weights_IO: Integers) -> int:
        """The first word of a head's weights, which lie there once: all exits of a decoder read with those of its end."""
        for known_IO, first in self.heads:
            if np.array_equal(known_IO, weights_IO):
                return first
        self.heads.append((weights_IO, self.weights(weights_IO)))
        return self.heads[-1][1]

    def scales(self, bias_O: Sequence[int], shift_O: Sequence[int]) -> int:
        """The first word of these biases and shifts, as many outputs a word as there are lanes."""
        first = len(self.scale_words)
        pairs = list(zip(bias_O, shift_O, strict=True))
        for output in range(0, len(pairs), self.side):
            word = pairs[output : output + self.side]
            self.scale_words.append(word + [(0, 0)] * (self.side - len(word)))
        return first

    def positions(self, vectors_TD: Integers) -> None:
        padded = np.zeros((self.tiles * self.side, self.width), dtype=np.int64)
        padded[: self.tokens] = vectors_TD[: self.tokens]
        tiles = padded.reshape(self.tiles, self.side, self.width).swapaxes(1, 2)
        self.position_words = tiles.reshape(-1, self.side).tolist()

    def table(self, entries_N: Integers) -> int:
        """Its number: entries in the order of their codes as unsigned bytes. One that is there already is not added."""
        entries, size = np.roll(entries_N, 128).tolist(), len(entries_N)
        firsts = range(0, len(self.table_entries), size)
        found = next((one for one in firsts if self.table_entries[one : one + size] == entries), None)
        if found is None:
            found = len(self.table_entries)
            self.table_entries += entries
        return found // size

    # ------------------------------------------------------------ jobs

    def add(self, job: Job, step: Job) -> None:
        """step: the same of one token, in a decode step."""
        self.jobs.append(job)
        if self.text:
            self.steps.append(step)

    def product(
        self,
        name: str,
        shape: tuple[int, int, int],
        a: Operand,
        b: Operand,
        result: tuple[int, int, int],
        scale_base: int,
        scales: Scales,
        *,
        makes: tuple[tuple[str, ...], Integers],
        sink: Sink = "activations",
        from_positions: bool = False,
        number: int = 0,
        cache: Cache = "none",
        few_bits: bool = False,
    ) -> None:
        """shape: rows, inner, columns. result: base, steps of row and column.

        makes: tensors, and which of their elements rows and columns are. Columns are tokens, but for values: their rows are.
        """
        inner, steps = shape[1], self.few_bit_steps if few_bits else 1
        if few_bits:
            self.few_bit_sum_bits = max(self.few_bit_sum_bits, few_bit_sum_bits(inner))
            inner, a, b = inner // steps, _by_beats(a, steps), _by_beats(b, steps)

        def job(rows: int, columns: int) -> Job:
            tiles = -(-rows // self.side) * -(-columns // self.side)
            return Job(
                name,
                "product",
                tiles * max(inner, self.side) + DRAIN * self.side + DRAIN_MORE + GATED * (sink == "gate"),
                rows,
                inner,
                columns,
                *a,
                *b,
                *result,
                sink,
                from_positions,
                scale_base,
                scales,
                number,
                cache,
                few_bits,
                steps,
                *makes,
            )

        rows, _, columns = shape
        self.add(job(rows, columns), job(self.side, columns) if cache == "values" else job(rows, 1))

    def norm(self, name: str, result_base: int) -> None:
        def job(tiles: int, parts: int) -> Job:
            cycles = tiles * parts * (self.norm_lane.cycles + GROUP) + GROUP
            return Job(
                name,
                "norm",
                cycles,
                inner=self.width,
                columns=tiles,
                result_base=result_base,
                tensors=(name,),
                elements=by_feature(self.tokens, self.width),
            )

        self.add(job(self.tiles, self.parts), job(1, 1))

    def softmax(self, name: str, base: int, groups: int, multiplier: int, elements: Integers) -> None:
        """In place. groups: tiles of queries, of one head or several. elements: those of the probabilities."""

        def job(groups: int, parts: int) -> Job:
            cycles = groups * parts * (self.softmax_lane.cycles + GROUP) + GROUP
            return Job(
                name,
                "softmax",
                cycles,
                inner=self.tokens,
                columns=groups,
                b_base=base,
                result_base=base,
                number=multiplier,
                tensors=(name,),
                elements=elements,
            )

        self.add(job(groups, self.parts), job(1, 1))

    @property
    def stores(self) -> bool:
        """Whether blocks make queries, keys and values."""
        return any(len(shifts) > 1 for shifts in self.block_shifts)

    def block(
        self,
        name: str,
        source: int,
        design: BlockDesign,
        shifts: tuple[int, ...],
        parts: Parts | None = None,
    ) -> None:
        """shifts: of its outputs, to the left. parts: where queries, keys and values go; else onto the residual stream."""
        number, width = len(self.block_shifts), self.width
        self.block_shifts.append(shifts)
        outputs = width * len(shifts)
        elements = np.concatenate(
            [part * self.tokens * width + by_feature(self.tokens, width) for part in range(len(shifts))]
        )

        def job(tokens: int) -> Job:
            beats = tokens * max(design.initiation_interval_cycles, width + 1, outputs)
            cycles = beats + design.latency_cycles + 2 * GROUP
            made = Job(
                name,
                "block",
                cycles,
                outputs,
                width,
                tokens,
                b_base=source,
                number=number,
                sink="residual",
                tensors=(name,),
                elements=elements,
            )
            if parts is None:
                return made
            return replace(
                made,
                sink="activations",
                tensors=parts.tensors,
                result_base=parts.query.base,
                column_step=parts.query.step,
                a_base=parts.keys.base,
                a_step=parts.keys.step,
            )

        self.add(job(self.tokens), job(1))

    def leave(self, number: int, shift: int, multiplier: int) -> None:
        """At exit `number`, whose logits are shifted to the right and then become probabilities.

        A token that leaves goes on with the keys and values of the layers that come after.
        """
        assert self.exits is not None
        if self.text:
            self.exits.rest_from.append(len(self.rests))
        cycles = self.logits + self.exit_lane.cycles + 4 * GROUP
        job = Job(
            f"exit{number}/entropy",
            "exit",
            cycles,
            rows=number,
            inner=self.logits,
            result_base=len(self.rests),
            scale_base=self.scales([0], [shift]),
            number=multiplier,
        )
        self.add(job, job)

    def embed(self, name: str, makes: str, vectors_VD: Integers) -> None:
        """Vectors of tokens, and those of their positions, onto the residual stream."""
        self.vectors = vectors_VD.ravel().tolist()
        width = self.width

        def job(tokens: int) -> Job:
            return Job(
                name,
                "embed",
                tokens * width + 2 * GROUP,
                width,
                width,
                tokens,
                from_positions=True,
                tensors=(makes,),
                elements=by_feature(self.tokens, width),
            )

        self.add(job(self.tokens), job(1))


Operand = tuple[bool, int, int]  # whether of weights, first word, words to the next tile


def _by_beats(operand: Operand, steps: int) -> Operand:
    """In beats of so many words; those of weights are as wide."""
    weights, base, step = operand
    return weights, base if weights else base // steps, step // steps


class Columns(NamedTuple):
    """Words of tokens: the first one, and how many lead to the next tile."""

    base: int
    step: int


class Parts(NamedTuple):
    """Queries, keys and values that a block makes: their names, and where the first two go."""

    tensors: tuple[str, str, str]
    query: Columns
    keys: Columns


def by_feature(tokens: int, features: int) -> Integers:
    """Features x tokens: the places of tokens x features."""
    return np.arange(tokens * features).reshape(tokens, features).T


def _packed_scales(pairs: Sequence[tuple[int, int]]) -> str:
    """A bias of 32 bits and above it a shift, lane 0 in the low digits; OverflowError for what does not fit."""
    word = 0
    for lane, (bias, shift) in enumerate(pairs):
        if not INT32[0] <= bias <= INT32[1]:
            raise OverflowError(f"a bias is {bias}, and has 32 bits")
        word |= (bias % 2**32 | (shift + LEFT) << 32) << lane * SCALE_BITS
    return f"{word:0{-(-len(pairs) * SCALE_BITS // 4)}x}"
