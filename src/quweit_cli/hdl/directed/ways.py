"""How a row can show what is wanted: codes of `wanted` as questions to `reachability`, and its refusals in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from quweit_cli.hdl.directed.circuit import THERMOMETER, Circuit
from quweit_cli.hdl.directed.reachability import Answer, Question, Reachability
from quweit_cli.hdl.directed.wanted import Target, Wanted

Item = TypeVar("Item")


class Ways:
    def __init__(
        self, circuit: Circuit, solver: Reachability, wanted: Wanted, rng: np.random.Generator
    ) -> None:
        self.circuit, self.solver, self.wanted, self.rng = circuit, solver, wanted, rng

    def of(self, code: int) -> Iterator[Question]:
        """What shows it, each sufficient, in a random order."""
        target = self.wanted.target(code)
        if target.kind == "entry":
            shows = self.solver.shows(target.layer, target.number)
            read = self.solver.entry(target.layer, target.number, target.detail)
            both = None if shows is None else read.beside(shows)
            if both is not None:
                yield both
        elif target.kind == "threshold":
            for number, place in self._shuffled(self.circuit.readers[0][target.number]):
                yield from self._of_pin(Target("edge", 0, number, place, target.answer))
        else:
            yield from self._of_pin(target)

    def _of_pin(self, target: Target) -> Iterator[Question]:
        """Every entry that this pin, at this value, tells from another."""
        lut = self.circuit.structure.layers[target.layer].table[target.number]
        shows = self.solver.shows(target.layer, target.number)
        if shows is not None and target.kind == "edge":
            shows = shows.beside(self.solver.edge(lut.pins[target.detail], target.answer))
        if shows is None:
            return
        for address in self._shuffled(range(2 ** len(lut.pins))):
            matters = (lut.table >> address ^ lut.table >> (address ^ 1 << target.detail)) & 1
            if matters and address >> target.detail & 1 == target.answer:
                both = self.solver.entry(target.layer, target.number, address).beside(shows)
                if both is not None:
                    yield both

    def why_not(self, entry: Target, answer: Answer) -> str:
        """The pins that exclude one another, or the one that never has its value."""
        pins = self.circuit.structure.layers[entry.layer].table[entry.number].pins
        literals = self.solver.entry(entry.layer, entry.number, entry.detail).literals
        words = [
            ("" if entry.detail >> place & 1 else "not ") + self._name(entry.layer - 1, pin)
            for place, (literal, pin) in enumerate(zip(literals, pins, strict=True))
            if literal in answer.core
        ]
        return f"never {' and '.join(words)}" if words else "no row"

    def _name(self, layer: int, bit: int) -> str:
        if layer == THERMOMETER:
            return f"x[{bit // self.solver.thresholds}] > {self.solver.threshold(bit)}"
        return f"LUT {bit} of layer {layer}"

    def _shuffled(self, of: Sequence[Item]) -> list[Item]:
        return [of[index] for index in self.rng.permutation(len(of))]
