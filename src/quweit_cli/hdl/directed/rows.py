"""Rows directed at what golden and random ones do not show of a block (`wanted`, `values`), as few as do.

A solver finds them, each for as many things at once as hold together, and proves what no row can show. Rows for encoded values
are drawn at random: at which sums a shift rounds is nothing that bits say.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

import numpy as np

from quweit_cli.hdl.directed.circuit import Circuit, Trace
from quweit_cli.hdl.directed.reachability import Answer, Question, Reachability
from quweit_cli.hdl.directed.samples import Samples
from quweit_cli.hdl.directed.values import ValuesWanted
from quweit_cli.hdl.directed.wanted import Target, Wanted
from quweit_cli.hdl.directed.ways import Ways
from quweit_cli.ir.nodes.base import Integers

SEED = 1
ROWS_AT_ONCE = 2048  # through the circuit
QUESTIONS, LITERALS = (
    100_000,
    200_000_000,
)  # to the solver, about one block; a wide row's question has many literals
SOLVED_TOGETHER, LUTS_OF_A_ROW = (
    16,
    128,
)  # rows, before what they show is counted, which takes long in wide blocks
ASKED_TOGETHER = 32  # things that a row is to show as well
FAILURES, EXCLUDED = 40, 2_000  # of single things one after the other, or openly: the row is full
ATTEMPTS = 3  # at what a found row did not show after all: a sum can hide it
NEVER = ATTEMPTS + 1
VALUE_BATCHES, VALUE_ROWS = 24, 64  # drawn
LEAST_SHARE = 1 / 400  # of all values that are lacking, which a drawn row must add


@dataclass
class Directed:
    """Played rows, and what is known of table entries with them and the rows that were there before."""

    played_RD: Integers
    observed: int
    unreachable: dict[Target, str]  # why no row reads the entry
    masked: set[Target]  # entries that rows read, and proven to change no bit that is summed


def directed_rows(circuit: Circuit, samples: Samples, base_RI: Integers, most: int) -> Directed:
    """Rows beside `base_RI` (as they are read), `most` at most, in whole samples."""
    search = _Search(circuit, samples, most // samples.rows_of_unit)
    for first in range(0, len(base_RI), ROWS_AT_ONCE):
        search.take(circuit.trace(base_RI[first : first + ROWS_AT_ONCE]))
    if most:
        search.solve()
        search.prove()
        search.draw_for_values()
    left = np.count_nonzero(search.wanted.lacking[: search.wanted.pins])
    empty = np.zeros((0, samples.features), dtype=np.int64)
    return Directed(
        np.concatenate([empty, *search.found]), circuit.entries - int(left), search.unreachable, search.masked
    )


class _Search:
    def __init__(self, circuit: Circuit, samples: Samples, units: int) -> None:
        self.circuit, self.samples, self.units_left = circuit, samples, units
        self.wanted, self.values = Wanted(circuit, samples.kind), ValuesWanted(circuit)
        self.solver = Reachability(circuit, samples.kind, samples.absent)
        self.rng = np.random.default_rng(SEED)
        self.ways = Ways(circuit, self.solver, self.wanted, self.rng)
        self.found: list[Integers] = []
        self.unreachable: dict[Target, str] = {}
        self.masked: set[Target] = set()
        self.attempts: Counter[int] = Counter()

    def take(self, trace: Trace) -> None:
        """These rows are among the vectors."""
        self.wanted.take(trace)
        self.values.take(trace)

    # ---------------------------------------------------------------- solved rows

    def solve(self) -> None:
        """Until nothing is lacking that is possible, or the solver was asked enough."""
        together = max(SOLVED_TOGETHER, self.circuit.luts // LUTS_OF_A_ROW)
        while self.units_left > 0 and self._may_ask():
            lacking = self.wanted.lacking.copy()
            codes = self._codes()
            rows: list[Integers] = []
            places: list[int] = []
            while codes and len(rows) < together and self._may_ask():
                answer = self._next_row(codes)
                if answer is not None:
                    rows.append(answer[0])
                    places.append(answer[1])
            if not rows:
                break
            unit = self.samples.rows_of_unit
            played_RD = self.samples.placed(np.array(rows), places, self.rng)[: self.units_left * unit]
            self._keep(played_RD, self.circuit.trace(self.samples.read(played_RD)))
            for code in np.flatnonzero(self.wanted.lacking < lacking).tolist():
                self.attempts[code] = 0

    def prove(self) -> None:
        """Of entries that nothing was asked about yet, whether a row can read them."""
        for code in np.flatnonzero(self.wanted.lacking[: self.wanted.pins]).tolist():
            if not self.attempts[code] and self._may_ask():
                self._possible_entry(code, None)

    def _may_ask(self) -> bool:
        return self.solver.questions < QUESTIONS and self.solver.literals < LITERALS

    def _keep(self, played_RD: Integers, trace: Trace) -> None:
        self.units_left -= len(played_RD) // self.samples.rows_of_unit
        self.found.append(played_RD)
        self.take(trace)

    def _codes(self) -> deque[int]:
        """What is lacking and was not tried too often, entries first, else in a random order."""
        codes = self.rng.permutation(np.flatnonzero(self.wanted.lacking))
        entry = codes < self.wanted.pins
        ordered = [*codes[entry].tolist(), *codes[~entry].tolist()]
        return deque(code for code in ordered if self.attempts[code] < ATTEMPTS)

    def _next_row(self, codes: deque[int]) -> tuple[Integers, int] | None:
        """A row for the first code that can have one, and for others that hold with it; all these leave `codes`.

        With it, which features it holds at 0 (a place in `absent`).
        """
        near_I = self._drawn_row()
        while codes and self._may_ask():
            code = codes.popleft()
            self.attempts[code] += 1
            possible = self._possible_entry if code < self.wanted.pins else self._possible
            asked, answer = possible(code, near_I)
            if answer.found:
                asked = self._with_others(asked, answer.place, codes)
                row_I = self.solver.row(asked, answer.place, near_I, self.rng)
                return None if row_I is None else (row_I, answer.place)
        return None

    def _drawn_row(self) -> Integers:
        """As one is read, where no neighbour is absent."""
        halves = self.samples.kind.features // self.samples.features
        return np.concatenate([self.samples.draw(self.rng, 1)[0] for _ in range(halves)])

    def _possible(self, code: int, near_I: Integers | None) -> tuple[Question, Answer]:
        question, answer = Question(), Answer(False)
        for question in self.ways.of(code):
            answer = self.solver.answer(question, near_I)
            if answer.found:
                return question, answer
        self.attempts[code] = NEVER
        return question, answer

    def _possible_entry(self, code: int, near_I: Integers | None) -> tuple[Question, Answer]:
        """A row that shows the entry, or that reads it at least; what cannot be is written down."""
        question, answer = self._possible(code, near_I)
        if answer.found:
            return question, answer
        target, hidden = self.wanted.target(code), answer.proven
        question = self.solver.entry(target.layer, target.number, target.detail)
        answer = self.solver.answer(question, near_I)
        if answer.found and hidden:
            self.masked.add(target)
        elif not answer.found and answer.proven:
            self.unreachable[target] = self.ways.why_not(target, answer)
        return question, answer

    def _with_others(self, asked: Question, place: int, codes: deque[int]) -> Question:
        """What was asked, and as many codes as hold with it, some at once while that succeeds."""
        left: list[int] = []
        together, failures = ASKED_TOGETHER, 0
        while failures < FAILURES and len(left) < EXCLUDED:
            chosen, both = self._compatible(asked, codes, together, left)
            if not chosen:
                break
            if self.solver.answer_at(both, place).found:
                asked, together, failures = both, min(2 * together, ASKED_TOGETHER), 0
                self.attempts.update(chosen)
            elif len(chosen) == 1:
                left += chosen
                failures += 1
            else:
                codes.extendleft(reversed(chosen))
                together = len(chosen) // 2
        codes.extendleft(reversed(left))
        return asked

    def _compatible(
        self, asked: Question, codes: deque[int], most: int, left: list[int]
    ) -> tuple[list[int], Question]:
        """The first codes that do not openly contradict what is asked, with it; those that do move to `left`."""
        chosen: list[int] = []
        held = set(asked.literals)
        while codes and len(chosen) < most and len(left) < EXCLUDED:
            code = codes.popleft()
            way = next(self.ways.of(code), None)
            excluded = way is None or any(-literal in held for literal in way.literals)
            both = None if way is None or excluded else asked.beside(way)
            if both is None or way is None:
                left.append(code)
            else:
                chosen.append(code)
                held.update(way.literals)
                asked = both
        return chosen, asked

    # ---------------------------------------------------------------- drawn rows

    def draw_for_values(self) -> None:
        """Until nothing is lacking, or rows add too little."""
        unit = self.samples.rows_of_unit
        for _ in range(VALUE_BATCHES):
            lacking = np.count_nonzero(self.values.lacking_WKE)
            played_RD = self.samples.draw(self.rng, max(1, VALUE_ROWS // unit))
            trace = self.circuit.trace(self.samples.read(played_RD))
            least = max(1, int(lacking * LEAST_SHARE))
            chosen = self.values.choose(trace, unit, self.units_left, least) if lacking else []
            if not chosen:
                break
            rows = np.concatenate([np.arange(one * unit, (one + 1) * unit) for one in chosen])
            self._keep(played_RD[rows], trace.of(rows))
