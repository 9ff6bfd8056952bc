"""What the commands share: the application, options that recur, and how a result is shown."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from json import dumps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from quweit_cli import __version__, interrupts
from quweit_cli.cli import completion, console
from quweit_cli.progress import SILENT, Progress

app = typer.Typer(
    name="quweit",
    help="Quasi-weightless transformers: from PyTorch to lookup-table hardware, with proof.",
    epilog="Example: quweit run examples/digits.yaml --out build/digits",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,  # its options take the shell for granted that they are called from
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
completion.prepare()


class _State:
    """Of the command that runs."""

    quiet = False
    progress: Progress = SILENT


_state = _State()

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="experiment file (YAML)")]
Checkpoint = Annotated[Path, typer.Argument(metavar="CKPT", help="checkpoint that `quweit train` wrote")]
Project = Annotated[Path, typer.Argument(metavar="PROJECT", help="project directory, as given to --out")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="project directory to write into")]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="PATH", help="file of the dataset, for those that are not shipped"),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.KEY=VALUE",
        help="change one setting; may be repeated",
        autocompletion=completion.settings,
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, max=2**64 - 1, help="short for --set seed=N")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"],
    typer.Option(help="where the model runs; auto takes a GPU when there is one"),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress on stderr")]
Json = Annotated[
    bool, typer.Option("--json", help="print the artefact as JSON on stdout, and nothing else there")
]


def command(name: str, example: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose --help ends with a runnable example and whose errors are explained.

    Every command takes --quiet itself too, so that it may stand before or after the command's name.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*arguments: Any, quiet: bool = False, **options: Any) -> None:
            quiet = quiet or _state.quiet
            with console.explained(), interrupts.allowed(), console.telling(quiet=quiet) as _state.progress:
                function(*arguments, **options)

        signature = inspect.signature(function, eval_str=True)
        option = inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Quiet)
        run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
        app.command(name, epilog=f"Example: {example}")(run)
        return run

    return register


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"quweit {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="print the version"),
    ] = False,
    quiet: Quiet = False,
    install_completion: Annotated[
        completion.Shell | None,
        typer.Option(
            callback=completion.install,
            is_eager=True,
            help="complete by the tab key in shells started afterwards",
        ),
    ] = None,
    show_completion: Annotated[
        completion.Shell | None,
        typer.Option(callback=completion.show, is_eager=True, help="print what that would install"),
    ] = None,
) -> None:
    _state.quiet = quiet


def experiment(path: Path, overrides: list[str] | None, seed: int | None, data: Path | None) -> Any:
    from quweit_cli import config

    changes = list(overrides or [])
    if seed is not None:
        changes.append(f"seed={seed}")
    if data is not None:
        changes.append(f"data.path={dumps(str(data.absolute()))}")
    experiment = config.load_experiment(path)
    return config.with_overrides(experiment, changes) if changes else experiment


def project(path: Path) -> Path:
    from quweit_cli.artifacts import existing_project

    return existing_project(path)


def show(document: Any, as_json: bool, kind: str) -> None:
    if as_json:
        console.print_json(document.model_dump_json(by_alias=True, indent=1))
        return
    from quweit_cli.report import (
        comparison_tables,
        energy_tables,
        exit_tables,
        function_tables,
        search_tables,
        tables,
    )

    homes = (tables, energy_tables, exit_tables, function_tables, search_tables, comparison_tables)
    home = next(one for one in homes if hasattr(one, kind))
    for table in getattr(home, kind)(document):
        console.print_table(table.title, table.columns, table.rows)
        for note in table.notes:
            console.print_note("-", note)
        for number, note in enumerate(table.footnotes, start=1):
            console.print_note(f"[{number}]", note)
        if table.notes or table.footnotes:
            console.print_line("")


def progress() -> Progress:
    return _state.progress


def number(text: str) -> int | str:
    return int(text) if text.isdecimal() and len(text) < 20 else text
