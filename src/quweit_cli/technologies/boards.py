"""Boards that people own, a value each: the part, its clock, and the pins that go to a serial line of a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quweit_cli.errors import ConfigError

BITS_PER_SECOND = 115_200


@dataclass(frozen=True)
class Board:
    """A board. pins: port of the design on it (`clk`, `receive` from the host, `send` to it, `led`) -> pin of the part."""

    name: str
    title: str
    part: str
    clock_mhz: float
    pins: Mapping[str, str]
    program: str  # the command that loads a bitstream onto it, with {bitstream}

    @property
    def cycles_per_bit(self) -> int:
        return round(self.clock_mhz * 1e6 / BITS_PER_SECOND)


# Pins as the makers publish them: icebreaker.pcf of 1BitSquared, ulx3s_v20.lpf of Radiona.
BOARDS = (
    Board(
        "icebreaker",
        "iCEBreaker",
        "iCE40UP5K-SG48",
        12.0,
        {"clk": "35", "receive": "6", "send": "9", "led": "11"},
        "iceprog {bitstream}",
    ),
    *(
        Board(
            f"ulx3s-{size}",
            f"ULX3S with {size}F",
            f"LFE5U-{size}F-6BG381C",
            25.0,
            {"clk": "G2", "receive": "M1", "send": "L4", "led": "B2"},
            "openFPGALoader -b ulx3s {bitstream}",
        )
        for size in (12, 25, 45, 85)
    ),
)


def board_named(name: str) -> Board:
    """
    Raises:
        ConfigError: there is no such board.
    """
    for board in BOARDS:
        if board.name == name:
            return board
    raise ConfigError(
        f"there is no board `{name}`",
        hint=f"known are {', '.join(f'{one.name} ({one.title})' for one in BOARDS)}",
    )
