"""The commands. Each reads artefacts from disk, runs one stage and prints what it wrote.

Stages are imported when their command runs: `quweit synth --help` never waits for torch.
"""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from quweit_cli import __version__, console
from quweit_cli.progress import SILENT, Progress

app = typer.Typer(
    name="quweit",
    help="Quasi-weightless transformers: from PyTorch to lookup-table hardware, with proof.",
    epilog="Example: quweit run examples/digits.yaml --out build/digits",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
_state: dict[str, bool] = {"quiet": False}

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
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="change one setting; may be repeated"),
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="short for --set seed=N")]
Json = Annotated[
    bool, typer.Option("--json", help="print the artefact as JSON on stdout, and nothing else there")
]


def command(name: str, example: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose --help ends with a runnable example and whose errors are explained."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*arguments: Any, **options: Any) -> None:
            with console.explained():
                function(*arguments, **options)

        app.command(name, epilog=f"Example: {example}")(run)
        return run

    return register


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"quweit {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of `quweit`."""
    signal.signal(signal.SIGTERM, _terminate)
    app(prog_name="quweit")


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="print the version"),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress on stderr")] = False,
) -> None:
    _state["quiet"] = quiet


@command("train", "quweit train examples/digits.yaml --out build/digits --set training.steps=500")
def train(
    experiment_file: Config,
    out: Out,
    set_: Set = None,
    seed: Seed = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Train the model of an experiment.

    Its dense twin is trained too when the experiment asks for it (`twin: true`).
    """
    from quweit_cli import config
    from quweit_cli.artifacts import open_project

    experiment = config.experiment_from_options(experiment_file, set_, seed, data)
    project = open_project(out)
    from quweit_cli.stages import train as stage

    result = stage.run(experiment, project, progress=_progress())
    console.show(result, json, "train")


@command("eval", "quweit eval build/digits/train/ckpt.pt")
def evaluate(checkpoint: Checkpoint, data: Data = None, json: Json = False) -> None:
    """Test a checkpoint, in float and as integers.

    Gives accuracy or loss twice: in PyTorch, and with every block as its integer program.
    """
    from quweit_cli.stages import evaluate as stage

    console.show(stage.run(checkpoint, data_path=data, progress=_progress()), json, "fields")


@command("dump", "quweit dump build/digits/train/ckpt.pt --out build/digits")
def dump(
    checkpoint: Checkpoint,
    out: Out,
    rows: Annotated[int, typer.Option(min=1, help="golden rows kept for each block")] = 1024,
    samples: Annotated[
        int | None, typer.Option(min=1, help="test samples compared with the integer program  [default: all]")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Turn a checkpoint into integer programs.

    They are checked to equal PyTorch exactly; when they do not, nothing is written.
    """
    from quweit_cli import config
    from quweit_cli.artifacts import open_project
    from quweit_cli.stages import dump as stage

    settings = config.Dump(rows=rows, samples=samples)
    console.show(
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
            help="outputs of a row summed in one cycle; `auto` keeps pace with the attention on --array",
        ),
    ] = "1",
    bits_per_cycle: Annotated[
        str | None,
        typer.Option(metavar="N|all", help="instead: LUT outputs' worth of values added in one cycle"),
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
        str, typer.Option(metavar="N|auto", help="features of one beat of the bus")
    ] = "auto",
    estimate: Annotated[bool, typer.Option("--estimate", help="foretell cells, render nothing")] = False,
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
        outputs_per_cycle=_number(outputs_per_cycle),
        bits_per_cycle=None if bits_per_cycle is None else _number(bits_per_cycle),
        cycles_per_row=cycles_per_row,
        array=array,
        features_per_beat=_number(features_per_beat),
    )
    bring_dump(source, out, config.Dump(), data_path=data, progress=_progress())
    if estimate:
        from quweit_cli.stages import front as foretelling

        console.show(foretelling.estimates(out, settings, progress=_progress()), json, "estimate")
        return
    console.show(stage.run(out, settings, progress=_progress()), json, "rtl")


