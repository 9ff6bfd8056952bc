"""What the summation adds in each time slot: unsigned terms, a bias, and the tree that adds them.

Signed values are shifted to unsigned terms, since an unsigned term needs no sign extension in any
adder; the shifts of a whole output go into its bias. All sums are exact modulo 2^sum_bits, and the
result fits sum_bits.

Index suffixes: N terms, T time slots, Q outputs of a slot (lanes), K bits of a lane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quweit_cli.hdl.block.pipeline import Depth, registered_steps
from quweit_cli.hdl.block.structure import Structure
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.technologies.amd import ADDER_TERMS


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of every slot.

    With gated registers (folding.gated) term n is bit n's: `set_NTQ` where the bit is 1, `idle_N`
    where it is 0. Otherwise term n adds the group n of bits: |v| of every bit that differs from v < 0.
    """

    structure: Structure
    idle_N: Integers
    largest_N: Integers
    bias_TQ: Integers  # modulo 2^sum_bits

    @property
    def bits(self) -> int:
        """Width of a term."""
        return int(self.largest_N.max()).bit_length()


def values_of_slots(structure: Structure) -> Integers:
    """What the bits of each lane add in each slot: bits of a lane x slots x lanes."""
    folding = structure.folding
    v_KTQ = structure.values_KE.reshape(-1, folding.cycles, folding.outputs_per_cycle)
    return np.take_along_axis(v_KTQ, structure.lanes_QN.T[:, None, :], axis=0)


def terms_of(structure: Structure) -> Terms:
    v_KTQ = values_of_slots(structure)
    bias_TQ = structure.biases_E.reshape(v_KTQ.shape[1:])
    if structure.folding.gated:
        idle_N = np.maximum(-v_KTQ.min(axis=(1, 2)), 0)
        largest_N = np.maximum(v_KTQ.max(axis=(1, 2)), 0) + idle_N
        bias_TQ = bias_TQ - idle_N.sum()
    else:
        groups = structure.folding.groups
        idle_N = np.zeros(len(groups), dtype=np.int64)
        largest_N = np.array([np.abs(v_KTQ[group]).sum(axis=0).max() for group in groups])
        bias_TQ = bias_TQ + np.minimum(v_KTQ, 0).sum(axis=0)
    return Terms(structure, idle_N, largest_N, bias_TQ % 2**structure.sum_bits)


@dataclass(frozen=True)
class Sum:
    """`name = sum of terms`, each a wire of the level before; one term is passed on."""

    name: str
    terms: tuple[str, ...]
    term_bits: int  # of the widest
    bits: int


@dataclass(frozen=True)
class Level:
    """Sums that are made side by side, and whether registers follow."""

    sums: tuple[Sum, ...]
    registered: bool


@dataclass(frozen=True)
class Tree:
    """Ternary adders, narrow terms first; the bias is one of the terms. The last level holds the result."""

    levels: tuple[Level, ...]
    registered_terms: bool

    @property
    def stages(self) -> int:
        """Pipeline registers from the time slot to the output register, that one included."""
        return self.registered_terms + sum(level.registered for level in self.levels) + 1


def tree_of(terms: Terms, depth: Depth = "auto") -> Tree:
    """`depth`: registers from the time slot to the output, see `pipeline`."""
    sum_bits = terms.structure.sum_bits
    wires = [(int(largest), f"term{n}") for n, largest in enumerate(terms.largest_N) if largest]
    wires.append((2**sum_bits - 1, "bias"))
    gated = terms.structure.folding.gated
    registered_terms, *registered = registered_steps(_depth(len(wires)), gated=gated, depth=depth)
    levels: list[Level] = []
    while len(wires) > 1:
        wires.sort(key=lambda wire: wire[0])
        sums, following = [], []
        registers = len(levels) < len(registered) and registered[len(levels)]
        for index, parts in enumerate(_parts(wires, wait=not registers)):
            largest = sum(part[0] for part in parts)
            name = f"level{len(levels)}_{index}"
            bits = min(largest.bit_length(), sum_bits)
            term_bits = min(max(part[0] for part in parts).bit_length(), sum_bits)
            sums.append(Sum(name, tuple(part[1] for part in parts), term_bits, bits))
            following.append((largest, name))
        levels.append(Level(tuple(sums), registers))
        wires = following
    return Tree(tuple(levels), registered_terms)


def _parts(wires: list[tuple[int, str]], *, wait: bool) -> list[list[tuple[int, str]]]:
    """Three by three; two that remain may wait for a third of the next level, unless that took a level more.

    Before registers they do not: waiting saves an adder and costs a register.
    """
    whole = len(wires) - len(wires) % ADDER_TERMS
    parts = [wires[first : first + ADDER_TERMS] for first in range(0, whole, ADDER_TERMS)]
    rest = wires[whole:]
    if wait and len(rest) == 2 and len(wires) > 2 and _depth(len(parts) + 2) < _depth(len(wires)):
        return [*parts, rest[:1], rest[1:]]
    return [*parts, rest] if rest else parts


def _depth(terms: int) -> int:
    """Levels of ternary adders that add so many terms."""
    levels = 0
    while terms > 1:
        terms, levels = -(-terms // ADDER_TERMS), levels + 1
    return levels
