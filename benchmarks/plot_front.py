"""LUTs and energy over cycles of the points that `make bench-pe` measured, as SVG.

    python benchmarks/plot_front.py --contents trained --out docs/element_front_trained.svg

Filled points are measured, open ones counted before any tool ran; the paper's block stands in both accountings.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Literal

from quweit_cli.artifacts import write_text
from quweit_cli.documents import FrontPoint, ModelShape
from quweit_cli.report import plots
from quweit_cli.stages import front

SOURCES: tuple[Literal["estimated", "measured"], ...] = ("estimated", "measured")
I_VIT_T = ModelShape(family="vit", layers=1, dim=192, heads=3, tokens=196, mlp_hidden=768)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=Path, default=Path("build/bench/pe.json"))
    parser.add_argument("--contents", default="random")
    parser.add_argument("--shape", default="768,192", help="LUT layers")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    wanted = [options.contents, options.shape]
    points = [point for point in json.loads(options.points.read_text()) if point["asked"][:2] == wanted]
    if not points:
        raise SystemExit(
            f"`{options.points}` has no point of {' '.join(wanted)}; `make bench-pe` measures them"
        )
    points.sort(key=lambda point: -int(point["cycles_per_row"]))
    made = [_of(point, source) for source in SOURCES for point in points]
    title = f"LUT layers {options.shape}, {options.contents} contents"
    write_text(options.out, plots.front([*made, *front.paper_points(I_VIT_T)], title))


def _of(point: dict[str, Any], source: Literal["estimated", "measured"]) -> FrontPoint:
    cells = point["estimate"] if source == "estimated" else point
    return front.point(
        point["asked"][0], source, point["outputs_per_cycle"], point["bits_per_cycle"],
        point["cycles_per_row"], cells["luts"], cells["ffs"], I_VIT_T.tokens,
    )  # fmt: skip


if __name__ == "__main__":
    main()
