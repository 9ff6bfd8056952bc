"""The processing element at the paper's size: area, cycles, tool times and equality down to the netlist.

    python benchmarks/bench_pe.py                     # what `make bench-pe` runs; writes build/bench/pe.json
    python benchmarks/bench_pe.py --points 16 1 --contents random --shapes 768,192

Each point is rendered, simulated, synthesized anew (no cache) and simulated again as a netlist of the
vendor's cells. The block is that of I-ViT-T: 192 features of 8 thresholds, LUT layers of 768 and 192, int8
values 192 x 192; other shapes (LUT layers, then `ternary` values, then groups of outputs) are reported beside it, with the first of the contents. `random` contents come from
a seed; `trained` ones from a checkpoint (--checkpoint), by default a vision transformer of that width with one
layer, trained for some hundred steps on the digits that scikit-learn ships.

Times are measured one after the other; then netlists are compared, as many at once as there are cores. Points that the
file holds already, of the same templates and tools, are kept; --anew measures them again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from quweit_cli import artifacts, config, toolbox
from quweit_cli.documents import DumpChecks, DumpedBlock, DumpManifest, ModelShape
from quweit_cli.energy import power, published
from quweit_cli.ir.block import block_program, residual_requantize
from quweit_cli.ir.nodes.bits import LutLayer, Thermometer
from quweit_cli.ir.nodes.sums import ConditionalSummation
from quweit_cli.ir.program import Program, evaluate
from quweit_cli.ir.serialization import program_to_record
from quweit_cli.stages import dump, rtl, sim, synth, train
from quweit_cli.stages.keys import renderer_digest
from quweit_cli.stages.sources import bring_dump

FEATURES, THRESHOLDS, TOKENS = 192, 8, 196
I_VIT_T = ModelShape(family="vit", layers=1, dim=192, heads=3, tokens=TOKENS, mlp_hidden=768)
SHAPES = ("768,192", "768", "256,512", "768:ternary", "3072:ternary:4", "6144:ternary:12")
POINTS = (192, 64, 32, 16, 1)
OTHER_POINTS = (192, 64, 16)
ROWS, SEED, STEPS = 256, 0, 300
NETLIST = ("netlist_equal", "rows_compared", "netlist_build_seconds", "netlist_run_seconds")


def main() -> None:
    arguments = _arguments()
    out: Path = arguments.out
    folder = out.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    machine, made_by = _machine(), {"renderer": renderer_digest(), **_tools()}
    report: list[dict[str, Any]] = []
    if out.is_file() and not arguments.anew:
        kept = json.loads(out.read_text())
        report = [point for point in kept if _is_whole(point, arguments) and point.get("made_by") == made_by]
    started = time.monotonic()
    unproven: list[tuple[Path, dict[str, Any]]] = []
    for contents, shape, points in _plan(arguments):
        done = [point["asked"] for point in report]
        wanted = [cycles for cycles in points if [contents, shape, cycles] not in done]
        if not wanted:
            continue
        name = f"{contents}_{shape.replace(',', '_').replace(':', '_')}"
        source, origin = _dump(contents, Shape.of(shape), folder / name, arguments)
        for cycles in wanted:
            load = round(os.getloadavg()[0], 2)
            project = folder / f"{name}_{cycles}"
            about = {"contents": contents, "seed": SEED, "origin": origin, "asked": [contents, shape, cycles]}
            measured = measure(source, project, cycles)
            point = {**about, **measured, "made_by": made_by, "machine": machine, "load_at_start": load}
            report.append(point)
            unproven.append((project, point))
            artifacts.write_json(out, report)
            print(json.dumps(point), flush=True)
    if arguments.netlist_rows:
        _compare_netlists(unproven, arguments.netlist_rows, report, out)
    artifacts.write_json(out, report)
    print(f"written: {out}, after {time.monotonic() - started:.0f} s")


def measure(source: Path, project: Path, cycles: int) -> dict[str, Any]:
    """One folding of one dump, through every tool but the comparison of its netlist."""
    bring_dump(source, project, config.Dump())
    manifest = rtl.run(project, config.Rtl(cycles_per_row=cycles))
    block = manifest.blocks[0]
    proof = sim.run(project, config.Sim(simulators=("verilator",))).simulators[0]
    run = proof.runs[0]
    cells = synth.run(project, config.Synth(cache=False)).blocks[0]
    assert block.estimate is not None and run.initiation_interval_cycles is not None
    assert cells.luts is not None and cells.ffs is not None
    return {
        "features": block.features,
        "thresholds": THRESHOLDS,
        "lut_layers": block.luts_by_layer,
        "outputs": block.outputs,
        "bits_per_cycle": block.luts_by_layer[-1] * block.outputs_per_beat / block.outputs,
        "outputs_per_cycle": block.outputs_per_beat,
        "cycles_per_row": run.initiation_interval_cycles,
        "latency_cycles": run.latency_cycles,
        "luts": cells.luts,
        "ffs": cells.ffs,
        "carries": cells.carries,
        "muxes": cells.muxes,
        "brams": cells.brams,
        "dsps": cells.dsps,
        "estimate": block.estimate.model_dump(),
        "luts_over_estimate": round(cells.luts / block.estimate.luts, 4),
        "ffs_over_estimate": round(cells.ffs / block.estimate.ffs, 4),
        "energy_uj_by_model": _energy_uj(cells.luts, cells.ffs, run.initiation_interval_cycles),
        "synth_seconds": cells.seconds,
        "verilator_build_seconds": run.build_seconds,
        "verilator_rows_per_second": round(run.compared / run.run_seconds, 1),
        "rtl_equal": run.bit_exact,
        "rtl_rows_compared": run.compared,
        "yosys": cells.version,
        "verilator": proof.version,
        **dict.fromkeys(NETLIST),
    }


def _compare_netlists(
    unproven: list[tuple[Path, dict[str, Any]]], rows: int, report: list[dict[str, Any]], out: Path
) -> None:
    """As many at once as there are cores; what is found joins its point, and the file, as it comes."""
    written = threading.Lock()

    def compare(item: tuple[Path, dict[str, Any]]) -> None:
        project, point = item
        found = compare_netlist(project, rows)
        with written:
            point |= found
            artifacts.write_json(out, report)
            print(json.dumps({"asked": point["asked"], **found}), flush=True)

    toolbox.side_by_side(compare, unproven)


def compare_netlist(project: Path, rows: int) -> dict[str, Any]:
    """Raises Mismatch when the netlist differs from the integer program in a row."""
    options = config.Sim(simulators=("verilator",), rows={"verilator": rows})
    proven = sim.run(project, options, netlist=True).simulators[0].runs[0]
    figures = (proven.bit_exact, proven.compared, proven.build_seconds, proven.run_seconds)
    return dict(zip(NETLIST, figures, strict=True))


class Shape(NamedTuple):
    """LUT layers, the largest encoded value, and groups of outputs, of which a bit reaches one."""

    layers: tuple[int, ...]
    largest: int
    groups: int

    @classmethod
    def of(cls, text: str) -> Shape:
        layers, *further = text.split(":")
        ternary = further[:1] == ["ternary"]
        groups = further[1] if further[1:] else "1"
        return cls(tuple(int(size) for size in layers.split(",")), 1 if ternary else 128, int(groups))


def random_program(shape: Shape) -> Program:
    """Uniform thresholds, tables and values; the pins of a LUT read six different features."""
    rng = np.random.default_rng(SEED)
    thermometer = Thermometer(np.sort(rng.integers(-128, 127, (FEATURES, THRESHOLDS)), axis=1))
    bits, made = FEATURES * THRESHOLDS, []
    for index, luts in enumerate(shape.layers):
        pins = np.stack([rng.permutation(FEATURES if index == 0 else bits)[:6] for _ in range(luts)])
        if index == 0:
            pins = pins * THRESHOLDS + rng.integers(0, THRESHOLDS, pins.shape)
        made.append(LutLayer(pins, rng.integers(0, 2**64, luts, dtype=np.uint64)))
        bits = luts
    values_KE = rng.integers(-shape.largest, min(shape.largest, 127) + 1, (bits, FEATURES))
    run_K = np.arange(bits) * shape.groups // bits
    values_KE[run_K[:, None] != np.arange(FEATURES) % shape.groups] = 0
    summation = ConditionalSummation(values_KE, rng.integers(-1000, 1000, FEATURES))
    return block_program("block0", thermometer, made, summation, residual_requantize(*summation.range()))


def _plan(arguments: argparse.Namespace) -> Iterator[tuple[str, str, list[int]]]:
    """Contents, shape and its points: the paper's shape with all contents, other shapes with the first."""
    for contents in arguments.contents:
        for shape in arguments.shapes:
            if shape == SHAPES[0]:
                yield contents, shape, arguments.points
            elif contents == arguments.contents[0]:
                yield contents, shape, arguments.other_points


