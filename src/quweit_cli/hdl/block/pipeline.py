"""Where registers stand between the table of terms and the output: few for an FPGA, more for a fast clock."""

from __future__ import annotations

from typing import Literal

from quweit_cli.errors import UnsupportedModel

Depth = int | Literal["auto", "deepest"]


def registered_steps(levels: int, *, gated: bool, depth: Depth) -> list[bool]:
    """Whether registers follow the table of terms, and each level of adders but the last.

    The last level is followed by requantisation and the output register, which is always there.
    `depth` counts all of them; `auto` takes what an FPGA at 200 MHz wants, `deepest` one wherever there can be one.

    Raises:
        UnsupportedModel: fewer registers than the block cannot do without, or more than it has places for.
    """
    if depth == "auto":
        # Three ternary adders in a row fit a cycle; a table cell and one adder do, too.
        wanted = {2, 5} if gated else {0, 3, 6}
        adders = [level in wanted for level in range(levels - 1)]
        return [gated or not any(adders), *adders]
    if depth == "deepest":
        depth = levels + 1
    least = 2 if gated else 1
    if not least <= depth <= levels + 1:
        raise UnsupportedModel(
            f"pipeline_depth is {depth}, and this block can have {least} to {levels + 1} registers in a row",
            hint="choose a depth in between, or `auto` or `deepest`",
        )
    if gated:  # the bit gates the register of its term
        return [True, *_even(levels, depth - 1)]
    return _even(levels + 1, depth)


def _even(steps: int, groups: int) -> list[bool]:
    """A register after each group but the last; the longer groups come first, as requantisation ends the last."""
    size, longer = divmod(steps, groups)
    ends = {size * (group + 1) + min(group + 1, longer) - 1 for group in range(groups - 1)}
    return [step in ends for step in range(steps - 1)]
