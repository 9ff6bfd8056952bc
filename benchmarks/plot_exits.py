"""What leaving early costs and saves, of the runs of a comparison: tables on the terminal, and curves as SVG.

    python benchmarks/plot_exits.py build/exits_images.jsonl --out docs/exits_images.svg

Reads what compare_training.py wrote of models with exits. A table has the mean over seeds, the plot the first seed.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quweit_cli.artifacts import write_text
from quweit_cli.documents import ExitRow, ExitTable, ModelSize
from quweit_cli.report import exit_plots

Runs = dict[str, list[dict[str, Any]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("comparison", type=Path)
    parser.add_argument("--only", nargs="*", help="names of variants; all when absent")
    parser.add_argument("--out", type=Path, help="the plot; none when absent")
    options = parser.parse_args()
    runs = read(options.comparison, options.only)
    print(
        "| model | parameters | bytes | times smaller, stored | by BEExformer's accounting |\n|---|---|---|---|---|"
    )
    for name, lines in runs.items():
        size = ModelSize.model_validate(lines[0]["size"])
        print(
            f"| {name} | {size.parameters:,} | {size.bits // 8:,} | {size.times_smaller:.2f} |"
            f" {size.times_smaller_by_parameters:.2f} |"
        )
    print(
        "\n| model | seeds | first head | last head | criterion | threshold | accuracy | mean layers | operations saved |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, lines in runs.items():
        tables = [ExitTable.model_validate(line["exits"]) for line in lines]
        for row in free_of_loss(tables):
            print(f"| {name} | {len(tables)} | {row} |")
    if options.out:
        found = {name: ExitTable.model_validate(lines[0]["exits"]) for name, lines in runs.items()}
        write_text(options.out, exit_plots.compared(found, options.out.stem))


def read(comparison: Path, only: list[str] | None) -> Runs:
    runs: Runs = {}
    for line in map(json.loads, comparison.read_text().splitlines()):
        if line.get("exits") and (only is None or line["variant"] in only):
            runs.setdefault(line["variant"], []).append(line)
    return {name: sorted(lines, key=lambda line: line["seed"]) for name, lines in runs.items()}


def free_of_loss(tables: Sequence[ExitTable]) -> list[str]:
    """Of each criterion the threshold that saves most while the mean over seeds is no worse than that of the last head."""
    heads = [statistics.mean(column) for column in zip(*(one.head_accuracy for one in tables), strict=True)]
    lines = []
    for criterion in exit_plots.CURVES:
        rules = [[one for one in table.rules if one.criterion == criterion] for table in tables]
        seeds = [list(column) for column in zip(*rules, strict=True)]
        kept = [rows for rows in seeds if _mean(rows, "accuracy") >= heads[-1] - 1e-12]
        best = max(kept, key=lambda rows: _mean(rows, "operations_saved"), default=None)
        said = "none | | |"
        if best is not None:
            said = (
                f"{best[0].threshold:g} | {100 * _mean(best, 'accuracy'):.2f} % | {_mean(best, 'mean_layers'):.2f} |"
                f" {100 * _mean(best, 'operations_saved'):.1f} %"
            )
        lines.append(f"{100 * heads[0]:.2f} % | {100 * heads[-1]:.2f} % | {criterion} | {said}")
    return lines


def _mean(rows: Sequence[ExitRow], key: str) -> float:
    return float(statistics.mean(getattr(row, key) for row in rows))


if __name__ == "__main__":
    main()
