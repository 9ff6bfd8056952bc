"""The static schedule of a model: jobs one after the other, each with its engine, its operands and its cycles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Literal, get_args

import numpy as np

from quweit_cli.ir.nodes.base import Integers

Kind = Literal["product", "norm", "softmax", "sum", "block", "embed", "exit"]
Sink = Literal["activations", "table", "residual", "logits", "gate"]
Scales = Literal["one", "row", "column"]
Cache = Literal["none", "keys", "values"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SINKS: tuple[Sink, ...] = get_args(Sink)
CACHES: tuple[Cache, ...] = get_args(Cache)

BETWEEN = 2  # cycles from the end of a job to the start of the next: its word is read, and it is started
WIDTHS = {  # bits of each field of a job's word, from the lowest up
    "kind": 3, "cycles": 24, "rows": 16, "inner": 16, "columns": 16, "a_weights": 1, "a_base": 20, "a_step": 16,
    "b_weights": 1, "b_base": 20, "b_step": 16, "result_base": 20, "row_step": 16, "column_step": 16, "sink": 3,
    "from_positions": 1, "scale_base": 16, "scale_by_row": 1, "scale_by_column": 1, "number": 8,
    "cache": 2, "few_bits": 1,
}  # fmt: skip
JOB_BITS = sum(WIDTHS.values())


@dataclass(frozen=True)
class Job:
    """What one engine does.

    A product is rows x inner times inner x columns; of the other engines `columns` are groups of rows or tokens, `inner`
    elements of a row, `rows` the outputs of a block. A base is the first word; a step leads to the next tile. Where
    neither side is of weights both are activations.

    number: of a table or a block, of a softmax its multiplier, and of a gate the shift of its products.
    A product whose sink is `gate` is multiplied by the words of the gate, and joins the residual stream.
    An exit has its number in `rows` and its classes in `inner`; it may be the last job of a sample, and of a token that goes on the
    last before those from `result_base` on of what is left to do.

    A block whose sink is `activations` makes queries, keys and values: queries from `result_base` with `column_step` to the next
    tile, keys from `a_base` with `a_step`, and values behind the keys.

    cache: what a decode step appends to, in place of the words that the job says.
    few_bits: a product with weights of -1, 0 and 1, on the array without multipliers. steps: of its inner dimension in a beat;
    `inner` counts beats, and bases and steps of activations rows of as many words.
    tensors, elements: what it makes of the program. Rows x columns are places in these tensors, each flat, one after the
    other; a third axis before them holds heads. Columns are tokens, but for values: their rows are. A decode step has the
    elements of all tokens.
    """

    name: str
    kind: Kind
    cycles: int
    rows: int = 0
    inner: int = 0
    columns: int = 0
    a_weights: bool = False
    a_base: int = 0
    a_step: int = 0
    b_weights: bool = False
    b_base: int = 0
    b_step: int = 0
    result_base: int = 0
    row_step: int = 0
    column_step: int = 0
    sink: Sink = "activations"
    from_positions: bool = False
    scale_base: int = 0
    scales: Scales = "one"
    number: int = 0
    cache: Cache = "none"
    few_bits: bool = False
    steps: int = 1
    tensors: tuple[str, ...] = ()
    elements: Integers = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64), compare=False)

    @property
    def caches(self) -> bool:
        """Whether it makes keys or values."""
        return self.cache != "none" or (self.kind == "block" and self.sink == "activations")

    def word(self) -> int:
        """Raises OverflowError where a field does not hold its number."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        values |= {
            "kind": KINDS.index(self.kind),
            "sink": SINKS.index(self.sink),
            "cache": CACHES.index(self.cache),
            "scale_by_row": self.scales == "row",
            "scale_by_column": self.scales == "column",
        }
        word = 0
        for name, first, bits in fields_of_word():
            value = int(values[name])
            if not 0 <= value < 1 << bits:
                raise OverflowError(f"`{name}` of job `{self.name}` is {value}, and has {bits} bits")
            word |= value << first
        return word


def fields_of_word() -> Iterator[tuple[str, int, int]]:
    """Name, lowest bit and bits of each field."""
    first = 0
    for name, bits in WIDTHS.items():
        yield name, first, bits
        first += bits
