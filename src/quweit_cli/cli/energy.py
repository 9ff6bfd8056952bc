"""The commands about energy: what blocks are compared with, and the comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from quweit_cli.cli import completion, console
from quweit_cli.cli.application import Json, Out, command, number, progress, show
from quweit_cli.cli.application import project as existing
from quweit_cli.errors import ConfigError


@command("baseline", "quweit baseline --model i_vit_t --array 8 --out build/baseline")
def baseline(
    out: Out,
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME[=L,D,H,N,F]",
            help="whose layer is computed: a model of table 1, or layers, width, heads, tokens and hidden width, "
            "and `,causal` after them for a decoder",
            autocompletion=completion.shapes,
        ),
    ] = "i_vit_t",
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="CKPT",
            help="a dense checkpoint in place of --model: its shape, and the operands of one of its layers",
        ),
    ] = None,
    array: Annotated[
        list[int] | None,
        typer.Option(
            min=8,
            metavar="N",
            help="side of a systolic array, a multiple of 8; may be repeated  [default: 8 16 32 64]",
        ),
    ] = None,
    cycles_per_row: Annotated[
        int, typer.Option(min=0, help="cycles a row of the reference block; 0 makes none")
    ] = 16,
    simulator: Annotated[
        Literal["verilator", "icarus", "all"], typer.Option(help="which simulator compares")
    ] = "verilator",
    liberty: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="cell library (.lib, .lib.gz): arrays and block in its cells, too; may be repeated",
        ),
    ] = None,
    clock_ghz: Annotated[
        float, typer.Option(help="clock of what is made of library cells, 0.001 to 1000")
    ] = 1.0,
    pipeline_depth: Annotated[
        str,
        typer.Option(
            metavar="N|auto|deepest", help="registers in a row of the block in library cells, 1 to 1000"
        ),
    ] = "deepest",
    activity: Annotated[
        Literal["measured", "vectorless"],
        typer.Option(
            help="power in library cells: of activity counted in simulation as well, or vectorless alone"
        ),
    ] = "measured",
    json: Json = False,
) -> None:
    """Render, simulate and synthesize what blocks are compared with.

    Systolic arrays compute the products of one layer, bit for bit, and their cycles and cells are counted;
    beside them a reference block of the same width, with random contents.
    """
    from quweit_cli import config
    from quweit_cli.config import Baseline
    from quweit_cli.stages import baseline as stage

    settings = config.settings(
        Baseline,
        model=model,
        checkpoint=checkpoint,
        arrays=tuple(array or Baseline().arrays),
        cycles_per_row=cycles_per_row or None,
        simulators=config.Sim().simulators if simulator == "all" else (simulator,),
        liberty=tuple(liberty or ()),
        clock_ghz=clock_ghz,
        activity=activity,
        pipeline_depth=number(pipeline_depth),
    )
    made = stage.run(out, settings, progress=progress())
    if json:
        show(stage.result(made), json, "baseline")
        return
    for one in made:
        show(one.sim, json, "sim")
        show(one.synth, json, "synth")


@command("energy", "quweit energy build/digits --array 16 --array 32")
def energy(
    project: Annotated[
        Path | None,
        typer.Argument(
            metavar="PROJECT", help="project directory; with --tables, what `quweit baseline` wrote"
        ),
    ] = None,
    array: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N",
            help="side of a published systolic array to compare with: 8, 16, 32 or 64; may be repeated  [default: all]",
        ),
    ] = None,
    clock_mhz: Annotated[
        float, typer.Option(help="clock that the energies are stated for, 0.001 to 1000000")
    ] = 200.0,
    dense: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="project of the dense twin of a whole model, brought up to `quweit energy`, whose energy stands beside",
        ),
    ] = None,
    tables: Annotated[
        bool, typer.Option("--tables", help="the paper's tables in its place, beside our own figures")
    ] = False,
    block: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="with --tables: a project whose block stands for the reference block"
        ),
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=L,D,H,N,F",
            help="with --tables: one more model, by layers, width, heads, tokens and hidden width",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="CKPT", help="with --tables: one more model, by its checkpoint")
    ] = None,
    every_row: Annotated[
        bool, typer.Option("--all", help="every row, with where its cycles and its power come from")
    ] = False,
    json: Json = False,
) -> None:
    """State the energy beside the MLP replaced.

    In a few lines, or with --all every row with where its figures come from. With --tables: the paper's tables 1, 3 and 4
    beside our own figures, without PROJECT only those that need no measurement.
    """
    if tables:
        _show_tables(project, block, shape, checkpoint, json)
        return
    if project is None:
        raise ConfigError("no project directory is named", hint="name one, or ask for --tables")
    from quweit_cli import config
    from quweit_cli.stages import energy as stage

    settings = config.settings(
        config.Energy,
        arrays=tuple(array or config.Energy().arrays),
        clock_mhz=clock_mhz,
        dense=dense and existing(dense),
    )
    made = stage.run(existing(project), settings, progress=progress())
    show(made, json, "energy_rows" if every_row else "energy")


def _show_tables(
    project: Path | None,
    block: list[Path] | None,
    shape: list[str] | None,
    checkpoint: Path | None,
    json: bool,
) -> None:
    from quweit_cli.energy.shapes import parse_shape
    from quweit_cli.stages import paper as stage

    shapes = dict(parse_shape(words) for words in shape or ())
    if checkpoint is not None:
        from quweit_cli.stages.dump import shape_of

        shapes |= dict([shape_of(checkpoint)])
    blocks = tuple(existing(path) for path in block or ())
    made = stage.run(project and existing(project), blocks=blocks, shapes=shapes)
    show(made, json, "paper")
    if not json and project is not None:
        console.print_line(f"page:    {project / 'index.html'}")
        console.print_line(f"figures: {project / stage.DOCUMENT}")
