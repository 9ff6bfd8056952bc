"""From the program of a model to its schedule and the contents of its memories.

A word of activations holds a feature of as many tokens as the array has lanes; a tensor of T tokens and D features has a word
for each feature of each tile of tokens, tile after tile. Weights lie likewise: a word is an input's weights for as many
outputs. With weights as its left side, a product leaves the array as words of activations. Values alone are made the
other way round, since attention sums over tokens: their words hold features of one token.

A decoder has a second schedule, of the same jobs on one tile of tokens: a decode step. Its token is in the lane where the whole
sequence has it, so that its key goes into that lane of the words that hold keys, and its value into a word of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np

from quweit_cli.documents import BlockDesign
from quweit_cli.errors import ConfigError, UnsupportedModel
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
from quweit_cli.hdl.units.design import layer_norm_cycles, softmax_cycles
from quweit_cli.hdl.vectors import packed
from quweit_cli.ir import Program, Requantize, RequantizeFeatures
from quweit_cli.ir.nodes.attention import ScoreProduct, ValueProduct
from quweit_cli.ir.nodes.base import Integers, Node
from quweit_cli.ir.nodes.embeddings import Embedding, PositionEmbedding
from quweit_cli.ir.nodes.functions import Softmax, Table
from quweit_cli.ir.nodes.places import Patches
from quweit_cli.ir.nodes.pooling import Pool
from quweit_cli.ir.nodes.products import MatrixProduct
from quweit_cli.ir.nodes.sums import Addition
from quweit_cli.ir.program import tensor_types
from quweit_cli.ir.types import INT8, INT16, INT32

SIDES = (8, 16, 32, 64)
DRAIN = 3  # times the side, and DRAIN_MORE: cycles from the last beat of a product to its last word written
DRAIN_MORE = 24
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
    def word_bits(self) -> int:
        """Of a code as it comes: whole bytes, whose highest bit says that it goes on from what is cached."""
        return 8 * -(-(self.code_bits + 1) // 8)


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
    jobs: list[Job] = field(default_factory=list)
    steps: list[Job] = field(default_factory=list)
    activations: int = 0  # words
    block_shifts: list[int] = field(default_factory=list)
    weight_words: list[list[int]] = field(default_factory=list)
    scale_words: list[list[tuple[int, int]]] = field(default_factory=list)  # bias and shift of each lane
    position_words: list[list[int]] = field(default_factory=list)
    table_entries: list[int] = field(default_factory=list)
    vectors: list[int] = field(default_factory=list)  # of tokens, one after the other

    kinds, sinks, caches, job_bits = KINDS, SINKS, CACHES, JOB_BITS

    @property
    def fields(self) -> list[tuple[str, int, int]]:
        return list(fields_of_word())

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
        """Of jobs of both schedules."""
        return len(self.jobs) + len(self.steps)

    @property
    def memories(self) -> dict[str, Memory]:
        content = {
            "jobs": (
                JOB_BITS,
                [f"{job.word():0{-(-JOB_BITS // 4)}x}" for job in (*self.jobs, *self.steps)],
            ),
            "weights": (8 * self.side, [packed(one, 8) for one in self.weight_words]),
            "scales": (SCALE_BITS * self.side, [_packed_scales(one) for one in self.scale_words]),
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
        words |= {"scales": len(self.scale_words), "positions": len(self.position_words)}
        words |= {"tables": len(self.table_entries), "vectors": len(self.vectors)}
        return self.bits_of(words[memory])

    @staticmethod
    def bits_of(words: int) -> int:
        return max(1, (words - 1).bit_length())

    # ------------------------------------------------------------ memories

    def region(self, words: int) -> int:
        first, self.activations = self.activations, self.activations + words
        return first

    def weights(self, weights_IO: Integers) -> int:
        """The first word of these weights: tile after tile of outputs, in each a word an input."""
        first, (inputs, outputs) = len(self.weight_words), weights_IO.shape
        for output in range(0, outputs, self.side):
            tile = np.zeros((inputs, self.side), dtype=np.int64)
            part = weights_IO[:, output : output + self.side]
            tile[:, : part.shape[1]] = part
            self.weight_words += tile.tolist()
        return first

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
        """Its number: entries in the order of their codes as unsigned bytes."""
        number = len(self.table_entries) // 256
        self.table_entries += np.roll(entries_N, 128).tolist()
        return number

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
        a: tuple[bool, int, int],
        b: tuple[bool, int, int],
        result: tuple[int, int, int],
        scale_base: int,
        scales: Scales,
        *,
        makes: tuple[tuple[str, ...], Integers],
        sink: Sink = "activations",
        from_positions: bool = False,
        number: int = 0,
        cache: Cache = "none",
    ) -> None:
        """shape: rows, inner, columns. a, b: whether of weights, base, step. result: base, steps of row and column.

        makes: tensors, and which of their elements rows and columns are. Columns are tokens, but for values: their rows are.
        """
        inner = shape[1]

        def job(rows: int, columns: int) -> Job:
            tiles = -(-rows // self.side) * -(-columns // self.side)
            return Job(
                name,
                "product",
                tiles * max(inner, self.side) + DRAIN * self.side + DRAIN_MORE,
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
                *makes,
            )

        rows, _, columns = shape
        self.add(job(rows, columns), job(self.side, columns) if cache == "values" else job(rows, 1))

    def norm(self, name: str, result_base: int) -> None:
        def job(tiles: int, parts: int) -> Job:
            cycles = tiles * parts * (layer_norm_cycles(self.width) + GROUP) + GROUP
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
            cycles = groups * parts * (softmax_cycles(self.tokens) + GROUP) + GROUP
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

    def block(self, name: str, source: int, design: BlockDesign, shift: int) -> None:
        number, width = len(self.block_shifts), self.width
        self.block_shifts.append(shift)

        def job(tokens: int) -> Job:
            beats = tokens * max(design.initiation_interval_cycles, width + 1)
            cycles = beats + design.latency_cycles + 2 * GROUP
            return Job(
                name,
                "block",
                cycles,
                width,
                width,
                tokens,
                b_base=source,
                number=number,
                tensors=(name,),
                elements=by_feature(self.tokens, width),
            )

        self.add(job(self.tokens), job(1))

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


def by_feature(tokens: int, features: int) -> Integers:
    """Features x tokens: the places of tokens x features."""
    return np.arange(tokens * features).reshape(tokens, features).T


def lay_out(
    program: Program, side: int, folder: str, blocks: Sequence[BlockDesign], lanes: int | None = None
) -> Layout:
    """The schedules and memories of a transformer on an array of this side.

    blocks: first layer first; none where MLPs are dense. lanes: units of normalisation and of softmax; as many as the side
    when absent.

    Raises:
        ConfigError: a side that is no power of two from 8 to 64, or lanes that do not divide it.
        UnsupportedModel: a program of another structure, or whose integers or memories are larger than those of the hardware.
    """
    if side not in SIDES:
        raise ConfigError(
            f"no model on an array of side {side}", hint=f"`rtl.side` is one of {', '.join(map(str, SIDES))}"
        )
    lanes = side if lanes is None else lanes
    if side % lanes:
        raise ConfigError(
            f"{lanes} lanes do not take the {side} tokens of a word in whole parts",
            hint=f"`rtl.lanes` is a power of two of at most {side}",
        )
    steps = _Steps(program)
    layers = [node for node in steps.nodes.values() if isinstance(node, Program)]
    if any(step.name == "around" for layer in layers for step in layer.steps):
        raise UnsupportedModel(
            "tokens around are read by blocks alone so far, not in the hardware of a whole model",
            hint="leave `rtl.side` out; the blocks are rendered as before",
        )
    if not layers or len(layers[0].input_type.shape) != 2:
        raise UnsupportedModel(f"`{program.name}` has no layers of tokens", hint="leave `rtl.side` out")
    tokens, width = layers[0].input_type.shape
    made = Layout(
        side=side,
        lanes=lanes,
        reads=_read(program, steps),
        tokens=tokens,
        width=width,
        logits=steps.product("logits_sum").weights_IO.shape[1],
        folder=folder,
    )
    normal = _lay_out_input(made, steps)
    of_blocks = sum("hidden_sum" not in _Steps(layer) for layer in layers)
    if of_blocks != len(blocks):
        raise UnsupportedModel(f"`{program.name}` has {of_blocks} blocks, and {len(blocks)} are rendered")
    regions = _Regions(made, layers, normal)
    for number, layer in enumerate(layers):
        _lay_out_layer(made, number, layer, regions, blocks)
    made.norm("norm", normal)
    _lay_out_answer(made, steps, normal)
    try:
        _ = made.memories
    except OverflowError as error:
        raise UnsupportedModel(
            f"`{program.name}` does not fit the words of its hardware: {error}",
            hint="a larger `rtl.side` has fewer words; without it the blocks are rendered as before",
        ) from None
    return made


def _read(program: Program, steps: _Steps) -> Image | Text:
    kind, patches = program.input_type, steps.nodes.get("patches")
    if isinstance(patches, Patches) and len(kind.outer) == 2 and kind.bits <= 8:
        return Image(*kind.outer, kind.features, patches.side)
    embedding = steps.nodes.get("embedded")
    if not isinstance(embedding, Embedding) or kind.outer:
        raise UnsupportedModel(
            f"`{program.name}` reads neither an image of int8 nor a row of tokens",
            hint="leave `rtl.side` out; the blocks are rendered as before",
        )
    codes = len(embedding.vectors_VD)
    if codes < 2:
        raise UnsupportedModel(f"`{program.name}` knows one token alone: there is nothing to choose")
    return Text(codes, kind.features)


def _lay_out_input(made: Layout, steps: _Steps) -> int:
    """From an image or tokens to the residual stream; gives where normalised tokens lie."""
    tokens, width = made.tokens, made.width
    made.positions(steps.of("position", PositionEmbedding).vectors_TD)
    if any(steps.shifts("positioned", width, INT16)):
        raise UnsupportedModel("`positioned` shifts the sum of a token and its position")
    if made.text:
        made.embed("embedded", "positioned", steps.of("embedded", Embedding).vectors_VD)
        return made.region(made.tiles * width)
    assert isinstance(made.reads, Image)
    features = made.reads.features
    pixels, normal = made.region(made.tiles * features), made.region(made.tiles * width)
    embedding = steps.product("embedded_sum")
    made.product(
        "embedded",
        (width, features, tokens),
        (True, made.weights(embedding.weights_IO), features),
        (False, pixels, features),
        (0, made.side, width),
        made.scales(embedding.bias_O.tolist(), steps.shifts("embedded", width, INT16)),
        "row",
        makes=(("positioned",), by_feature(tokens, width)),
        sink="residual",
        from_positions=True,
    )
    return normal


def _lay_out_answer(made: Layout, steps: _Steps, normal: int) -> None:
    """Logits of the sum over all tokens, or of the last token."""
    width, source, head = made.width, normal, steps.product("logits_sum")
    if not made.text:
        if steps.of("pooled_sum", Pool).take != "sum":
            raise UnsupportedModel(
                "a model that pools its last token alone does not become hardware as a whole"
            )
        source = made.region(width)
        made.jobs.append(
            Job(
                "pooled",
                "sum",
                width * made.tiles + 2 * GROUP,
                inner=width,
                columns=made.tiles,
                b_base=normal,
                result_base=source,
                scale_base=made.scales([0], steps.shifts("pooled", 1)),
                tensors=("pooled",),
                elements=by_feature(1, width),
            )
        )
    made.product(
        "logits",
        (made.logits, width, 1),
        (True, made.weights(head.weights_IO), width),
        (False, source, width),
        (0, made.side, made.logits),
        made.scales(head.bias_O.tolist(), steps.shifts("logits", made.logits, INT32)),
        "row",
        makes=((steps.program.answer,), by_feature(1, made.logits)),
        sink="logits",
    )


class _Columns(NamedTuple):
    """Words of tokens: the first one, and how many lead to the next tile."""

    base: int
    step: int


class _Regions:
    """Where tensors of a layer lie; all layers use the same words, but for the keys and values that a decoder caches."""

    def __init__(self, made: Layout, layers: Sequence[Program], normal: int) -> None:
        steps = _Steps(layers[0])
        self.heads = steps.of("score_sum", ScoreProduct).heads
        self.head_width = made.width // self.heads
        self.normal = normal
        tile, caches = made.width, range(len(layers) if made.text else 1)
        if made.text:
            self.query = _Columns(made.region(made.tiles * tile), tile)
            self.keys = [_Columns(made.region(made.tiles * tile), tile) for _ in caches]
        else:  # made by one product
            self.query = _Columns(made.region(made.tiles * 2 * tile), 2 * tile)
            self.keys = [_Columns(self.query.base + tile, 2 * tile)]
        self.head_words = -(-self.head_width // made.side) * made.tokens  # of the values of a head
        self.values = [made.region(self.heads * self.head_words) for _ in caches]
        self.score_words = made.tiles * made.tokens  # of a head
        self.score = made.region(self.heads * self.score_words)
        self.mixed = made.region(made.tiles * tile)
        self.hidden_width = steps.product("hidden_sum").weights_IO.shape[1] if "hidden_sum" in steps else 0
        self.hidden = made.region(made.tiles * self.hidden_width)


def _lay_out_layer(
    made: Layout, number: int, layer: Program, at: _Regions, blocks: Sequence[BlockDesign]
) -> None:
    name, steps, width = f"layer{number}", _Steps(layer), made.width
    made.norm(f"{name}/attention_norm", at.normal)
    _lay_out_attention(made, name, steps, at, number if made.text else 0)
    _onto_residual(made, name, steps, ("projected_sum", "projected", "attended"), at.mixed)
    made.norm(f"{name}/mlp_norm", at.normal)
    if "hidden_sum" not in steps:
        made.block(f"{name}/y", at.normal, blocks[len(made.block_shifts)], steps.sum("y"))
        return
    hidden, gelu = steps.product("hidden_sum"), steps.of("gelu", Table)
    made.product(
        f"{name}/gelu",
        (at.hidden_width, width, made.tokens),
        (True, made.weights(hidden.weights_IO), width),
        (False, at.normal, width),
        (at.hidden, made.side, at.hidden_width),
        made.scales(hidden.bias_O.tolist(), steps.shifts("hidden", at.hidden_width)),
        "row",
        makes=((f"{name}/gelu",), by_feature(made.tokens, at.hidden_width)),
        sink="table",
        number=made.table(gelu.entries_N),
    )
    _onto_residual(made, name, steps, ("mlp_sum", "mlp", "y"), at.hidden)


def _lay_out_attention(made: Layout, name: str, steps: _Steps, at: _Regions, cache: int) -> None:
    """cache: number of the keys and values."""
    side, tokens, width, query, keys = made.side, made.tokens, made.width, at.query, at.keys[cache]
    causal = made.text is not None
    softmax = steps.of("weight", Softmax)
    nodes = (softmax, steps.of("score_sum", ScoreProduct), steps.of("mixed_sum", ValueProduct))
    if any(node.causal != causal for node in nodes):
        raise UnsupportedModel(f"attention of `{name}` is {'not ' if causal else ''}causal")
    qkv = steps.product("qkv")
    shifts = [shift for part in ("query", "key", "value") for shift in steps.shifts(part, width)]
    bias = qkv.bias_O.tolist()
    of_one = by_feature(tokens, width)
    of_heads = of_one.reshape(at.heads, at.head_width, tokens)
    parts: list[tuple[tuple[str, ...], slice, _Columns, Cache]] = [
        (("query", "key"), slice(2 * width), query, "none")
    ]
    if causal:
        parts = [
            (("query",), slice(width), query, "none"),
            (("key",), slice(width, 2 * width), keys, "keys"),
        ]
    for names, features, place, append in parts:
        made.product(
            f"{name}/{names[0]}",
            (len(names) * width, width, tokens),
            (True, made.weights(qkv.weights_IO[:, features]), width),
            (False, at.normal, width),
            (place.base, side, place.step),
            made.scales(bias[features], shifts[features]),
            "row",
            makes=(
                tuple(f"{name}/{one}" for one in names),
                np.concatenate([number * tokens * width + of_one for number in range(len(names))]),
            ),
            cache=append,
        )
    for head in range(at.heads):
        features = slice(2 * width + head * at.head_width, 2 * width + (head + 1) * at.head_width)
        made.product(
            f"{name}/value",
            (tokens, width, at.head_width),
            (False, at.normal, width),
            (True, made.weights(qkv.weights_IO[:, features]), width),
            (at.values[cache] + head * at.head_words, side, tokens),
            made.scales(bias[features], shifts[features]),
            "column",
            makes=((f"{name}/value",), of_heads[head].T),
            cache="values" if causal else "none",
        )
    pairs = np.arange(at.heads * tokens**2).reshape(at.heads, tokens, tokens).swapaxes(1, 2)
    seen = np.triu(np.ones((tokens, tokens), dtype=bool)) | (not causal)  # keys x queries
    score_scale = made.scales([0], steps.shifts("score", 1))
    for head in range(at.heads):
        first = head * at.head_width
        made.product(
            f"{name}/score",
            (tokens, at.head_width, tokens),
            (False, keys.base + first, keys.step),
            (False, query.base + first, query.step),
            (at.score + head * at.score_words, side, tokens),
            score_scale,
            "one",
            makes=((f"{name}/score",), np.where(seen, pairs[head], -1)),
        )
    for head in range(
        at.heads if causal else 1
    ):  # a group is a tile of queries, and by that says what it may see
        groups = made.tiles if causal else at.heads * made.tiles
        elements = pairs[head] if causal else pairs
        made.softmax(f"{name}/weight", at.score + head * at.score_words, groups, softmax.multiplier, elements)
    mixed_scale = made.scales([0], steps.shifts("mixed", 1))
    for head in range(at.heads):
        made.product(
            f"{name}/mixed",
            (at.head_width, tokens, tokens),
            (False, at.values[cache] + head * at.head_words, tokens),
            (False, at.score + head * at.score_words, tokens),
            (at.mixed + head * at.head_width, side, width),
            mixed_scale,
            "one",
            makes=((f"{name}/mixed",), of_heads[head]),
        )


def _onto_residual(
    made: Layout, layer: str, steps: _Steps, tensors: tuple[str, str, str], source: int
) -> None:
    """tensors: the product, its results, and their sum with the residual stream."""
    product = steps.product(tensors[0])
    if steps.sum(tensors[2]):
        raise UnsupportedModel(f"`{tensors[2]}` shifts what a product adds to the residual stream")
    inner = product.weights_IO.shape[0]
    made.product(
        f"{layer}/{tensors[2]}",
        (made.width, inner, made.tokens),
        (True, made.weights(product.weights_IO), inner),
        (False, source, inner),
        (0, made.side, made.width),
        made.scales(product.bias_O.tolist(), steps.shifts(tensors[1], made.width, INT16)),
        "row",
        makes=((f"{layer}/{tensors[2]}",), by_feature(made.tokens, made.width)),
        sink="residual",
    )


AnyNode = TypeVar("AnyNode", bound=Node)


class _Steps:
    """Operations of a program by name.

    `of` raises UnsupportedModel where there is none of that name and kind: the program has another structure.

    Raises:
        UnsupportedModel: sums that the array cannot hold.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.nodes = {step.name: step.node for step in program.steps}
        types = tensor_types(program)
        for name, node in self.nodes.items():
            kind = types[name]
            if isinstance(node, MatrixProduct | ScoreProduct | ValueProduct | Pool) and not (
                INT32[0] <= kind.low and kind.high <= INT32[1]
            ):
                raise UnsupportedModel(
                    f"sums of `{name}` are {kind.low} ... {kind.high}, and the array has 32 bits for them",
                    hint="leave `rtl.side` out; the blocks are rendered as before",
                )

    def __contains__(self, name: str) -> bool:
        return name in self.nodes

    def of(self, name: str, kind: type[AnyNode]) -> AnyNode:
        node = self.nodes.get(name)
        if not isinstance(node, kind):
            raise UnsupportedModel(
                f"`{self.program.name}` has no {kind.__name__} `{name}`: programs of another structure than those of"
                " `quweit dump` do not become hardware as a whole",
                hint="leave `rtl.side` out; the blocks are rendered as before",
            )
        return node

    def product(self, name: str) -> MatrixProduct:
        return self.of(name, MatrixProduct)

    def sum(self, name: str) -> int:
        """By how much the second term is shifted to the left.

        Raises:
            UnsupportedModel: the first one is shifted as well, or the sum is not clamped to the residual stream's bits.
        """
        node = self.of(name, Addition)
        if len(node.shifts) != 2 or node.shifts[0] or (node.low, node.high) != INT16:
            raise UnsupportedModel(
                f"`{name}` adds with shifts {node.shifts} and clamps to {node.low} ... {node.high},"
                " which a model in hardware cannot",
                hint="leave `rtl.side` out; the blocks are rendered as before",
            )
        return node.shifts[1]

    def shifts(self, name: str, features: int, clamp: tuple[int, int] = INT8) -> list[int]:
        """Of a requantisation, to the right, one a feature; negative to the left.

        clamp: that of the hardware.

        Raises:
            UnsupportedModel: a multiplier that is no power of two, a shift beyond what hardware has, or another clamp.
        """
        node = self.nodes.get(name)
        if isinstance(node, RequantizeFeatures):
            right = node.shifts_D.tolist()
        else:
            node = self.of(name, Requantize)
            right = [node.shift] * features
        left = node.multiplier.bit_length() - 1
        shifts = [shift - left for shift in right]
        fits = (
            min(shifts) >= -LEFT and max(shifts) + LEFT < 1 << SHIFT_BITS and (node.low, node.high) == clamp
        )
        if node.multiplier != 1 << left or not fits or len(right) != features:
            raise UnsupportedModel(
                f"sums of `{name}` are multiplied by {node.multiplier}, shifted by {min(right)} to {max(right)} and"
                f" clamped to {node.low} ... {node.high}, which a model in hardware cannot",
                hint=f"its scales must be powers of two, and results at most {LEFT} bits finer than their sums",
            )
        return shifts


def _packed_scales(pairs: Sequence[tuple[int, int]]) -> str:
    """A bias of 32 bits and above it a shift, lane 0 in the low digits; OverflowError for what does not fit."""
    word = 0
    for lane, (bias, shift) in enumerate(pairs):
        if not INT32[0] <= bias <= INT32[1]:
            raise OverflowError(f"a bias is {bias}, and has 32 bits")
        word |= (bias % 2**32 | (shift + LEFT) << 32) << lane * SCALE_BITS
    return f"{word:0{-(-len(pairs) * SCALE_BITS // 4)}x}"
