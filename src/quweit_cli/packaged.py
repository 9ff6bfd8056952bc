"""Folders that a wheel holds inside the package, and a checkout at its root: templates and examples."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from quweit_cli.errors import QuweitError

_HERE = Path(__file__).resolve().parent


@lru_cache
def folder(name: str) -> Path:
    """Where `templates` or `examples` lie.

    Raises:
        QuweitError: neither is there.
    """
    for place in (_HERE / f"_{name}", _HERE.parents[1] / name):
        if place.is_dir():
            return place
    raise QuweitError(f"the {name} are not installed", hint="reinstall quweit")