@command("sim", "quweit sim build/digits --simulator all")
def sim(
    project: Project,
    simulator: Annotated[
        Literal["verilator", "icarus", "all"], typer.Option(help="which simulator compares")
    ] = "verilator",
    netlist: Annotated[
        bool, typer.Option("--netlist", help="compare the synthesized netlists in place of the RTL")
    ] = False,
    formal: Annotated[
        bool,
        typer.Option(
            "--formal", help="prove with Yosys, for all inputs, that both renderings of the tables are equal"
        ),
    ] = False,
    waves: Annotated[bool, typer.Option("--waves", help="keep waveforms beside the logs")] = False,
    rows: Annotated[
        int | None,
        typer.Option(min=1, help="rows compared of each block  [default: all; 200 with icarus]"),
    ] = None,
    json: Json = False,
) -> None:
    """Compare the RTL with the integer program.

    Every output of every golden row is compared, with and without idle gaps and backpressure.
    Ends with exit code 1 and the first differences when anything is not equal.
    """
    if formal:
        from quweit_cli.stages import formal as prover

        console.show(prover.run(_project(project), progress=_progress()), json, "formal")
        return
    from quweit_cli import config
    from quweit_cli.artifacts import load
    from quweit_cli.documents import SimResult
    from quweit_cli.errors import Mismatch
    from quweit_cli.stages import sim as stage

    chosen = config.Sim().simulators if simulator == "all" else (simulator,)
    limits = config.Sim().rows if rows is None else dict.fromkeys(chosen, rows)
    settings = config.settings(config.Sim, simulators=chosen, rows=limits)
    try:
        result = stage.run(_project(project), settings, netlist=netlist, waves=waves, progress=_progress())
    except Mismatch:
        folder = "netlist" if netlist else "sim"
        console.show(load(SimResult, project / folder / "sim.json"), json, "sim")
        raise
    console.show(result, json, "sim")


@command("synth", "quweit synth build/digits --tool yosys")
def synth(
    project: Project,
    tool: Annotated[Literal["yosys", "vivado"], typer.Option(help="who synthesizes")] = "yosys",
    device: Annotated[str, typer.Option(help="part; Yosys uses its family only")] = "xcvu9p-flgb2104-2-i",
    clock_mhz: Annotated[float, typer.Option(help="clock that timing and power are asked for")] = 200.0,
    allow_negative_slack: Annotated[
        bool,
        typer.Option("--allow-negative-slack", help="keep the figures of a design that misses the clock"),
    ] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="use no earlier netlist")] = False,
    json: Json = False,
) -> None:
    """Synthesize every block and count its cells.

    A complete Vivado batch project is written too, whichever tool runs.
    """
    from quweit_cli import config
    from quweit_cli.stages import synth as stage

    settings = config.settings(
        config.Synth,
        tool=tool,
        device=device,
        clock_mhz=clock_mhz,
        allow_negative_slack=allow_negative_slack,
        cache=not no_cache,
    )
    console.show(stage.run(_project(project), settings, progress=_progress()), json, "synth")


@command("front", "quweit front build/digits")
def front(
    project: Project,
    block: Annotated[str | None, typer.Option(metavar="NAME", help="[default: the first]")] = None,
    json: Json = False,
) -> None:
    """Area, cycles and energy of a block over its foldings.

    Estimated by counting, beside what was measured and the published block; the report draws it.
    """
    from quweit_cli.stages import front as stage

    console.show(stage.run(_project(project), block=block, progress=_progress()), json, "front")


@command("energy", "quweit energy build/digits --array 16 --array 32")
def energy(
    project: Project,
    array: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            metavar="N",
            help="side of a systolic array to compare with; may be repeated  [default: 8 16 32 64]",
        ),
    ] = None,
    clock_mhz: Annotated[float, typer.Option(help="clock that the energies are stated for")] = 200.0,
    json: Json = False,
) -> None:
    """State the energy beside the MLP replaced.

    Each row says where its cycles and its power come from.
    """
    from quweit_cli import config
    from quweit_cli.stages import energy as stage

    settings = config.settings(
        config.Energy, arrays=tuple(array or config.Energy().arrays), clock_mhz=clock_mhz
    )
    console.show(stage.run(_project(project), settings, progress=_progress()), json, "energy")


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
    from quweit_cli import config
    from quweit_cli.stages import pipeline

    experiment = config.experiment_from_options(experiment_file, set_, seed, data)
    result = pipeline.run(experiment, out, progress=_progress())
    console.show(result, json, "summary")
    if not json:
        console.print_line(f"report:  {out / 'report' / 'index.html'}")
        console.print_line(f"figures: {out / 'summary.json'}")


@command("report", "quweit report build/digits")
def report(project: Project, json: Json = False) -> None:
    """Write the HTML report and summary.json.

    They are made from whichever artefacts the project holds.
    """
    from quweit_cli.stages import report as stage
    from quweit_cli.summary import write_summary

    page = stage.run(_project(project), progress=_progress())
    console.show(write_summary(project), json, "summary")
    if not json:
        console.print_line(f"report:  {page}")


@command("doctor", "quweit doctor")
def doctor(json: Json = False) -> None:
    """Say what this machine can do.

    Every tool: found or not, its version, what it unlocks, how to get it.
    Ends with exit code 3 when `quweit run` lacks a tool that it needs.
    """
    from quweit_cli.stages import doctor as stage

    health = stage.run()
    console.show(health, json, "doctor")
    if not health.ready:
        raise SystemExit(console.EXIT_MACHINE)


def _project(path: Path) -> Path:
    from quweit_cli.artifacts import existing_project

    return existing_project(path)


def _progress() -> Progress:
    return SILENT if _state["quiet"] else console.TerminalProgress()


def _number(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _terminate(signal_number: int, frame: object) -> None:
    raise console.Terminated