def _is_whole(point: dict[str, Any], arguments: argparse.Namespace) -> bool:
    """Whether its netlist was compared, where that is wanted."""
    return bool(point["netlist_equal"]) or not arguments.netlist_rows


def _dump(contents: str, shape: Shape, project: Path, arguments: argparse.Namespace) -> tuple[Path, str]:
    if contents == "random":
        return _random_dump(random_program(shape), project), f"uniform random numbers, seed {SEED}"
    experiment = config.experiment_from_dict(_experiment(shape.layers, arguments.steps), where="bench")
    artifacts.open_project(project)
    checkpoint = arguments.checkpoint
    if checkpoint is None:
        train.run(experiment, project)
        checkpoint = project / "train" / "ckpt.pt"
        origin = f"vit, 1 layer, {arguments.steps} steps on the digits of scikit-learn, seed {SEED}"
    else:
        origin = f"checkpoint {artifacts.digest_of_file(checkpoint)[:16]}"
    dump.run(checkpoint, project, config.Dump(rows=ROWS, samples=64))
    return project, origin


def _experiment(layers: tuple[int, ...], steps: int) -> dict[str, Any]:
    return {
        "name": "pe",
        "seed": SEED,
        "data": {"source": "digits"},
        "model": {
            "family": "vit",
            "dim": FEATURES,
            "depth": 1,
            "heads": 3,
            "patch": 2,
            "block": {"lut_layers": layers, "thermometer": {"bits": THRESHOLDS, "scheme": "distributive", "learnable": True}},
        },
        "training": {"steps": steps, "batch_size": 32, "evaluate_every": steps},
    }  # fmt: skip


