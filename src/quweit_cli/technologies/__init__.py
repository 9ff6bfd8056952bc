"""Families of FPGA parts, a value each. A family is a file here and a name in `TECHNOLOGIES`."""

from __future__ import annotations

import re

from quweit_cli.errors import ConfigError
from quweit_cli.technologies.amd import SERIES_7, ULTRASCALE, ULTRASCALE_PLUS
from quweit_cli.technologies.base import Cells, Lut, Resources, Technology, Utilization
from quweit_cli.technologies.lattice import ECP5

TECHNOLOGIES = (SERIES_7, ULTRASCALE, ULTRASCALE_PLUS, ECP5)


def technology_of(device: str) -> Technology:
    """The technology of a part such as xcvu9p-flgb2104-2-i.

    Raises:
        ConfigError: not a part of a known family.
    """
    for technology in TECHNOLOGIES:
        if re.match(technology.pattern, device):
            return technology
    raise ConfigError(
        f"the device `{device}` is of no family that is known: {', '.join(one.name for one in TECHNOLOGIES)}",
        hint=f"name a part as its vendor spells it: {', '.join(one.example for one in TECHNOLOGIES)}",
    )


__all__ = [
    "ECP5",
    "SERIES_7",
    "TECHNOLOGIES",
    "ULTRASCALE",
    "ULTRASCALE_PLUS",
    "Cells",
    "Lut",
    "Resources",
    "Technology",
    "Utilization",
    "technology_of",
]
