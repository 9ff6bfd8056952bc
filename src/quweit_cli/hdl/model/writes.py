"""Every word that the jobs of a model write, in their order: what a bench expects, and how a wrong one is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from quweit_cli.hdl.model.layout import Layout
from quweit_cli.hdl.model.schedule import Job
from quweit_cli.hdl.vectors import packed
from quweit_cli.ir import Program
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.program import trace

ADDRESS_BITS, WORD_BITS = 20, 16  # of a lane


class Writes(NamedTuple):
    """The words of one job. An element is a place in its tensors, flat, one after the other; -1 where a lane holds none."""

    job: Job
    to_residual: bool
    addresses_N: Integers
    lanes_NL: Integers  # which lanes are written, 0 or 1
    elements_NL: Integers


class Element(NamedTuple):
    """One number of one tensor."""

    tensor: str
    place: tuple[int, ...]


def writes_of(layout: Layout) -> list[Writes]:
    """Of one sample, job after job; logits go to no memory."""
    return [_writes_of(job, layout.side) for job in layout.jobs if job.sink != "logits"]


def _writes_of(job: Job, side: int) -> Writes:
    rows, columns = job.elements.shape[-2:]
    row_tiles, tiles = -(-rows // side), -(-columns // side)
    padded = np.full((*job.elements.shape[:-1], tiles * side), -1, dtype=np.int64)
    padded[..., :columns] = job.elements
    words = padded.reshape(-1, rows, tiles, side)  # heads, rows, tiles, lanes
    everywhere = np.ones((rows * tiles * len(words), side), dtype=np.int64)
    if job.kind == "product":
        order = [
            (tile_row * side + row, tile, tile_row * job.row_step + tile * job.column_step + row)
            for tile_row in range(row_tiles)
            for tile in range(tiles)
            for row in range(min(side, rows - tile_row * side))
        ]
        at_row, at_tile, address = np.array(order).T
        return Writes(
            job, job.sink == "residual", job.result_base + address, everywhere, words[0, at_row, at_tile]
        )
    if job.kind == "block":  # a token after the other, a lane at a time
        token, output = np.divmod(np.arange(columns * rows), rows)
        lanes = np.eye(side, dtype=np.int64)[token % side]
        elements = np.where(lanes == 1, job.elements[output, token][:, None], -1)
        return Writes(job, True, token // side * rows + output, lanes, elements)
    in_order = words.swapaxes(1, 2).reshape(-1, side)  # heads, tiles, rows
    return Writes(job, False, job.result_base + np.arange(len(in_order)), everywhere, in_order)


@dataclass(frozen=True)
class ExpectedWords:
    """What a model writes for some samples, by its program. tensors: of the whole program, samples first."""

    layout: Layout
    writes: Sequence[Writes]
    tensors: Mapping[str, Integers]

    @property
    def samples(self) -> int:
        return len(next(iter(self.tensors.values())))

    @property
    def words(self) -> int:
        """Of a sample."""
        return sum(len(one.addresses_N) for one in self.writes)

    @property
    def names(self) -> list[str]:
        """Tensors that are compared word by word."""
        return list(dict.fromkeys(name for one in self.writes for name in one.job.tensors))

    def first(self, samples: int) -> ExpectedWords:
        return ExpectedWords(
            self.layout, self.writes, {name: values[:samples] for name, values in self.tensors.items()}
        )

    def word(self, number: int) -> tuple[Writes, int] | None:
        """The job of a word of the sample, and which of its words it is; None after the last."""
        for one in self.writes:
            if number < len(one.addresses_N):
                return one, number
            number -= len(one.addresses_N)
        return None

    def element(self, one: Writes, word: int, lane: int) -> Element | None:
        """What a lane of a word of a job holds; None where it holds no number."""
        place = int(one.elements_NL[word, lane])
        if place < 0:
            return None
        for name in one.job.tensors:
            shape = self.tensors[name].shape[1:]
            size = int(np.prod(shape))
            if place < size:
                return Element(name, tuple(int(axis) for axis in np.unravel_index(place, shape)))
            place -= size
        raise IndexError(f"`{one.job.name}` makes fewer elements than its words say")

    def places_text(self) -> str:
        """A line a word: lanes that hold a number, lanes that are written, the memory, the address."""
        side, lines = self.layout.side, []
        digits = -(-(2 * side + ADDRESS_BITS + 1) // 4)
        for one in self.writes:
            held, written = _mask(one.elements_NL >= 0), _mask(one.lanes_NL == 1)
            for address, lanes, numbers in zip(one.addresses_N.tolist(), written, held, strict=True):
                word = ((numbers << side | lanes) << 1 | int(one.to_residual)) << ADDRESS_BITS | address
                lines.append(f"{word:0{digits}x}\n")
        return "".join(lines)

    def words_text(self) -> str:
        """A line a word of each sample: its lanes, 0 where there is no number."""
        values = np.concatenate([self._values(one) for one in self.writes], axis=1)
        return "".join(f"{packed(word, WORD_BITS)}\n" for sample in values for word in sample.tolist())

    def _values(self, one: Writes) -> Integers:
        """Samples x words x lanes."""
        tensors = [self.tensors[name] for name in one.job.tensors]
        flat = np.concatenate([tensor.reshape(len(tensor), -1) for tensor in tensors], axis=1)
        return np.where(one.elements_NL >= 0, flat[:, one.elements_NL], 0)


def expected_words(layout: Layout, program: Program, inputs: Integers) -> ExpectedWords:
    """inputs: samples first."""
    return ExpectedWords(layout, writes_of(layout), trace(program, inputs, nested=True))


def _mask(lanes_NL: np.ndarray) -> list[int]:
    return [sum(1 << lane for lane in np.flatnonzero(row).tolist()) for row in lanes_NL]