def _random_dump(program: Program, project: Path) -> Path:
    rng = np.random.default_rng(SEED + 1)
    rows_RD = np.clip(np.rint(rng.normal(0, 40, (ROWS, FEATURES))), -128, 127).astype(np.int8)
    artifacts.open_project(project)
    with artifacts.writing_stage(project, "dump", inputs={}, options={}) as folder:
        names = {kind: f"block0.{kind}.npy" for kind in ("x", "y")}
        np.save(folder / names["x"], rows_RD)
        np.save(folder / names["y"], evaluate(program, rows_RD).astype(np.int16))
        artifacts.save(program_to_record(program), folder / "block0.json")
        block = DumpedBlock(
            name="block0", layer=0, program="block0.json", inputs=names["x"], outputs=names["y"],
            rows=ROWS, input_scale=1 / 32, output_scale=0.01,
        )  # fmt: skip
        manifest = DumpManifest(
            name="pe",
            checkpoint="0" * 64,
            data="random numbers",
            model=I_VIT_T,
            blocks=[block],
            checks=DumpChecks(samples=0, rows_compared=0, logits_equal=True),
            digest=artifacts.digest_of(artifacts.file_digests(folder)),
        )
        artifacts.save(manifest, folder / "dump.json")
    return project


def _energy_uj(luts: int, ffs: int, cycles: int) -> float:
    """Of the 196 rows of a sample, by the calibrated power model at 200 MHz."""
    estimate = power.estimate(power.calibrated(), luts=luts, ffs=ffs, clock_mhz=200, device=published.DEVICE)
    return round(estimate.power_mw * cycles * TOKENS / 200 / 1000, 3)


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def _tools() -> dict[str, str]:
    return {tool.name: toolbox.find(tool).version for tool in (toolbox.YOSYS, toolbox.VERILATOR)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("build/bench/pe.json"))
    parser.add_argument("--anew", action="store_true", help="measure points again that the file holds")
    parser.add_argument("--contents", nargs="+", choices=("random", "trained"), default=["random", "trained"])
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), help="LUT layers, such as 768,192")
    parser.add_argument(
        "--points", nargs="+", type=int, default=list(POINTS), help="cycles a row, paper's shape"
    )
    parser.add_argument(
        "--other-points", nargs="+", type=int, default=list(OTHER_POINTS), help="the same, other shapes"
    )
    parser.add_argument("--netlist-rows", type=int, default=64, help="rows of each scenario on the netlist")
    parser.add_argument("--checkpoint", type=Path, help="trained contents from this file")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the training without --checkpoint")
    return parser.parse_args()


if __name__ == "__main__":
    main()
