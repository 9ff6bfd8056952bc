"""What the tab key offers beside commands and options, and the script by which a shell asks for it.

Names are looked up when the key is pressed, so nothing here waits for torch. The modules of typer that begin with `_` hold what its own
options call; those would answer for the shell that they are called from alone, whichever is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import typer
from typer._completion_classes import completion_init
from typer._completion_shared import get_completion_script
from typer._completion_shared import install as write_script

Shell = Literal["bash", "zsh", "fish"]
_NAMES = {"prog_name": "quweit", "complete_var": "_QUWEIT_COMPLETE"}
Offer = tuple[str, str]  # what is completed, and what a shell shows beside it


def prepare() -> None:
    """Have typer answer shells, which without options of its own it would leave to click."""
    completion_init()


def show(shell: Shell | None) -> None:
    """Print what a shell has to read."""
    if shell is not None:
        typer.echo(get_completion_script(**_NAMES, shell=shell))
        raise typer.Exit


def install(shell: Shell | None) -> None:
    """Write it where the shell reads it when it starts."""
    if shell is not None:
        _, path = write_script(shell=shell, **_NAMES)
        typer.echo(f"written: {path}")
        typer.echo("next:    start the shell anew")
        raise typer.Exit


def examples() -> list[Offer]:
    from quweit_cli.stages import examples as stage

    return [(one.name, one.summary) for one in stage.run(None, None).examples]


def boards() -> list[Offer]:
    from quweit_cli.technologies import BOARDS

    return [(board.name, f"{board.title}, {board.part}") for board in BOARDS]


def devices() -> list[Offer]:
    """Short names, and a part of each family that has none."""
    from quweit_cli.technologies import TECHNOLOGIES

    found = []
    for technology in TECHNOLOGIES:
        if technology.routing:
            found += [(name, f"{part}, {technology.name}") for name, part in technology.routing.short.items()]
        else:
            found.append((technology.example, technology.name))
    return found


def functions() -> list[str]:
    from quweit_cli.approximation.functions import FUNCTIONS

    return sorted(FUNCTIONS)


def shapes() -> list[str]:
    from quweit_cli.energy.shapes import SHAPES

    return sorted(SHAPES)


def settings() -> list[Offer]:
    """Keys of an experiment, as `--set` takes them."""
    from quweit_cli import config

    return list(_keys(config.Experiment, ""))


def rtl_settings() -> list[Offer]:
    from quweit_cli import config

    return list(_keys(config.Rtl, ""))


def synth_settings() -> list[Offer]:
    from quweit_cli import config

    return list(_keys(config.Synth, ""))


def _keys(section: type, prefix: str) -> Iterator[Offer]:
    from pydantic import BaseModel

    assert issubclass(section, BaseModel)
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _keys(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}=", str(field.description)
