"""Parameters and multiplications of a whole transformer by type of layer (the paper's table 1 and figure 1).

Weight matrices of the encoder or decoder layers alone, as the paper counts: no embedding, head, bias or
normalisation. A token multiplies each weight once, and meets every token of the context in QK^T and AV.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from quweit_cli.documents import Cell, ModelShape, PaperTable, TableRow
from quweit_cli.energy import published

COUNTED = "counted: weight matrices of all layers, without embedding, head, biases and normalisation"


class Part(NamedTuple):
    """One type of layer, over all layers of the model."""

    name: str
    parameters: int | None  # None where nothing is learned
    macs_per_token: int


def parts(shape: ModelShape) -> list[Part]:
    """In the order and by the names of the paper's table 1."""
    square = shape.layers * shape.dim**2
    context = shape.layers * shape.tokens * shape.dim
    feed_forward = shape.layers * shape.dim * shape.mlp_hidden
    return [
        Part("QKV projection", 3 * square, 3 * square),
        Part("Q·Kᵀ", None, context),
        Part("softmax·V", None, context),
        Part("head concatenation", square, square),
        Part("feed forward 1", feed_forward, feed_forward),
        Part("feed forward 2", feed_forward, feed_forward),
    ]


def table1(shapes: Mapping[str, ModelShape]) -> PaperTable:
    """Every type of layer of every model; GPT-3 beside the paper's figures."""
    rows = [row for name, shape in shapes.items() for row in _rows(name, shape)]
    return PaperTable(
        key="table1",
        title="Table 1 and figure 1: parameters and multiplications by type of layer",
        columns=["parameters", "share of parameters, %", "MACs a token", "share of MACs, %"],
        rows=rows,
        notes=[
            "GPT-3 equals the paper's integers exactly, with its context of 4,096 tokens (the model's own is 2,048).",
            "The feed-forward layers hold two thirds of the weights of every model here; their share of the "
            "multiplications falls as the context grows.",
            "Vision transformers without class token: 196 tokens (ViT-H/14: 256), as the paper counts I-ViT-T.",
        ],
    )


def _rows(name: str, shape: ModelShape) -> list[TableRow]:
    made = parts(shape)
    parameters = sum(part.parameters or 0 for part in made)
    macs = sum(part.macs_per_token for part in made)
    rows = [
        _row(
            f"{name}: {part.name}",
            part,
            parameters,
            macs,
            published.GPT3_BREAKDOWN.get(part.name) if name == "gpt3" else None,
        )
        for part in made
    ]
    whole = f"{name}: total of {shape.layers} layers, {shape.dim} wide, {shape.heads} heads, {shape.tokens} tokens"
    return [*rows, _row(whole, Part("", parameters, macs), parameters, macs, None)]


def _row(
    label: str, part: Part, parameters: int, macs: int, paper: tuple[int | None, int] | None
) -> TableRow:
    learned = part.parameters is not None
    share = None if part.parameters is None else round(100 * part.parameters / parameters, 1)
    absent = "nothing is learned here"
    return TableRow(
        label=label,
        cells=[
            Cell(
                value=part.parameters,
                method=COUNTED if learned else absent,
                paper=paper[0] if paper else None,
            ),
            Cell(value=share, unit="%", method=COUNTED if learned else absent),
            Cell(value=part.macs_per_token, method=COUNTED, paper=paper[1] if paper else None),
            Cell(value=round(100 * part.macs_per_token / macs, 1), unit="%", method=COUNTED),
        ],
    )


Shares = Sequence[tuple[str, float]]


def shares(shape: ModelShape) -> tuple[Shares, Shares]:
    """Of the parameters and of the multiplications, in percent: what figure 1 draws."""
    made = parts(shape)
    learned = [(part.name, part.parameters) for part in made if part.parameters is not None]
    multiplied = [(part.name, part.macs_per_token) for part in made]
    return _percent(learned), _percent(multiplied)


def _percent(counts: Sequence[tuple[str, int]]) -> Shares:
    total = sum(count for _, count in counts)
    return [(name, 100 * count / total) for name, count in counts]
