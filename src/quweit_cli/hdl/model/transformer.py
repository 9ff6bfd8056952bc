"""From the program of a transformer to its jobs, layer by layer: a vision transformer, or a decoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from quweit_cli.documents import BlockDesign
from quweit_cli.errors import ConfigError, UnsupportedModel
from quweit_cli.hdl.array.design import FEW_BITS_STEPS
from quweit_cli.hdl.model.layout import (
    GROUP,
    LEFT,
    SIDES,
    Columns,
    Image,
    LaidOutExits,
    Layout,
    Parts,
    Text,
    by_feature,
)
from quweit_cli.hdl.model.operations import Operations
from quweit_cli.hdl.model.schedule import Cache, Job, Sink
from quweit_cli.ir import Program
from quweit_cli.ir.exits import ExitRule
from quweit_cli.ir.nodes.attention import ScoreProduct, ValueProduct
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.embeddings import Embedding, PositionEmbedding
from quweit_cli.ir.nodes.functions import LayerNormalisation, Softmax, Table
from quweit_cli.ir.nodes.leaving import Leave
from quweit_cli.ir.nodes.piecewise import PiecewiseLinear
from quweit_cli.ir.nodes.places import Patches
from quweit_cli.ir.nodes.pooling import Pool
from quweit_cli.ir.nodes.products import ElementwiseProduct, MatrixProduct
from quweit_cli.ir.types import INT8, INT16, INT32

HIDDEN, LEARN_FORGET = "hidden_sum", ("forget_hidden_sum", "learn_hidden_sum")  # what a table follows
PARTS = ("query", "key", "value")  # of what reads a normalised token


def lay_out(
    program: Program,
    side: int,
    folder: str,
    blocks: Sequence[BlockDesign],
    lanes: int | None = None,
    rule: ExitRule | None = None,
) -> Layout:
    """The schedules and memories of a transformer on an array of this side.

    blocks: first layer first; none where MLPs are dense. lanes: units of normalisation and of softmax; as many as the side
    when absent. rule: by which samples leave early; without one all go to the end, whatever exits the program has. A
    decoder's is within its program.

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
    steps = Operations(program)
    inner = {name: node for name, node in steps.nodes.items() if isinstance(node, Program)}
    layers = [node for name, node in inner.items() if name.startswith("layer")]
    exits = {step.sources[0]: inner[step.name] for step in program.steps if step.name.startswith("exit")}
    if not layers or len(layers[0].input_type.shape) != 2:
        raise UnsupportedModel(f"`{program.name}` has no layers of tokens", hint="leave `rtl.side` out")
    tokens, width = layers[0].input_type.shape
    parts = _parts_of([*layers, program], list(exits.values()))
    made = Layout(
        side=side,
        lanes=lanes,
        reads=_read(program, steps),
        tokens=tokens,
        width=width,
        logits=steps.product("logits_sum").weights_IO.shape[1],
        folder=folder,
        root=parts["root"],
        exponential=parts["exponential"],
        reciprocal=parts["reciprocal"],
        few_bit_steps=_few_bit_steps(layers),
    )
    normal = _lay_out_input(made, steps)
    of_blocks = sum(isinstance(step.node, Program) for layer in layers for step in layer.steps)
    if of_blocks != len(blocks):
        raise UnsupportedModel(f"`{program.name}` has {of_blocks} blocks, and {len(blocks)} are rendered")
    regions = _Regions(made, layers, normal)
    if made.text:
        rule = _rule_within(program)
    if rule is not None and exits:
        made.exits = LaidOutExits(rule, len(exits), _information(next(iter(exits.values()))))
    for number, layer in enumerate(layers):
        begin = len(made.steps)
        _lay_out_layer(made, number, layer, regions, blocks)
        if made.exits and made.exits.rest_from:  # a token may have left before this layer
            first, *others = made.steps[begin:]
            made.rests += [first, *(job for job in others if job.caches)]
        if made.exits and (head := exits.get(f"layer{number}") or exits.get(f"held{number}")):
            _lay_out_exit(made, head, normal)
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


