"""The commands. Each reads artefacts from disk, runs one stage and prints what it wrote.

Stages are imported when their command runs: `quweit synth --help` never waits for torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from quweit_cli.cli import completion, console
from quweit_cli.cli.application import Checkpoint, Config, Data, Json, Out, Project, Seed, Set, command
from quweit_cli.cli.application import experiment as _experiment
from quweit_cli.cli.application import number as _number
from quweit_cli.cli.application import progress as _progress
from quweit_cli.cli.application import project as _project
from quweit_cli.cli.application import show as _show
from quweit_cli.errors import ConfigError


@command("dump", "quweit dump build/digits/train/ckpt.pt --out build/digits")
def dump(
    checkpoint: Checkpoint,
    out: Out,
    rows: Annotated[int, typer.Option(min=1, help="golden rows kept for each block")] = 1024,
    samples: Annotated[
        int | None, typer.Option(min=1, help="test samples compared with the integer program  [default: all]")
    ] = None,
    golden_samples: Annotated[
        int,
        typer.Option(
            min=1, help="samples kept with their logits, of a model whose arithmetic is of integers"
        ),
    ] = 64,
    data: Data = None,
    json: Json = False,
) -> None:
    """Turn a checkpoint into integer programs.

    They are checked to equal PyTorch exactly; when they do not, nothing is written.
    """
    from quweit_cli import config
    from quweit_cli.artifacts import open_project
    from quweit_cli.stages import dump as stage

    settings = config.settings(config.Dump, rows=rows, samples=samples, golden_samples=golden_samples)
    _show(
        stage.run(checkpoint, open_project(out), settings, data_path=data, progress=_progress()), json, "dump"
    )


@command("rtl", "quweit rtl build/digits/train/ckpt.pt --out build/digits")
def rtl(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="a checkpoint (dumped first), a project, or a dump folder"),
    ],
    out: Out,
    outputs_per_cycle: Annotated[
        str,
        typer.Option(
            metavar="N|all|auto",
            help="outputs of a row summed in one cycle, from 1 to as many as there are (1000000 at most) or all; `auto` keeps pace with the attention on --array",
        ),
    ] = "1",
    bits_per_cycle: Annotated[
        str | None,
        typer.Option(
            metavar="N|all",
            help="instead: LUT outputs' worth of values added in one cycle, 1 to 1000000 or all",
        ),
    ] = None,
    cycles_per_row: Annotated[
        int | None,
        typer.Option(
            "--cycles-per-row",
            "--target-cycles-per-row",
            min=1,
            help="instead: as few outputs a cycle as keep a row within so many cycles",
        ),
    ] = None,
    array: Annotated[int, typer.Option(min=1, help="side of the systolic array that `auto` goes by")] = 32,
    features_per_beat: Annotated[
        str, typer.Option(metavar="N|auto", help="features of one beat of the bus, 1 to 1000000")
    ] = "auto",
    pipeline_depth: Annotated[
        str,
        typer.Option(
            metavar="N|auto|deepest",
            help="registers in a row from time slot to output, from 1 to as many as a block has places for (1000 at most)",
        ),
    ] = "auto",
    bus_bytes: Annotated[
        str, typer.Option(metavar="N|auto", help="bytes of TDATA of the AXI-Stream wrapper, from 1 to 128")
    ] = "auto",
    top_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="what module names start with  [default: the design]")
    ] = None,
    block: Annotated[
        list[str] | None,
        typer.Option(help="name of a block that is rendered, may be given again  [default: all]"),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="another setting of `rtl`; may be repeated",
            autocompletion=completion.rtl_settings,
        ),
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="only foretell LUTs, FFs, cycles and energy; render nothing")
    ] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Render the RTL package of a dump.

    SystemVerilog in two renderings, benches, golden vectors, file lists and a README.
    """
    from quweit_cli import config
    from quweit_cli.stages import rtl as stage
    from quweit_cli.stages.sources import bring_dump

    settings = config.settings(
        config.Rtl,
        overrides=config.assignments(set_ or []),
        outputs_per_cycle=_number(outputs_per_cycle),
        bits_per_cycle=None if bits_per_cycle is None else _number(bits_per_cycle),
        cycles_per_row=cycles_per_row,
        array=array,
        features_per_beat=_number(features_per_beat),
        pipeline_depth=_number(pipeline_depth),
        bus_bytes=_number(bus_bytes),
        top_name=top_name,
    )
    only = tuple(block or ())
    bring_dump(source, out, config.Dump(), data_path=data, progress=_progress())
    if estimate:
        from quweit_cli.stages import front as foretelling

        _show(foretelling.estimates(out, settings, only=only, progress=_progress()), json, "estimate")
        return
    _show(stage.run(out, settings, only=only, progress=_progress()), json, "rtl")


