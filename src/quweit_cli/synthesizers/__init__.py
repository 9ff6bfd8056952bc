"""Synthesizers by name. A new one is a class with the three members of `base.Synthesizer`, and a line here."""

from __future__ import annotations

from quweit_cli.errors import ConfigError
from quweit_cli.synthesizers.base import Package, Synthesizer
from quweit_cli.synthesizers.nextpnr.flow import Nextpnr
from quweit_cli.synthesizers.vivado.flow import Vivado
from quweit_cli.synthesizers.yosys import Yosys

SYNTHESIZERS: dict[str, Synthesizer] = {"yosys": Yosys(), "vivado": Vivado(), "nextpnr": Nextpnr()}

__all__ = ["SYNTHESIZERS", "Package", "Synthesizer", "synthesizer"]


def synthesizer(name: str) -> Synthesizer:
    """Raises ConfigError, with the names that exist, for an unknown one."""
    try:
        return SYNTHESIZERS[name]
    except KeyError:
        raise ConfigError(f"unknown synthesizer `{name}`; known: {', '.join(SYNTHESIZERS)}") from None
