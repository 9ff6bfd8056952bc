"""Families of FPGA parts, a value each. A family is a file here and a name in `TECHNOLOGIES`."""

from __future__ import annotations

import re

from quweit_cli.errors import ConfigError
from quweit_cli.technologies.amd import SERIES_7, ULTRASCALE, ULTRASCALE_PLUS
from quweit_cli.technologies.base import (
    Cells,
    Joined,
    Lut,
    PlacedCell,
    Primitive,
    Resources,
    Routing,
    Technology,
    Unknown,
    Utilization,
)
from quweit_cli.technologies.boards import BOARDS, Board, board_named
from quweit_cli.technologies.ice40 import ICE40
from quweit_cli.technologies.lattice import ECP5

TECHNOLOGIES = (SERIES_7, ULTRASCALE, ULTRASCALE_PLUS, ECP5, ICE40)


def part_named(device: str) -> str:
    """The part that a short name such as `up5k` stands for; any other name is a part's already."""
    routings = [technology.routing for technology in TECHNOLOGIES if technology.routing]
    return next((one.short[device] for one in routings if device in one.short), device)


def technology_of(device: str) -> Technology:
    """The technology of a part such as xcvu9p-flgb2104-2-i, or of a short name.

    Raises:
        ConfigError: not a part of a known family.
    """
    for technology in TECHNOLOGIES:
        if re.match(technology.pattern, part_named(device)):
            return technology
    raise ConfigError(
        f"the device `{device}` is of no family that is known: {', '.join(one.name for one in TECHNOLOGIES)}",
        hint=f"name a part as its vendor spells it: {', '.join(one.example for one in TECHNOLOGIES)}",
    )


def routing_of(device: str) -> Routing:
    """How nextpnr places and routes a part, or that of a short name.

    Raises:
        ConfigError: a part that it does not know.
    """
    families = [(technology, technology.routing) for technology in TECHNOLOGIES if technology.routing]
    for technology, routing in families:
        if routing.options(part_named(device)) is not None:
            return routing
        if re.match(technology.pattern, device):
            raise ConfigError(
                f"`{device}` is no part of {technology.name} that nextpnr knows: {routing.known}",
                hint=f"name a part as its vendor spells it, such as {technology.example}",
            )
    short = ", ".join(f"{name} ({part})" for _, one in families for name, part in one.short.items())
    raise ConfigError(
        f"`{device}` is no device that nextpnr places and routes; known are {short}, and other parts of these families",
        hint="name one of them with --device",
    )


__all__ = [
    "BOARDS",
    "ECP5",
    "ICE40",
    "SERIES_7",
    "TECHNOLOGIES",
    "ULTRASCALE",
    "ULTRASCALE_PLUS",
    "Board",
    "Cells",
    "Joined",
    "Lut",
    "PlacedCell",
    "Primitive",
    "Resources",
    "Routing",
    "Technology",
    "Unknown",
    "Utilization",
    "board_named",
    "part_named",
    "routing_of",
    "technology_of",
]