@command("sim", "quweit sim build/digits --simulator all")
def sim(
    project: Project,
    simulator: Annotated[
        Literal["verilator", "icarus", "all"], typer.Option(help="which simulator compares")
    ] = "verilator",
    netlist: Annotated[
        bool,
        typer.Option(
            "--netlist",
            help="compare netlists that were synthesized or routed, of blocks and of a whole model, in place of the RTL",
        ),
    ] = False,
    formal: Annotated[
        bool,
        typer.Option(
            "--formal",
            help="prove with Yosys, for all inputs, that both renderings of every module are equal",
        ),
    ] = False,
    waves: Annotated[bool, typer.Option("--waves", help="keep waveforms beside the logs")] = False,
    block: Annotated[
        list[str] | None,
        typer.Option(
            help="name of a block, unit or array that is compared, may be given again  [default: all]"
        ),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(min=1, help="rows compared of each block  [default: all; 200 with icarus]"),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            min=1, help="samples compared of a whole model  [default: all; 2 with icarus or --netlist]"
        ),
    ] = None,
    steady_only: Annotated[
        bool,
        typer.Option(
            "--steady-only",
            help="rows one after another alone: no gaps, backpressure, resets and wrappers; a first look at a large design",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Compare the RTL with the integer program.

    Every output of every golden row is compared, with and without idle gaps and backpressure. Of what `quweit baseline`
    rendered, such as build/tables/i_vit_t, every array and unit is compared, in all renderings.
    Ends with exit code 1 and the first differences when anything is not equal.
    """
    if formal:
        from quweit_cli.stages import formal as prover

        if block:
            raise ConfigError("`--formal` proves every block", hint="leave out `--block`")
        _show(prover.run(_project(project), progress=_progress()), json, "formal")
        return
    from quweit_cli import config
    from quweit_cli.stages import sim as stage

    chosen = config.Sim().simulators if simulator == "all" else (simulator,)
    limits = config.Sim().rows if rows is None else dict.fromkeys(chosen, rows)
    settings = config.settings(
        config.Sim, simulators=chosen, rows=limits, steady_only=steady_only, **_samples(chosen, samples)
    )
    result = stage.compare(
        _project(project),
        settings,
        netlist=netlist,
        waves=waves,
        only=tuple(block or ()),
        progress=_progress(),
    )
    _show(result, json, "netlist" if netlist else "sim")
    stage.verdict(result)


def _samples(simulators: Sequence[str], samples: int | None) -> dict[str, Any]:
    """What the option says of settings."""
    if samples is None:
        return {}
    return {"samples": dict.fromkeys(simulators, samples), "netlist_samples": samples}


@command("synth", "quweit synth build/digits --tool yosys")
def synth(
    project: Project,
    tool: Annotated[Literal["yosys", "vivado", "nextpnr"], typer.Option(help="who synthesizes")] = "yosys",
    device: Annotated[
        str,
        typer.Option(
            help="part, or a short name such as up5k or ecp5-85; Yosys uses its family only",
            autocompletion=completion.devices,
        ),
    ] = "xcvu9p-flgb2104-2-i",
    clock_mhz: Annotated[
        float, typer.Option(help="clock that timing and power are asked for, 0.001 to 1000000")
    ] = 200.0,
    allow_negative_slack: Annotated[
        bool,
        typer.Option("--allow-negative-slack", help="keep the figures of a design that misses the clock"),
    ] = False,
    board: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="board for nextpnr, such as icebreaker, in place of a part and a clock: blocks behind its serial line",
            autocompletion=completion.boards,
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(metavar="N", help="placements that nextpnr tries, 1 to 100; the fastest is kept"),
    ] = 1,
    liberty: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="cell library (.lib, .lib.gz): map to its cells in place of a part; may be repeated",
        ),
    ] = None,
    clock_ghz: Annotated[float | None, typer.Option(help="in place of --clock-mhz, 0.000001 to 1000")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="another setting of `synth`; may be repeated",
            autocompletion=completion.synth_settings,
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="synthesize even what was synthesized before")
    ] = False,
    plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="only write what the tool would run, with all that it reads: a zip file"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Synthesize every design and count its cells.

    Parts are of AMD (7-series, UltraScale, UltraScale+) or, with Yosys, of Lattice (ECP5, iCE40). For one of AMD a
    complete Vivado batch project is written too, whichever tool runs. With --tool nextpnr the blocks are placed and
    routed on a part of Lattice, in their AXI-Stream wrapper, and a bitstream is written; with --board it is for the pins
    of a board, with a script of the host's that compares the golden rows. With --liberty a design is mapped to the
    cells of a library, and OpenSTA states its timing and power. With --plan no tool runs: what would be run is
    written to a zip file, to be run elsewhere.
    """
    from quweit_cli import config
    from quweit_cli.stages import synth as stage

    settings = config.settings(
        config.Synth,
        overrides=config.assignments(set_ or []),
        tool=tool,
        device=device,
        clock_mhz=clock_mhz if clock_ghz is None else 1000 * clock_ghz,
        allow_negative_slack=allow_negative_slack,
        board=board,
        seeds=seeds,
        liberty=tuple(liberty or ()),
        cache=not no_cache,
    )
    if plan is not None:
        made = stage.write_plan(_project(project), settings, plan)
        if json:
            _show(made, json, "fields")
        else:
            console.print_line(f"plan:    {plan}")
        return
    _show(stage.run(_project(project), settings, progress=_progress()), json, "synth")


@command("front", "quweit front build/digits")
def front(
    project: Project,
    block: Annotated[
        str | None, typer.Option(metavar="NAME", help="which block  [default: the first]")
    ] = None,
    json: Json = False,
) -> None:
    """Area, cycles and energy of a block over its foldings.

    Estimated by counting, beside what was measured and the published block; the report draws it.
    """
    from quweit_cli.stages import front as stage

    _show(stage.run(_project(project), block=block, progress=_progress()), json, "front")


@command("run", "quweit run examples/digits.yaml --out build/digits")
def run(
    experiment_file: Config,
    out: Out,
    set_: Set = None,
    seed: Seed = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """The whole flow, from training to the report.

    What is up to date is not done again.
    """
    from quweit_cli.stages import pipeline

    experiment = _experiment(experiment_file, set_, seed, data)
    result = pipeline.run(experiment, out, progress=_progress())
    _show(result, json, "summary")
    if not json:
        console.print_line(f"report:  {out / 'report' / 'index.html'}")
        console.print_line(f"figures: {out / 'summary.json'}")


@command("report", "quweit report build/digits")
def report(project: Project, json: Json = False) -> None:
    """Write the HTML report and summary.json.

    They are made from whichever artefacts the project holds. The page lets one look into blocks LUT by LUT, and into
    samples layer by layer.
    """
    from quweit_cli.stages import report as stage
    from quweit_cli.stages.summary import write_summary

    page = stage.run(_project(project), progress=_progress())
    _show(write_summary(project), json, "summary")
    if not json:
        console.print_line(f"report:  {page}")


@command("compare", "quweit compare build/digits build/whole --tolerance 1")
def compare(
    projects: Annotated[
        list[Path],
        typer.Argument(metavar="PROJECT...", help="project directories, the first of which is the reference"),
    ],
    fail_if_worse: Annotated[
        bool,
        typer.Option(
            "--fail-if-worse",
            help="end with exit code 1 when a figure is worse than that of the first project, or missing",
        ),
    ] = False,
    tolerance: Annotated[
        float, typer.Option(metavar="PERCENT", min=0, max=1e6, help="how much worse a figure may be")
    ] = 0.0,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="also write a page: figures, settings, learning curves, energy, area and fronts",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show projects side by side.

    Loss, accuracy, cells, cycles, energy and clock of each, how they differ from the first project, and which direction is better.
    Then the settings that differ. A figure that a project lacks is shown as missing.
    """
    from quweit_cli.stages import compare as stage

    found = stage.run(projects, tolerance)
    if html is not None:
        stage.write_page(found, projects, html)
    _show(found, json, "comparison")
    if html is not None and not json:
        console.print_line(f"page:    {html}")
    if fail_if_worse:
        stage.verdict(found)


@command("init", "quweit init digits")
def init(
    example: Annotated[
        str | None,
        typer.Argument(
            metavar="EXAMPLE",
            help="which one; without it they are listed",
            autocompletion=completion.examples,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="file to write  [default: examples/EXAMPLE.yaml]"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="write over a file that is there")] = False,
    json: Json = False,
) -> None:
    """Write an example experiment to start from.

    Examples with teachers look for them in build/ beside the folder that the file lies in.
    """
    from quweit_cli.stages import examples as stage

    made = stage.run(example, out, force=force)
    if json or made.written is None:
        _show(made, json, "examples")
    else:
        console.print_line(f"written: {made.written}")
        console.print_line(f"next:    {made.next}")


@command("doctor", "quweit doctor")
def doctor(json: Json = False) -> None:
    """Say what this machine can do.

    Every tool: found or not, its version, what it unlocks, how to get it.
    Ends with exit code 3 when `quweit run` lacks a tool that it needs.
    """
    from quweit_cli.stages import doctor as stage

    health = stage.run()
    _show(health, json, "doctor")
    if not health.ready:
        raise SystemExit(console.EXIT_MACHINE)
