"""The commands about models: train, eval, sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from quweit_cli.cli import console
from quweit_cli.cli.application import (
    Checkpoint,
    Config,
    Data,
    Device,
    Json,
    Out,
    Seed,
    Set,
    command,
    experiment,
    progress,
    project,
    show,
)


@command("train", "quweit train examples/digits.yaml --out build/digits --set training.steps=500")
def train(
    experiment_file: Config,
    out: Out,
    set_: Set = None,
    seed: Seed = None,
    data: Data = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="only go on: refuse what other settings left unfinished, and train nothing that is finished again",
        ),
    ] = False,
    stop_after: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="MINUTES", help="stop after so long; the same command goes on from there"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Train the model of an experiment.

    Its dense twin is trained too when the experiment asks for it (`twin: true`). What was interrupted goes on
    from the last state, which is saved at an interrupt and at least every two minutes of steps.
    torchrun starts it as several processes: `torchrun --nproc-per-node N -m quweit_cli train ...`.
    """
    from quweit_cli.artifacts import open_project
    from quweit_cli.documents import TrainResult
    from quweit_cli.training import ranks

    settings = experiment(experiment_file, set_, seed, data)
    project = open_project(out) if ranks.first() else out
    from quweit_cli.stages import train as stage

    result = stage.run(settings, project, progress=progress(), resume=resume, stop_after_minutes=stop_after)
    if ranks.first():
        show(result, json, "train" if isinstance(result, TrainResult) else "unfinished")


@command("eval", "quweit eval build/digits/train/ckpt.pt")
def evaluate(checkpoint: Checkpoint, data: Data = None, device: Device = "auto", json: Json = False) -> None:
    """Test a checkpoint, in float and as integers.

    Gives accuracy or loss twice: in PyTorch, and with every block as its integer program. It states the size of the model, part by
    part. Of a model with exits it gives for every rule by which samples may leave early what that costs and saves.
    """
    from quweit_cli.stages import evaluate as stage

    show(stage.run(checkpoint, data_path=data, device=device, progress=progress()), json, "evaluation")


@command("sample", "quweit sample build/pydoc_gpt/train/ckpt.pt --prompt 'The ' --tokens 200")
def sample(
    source: Annotated[
        Path,
        typer.Argument(metavar="SOURCE", help="checkpoint, or with `--on rtl` a project directory"),
    ],
    prompt: Annotated[
        str | None, typer.Option(help="text to go on from  [default: the end of a line]")
    ] = None,
    tokens: Annotated[int, typer.Option(min=1, max=10**9, help="characters to write")] = 500,
    temperature: Annotated[
        float, typer.Option(min=0, help="below 1 bolder, above 1 freer; 0 always takes the likeliest")
    ] = 0.8,
    top_k: Annotated[
        int | None, typer.Option(min=1, help="choose among so many likeliest  [default: all]")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**64 - 1, help="another seed gives another text")] = 0,
    on: Annotated[
        Literal["torch", "rtl"],
        typer.Option(help="what computes logits: PyTorch, or the hardware of the project on a simulator"),
    ] = "torch",
    simulator: Annotated[Literal["verilator", "icarus"], typer.Option(help="of `--on rtl`")] = "verilator",
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Print text from a character model.

    Weightless blocks answer as their integer programs do. `--on rtl` takes the logits of the hardware that `quweit rtl` rendered, so
    the text of a model in integers is the same. One simulation plays a prompt, then a decode step for each character. Of a model with exits
    the prompt goes through all layers, and characters after it leave early; a note says how many layers these went through.
    """
    from quweit_cli.stages import sample as stage

    wanted: Any = {
        "prompt": prompt,
        "tokens": tokens,
        "temperature": temperature,
        "top_k": top_k,
        "seed": seed,
    }
    if on == "rtl":
        result = stage.run_on_rtl(project(source), **wanted, simulator_name=simulator, progress=progress())
    else:
        result = stage.run(source, **wanted, device=device, progress=progress())
    if json:
        show(result, json, "fields")
    else:
        console.print_line(result.prompt + result.text)
