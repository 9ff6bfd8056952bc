"""Operations of a program by name, and whether the hardware of a model computes them as they are."""

from __future__ import annotations

from typing import TypeVar

from quweit_cli.errors import UnsupportedModel
from quweit_cli.hdl.model.layout import LEFT, SHIFT_BITS
from quweit_cli.ir import Program, Requantize, RequantizeFeatures
from quweit_cli.ir.nodes.attention import ScoreProduct, ValueProduct
from quweit_cli.ir.nodes.base import Node
from quweit_cli.ir.nodes.pooling import Pool
from quweit_cli.ir.nodes.products import MatrixProduct
from quweit_cli.ir.nodes.sums import Addition
from quweit_cli.ir.program import tensor_types
from quweit_cli.ir.types import INT8, INT16, INT32

AnyNode = TypeVar("AnyNode", bound=Node)


class Operations:
    """Operations of a program by name.

    `of` raises UnsupportedModel where there is none of that name and kind: the program has another structure.

    Raises:
        UnsupportedModel: sums that the array cannot hold.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.nodes = {step.name: step.node for step in program.steps}
        types = tensor_types(program)
        for name, node in self.nodes.items():
            kind = types[name]
            if isinstance(node, MatrixProduct | ScoreProduct | ValueProduct | Pool) and not (
                INT32[0] <= kind.low and kind.high <= INT32[1]
            ):
                raise UnsupportedModel(
                    f"sums of `{name}` are {kind.low} ... {kind.high}, and the array has 32 bits for them",
                    hint="leave `rtl.side` out; the blocks are rendered as before",
                )

    def __contains__(self, name: str) -> bool:
        return name in self.nodes

    def of(self, name: str, kind: type[AnyNode]) -> AnyNode:
        node = self.nodes.get(name)
        if not isinstance(node, kind):
            raise UnsupportedModel(
                f"`{self.program.name}` has no {kind.__name__} `{name}`: programs of another structure than those of"
                " `quweit dump` do not become hardware as a whole",
                hint="leave `rtl.side` out; the blocks are rendered as before",
            )
        return node

    def product(self, name: str) -> MatrixProduct:
        return self.of(name, MatrixProduct)

    def sum(self, name: str) -> int:
        """By how much the second term is shifted to the left.

        Raises:
            UnsupportedModel: the first one is shifted as well, or the sum is not clamped to the residual stream's bits.
        """
        node = self.of(name, Addition)
        if len(node.shifts) != 2 or node.shifts[0] or (node.low, node.high) != INT16:
            raise UnsupportedModel(
                f"`{name}` adds with shifts {node.shifts} and clamps to {node.low} ... {node.high},"
                " which a model in hardware cannot",
                hint="leave `rtl.side` out; the blocks are rendered as before",
            )
        return node.shifts[1]

    def shifts(self, name: str, features: int, clamp: tuple[int, int] = INT8) -> list[int]:
        """Of a requantisation, to the right, one a feature; negative to the left.

        clamp: that of the hardware.

        Raises:
            UnsupportedModel: a multiplier that is no power of two, a shift beyond what hardware has, or another clamp.
        """
        node = self.nodes.get(name)
        if isinstance(node, RequantizeFeatures):
            right = node.shifts_D.tolist()
        else:
            node = self.of(name, Requantize)
            right = [node.shift] * features
        left = node.multiplier.bit_length() - 1
        shifts = [shift - left for shift in right]
        fits = (
            min(shifts) >= -LEFT and max(shifts) + LEFT < 1 << SHIFT_BITS and (node.low, node.high) == clamp
        )
        if node.multiplier != 1 << left or not fits or len(right) != features:
            raise UnsupportedModel(
                f"sums of `{name}` are multiplied by {node.multiplier}, shifted by {min(right)} to {max(right)} and"
                f" clamped to {node.low} ... {node.high}, which a model in hardware cannot",
                hint=f"its scales must be powers of two, and results at most {LEFT} bits finer than their sums",
            )
        return shifts
