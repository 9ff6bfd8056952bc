"""Every word that the jobs of a model write, in their order: what a bench expects, and how a wrong one is named.

A row of the bench is a sample, or a request of a decoder: a prompt, whose later tokens are of no matter, or decode steps, of which
each writes what its one token needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from quweit_cli.hdl.model.layout import Layout
from quweit_cli.hdl.model.requests import Request, Spoken, requests_of
from quweit_cli.hdl.model.schedule import Job
from quweit_cli.hdl.vectors import packed
from quweit_cli.ir import Program
from quweit_cli.ir.exits import exits_taken, token_exits
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


class Row(NamedTuple):
    """What is written for one row of the bench, which is of a golden sample."""

    sample: int
    writes: Sequence[Writes]
    tensors: Mapping[str, Integers]  # of the whole program, samples first


class Element(NamedTuple):
    """One number of one tensor."""

    tensor: str
    place: tuple[int, ...]


def writes_of(layout: Layout) -> list[Writes]:
    """Of one sample, job after job; logits go to no memory, and exits write nothing."""
    return [_writes_of(job, layout) for job in layout.jobs if job.sink != "logits" and job.kind != "exit"]


def _writes_of(job: Job, layout: Layout) -> Writes:
    side = layout.side
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
            job,
            job.sink in ("residual", "gate"),
            job.result_base + address,
            everywhere,
            words[0, at_row, at_tile],
        )
    if job.kind == "block" and job.sink == "activations":
        return _parts_of_tokens(job, layout, np.arange(columns), np.arange(columns))
    if job.kind in ("block", "embed"):  # a token after the other, a lane at a time
        token, output = np.divmod(np.arange(columns * rows), rows)
        lanes = np.eye(side, dtype=np.int64)[token % side]
        elements = np.where(lanes == 1, job.elements[output, token][:, None], -1)
        return Writes(job, True, token // side * rows + output, lanes, elements)
    # A norm or a softmax, part after part of a word; a sum is the same in all lanes.
    lanes = side if job.kind == "sum" else layout.lanes
    parts = side // lanes
    in_order = np.repeat(words.swapaxes(1, 2)[:, :, None], parts, axis=2)  # heads, tiles, parts, rows, lanes
    addresses = np.arange(len(words) * tiles * rows).reshape(len(words), tiles, 1, rows)
    addresses = np.broadcast_to(addresses, in_order.shape[:-1])
    written = np.repeat(np.eye(parts, dtype=np.int64), lanes, axis=1)[:, None, :]  # parts, 1, lanes
    written = np.broadcast_to(written, in_order.shape)
    elements = np.where(written == 1, in_order, -1)
    return Writes(
        job,
        False,
        job.result_base + addresses.ravel(),
        written.reshape(-1, side),
        elements.reshape(-1, side),
    )


def _parts_of_tokens(job: Job, layout: Layout, token_T: Integers, query_T: Integers) -> Writes:
    """Queries, keys and values of some tokens, one after the other, a lane at a time; of a token features of all parts.

    query_T: places of their queries among the words of queries, which a decode step has for one tile alone.
    """
    side, width, head = layout.side, layout.width, layout.head_width
    feature_D = np.arange(width)
    group_D = (
        feature_D // head * -(-head // side) + feature_D % head // side
    )  # of features that share a word of values
    values = job.a_base + layout.values_after_keys
    addresses_TPD = np.stack(
        [
            job.result_base + (query_T // side * job.column_step)[:, None] + feature_D,
            job.a_base + (token_T // side * job.a_step)[:, None] + feature_D,
            values + token_T[:, None] + group_D * layout.tokens,
        ],
        axis=1,
    )
    of_token = np.broadcast_to((token_T % side)[:, None], (len(token_T), width))
    lanes_TPD = np.stack(
        [of_token, of_token, np.broadcast_to(feature_D % head % side, of_token.shape)], axis=1
    )
    lanes_NL = np.eye(side, dtype=np.int64)[lanes_TPD.ravel()]
    elements_N = job.elements[:, token_T].T.ravel()
    return Writes(
        job, False, addresses_TPD.ravel(), lanes_NL, np.where(lanes_NL == 1, elements_N[:, None], -1)
    )


def _writes_of_request(layout: Layout, request: Request, tensors: Mapping[str, Integers]) -> list[Writes]:
    """Of a request. tensors: samples first."""
    if request.logits is None:
        return []
    positions = range(request.first, request.first + len(request.codes))
    if not request.goes_on:
        jobs = [job for job in layout.jobs if job.sink != "logits"]
        return [_writes_of(_of_prompt(job, positions.stop), layout) for job in jobs]
    taken = exits_of_request(layout, request, tensors)
    return [
        _of_token(job, position, layout)
        for position, jobs in zip(positions, (jobs_of_step(layout, one) for one in taken), strict=True)
        for job in jobs
        if job.sink != "logits" and job.kind != "exit"
    ]


def exits_of_request(layout: Layout, request: Request, tensors: Mapping[str, Integers]) -> list[int]:
    """The exit that each of its tokens takes, which go on; 0 for all where there is none."""
    if not layout.exits:
        return [0] * len(request.codes)
    last = request.first + len(request.codes)
    taken: list[int] = token_exits(tensors, layout.exits.count)[request.sample, request.first : last].tolist()
    return taken


def jobs_of_step(layout: Layout, taken: int) -> list[Job]:
    """Those of a token that takes an exit: up to it, then keys and values of the layers after. The last goes to the end."""
    if not layout.exits or taken == layout.exits.count:
        return layout.steps
    ends = [place + 1 for place, job in enumerate(layout.steps) if job.kind == "exit"]
    return [*layout.steps[: ends[taken]], *layout.rests[layout.exits.rest_from[taken] :]]


def _of_prompt(job: Job, tokens: int) -> Job:
    """With the elements of so many tokens."""
    elements = job.elements.copy()
    if job.cache == "values":
        elements[tokens:] = -1
    else:
        elements[..., tokens:] = -1
    return replace(job, elements=elements)


def _of_token(job: Job, position: int, layout: Layout) -> Writes:
    """In a decode step: on one tile, in the lane that the token has in the whole sequence."""
    side = layout.side
    tile, lane = divmod(position, side)
    if job.kind == "block" and job.sink == "activations":
        return _parts_of_tokens(job, layout, np.array([position]), np.array([lane]))
    if job.cache == "values":
        row = job.elements[position : position + 1]
        return _writes_of(replace(job, elements=row, result_base=job.result_base + position), layout)
    alone = np.full((*job.elements.shape[:-1], side), -1, dtype=np.int64)
    alone[..., lane] = job.elements[..., position]
    made = _writes_of(replace(job, elements=alone), layout)
    if job.kind != "product":
        ours = made.lanes_NL[:, lane] == 1
        return made._replace(
            addresses_N=made.addresses_N[ours],
            lanes_NL=made.lanes_NL[ours],
            elements_NL=made.elements_NL[ours],
        )
    if job.cache == "keys":
        lanes = np.broadcast_to(np.eye(side, dtype=np.int64)[lane], made.lanes_NL.shape)
        return made._replace(addresses_N=made.addresses_N + tile * job.column_step, lanes_NL=lanes)
    return made


@dataclass(frozen=True)
class ExpectedWords:
    """What a model writes for some rows, by its program."""

    layout: Layout
    rows: Sequence[Row]

    @property
    def words(self) -> int:
        """Of all rows."""
        return sum(len(one.addresses_N) for row in self.rows for one in row.writes)

    @property
    def names(self) -> list[str]:
        """Tensors that are compared word by word."""
        return list(
            dict.fromkeys(name for row in self.rows for one in row.writes for name in one.job.tensors)
        )

    def first(self, rows: int) -> ExpectedWords:
        return replace(self, rows=self.rows[:rows])

    def word(self, number: int) -> tuple[Writes, int] | None:
        """The job of a word, and which of its words it is; None after the last."""
        for row in self.rows:
            for one in row.writes:
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
            shape = self.rows[0].tensors[name].shape[1:]
            size = int(np.prod(shape))
            if place < size:
                return Element(name, tuple(int(axis) for axis in np.unravel_index(place, shape)))
            place -= size
        raise IndexError(f"`{one.job.name}` makes fewer elements than its words say")

    def places_text(self) -> str:
        """A line a word: the mark of a row's last, lanes that hold a number, lanes that are written, the memory, the address."""
        side, lines, known = self.layout.side, [], {}
        digits, last = -(-(2 * side + ADDRESS_BITS + 2) // 4), 1 << 2 * side + ADDRESS_BITS + 1
        for row in self.rows:
            words = []
            for one in row.writes:
                if id(one) not in known:
                    known[id(one)] = self._places(one)
                words += known[id(one)]
            if words:
                words[-1] |= last
            lines += [f"{word:0{digits}x}\n" for word in words]
        return "".join(lines)

    def _places(self, one: Writes) -> list[int]:
        side = self.layout.side
        held, written = _mask(one.elements_NL >= 0), _mask(one.lanes_NL == 1)
        return [
            ((numbers << side | lanes) << 1 | int(one.to_residual)) << ADDRESS_BITS | address
            for address, lanes, numbers in zip(one.addresses_N.tolist(), written, held, strict=True)
        ]

    def words_text(self) -> str:
        """A line a word of each row: its lanes, 0 where there is no number."""
        words = [_values(one, row) for row in self.rows for one in row.writes]
        return "".join(f"{packed(word, WORD_BITS)}\n" for of_job in words for word in of_job.tolist())


def _values(one: Writes, row: Row) -> Integers:
    """Words x lanes."""
    flat = np.concatenate([row.tensors[name][row.sample].ravel() for name in one.job.tensors])
    return np.where(one.elements_NL >= 0, flat[one.elements_NL], 0)


def expected_words(layout: Layout, program: Program, inputs: Integers) -> ExpectedWords:
    """inputs: samples first."""
    if layout.text:
        spoken = Spoken(program, inputs)
        requests = requests_of(inputs, spoken.logits, layout.side, layout.text.unknown)
        of_requests = ((one, spoken.tensors(one.prompt)) for one in requests)
        rows = [
            Row(one.sample, _writes_of_request(layout, one, tensors), tensors) for one, tensors in of_requests
        ]
    else:
        tensors = trace(program, inputs, nested=True)
        of_sample, whole = writes_of(layout), len(layout.jobs)
        lasts = [whole] * len(inputs)
        if layout.exits:
            ends = [*(place for place, job in enumerate(layout.jobs) if job.kind == "exit"), whole]
            lasts = [ends[one] for one in exits_taken(tensors, layout.exits.rule, layout.exits.count)]
        before = {last: {id(job) for job in layout.jobs[:last]} for last in set(lasts)}
        rows = [
            Row(sample, [one for one in of_sample if id(one.job) in before[last]], tensors)
            for sample, last in enumerate(lasts)
        ]
    return ExpectedWords(layout, rows)


def _mask(lanes_NL: np.ndarray) -> list[int]:
    return [sum(1 << lane for lane in np.flatnonzero(row).tolist()) for row in lanes_NL]
