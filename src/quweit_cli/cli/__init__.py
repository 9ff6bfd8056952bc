"""The commands, in the order in which `quweit --help` lists them."""

from __future__ import annotations

from quweit_cli.cli import training, flow, energy, functions, search  # isort: skip
from quweit_cli.cli.application import app

__all__ = ["app", "energy", "flow", "functions", "search", "training"]
