"""How often a sample reads and writes words of a model's memories: those that an engine uses.

The read port of a memory has no enable, so that every cycle reads; a word that nobody uses is not counted.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from quweit_cli.documents import Bank
from quweit_cli.hdl.model.layout import Layout
from quweit_cli.hdl.model.schedule import Job


class Access(NamedTuple):
    memory: str
    writes: bool = False


Accesses = Counter[Access]
ACTIVATIONS = ("activations_a", "activations_b")  # two copies, so that a product reads both of its operands


class Size(NamedTuple):
    """Of a memory."""

    words: int
    bits: int
    copies: int = 1
    lanes: int | None = None  # where it is written


def banks_of(layout: Layout) -> list[Bank]:
    """Every memory with its size and accesses."""
    used = Counter({Access("jobs"): len(layout.jobs)})
    used += (
        Counter({Access("codes", writes=True): layout.tokens}) if layout.text else _writes(layout.reads.beats)
    )
    for job in layout.jobs:
        used += _of(job, layout.side, layout.parts)
    side = layout.side
    sizes = {
        **dict.fromkeys(ACTIVATIONS, Size(layout.activations, 8 * side, lanes=side)),
        "residual": Size(layout.residual, 16 * side, lanes=side),
        **({"codes": Size(layout.tokens, layout.text.code_bits, lanes=1)} if layout.text else {}),
        **{
            name: Size(one.words, one.bits, copies=side if name == "tables" else 1)
            for name, one in layout.memories.items()
        },
    }
    return [
        Bank(
            name=name,
            **size._asdict(),
            reads=used[Access(name)],
            writes=used[Access(name, writes=True)],
        )
        for name, size in sizes.items()
    ]


def _of(job: Job, side: int, parts: int = 1) -> Accesses:
    """Of one job, by words: `inner` of a tile of operands, and a word for each row that leaves the array.

    parts: in which units take the tokens of a word; each reads and writes it again.
    """
    words = job.columns * job.inner
    match job.kind:
        case "product":
            return _of_product(job, side)
        case "norm":
            return Counter({Access("residual"): parts * words}) + _writes(parts * words)
        case "softmax":
            return Counter({Access("activations_b"): parts * words}) + _writes(parts * words)
        case "sum":
            return Counter({Access("activations_b"): words, Access("scales"): job.inner}) + _writes(job.inner)
        case "exit" | "embed" | "block":
            return _of_rows(job, words)


def _of_rows(job: Job, words: int) -> Accesses:
    """Of what takes one row after another."""
    match job.kind:
        case "embed":
            read = {Access("codes"): job.columns, Access("vectors"): words, Access("positions"): words}
            return Counter(read | {Access("residual", writes=True): words})
        case "exit":
            return Counter({Access("information"): job.inner, Access("scales"): 1})
        case _:
            outputs, read = job.columns * job.rows, Counter({Access("activations_b"): words})
            onto = Counter({Access("residual"): outputs, Access("residual", writes=True): outputs})
            return read + (_writes(outputs) if job.sink == "activations" else onto)


def _of_product(job: Job, side: int) -> Accesses:
    row_tiles, column_tiles = -(-job.rows // side), -(-job.columns // side)
    beats, results = row_tiles * column_tiles * job.inner, job.rows * column_tiles
    used = Counter({Access("scales"): results})
    for memory, weights in zip(ACTIVATIONS, (job.a_weights, job.b_weights), strict=True):
        read = "few_bit_weights" if job.few_bits else "weights"
        used[Access(read if weights else memory)] += beats
    match job.sink:
        case "residual":
            used[Access("positions" if job.from_positions else "residual")] += results
            used[Access("residual", writes=True)] += results
        case "gate":
            used += Counter(
                {
                    Access("activations_a"): results,
                    Access("residual"): results,
                    Access("residual", writes=True): results,
                }
            )
        case "table":
            used[Access("tables")] += results * side
            used += _writes(results)
        case "activations":
            used += _writes(results)
        case "logits":
            pass
    return used


def _writes(words: int) -> Accesses:
    """Of activations, which both copies take."""
    return Counter({Access(name, writes=True): words for name in ACTIVATIONS})