def _parts_of(programs: Sequence[Program], exits: Sequence[Program]) -> dict[str, PiecewiseLinear | None]:
    """The pieces that all normalisations have, and all softmax; None where they have none. Exits have a softmax of their own.

    Raises:
        UnsupportedModel: they have different ones.
    """
    nodes = [step.node for program in programs for step in program.steps]
    softmax = [node for node in nodes if isinstance(node, Softmax)]
    nodes += [step.node for program in exits for step in program.steps]
    found = {
        "root": [node.root for node in nodes if isinstance(node, LayerNormalisation)],
        "exponential": [node.exponential for node in softmax],
        "reciprocal": [node.reciprocal for node in softmax],
    }
    for role, parts in found.items():
        if len({None if one is None else one.as_part().model_dump_json() for one in parts}) > 1:
            raise UnsupportedModel(
                f"normalisations or softmax have a different {role} each, and the lanes of a model have one",
                hint=f"train it with one `model.functions.{role}`, or leave `rtl.side` out; the blocks are rendered as before",
            )
    return {role: parts[0] if parts else None for role, parts in found.items()}


def _read(program: Program, steps: Operations) -> Image | Text:
    kind, patches = program.input_type, steps.nodes.get("patches")
    if isinstance(patches, Patches) and len(kind.outer) == 2 and kind.bits <= 8:
        return Image(*kind.outer, kind.features, patches.side)
    embedding = steps.nodes.get("embedded")
    if not isinstance(embedding, Embedding) or kind.outer:
        raise UnsupportedModel(
            f"`{program.name}` reads neither an image of int8 nor a row of tokens",
            hint="leave `rtl.side` out; the blocks are rendered as before",
        )
    if "pooled_sum" in steps:
        raise UnsupportedModel(
            f"`{program.name}` reads tokens and answers once a sample; such a model has no hardware as a whole so far",
            hint="leave `rtl.side` out; the blocks are rendered as before",
        )
    codes = len(embedding.vectors_VD)
    if codes < 2:
        raise UnsupportedModel(f"`{program.name}` knows one token alone: there is nothing to choose")
    return Text(codes, kind.features)


def _lay_out_input(made: Layout, steps: Operations) -> int:
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


def _lay_out_exit(made: Layout, program: Program, normal: int) -> None:
    """A normalisation, logits of the sum over all tokens, and the decision; of a decoder in its steps alone."""
    steps, name, begin = Operations(program), program.name, len(made.jobs)
    made.norm(f"{name}/norm", normal)
    _lay_out_answer(made, steps, normal, f"{name}/")
    made.leave(
        int(name.removeprefix("exit")),
        _shift_of_all(steps, "score", made.logits),
        steps.of("probability", Softmax).multiplier,
    )
    if made.text:
        del made.jobs[begin:]  # a prompt goes through all layers


def _rule_within(program: Program) -> ExitRule | None:
    """Of a decoder, which says itself who leaves; None where nobody does.

    Raises:
        UnsupportedModel: exits have rules of their own.
    """
    nodes = [step.node for step in program.steps]
    rules = {ExitRule(node.criterion, node.steps) for node in nodes if isinstance(node, Leave)}
    if len(rules) > 1:
        raise UnsupportedModel(
            "exits of a model have one rule in hardware, and those of its program have several"
        )
    return next(iter(rules), None)


def _information(program: Program) -> list[int]:
    """What an exit's table says of probability 0, 1, ... in steps of 1/128."""
    entries: list[int] = Operations(program).of("information", Table).entries_N[-INT8[0] :].tolist()
    return entries


