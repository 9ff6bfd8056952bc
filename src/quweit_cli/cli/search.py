"""The command that tries settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from quweit_cli.cli import console
from quweit_cli.cli.application import Config, Data, Json, Out, Seed, Set, command, experiment, progress, show
from quweit_cli.errors import ConfigError

BUDGET = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(m|min|h)|(\d{1,9})")


@command("search", "quweit search examples/digits.yaml --out build/digits")
def search(
    experiment_file: Config,
    out: Out,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N|Nm|Nh",
            help="how many trials the study has in the end, or minutes or hours for this process to begin trials; "
            "may be given twice  [default: as `search` of the experiment says]",
        ),
    ] = None,
    measure: Annotated[
        int,
        typer.Option(
            min=0,
            help="trials of the front, 0 for none, that are rendered, simulated and synthesized afterwards: those that "
            "give up least in all figures together",
        ),
    ] = 0,
    storage: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="SQLite file of the study, which processes may share  [default: search/study.sqlite3 in --out]",
        ),
    ] = None,
    set_: Set = None,
    seed: Seed = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Search settings of blocks for loss, LUTs and energy.

    Thermometer bits, LUT layers, groups, value bits and folding are tried as the section `search` of the experiment says. Each
    trial is trained, its LUTs, cycles and energy are counted without tools. What no other trial beats is the front. The same
    command goes on with a search that was interrupted or killed; several processes, one a GPU, share it.
    """
    from quweit_cli.artifacts import open_project
    from quweit_cli.documents.search import FILE, FOLDER
    from quweit_cli.stages import search as stage

    changes = [*(set_ or []), *(_limits(budget) if budget else [])]
    settings = experiment(experiment_file, changes, seed, data)
    project = open_project(out)
    show(stage.run(settings, project, storage=storage, measure=measure, progress=progress()), json, "search")
    if not json:
        folder = project / FOLDER
        console.print_line(f"front:   {folder / stage.PLOT}")
        console.print_line(f"figures: {folder / FILE}")


def _limits(budget: list[str]) -> list[str]:
    """Both limits as settings; one that is not given is none."""
    limits: dict[str, str] = {}
    for words in budget:
        found = BUDGET.fullmatch(words)
        if found is None:
            raise ConfigError(
                f"`--budget {words}` is no budget", hint="say so many trials, minutes or hours: 40, 30m or 2h"
            )
        time, unit, trials = found.groups()
        name, value = (
            ("trials", trials) if trials else ("minutes", f"{float(time) * (60 if unit == 'h' else 1):g}")
        )
        if not float(value):
            raise ConfigError(
                f"`--budget {words}` leaves nothing to search",
                hint="say at least one trial, or some time: 40, 30m or 2h",
            )
        if name in limits:
            raise ConfigError(f"`--budget` says how many {name} twice", hint="leave out one of them")
        limits[name] = value
    return [f"search.{name}={limits.get(name, 'null')}" for name in ("trials", "minutes")]
