"""Which table entries an input can read, exactly: a SAT solver over the bits of a block.

Variables are the bits of the thermometer and the answers of the LUTs, made when a question first needs them. A question is a
set of literals that must hold together. The answer is yes (and a row can be read off), no (there is no such row), or none
within the conflicts that a question is given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from pysat.solvers import Minisat22

from quweit_cli.hdl.directed.circuit import THERMOMETER, Circuit
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.types import TensorType

CONFLICTS = 2_000  # of one question


class Question(NamedTuple):
    """Literals that must hold together, and the values that some features (by number) must have."""

    literals: tuple[int, ...] = ()
    values: Mapping[int, int] = {}

    def beside(self, other: Question) -> Question | None:
        """Both at once; None where they want one feature to have two values."""
        if any(self.values.get(feature, value) != value for feature, value in other.values.items()):
            return None
        return Question(self.literals + other.literals, {**self.values, **other.values})


class Answer(NamedTuple):
    """`place`: which of `absent` the row has. `proven`: whether a no is one, in place of a solver that gave up."""

    found: bool
    place: int = 0
    proven: bool = True
    core: frozenset[int] = frozenset()  # literals that exclude one another


class Reachability:
    """Questions to a block whose features are within `kind`.

    absent: sets of features, one of which is held at 0; a token in the corner of an image has fewer neighbours. The empty set
    where a row can have all its features.
    """

    def __init__(self, circuit: Circuit, kind: TensorType, absent: Sequence[frozenset[int]]) -> None:
        self.circuit, self.kind, self.absent = circuit, kind, absent
        self.questions = self.literals = 0  # asked so far
        self.thresholds = circuit.structure.thresholds_DT.shape[1]
        self._solver = Minisat22()
        self._variables = 0
        self._true = self._variable()
        self._solver.add_clause([self._true])
        self._places = [self._variable() for _ in absent]
        self._bits: dict[tuple[int, int], int] = {}  # layer and number -> literal
        self._chains: dict[int, list[tuple[int, int]]] = {}  # feature -> threshold and variable, ascending
        self._copies: dict[tuple[int, int], int | None] = {}
        self._live: dict[int, set[int]] = {}  # feature -> thresholds
        for bit in circuit.readers[0]:
            self._live.setdefault(bit // self.thresholds, set()).add(self.threshold(bit))

    def threshold(self, bit: int) -> int:
        return int(self.circuit.structure.thresholds_DT.flat[bit])

    # ---------------------------------------------------------------- what can be asked

    def entry(self, layer: int, number: int, address: int) -> Question:
        """That a LUT reads this entry; the literals are those of its pins, in order."""
        pins = self.circuit.structure.layers[layer].table[number].pins
        signs = (1 if address >> place & 1 else -1 for place in range(len(pins)))
        return Question(
            tuple(sign * self._bit(layer - 1, pin) for sign, pin in zip(signs, pins, strict=True))
        )

    def shows(self, layer: int, number: int) -> Question | None:
        """That another answer of this LUT changes a bit that is summed; None where it never does."""
        if layer == len(self.circuit.structure.layers) - 1:
            return Question()
        if (layer, number) not in self._copies:
            self._copies[layer, number] = self._copy(layer, number)
        literal = self._copies[layer, number]
        return None if literal is None else Question((literal,))

    def edge(self, bit: int, answer: int) -> Question:
        """That the feature of a comparison has the last value that answers 0, or the first that answers 1."""
        feature, threshold = bit // self.thresholds, self.threshold(bit)
        own = self._bit(THERMOMETER, bit)
        chain = self._chains[feature]
        if answer:
            next_one = [-variable for other, variable in chain if other > threshold][:1]
        else:
            next_one = [variable for other, variable in chain if other < threshold][-1:]
        return Question((own if answer else -own, *next_one), {feature: threshold + answer})

    # ---------------------------------------------------------------- answers

    def answer(self, question: Question, near: Integers | None = None) -> Answer:
        """near: a row of features; what is free takes its bits."""
        if near is not None:
            self._solver.set_phases(
                [
                    variable if near[feature] > threshold else -variable
                    for feature, chain in self._chains.items()
                    for threshold, variable in chain
                ]
            )
        proven = True
        for place in range(len(self._places)):
            answer = self.answer_at(question, place)
            if answer.found:
                return answer
            proven &= answer.proven
        return Answer(False, proven=proven, core=answer.core)

    def answer_at(self, question: Question, place: int) -> Answer:
        """With the features of `absent[place]` held at 0."""
        self.questions += 1
        self.literals += len(question.literals)
        self._solver.conf_budget(CONFLICTS)
        found = self._solver.solve_limited(assumptions=[*question.literals, self._places[place]])
        if found is False:
            return Answer(False, place, core=frozenset(self._solver.get_core() or ()))
        return Answer(bool(found), place, proven=found is not None)

    def row(
        self, question: Question, place: int, near: Integers, rng: np.random.Generator
    ) -> Integers | None:
        """A row of the question's answer, which `near` gives wherever it can; None where there is none."""
        if not self.answer_at(question, place).found:
            return None
        held = set(self._solver.get_model())  # without variables that no clause has yet: they are free
        row_D = near.copy()
        for feature, chain in self._chains.items():
            low = max((t + 1 for t, variable in chain if variable in held), default=self.kind.low)
            high = min((t for t, variable in chain if -variable in held), default=self.kind.high)
            if not low <= row_D[feature] <= high:
                row_D[feature] = rng.choice([low, high])
        for feature, value in question.values.items():
            row_D[feature] = value
        row_D[list(self.absent[place])] = 0
        return row_D

    # ---------------------------------------------------------------- variables and clauses

    def _variable(self) -> int:
        self._variables += 1
        return self._variables

    def _bit(self, layer: int, number: int) -> int:
        if (layer, number) not in self._bits:
            if layer == THERMOMETER:
                self._add_chain(number // self.thresholds)
            else:
                lut = self.circuit.structure.layers[layer].table[number]
                inputs = [self._bit(layer - 1, pin) for pin in lut.pins]
                self._bits[layer, number] = self._lut(inputs, lut.table)
        return self._bits[layer, number]

    def _add_chain(self, feature: int) -> None:
        """Variables of a feature's thresholds: who exceeds one exceeds all below it."""
        chain = [
            (threshold, self._variable())
            for threshold in sorted(self._live[feature])
            if self.kind.low <= threshold < self.kind.high
        ]
        self._chains[feature] = chain
        for (_, lower), (_, higher) in pairwise(chain):
            self._solver.add_clause([-higher, lower])
        for place, held in zip(self._places, self.absent, strict=True):
            if feature in held:
                for threshold, variable in chain:
                    self._solver.add_clause([-place, variable if threshold < 0 else -variable])
        variables = dict(chain)
        for number in range(self.thresholds):
            bit = feature * self.thresholds + number
            threshold = self.threshold(bit)
            constant = self._true if threshold < self.kind.low else -self._true
            self._bits[THERMOMETER, bit] = variables.get(threshold, constant)

    def _lut(self, inputs: Sequence[int], table: int) -> int:
        answer = self._variable()
        for address in range(2 ** len(inputs)):
            other = [-literal if address >> place & 1 else literal for place, literal in enumerate(inputs)]
            self._solver.add_clause([*other, answer if table >> address & 1 else -answer])
        return answer

    def _copy(self, layer: int, number: int) -> int | None:
        """A literal that holds only where the LUTs after this one, read with its opposite, give another summed bit."""
        opposite = {number: -self._bit(layer, number)}
        layers = self.circuit.structure.layers
        for after in range(layer + 1, len(layers)):
            readers = {reader for bit in opposite for reader, _ in self.circuit.readers[after].get(bit, ())}
            copied = {}
            for reader in sorted(readers):
                lut = layers[after].table[reader]
                inputs = [opposite.get(pin, 0) or self._bit(after - 1, pin) for pin in lut.pins]
                copied[reader] = self._lut(inputs, lut.table)
            opposite = copied
        if not opposite:
            return None
        literal = self._variable()
        differences = [self._differ(self._bit(len(layers) - 1, bit), copy) for bit, copy in opposite.items()]
        self._solver.add_clause([-literal, *differences])
        return literal

    def _differ(self, one: int, other: int) -> int:
        """A literal that holds only where the two differ."""
        literal = self._variable()
        self._solver.add_clause([-literal, one, other])
        self._solver.add_clause([-literal, -one, -other])
        return literal
