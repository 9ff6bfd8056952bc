"""Simulators: one class a tool, one registry line each."""

from __future__ import annotations

import difflib

from quweit_cli.errors import ConfigError
from quweit_cli.simulators.base import Bench, Simulator
from quweit_cli.simulators.icarus import Icarus
from quweit_cli.simulators.verilator import Verilator

SIMULATORS: dict[str, Simulator] = {"verilator": Verilator(), "icarus": Icarus()}

__all__ = ["SIMULATORS", "Bench", "Simulator", "simulator"]


def simulator(name: str) -> Simulator:
    """The registered simulator of that name.

    Raises:
        ConfigError: there is none; the message lists them.
    """
    if name in SIMULATORS:
        return SIMULATORS[name]
    near = difflib.get_close_matches(name, SIMULATORS, n=1)
    raise ConfigError(
        f"there is no simulator `{name}`" + (f", did you mean `{near[0]}`?" if near else ""),
        hint=f"registered: {', '.join(SIMULATORS)}",
    )
