"""Train variants of an experiment at equal budget and put their curves side by side.

    python benchmarks/compare_training.py benchmarks/comparisons/shakespeare.yaml --out build/compare.jsonl

The file names a base experiment, settings common to all variants (`set`) and the variants, each a list of
`section.key=value`; `seeds` repeats every variant. Variants run side by side, `--workers` on each GPU. One line of
JSON a finished run, with the rules for leaving early of a model that has exits; a run that the time (`--minutes`) cuts off
is written with `"finished": false`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import yaml

Task = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("comparison", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="the dataset's file")
    parser.add_argument("--set", nargs="*", default=[], help="section.key=value for every variant")
    parser.add_argument("--only", nargs="*", help="names of variants; all when absent")
    parser.add_argument("--gpus", nargs="*", default=[""], help="numbers of the GPUs; the CPU when absent")
    parser.add_argument("--workers", type=int, default=1, help="trainings at a time on each GPU")
    parser.add_argument("--minutes", type=float, default=1e9)
    options = parser.parse_args()
    tasks = read_tasks(options)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.time() + 60 * options.minutes
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    for task in tasks:
        queue.put(task)
    workers = [
        context.Process(target=work, args=(queue, options.out, gpu, deadline))
        for _ in range(options.workers)
        for gpu in options.gpus
    ]
    for worker in workers:
        queue.put(None)
        worker.start()
    for worker in workers:
        worker.join()
    show(options.out)


def read_tasks(options: argparse.Namespace) -> list[Task]:
    comparison = yaml.safe_load(options.comparison.read_text())
    common = comparison.get("set", []) + options.set
    if options.data:
        common.append(f"data.path={options.data.resolve()}")
    names = options.only or list(comparison["variants"])
    return [
        {
            "variant": name,
            "experiment": str(options.comparison.parent / comparison["experiment"]),
            "set": common + (comparison["variants"][name] or []) + [f"seed={seed}"],
            "seed": seed,
        }
        for seed in comparison.get("seeds", [0])
        for name in names
    ]


def work(queue: Any, out: Path, gpu: str, deadline: float) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    os.environ["OMP_NUM_THREADS"] = "4"
    while (task := queue.get()) is not None and time.time() < deadline:
        try:
            line = train(task, deadline)
        except Exception as error:
            line = {key: task[key] for key in ("variant", "seed", "set")} | {"failed": repr(error)}
        with out.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(
            {key: value for key, value in line.items() if key not in {"curve", "set", "size", "exits"}},
            flush=True,
        )


def train(task: Task, deadline: float) -> Task:
    """Raises what training raises."""
    from quweit_cli import config  # noqa: PLC0415  (a worker chooses its GPU before torch is imported)
    from quweit_cli.models.size import size_of  # noqa: PLC0415
    from quweit_cli.progress import SILENT  # noqa: PLC0415
    from quweit_cli.stages.evaluate import rules_of  # noqa: PLC0415
    from quweit_cli.stages.parts import with_pieces  # noqa: PLC0415
    from quweit_cli.training import checkpoint, datasets  # noqa: PLC0415
    from quweit_cli.training.loop import Stopped, fit  # noqa: PLC0415

    experiment = config.with_overrides(config.load_experiment(Path(task["experiment"])), task["set"])
    experiment = with_pieces(experiment)
    line = {key: task[key] for key in ("variant", "seed", "set")}
    curve: list[dict[str, float]] = []
    speed: list[dict[str, float]] = []

    def log(figures: dict[str, float]) -> None:
        if "test_loss" in figures:
            curve.append({name: round(value, 5) for name, value in figures.items()})
        else:
            speed.append(figures)

    teacher = experiment.training.distill.teacher
    model = None if teacher is None else checkpoint.load(teacher).model()
    first = experiment.training.start_from
    weights = None if first is None else checkpoint.load(first).state
    remaining = time.monotonic() + deadline - time.time()
    try:
        data = datasets.load(experiment.data)
        trained = fit(
            experiment,
            data,
            log,
            SILENT,
            teacher=model,
            weights=weights,
            deadline=remaining,
        )
    except Stopped:
        return line | {"finished": False, "curve": curve}
    rules = rules_of(trained.model, *data.test(trained.model.tokens))
    size = size_of(trained.model, experiment.model, data.meta)
    best = min(curve, key=lambda point: point["test_loss"])
    return line | {
        "finished": True,
        "score": trained.score.figures(),  # of the weights that are kept
        "best": best,
        "last": curve[-1],
        "seconds": round(trained.seconds, 1),
        "memory_mb": max(figures.get("memory_mb", 0) for figures in speed),
        "train_loss": trained.curve[-1]["train_loss"],
        "size": size.model_dump(mode="json"),
        "exits": None if rules is None else rules.model_dump(mode="json"),
        "curve": curve,
    }


def show(out: Path) -> None:
    for line in sorted(map(json.loads, out.read_text().splitlines()), key=lambda run: str(run["variant"])):
        if line.get("finished"):
            figures = ", ".join(f"{name} {value:.4f}" for name, value in line["score"].items())
            print(
                f"{line['variant']:<32} seed {line['seed']:<5} {figures}; best {line['best']['test_loss']:.4f}"
                f" at {line['best']['step']}, last {line['last']['test_loss']:.4f},"
                f" train {line['train_loss']:.4f}, {line['seconds']} s"
            )
        else:
            print(f"{line['variant']:<32} seed {line['seed']:<5} {line.get('failed', 'cut off')}")


if __name__ == "__main__":
    main()
