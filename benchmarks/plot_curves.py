"""Curves of several trainings in one table and one picture: OUT.csv and OUT.svg.

    python benchmarks/plot_curves.py --out docs/curves/shakespeare build/s1337 build/s1338

Reads `metrics.jsonl` of each project, of finished and of unfinished trainings, and what compare_training.py wrote.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

STYLES = {"dense": "--", "weightless": "-"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("projects", nargs="+", type=Path, help="project folders, or .jsonl of comparisons")
    parser.add_argument("--only", nargs="*", help="variants of comparisons; all when absent")
    parser.add_argument("--out", type=Path, required=True, help="path of both files, without their endings")
    parser.add_argument("--figure", choices=("test_loss", "test_accuracy"), default="test_loss")
    options = parser.parse_args()
    points = []
    for source in options.projects:
        points += variants(source, options.only) if source.suffix == ".jsonl" else evaluations(source)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    names = ["training", "mlp", "step", "test_loss", "test_accuracy"]
    with options.out.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(points)
    picture(points, options.figure).savefig(options.out.with_suffix(".svg"), metadata={"Date": None})


def evaluations(project: Path) -> list[dict[str, Any]]:
    for folder in ("train", "train.unfinished"):
        path = project / folder / "metrics.jsonl"
        if path.is_file():
            lines = map(json.loads, path.read_text().splitlines())
            return [{"training": project.name, **line} for line in lines if "test_loss" in line]
    raise SystemExit(f"no metrics of a training in `{project}`")


def variants(comparison: Path, only: list[str] | None) -> list[dict[str, Any]]:
    points = []
    for run in map(json.loads, comparison.read_text().splitlines()):
        if only is None or run["variant"] in only:
            mlp = "dense" if "model.mlp=dense" in run["set"] else "weightless"
            name = f"{run['variant']}_{run['seed']}"
            points += [{"training": name, "mlp": mlp, **point} for point in run.get("curve", [])]
    return points


def picture(points: list[dict[str, Any]], name: str) -> Figure:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for training in dict.fromkeys((point["training"], point["mlp"]) for point in points):
        mine = [point for point in points if (point["training"], point["mlp"]) == training]
        axes.plot(
            [point["step"] for point in mine],
            [point[name] for point in mine],
            STYLES[training[1]],
            label=" ".join(training),
        )
    axes.set(xlabel="step", ylabel=name.replace("_", " "))
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


if __name__ == "__main__":
    main()
