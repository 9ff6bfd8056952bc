"""LUTs as user-defined primitives of Verilog, right for unknown inputs too, and the fastest form that Icarus has.

A primitive answers what the first row of its table says that matches, and X where none does. Its rows here are all prime
implicants of the table's ones and of its zeros. So an output is known exactly where every value that the unknown
inputs may take gives the same answer: two addresses that differ in any number of unknown bits and all answer 1 lie in one
prime implicant. Four rows of the digits block took 2.7 s of processor time so, 10 s as trees of operators, and neither
compiled sooner.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from quweit_cli.technologies import Lut

ZERO = "1'h0"
_CONSTANT = re.compile(r"\d+'([hdbo])([0-9a-fA-F]+)")
_BASES = {"h": 16, "d": 10, "o": 8, "b": 2}


def outputs_of(lut: Lut, pins: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """(what an output drives, its inputs from the lowest on); inputs that are not there, or that it does not read, are 0."""
    inputs = [pins.get(pin) or ZERO for pin in lut.inputs]
    for output, count in lut.outputs.items():
        if pins.get(output):
            yield pins[output], [*inputs[:count], *[ZERO] * (len(inputs) - count)]


class Primitives:
    """The primitives that a netlist needs, one a different table."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def instances(self, lut: Lut, contents: str, pins: Mapping[str, str]) -> str:
        """Instances of primitives in place of a LUT with a constant as its contents, such as `64'h8`."""
        constant = _CONSTANT.fullmatch(contents)
        assert constant is not None, f"{contents} is no constant"
        return "\n".join(
            self._instance(int(constant[2], _BASES[constant[1]]), pin, inputs)
            for pin, inputs in outputs_of(lut, pins)
        )

    def texts(self) -> list[str]:
        return list(self._texts.values())

    def _instance(self, table: int, pin: str, inputs: list[str]) -> str:
        while inputs[-1] == ZERO and len(inputs) > 1:
            inputs = inputs[:-1]
        table %= 2**2 ** len(inputs)
        name = f"quweit_lut{len(inputs)}_{table:x}"
        if name not in self._texts:
            self._texts[name] = _primitive(name, table, len(inputs))
        return f"  {name} ({pin}, {', '.join(inputs)});"


def _primitive(name: str, table: int, inputs: int) -> str:
    ports = ", ".join(f"i{place}" for place in range(inputs))
    rows = [
        f"    {' '.join(reversed(cube))} : {answer};"
        for answer, ones in ((1, table), (0, ~table))
        for cube in sorted(prime_implicants(ones, inputs))
    ]
    return "\n".join(
        [
            f"primitive {name} (o, {ports});",
            f"  output o;\n  input {ports};\n  table",
            *rows,
            "  endtable\nendprimitive",
        ]
    )


def prime_implicants(table: int, inputs: int) -> set[str]:
    """The largest cubes of addresses at which `table` has ones; highest input first, `?` for either value."""
    cubes = {f"{address:0{inputs}b}" for address in range(2**inputs) if table >> address & 1}
    primes: set[str] = set()
    while cubes:
        joined, larger = set(), set()
        for cube in cubes:
            for place in range(inputs):
                other = f"{cube[:place]}1{cube[place + 1 :]}"
                if cube[place] == "0" and other in cubes:
                    joined |= {cube, other}
                    larger.add(f"{cube[:place]}?{cube[place + 1 :]}")
        primes |= cubes - joined
        cubes = larger
    return primes
