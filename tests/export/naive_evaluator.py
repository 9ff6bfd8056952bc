"""Evaluates integer programs in plain Python, written from docs/formats.md alone.

Nothing of quweit is imported, nor NumPy: whoever reads the page can write the same. A tensor is an integer, or a
list of tensors of one shape.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isqrt
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
Row: TypeAlias = list[int]
Matrix: TypeAlias = list[Row]
Heads: TypeAlias = list[Matrix]
Step: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """What a program gives for one input, or for each of a batch."""

    answer: Tensor
    outputs: dict[str, Tensor]
    tensors: dict[str, Tensor]  # the input, every step, and those of programs within by path


def evaluate(program: dict[str, Any], x: Tensor) -> Evaluation:
    """Evaluates a document of `quweit.program/1` or `/2`, or a program within one."""
    if program.get("schema") not in ("quweit.program/1", "quweit.program/2", None):
        raise ValueError(f"unknown schema: {program['schema']}")
    tensors = {program["input"]["name"]: x}
    for step in program["steps"]:
        name, source = step["name"], step["source"]
        sources = [tensors[source]] if isinstance(source, str) else [tensors[each] for each in source]
        if step["op"] == "program":
            within = evaluate(step["program"], *sources)
            tensors[name] = within.answer
            tensors.update({f"{name}/{inner}": tensor for inner, tensor in within.tensors.items()})
        else:
            tensors[name] = run(step, sources)
    last = program["steps"][-1]["name"]
    named = program.get("outputs") or [{"name": last, "source": last}]
    outputs = {output["name"]: tensors[output["source"]] for output in named}
    return Evaluation(outputs[named[0]["name"]], outputs, tensors)


def run(step: Step, sources: list[Tensor]) -> Tensor:
    """Does an operation at each place on the axes before those that it knows."""
    if step["op"] == "addition":
        return addition(step, sources)
    operation, axes = OPERATIONS[step["op"]]
    axes = axes[: len(sources)]
    if step["op"] == "softmax" and step["causal"]:
        operation, axes = causal_softmax, [2]
    if [axes_of(source) for source in sources] == axes:
        return operation(step, *sources)
    return [run(step, list(place)) for place in zip(*sources, strict=True)]


def axes_of(tensor: Tensor) -> int:
    return 1 + axes_of(tensor[0]) if isinstance(tensor, list) else 0


def elements(tensor: Tensor) -> Iterator[int]:
    """Yields them in the order of the axes, the last one fastest."""
    if isinstance(tensor, list):
        for part in tensor:
            yield from elements(part)
    else:
        yield tensor


def digest(tensor: Tensor) -> str:
    """SHA-256 of the elements as int64, little endian."""
    return hashlib.sha256(
        b"".join(x.to_bytes(8, "little", signed=True) for x in elements(tensor))
    ).hexdigest()


def clamp(x: int, low: int, high: int) -> int:
    return low if x < low else high if x > high else x


def shifted(x: int, shift: int) -> int:
    """Divides by a power of two and rounds, halves towards plus infinity."""
    return (x + 2 ** (shift - 1)) >> shift if shift > 0 else x


# The operations of a block.


def thermometer(step: Step, x: Row) -> Row:
    return [int(x[d] > threshold) for d, row in enumerate(step["thresholds"]) for threshold in row]


def lut_layer(step: Step, bit: Row) -> Row:
    y = []
    for pins, table in zip(step["pins"], step["tables"], strict=True):
        address = sum(bit[pin] << place for place, pin in enumerate(pins))
        y.append(int(table, 16) >> address & 1)
    return y


def conditional_summation(step: Step, bit: Row) -> Row:
    values = step["values"]
    return [
        bias + sum(values[k][e] for k in range(len(values)) if bit[k]) for e, bias in enumerate(step["bias"])
    ]


def requantize(step: Step, x: Row) -> Row:
    return [clamp(shifted(a * step["multiplier"], step["shift"]), step["low"], step["high"]) for a in x]


# Sums and products.


def addition(step: Step, sources: list[Tensor]) -> Tensor:
    if isinstance(sources[0], list):
        return [addition(step, list(place)) for place in zip(*sources, strict=True)]
    finest = min(0, *step["shifts"])
    total = sum(x << (shift - finest) for x, shift in zip(sources, step["shifts"], strict=True))
    return clamp(shifted(total, -finest), step["low"], step["high"])


def requantize_features(step: Step, x: Row) -> Row:
    return [
        clamp(shifted(a * step["multiplier"], shift), step["low"], step["high"])
        for a, shift in zip(x, step["shifts"], strict=True)
    ]


def matrix_product(step: Step, x: Row) -> Row:
    weights = step["weights"]
    return [bias + sum(x[i] * weights[i][o] for i in range(len(x))) for o, bias in enumerate(step["bias"])]


def elementwise_product(step: Step, a: int, b: int) -> int:
    return a * b


def score_product(step: Step, q: Matrix, k: Matrix) -> Heads:
    size = len(q[0]) // step["heads"]

    def score(h: int, t: int, s: int) -> int:
        if step["causal"] and s > t:
            return 0
        return sum(q[t][h * size + c] * k[s][h * size + c] for c in range(size))

    return [[[score(h, t, s) for s in range(len(k))] for t in range(len(q))] for h in range(step["heads"])]


def value_product(step: Step, p: Heads, v: Matrix) -> Matrix:
    size = len(v[0]) // step["heads"]

    def mixed(t: int, h: int, c: int) -> int:
        seen = range(t + 1) if step["causal"] else range(len(v))
        return sum(p[h][t][s] * v[s][h * size + c] for s in seen)

    return [[mixed(t, h, c) for h in range(step["heads"]) for c in range(size)] for t in range(len(p[0]))]


# What is not linear.


def table(step: Step, x: int) -> int:
    index = x - step["low"]
    if index < 0:
        raise ValueError(f"{step['name']}: no entry for {x}")
    entry: int = step["entries"][index]
    return entry


def piecewise_linear(step: Step, x: int) -> int:
    s, t = line(step, x)
    return clamp(shifted(s, t) if t > 0 else s << -t, step["low"], step["high"])


def line(step: Step, x: int) -> tuple[int, int]:
    z, e = x, 0
    if scaling := step.get("scaling"):
        e = (max(x, 1).bit_length() - 1) // scaling["step"]
        z = (max(x, 1) << (scaling["window"] - scaling["step"])) >> (scaling["step"] * e)
        e *= scaling["answer_step"]
    n = sum(one <= z for one in step["breakpoints"])
    s = step["slopes"][n] * z + (step["intercepts"][n] << step["align"])
    return s, step["shift"] + e


def softmax(step: Step, x: Row) -> Row:
    d = [(max(x) - a) * step["multiplier"] for a in x]
    if exponential := step.get("exponential"):
        w = [piecewise_linear(exponential, -min(a, 255)) for a in d]
    else:
        w = [((512 - a % 256) * 2**7) >> min(a >> 8, 31) for a in d]
    if reciprocal := step.get("reciprocal"):
        p, t = line(reciprocal, sum(w))
        return [min(shifted(a * p, t), 127) for a in w]
    r = 2**31 // sum(w)
    return [min((a * r + 2**23) >> 24, 127) for a in w]


def causal_softmax(step: Step, x: Matrix) -> Matrix:
    return [softmax(step, row[: t + 1]) + [0] * (len(row) - t - 1) for t, row in enumerate(x)]


def layer_normalisation(step: Step, x: Row) -> Row:
    count = len(x)
    s = sum(x)
    v = count * sum(a * a for a in x) - s * s
    if root := step.get("root"):
        p, t = line(root, v)
        return [clamp(shifted((count * a - s) * p, t), -128, 127) for a in x]
    r = max(isqrt(v), 1)
    b = r.bit_length()
    reciprocal = 2 ** (b + 16) // r
    return [clamp(((count * a - s) * reciprocal + 2 ** (b + 10)) >> (b + 11), -128, 127) for a in x]


# Tokens, and what is only moved.


def embedding(step: Step, x: Row) -> Matrix:
    if min(x) < 0:
        raise ValueError(f"{step['name']}: no vector for {min(x)}")
    return [list(step["vectors"][code]) for code in x]


def position_embedding(step: Step, x: Matrix) -> Matrix:
    return [[a + b for a, b in zip(row, step["vectors"][t], strict=True)] for t, row in enumerate(x)]


def tokens_around(step: Step, x: Matrix) -> Matrix:
    tokens = step["tokens"]
    side = isqrt(tokens)

    def before(t: int, distance: int) -> Row | None:
        return x[t - distance] if t >= distance else None

    def patch(t: int, down: int, right: int) -> Row | None:
        row, column = t // side + down, t % side + right
        return x[row * side + column] if 0 <= row < side and 0 <= column < side else None

    def around(t: int) -> list[Row | None]:
        if step["causal"]:
            return [before(t, distance) for distance in (1, 1, 2, 3)]
        places = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]
        return [patch(t, down, right) for down, right in places]

    given = []
    for t in range(tokens):
        row = list(x[t])
        neighbours = around(t)
        share, left_over = divmod(len(x[t]), len(neighbours))
        first = 0
        for n, neighbour in enumerate(neighbours):
            end = first + share + (1 if n < left_over else 0)
            row += neighbour[first:end] if neighbour is not None else [0] * (end - first)
            first = end
        given.append(row)
    return given


def pool(step: Step, x: Matrix) -> Row:
    if step["take"] == "last":
        return list(x[-1])
    return [sum(row[d] for row in x) for d in range(len(x[0]))]


def select(step: Step, x: Row) -> Row:
    return x[step["first"] : step["first"] + step["count"]]


def leave(step: Step, *sure: Matrix) -> Matrix:
    def leaves(t: int) -> bool:
        now, n = max(sure[0][t]), step["steps"]
        if t < step["prompt"]:
            return False
        if step["criterion"] == "fall":
            before = sure[1][t][0]
            return before - (before >> n) < now
        return now < n if step["criterion"] == "entropy" else now >= n

    return [[int(leaves(t))] for t in range(len(sure[0]))]


def choose(step: Step, left: Row, a: Row, b: Row) -> Row:
    return a if left[0] else b


def patches(step: Step, x: list[Matrix]) -> Matrix:
    side = step["side"]
    rows, columns = len(x[0]), len(x[0][0])
    return [
        [x[c][v * side + i][h * side + j] for c in range(len(x)) for i in range(side) for j in range(side)]
        for v in range(rows // side)
        for h in range(columns // side)
    ]


# Each with the axes that it knows of each source.
OPERATIONS: dict[str, tuple[Callable[..., Tensor], list[int]]] = {
    "thermometer": (thermometer, [1]),
    "lut_layer": (lut_layer, [1]),
    "conditional_summation": (conditional_summation, [1]),
    "requantize": (requantize, [1]),
    "requantize_features": (requantize_features, [1]),
    "matrix_product": (matrix_product, [1]),
    "elementwise_product": (elementwise_product, [0, 0]),
    "score_product": (score_product, [2, 2]),
    "value_product": (value_product, [3, 2]),
    "table": (table, [0]),
    "piecewise_linear": (piecewise_linear, [0]),
    "softmax": (softmax, [1]),
    "layer_normalisation": (layer_normalisation, [1]),
    "embedding": (embedding, [1]),
    "position_embedding": (position_embedding, [2]),
    "tokens_around": (tokens_around, [2]),
    "pool": (pool, [2]),
    "select": (select, [1]),
    "patches": (patches, [3]),
    "leave": (leave, [2, 2]),
    "choose": (choose, [1, 1, 1]),
}