def _lay_out_answer(made: Layout, steps: Operations, normal: int, prefix: str = "") -> None:
    """Logits of the sum over all tokens, or of the last token. prefix: of the tensors of an exit."""
    width, source, head = made.width, normal, steps.product("logits_sum")
    if not made.text:
        if steps.of("pooled_sum", Pool).take != "sum":
            raise UnsupportedModel(
                "a model that pools its last token alone does not become hardware as a whole"
            )
        source = made.region(width)
        made.jobs.append(
            Job(
                f"{prefix}pooled",
                "sum",
                width * made.tiles + 2 * GROUP,
                inner=width,
                columns=made.tiles,
                b_base=normal,
                result_base=source,
                scale_base=made.scales([0], steps.shifts("pooled", 1)),
                tensors=(f"{prefix}pooled",),
                elements=by_feature(1, width),
            )
        )
    made.product(
        f"{prefix}logits",
        (made.logits, width, 1),
        (True, made.head_weights(head.weights_IO), width),
        (False, source, width),
        (0, made.side, made.logits),
        made.scales(head.bias_O.tolist(), steps.shifts("logits", made.logits, INT32)),
        "row",
        makes=((f"{prefix}logits",), by_feature(1, made.logits)),
        sink="logits",
    )


class _Regions:
    """Where tensors of a layer lie; all layers use the same words, but for the keys and values that a decoder caches."""

    def __init__(self, made: Layout, layers: Sequence[Program], normal: int) -> None:
        steps = Operations(layers[0])
        self.heads = steps.of("score_sum", ScoreProduct).heads
        self.head_width = made.width // self.heads
        self.normal = normal
        tile, caches = made.width, range(len(layers) if made.text else 1)
        self.head_words = -(-self.head_width // made.side) * made.tokens  # of the values of a head
        self.keys, self.values = [], []
        if made.text:
            self.query = Columns(made.region(made.tiles * tile), tile)
        else:  # made by one product
            self.query = Columns(made.region(made.tiles * 2 * tile), 2 * tile)
            self.keys = [Columns(self.query.base + tile, 2 * tile)]
        for _ in caches:
            if made.text:
                self.keys.append(Columns(made.region(made.tiles * tile), tile))
            self.values.append(made.region(self.heads * self.head_words))
        made.head_width, made.values_after_keys = self.head_width, self.values[0] - self.keys[0].base
        self.score_words = made.tiles * made.tokens  # of a head
        self.score = made.region(self.heads * self.score_words)
        self.mixed = made.region(made.tiles * tile)
        widths = (steps.product(one).weights_IO.shape[1] for one in (HIDDEN, *LEARN_FORGET) if one in steps)
        self.hidden_width = max(widths, default=0)
        self.hidden = made.region(made.tiles * self.hidden_width)
        if LEARN_FORGET[0] in steps:
            made.gate = made.region(made.tiles * tile)


def _lay_out_layer(
    made: Layout, number: int, layer: Program, at: _Regions, blocks: Sequence[BlockDesign]
) -> None:
    name, steps = f"layer{number}", Operations(layer)
    made.norm(f"{name}/attention_norm", at.normal)
    _lay_out_attention(made, name, steps, at, number if made.text else 0, blocks)
    if "projected_sum" in steps:
        _onto_residual(made, name, steps, ("projected_sum", "projected", "attended"), at.mixed)
    else:
        made.block(f"{name}/attended", at.mixed, blocks[len(made.block_shifts)], (steps.sum("attended"),))
    made.norm(f"{name}/mlp_norm", at.normal)
    if LEARN_FORGET[0] in steps:
        _lay_out_learn_forget(made, name, steps, at)
    elif HIDDEN in steps:
        _through_table(made, name, steps, (HIDDEN, "hidden", "gelu"), at)
        _onto_residual(made, name, steps, ("mlp_sum", "mlp", "y"), at.hidden)
    else:
        made.block(f"{name}/y", at.normal, blocks[len(made.block_shifts)], (steps.sum("y"),))


def _lay_out_learn_forget(made: Layout, layer: str, steps: Operations, at: _Regions) -> None:
    """One branch makes the gate, by which results of the other are multiplied as they come."""
    assert made.gate is not None
    width, (forget, learn) = made.width, LEARN_FORGET
    _through_table(made, layer, steps, (forget, "forget_hidden", "sigmoid"), at)
    _of_tokens(
        made,
        steps,
        ("forgotten_sum", f"{layer}/forgotten"),
        steps.shifts("forgotten", width),
        at.hidden,
        made.gate,
    )
    _through_table(made, layer, steps, (learn, "learn_hidden", "tanh"), at)
    steps.of("mlp_product", ElementwiseProduct)
    if steps.sum("y"):
        raise UnsupportedModel("`y` shifts what a learn-forget network adds to the residual stream")
    _of_tokens(
        made,
        steps,
        ("learned_sum", f"{layer}/y"),
        steps.shifts("learned", width),
        at.hidden,
        0,
        sink="gate",
        number=_shift_of_all(steps, "mlp", width, INT16) + LEFT,
    )


def _through_table(
    made: Layout, layer: str, steps: Operations, tensors: tuple[str, str, str], at: _Regions
) -> None:
    """tensors: a product that reads normalised tokens, its results, and what a table makes of them.

    Raises:
        UnsupportedModel: other hidden features than those that there are words for.
    """
    hidden, function = tensors[1:]
    features = steps.product(tensors[0]).weights_IO.shape[1]
    if features != at.hidden_width:
        raise UnsupportedModel(
            f"`{layer}/{hidden}` has {features} features, and others of its kind {at.hidden_width}",
            hint="leave `rtl.side` out; the blocks are rendered as before",
        )
    shifts = steps.shifts(hidden, features)
    _of_tokens(
        made,
        steps,
        (tensors[0], f"{layer}/{function}"),
        shifts,
        at.normal,
        at.hidden,
        sink="table",
        number=made.table(_answers(steps, function)),
    )


def _answers(steps: Operations, function: str) -> Integers:
    """Of a function for every code of int8: pieces become the table of what they answer, which takes less hardware."""
    pieces = steps.nodes.get(function)
    if isinstance(pieces, PiecewiseLinear):
        return pieces.evaluate(np.arange(INT8[0], INT8[1] + 1))
    return steps.of(function, Table).entries_N


def _lay_out_attention(
    made: Layout, name: str, steps: Operations, at: _Regions, cache: int, blocks: Sequence[BlockDesign]
) -> None:
    """cache: number of the keys and values."""
    side, tokens, width, query, keys = made.side, made.tokens, made.width, at.query, at.keys[cache]
    causal = made.text is not None
    softmax = steps.of("weight", Softmax)
    nodes = (softmax, steps.of("score_sum", ScoreProduct), steps.of("mixed_sum", ValueProduct))
    if any(node.causal != causal for node in nodes):
        raise UnsupportedModel(f"attention of `{name}` is {'not ' if causal else ''}causal")
    of_one = by_feature(tokens, width)
    of_heads = of_one.reshape(at.heads, at.head_width, tokens)
    if isinstance(steps.nodes.get("qkv"), Program):
        left = tuple(-_shift_of_all(steps, part, width) for part in PARTS)
        parts = Parts((f"{name}/query", f"{name}/key", f"{name}/value"), query, keys)
        made.block(f"{name}/qkv", at.normal, blocks[len(made.block_shifts)], left, parts)
    else:
        _lay_out_projections(made, name, steps, at, cache, of_one, of_heads)
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
    if causal:  # a group is a tile of queries, and by that says what it may see
        for head in range(at.heads):
            base = at.score + head * at.score_words
            made.softmax(f"{name}/weight", base, made.tiles, softmax.multiplier, pairs[head])
    else:
        made.softmax(f"{name}/weight", at.score, at.heads * made.tiles, softmax.multiplier, pairs)
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


def _lay_out_projections(
    made: Layout,
    name: str,
    steps: Operations,
    at: _Regions,
    cache: int,
    of_one: Integers,
    of_heads: Integers,
) -> None:
    """Queries, keys and values as products. of_one: places of tokens x features; of_heads: the same by heads."""
    side, tokens, width, causal = made.side, made.tokens, made.width, made.text is not None
    qkv = steps.product("qkv")
    shifts = [shift for part in PARTS for shift in steps.shifts(part, width)]
    bias, few_bits = qkv.bias_O.tolist(), _of_few_bits(qkv)
    parts: list[tuple[tuple[str, ...], slice, Columns, Cache]] = [
        (("query", "key"), slice(2 * width), at.query, "none")
    ]
    if causal:
        parts = [
            (("query",), slice(width), at.query, "none"),
            (("key",), slice(width, 2 * width), at.keys[cache], "keys"),
        ]
    for names, features, place, append in parts:
        made.product(
            f"{name}/{names[0]}",
            (len(names) * width, width, tokens),
            (True, made.weights(qkv.weights_IO[:, features], few_bits=few_bits), width),
            (False, at.normal, width),
            (place.base, side, place.step),
            made.scales(bias[features], shifts[features]),
            "row",
            makes=(
                tuple(f"{name}/{one}" for one in names),
                np.concatenate([number * tokens * width + of_one for number in range(len(names))]),
            ),
            cache=append,
            few_bits=few_bits,
        )
    for head in range(at.heads):
        features = slice(2 * width + head * at.head_width, 2 * width + (head + 1) * at.head_width)
        made.product(
            f"{name}/value",
            (tokens, width, at.head_width),
            (False, at.normal, width),
            (True, made.weights(qkv.weights_IO[:, features], few_bits=few_bits), width),
            (at.values[cache] + head * at.head_words, side, tokens),
            made.scales(bias[features], shifts[features]),
            "column",
            makes=((f"{name}/value",), of_heads[head].T),
            cache="values" if causal else "none",
            few_bits=few_bits,
        )


def _few_bit_steps(layers: Sequence[Program]) -> int:
    """Of the inner dimension in a cycle: the most that divide those of all products."""
    products = (step.node for layer in layers for step in layer.steps if isinstance(step.node, MatrixProduct))
    found = [len(product.weights_IO) for product in products if _of_few_bits(product)]
    return math.gcd(FEW_BITS_STEPS, *found) if found else 1


def _of_few_bits(product: MatrixProduct) -> bool:
    """Whether the array without multipliers computes it."""
    return bool(np.abs(product.weights_IO).max() <= 1)


def _shift_of_all(steps: Operations, name: str, features: int, clamp: tuple[int, int] = INT8) -> int:
    """Of a requantisation, to the right. clamp: that of the hardware.

    Raises:
        UnsupportedModel: features have different ones.
    """
    shifts = set(steps.shifts(name, features, clamp))
    if len(shifts) > 1:
        raise UnsupportedModel(
            f"features of `{name}` are shifted differently, and hardware brings all by one shift onto their scale"
        )
    return shifts.pop()


def _onto_residual(
    made: Layout, layer: str, steps: Operations, tensors: tuple[str, str, str], source: int
) -> None:
    """tensors: the product, its results, and their sum with the residual stream."""
    if steps.sum(tensors[2]):
        raise UnsupportedModel(f"`{tensors[2]}` shifts what a product adds to the residual stream")
    shifts = steps.shifts(tensors[1], made.width, INT16)
    _of_tokens(made, steps, (tensors[0], f"{layer}/{tensors[2]}"), shifts, source, 0, sink="residual")


def _of_tokens(
    made: Layout,
    steps: Operations,
    tensors: tuple[str, str],
    shifts: list[int],
    source: int,
    result: int,
    *,
    sink: Sink = "activations",
    number: int = 0,
) -> None:
    """A product of weights with every token. tensors: the product, and what is written. source, result: their first words."""
    product, name = steps.product(tensors[0]), tensors[1]
    (inner, outputs), few_bits = product.weights_IO.shape, _of_few_bits(product)
    made.product(
        name,
        (outputs, inner, made.tokens),
        (True, made.weights(product.weights_IO, few_bits=few_bits), inner),
        (False, source, inner),
        (result, made.side, outputs),
        made.scales(product.bias_O.tolist(), shifts),
        "row",
        makes=((name,), by_feature(made.tokens, outputs)),
        sink=sink,
        number=number,
        few_bits=few_bits,
    )
