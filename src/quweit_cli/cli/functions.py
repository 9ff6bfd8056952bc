"""The command about non-linear functions: their pieces in integers, searched exactly or genetically."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from quweit_cli.cli import completion, console
from quweit_cli.cli.application import Json, command, progress, show
from quweit_cli.errors import ConfigError


@command("approximate", "quweit approximate gelu --segments 8 --bits 8 --scale 0.0625")
def approximate(
    function: Annotated[
        str | None,
        typer.Argument(
            metavar="FUNCTION",
            help="gelu, hswish, silu, exp, reciprocal, reciprocal_root, sigmoid, tanh, or a file of samples (.csv, .json)",
            autocompletion=completion.functions,
        ),
    ] = None,
    segments: Annotated[int, typer.Option(min=1, help="pieces at most")] = 8,
    bits: Annotated[int, typer.Option(min=2, help="of a slope, and of an intercept; 12 at most")] = 8,
    fraction: Annotated[
        int | None,
        typer.Option(min=0, help="of these below the point  [default: 6, or two less than there are]"),
    ] = None,
    scale: Annotated[
        float, typer.Option(metavar="X", help="real value of a code of 1, a power of two from 2^-16 to 1")
    ] = 0.0625,
    input_bits: Annotated[int, typer.Option(min=2, help="of a code; 16 at most")] = 8,
    wide_bits: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="of wide inputs, whole numbers above 0, whose range is scaled by the leading one; 31 at most",
        ),
    ] = None,
    range_: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--range",
            metavar="LOW HIGH",
            help="real numbers approximated  [default: the function's own, as far as codes go]",
        ),
    ] = None,
    output_scale: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="real value of an answer of 1, a power of two  [default: sums are not rounded]"
        ),
    ] = None,
    output_bits: Annotated[
        int, typer.Option(min=2, help="to which rounded answers are clamped; 32 at most")
    ] = 8,
    method: Annotated[
        Literal["exact", "genetic"], typer.Option(help="the best pieces there are, or GQA-LUT's search")
    ] = "exact",
    objective: Annotated[
        Literal["squared", "magnitude", "largest"],
        typer.Option(help="which error the exact search makes least"),
    ] = "squared",
    seed: Annotated[int, typer.Option(min=0, help="of the genetic search")] = 42,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="folder that document and plot are written to")
    ] = Path("build/functions"),
    every: Annotated[
        bool,
        typer.Option(
            "--all", help="every function by every method, beside published figures: functions.json"
        ),
    ] = False,
    hardware: Annotated[
        bool,
        typer.Option(
            "--hardware", help="with --all: units as well, simulated on both simulators and counted"
        ),
    ] = False,
    liberty: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="with --hardware: cell library (.lib, .lib.gz), may be repeated"),
    ] = None,
    clock_ghz: Annotated[
        float, typer.Option(help="clock of what is made of library cells, 0.001 to 1000")
    ] = 1.0,
    json: Json = False,
) -> None:
    """A non-linear function in integer pieces: a slope and an intercept each.

    States the error at every code, draws it, and writes the pieces as a step that a program can have.
    """
    if every:
        _everything(function, out, hardware, tuple(liberty or ()), clock_ghz, json)
        return
    if hardware or liberty:
        raise ConfigError(
            "units are made with `--all`", hint="add it, or leave out `--hardware` and `--liberty`"
        )
    if function is None:
        raise ConfigError("no function is named", hint="name one, such as gelu, or ask for --all")
    from quweit_cli import config
    from quweit_cli.stages import approximate as stage

    low, high = range_ or (None, None)
    settings = config.settings(
        config.Approximate,
        segments=segments,
        bits=bits,
        fraction=fraction,
        scale=scale,
        input_bits=input_bits,
        wide_bits=wide_bits,
        low=low,
        high=high,
        output_scale=output_scale,
        output_bits=output_bits,
        method=method,
        objective=objective,
        seed=seed,
    )
    made = stage.run(function, settings, progress=progress())
    paths = stage.write(made, out)
    show(made.document, json, "approximation")
    if not json:
        console.print_line(f"pieces:  {paths[0]}")
        console.print_line(f"plot:    {paths[1]}")


def _everything(
    function: str | None, out: Path, hardware: bool, liberty: tuple[Path, ...], clock_ghz: float, json: bool
) -> None:
    from quweit_cli import config
    from quweit_cli.stages import functions as stage

    if function is not None:
        raise ConfigError("`--all` takes every function", hint="leave out its name, or `--all`")
    if liberty and not hardware:
        raise ConfigError("a cell library is for hardware", hint="add `--hardware`, or leave out `--liberty`")
    library = None
    if liberty:
        library = config.settings(
            config.Synth,
            liberty=liberty,
            clock_mhz=1000 * clock_ghz,
            mapping="speed",
            allow_negative_slack=True,
        )
    table = stage.run(out, hardware=hardware, library=library, progress=progress())
    show(table, json, "functions")
    if not json:
        console.print_line(f"figures: {out / stage.DOCUMENT}")
