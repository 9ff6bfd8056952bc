"""Stages that write small valid artefacts at once, in place of the real ones.

They let the command line and the pipeline be tested without training, simulating or synthesizing.
`install` puts them where the stages are imported from; `CALLS` says which of them did work.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from quweit_cli import artifacts, config, stages
from quweit_cli.artifacts import is_current, load, save, writing_stage
from quweit_cli.documents import (
    BlockDesign,
    CalibrationPoint,
    DumpChecks,
    DumpedBlock,
    DumpManifest,
    EnergyRatio,
    EnergyRow,
    EnergyTable,
    Front,
    Implementation,
    ModelShape,
    PowerModel,
    RtlManifest,
    RtlVectors,
    SimResult,
    SimRun,
    SimulatorResult,
    SynthesisReport,
    TableEntries,
    TrainedModel,
    TrainResult,
)
from quweit_cli.hdl.axis import RowShape, axis_port
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import keys
from quweit_cli.stages import sim as real_sim

DIGEST = "0" * 64
CALLS: list[str] = []

EXPERIMENT = """\
name: tiny
data: {source: digits}
model: {family: vit, dim: 8, depth: 1, heads: 1}
training: {steps: 1, batch_size: 1}
sim: {simulators: [verilator]}
"""


def train(
    experiment: config.Experiment,
    project: Path,
    *,
    progress: Progress = SILENT,
    reuse: bool = False,
    resume: bool = False,
    stop_after_minutes: float | None = None,
) -> TrainResult:
    def fill(folder: Path) -> None:
        (folder / "ckpt.pt").write_text(
            f"weights {experiment.seed} {experiment.training.steps} {experiment.model.block.fan_in}"
        )
        model = TrainedModel(
            mlp=experiment.model.mlp,
            checkpoint="ckpt.pt",
            parameters=10,
            steps=1,
            seconds=0.1,
            device="cpu",
            test_loss=0.5,
            test_accuracy=0.97,
            curve=[],
        )
        result = TrainResult(name=experiment.name, seed=experiment.seed, data="stand-in", models=[model])
        save(result, folder / "train.json")

    _write(project, "train", keys.train(experiment), reuse, fill)
    return load(TrainResult, project / "train" / "train.json")


def dump(
    checkpoint: Path,
    project: Path,
    options: config.Dump,
    *,
    data_path: Path | None = None,
    progress: Progress = SILENT,
    reuse: bool = False,
) -> DumpManifest:
    def fill(folder: Path) -> None:
        (folder / "blocks").mkdir()
        (folder / "blocks" / "block0.json").write_text(checkpoint.read_text())
        np.save(folder / "blocks" / "block0.x.npy", np.zeros((1, 8), np.int8))
        np.save(folder / "blocks" / "block0.y.npy", np.zeros((1, 8), np.int16))
        block = DumpedBlock(
            name="block0",
            layer=0,
            program="blocks/block0.json",
            inputs="blocks/block0.x.npy",
            outputs="blocks/block0.y.npy",
            rows=options.rows,
            input_scale=1 / 32,
            output_scale=0.01,
        )
        manifest = DumpManifest(
            name="tiny",
            checkpoint=artifacts.digest_of_file(checkpoint),
            data="stand-in",
            model=ModelShape(family="vit", layers=1, dim=8, heads=1, tokens=16, mlp_hidden=32),
            blocks=[block],
            checks=DumpChecks(samples=1, rows_compared=16, logits_equal=True),
            digest=artifacts.digest_of(artifacts.file_digests(folder)),
        )
        save(manifest, folder / "dump.json")

    _write(project, "dump", keys.dump(checkpoint, options, data_path), reuse, fill)
    return load(DumpManifest, project / "dump" / "dump.json")


def rtl(
    project: Path,
    options: config.Rtl,
    *,
    only: Sequence[str] = (),
    progress: Progress = SILENT,
    reuse: bool = False,
) -> RtlManifest:
    def fill(folder: Path) -> None:
        wanted = options.outputs_per_cycle
        lanes = wanted if isinstance(wanted, int) else 8
        vectors = RtlVectors(
            rows=1,
            directed_rows=0,
            random_rows=0,
            tables=TableEntries(entries=64, read=64, observed=64, unreachable=0, masked=0),
            inputs="x.hex",
            outputs="y.hex",
            coverage="c.json",
            inputs_sha256=DIGEST,
            outputs_sha256=DIGEST,
            coverage_sha256=DIGEST,
        )
        block = BlockDesign(
            name="block0",
            layer=0,
            top="block0",
            testbench="block0_tb",
            check="check_block0",
            features=8,
            outputs=8,
            features_per_beat=1,
            outputs_per_beat=lanes,
            input_bits=8,
            output_bits=16,
            input_beats=8,
            output_beats=8 // lanes,
            latency_cycles=20,
            initiation_interval_cycles=8 // lanes,
            thresholds=64,
            luts_by_layer=[8],
            sources=["block0.sv"],
            bench_sources=["tb/block0_tb.sv"],
            sources_xilinx=["block0.sv"],
            vectors=vectors,
            axis=axis_port("block0", RowShape(8, 16, 8 // lanes), 1, 2 * lanes, ("x.hex", DIGEST)),
        )
        save(
            RtlManifest(
                name="tiny",
                dump=artifacts.read_stage(project, "dump").digest(),
                blocks=[block],
                files={"block0.sv": DIGEST},
            ),
            folder / "manifest.json",
        )

    _write(project, "rtl", keys.rtl(project, options, only=only), reuse, fill)
    return load(RtlManifest, project / "rtl" / "manifest.json")


def sim(
    project: Path,
    options: config.Sim,
    *,
    netlist: bool = False,
    waves: bool = False,
    only: Sequence[str] = (),
    progress: Progress = SILENT,
    reuse: bool = False,
) -> SimResult:
    def fill(folder: Path) -> None:
        run = SimRun(
            design="block0",
            bit_exact=True,
            compared=4,
            different=0,
            scenarios={"steady": 4},
            latency_cycles=20,
            initiation_interval_cycles=8,
            failures=[],
            differences=[],
            build_seconds=0.0,
            run_seconds=0.0,
        )
        simulators = [
            SimulatorResult(
                simulator=name,
                version="1.0",
                bit_exact=True,
                blocks=1,
                rows_compared=options.rows.get(name, 4),
                cycles_per_row=[8],
                seconds=0.0,
                runs=[run],
            )
            for name in options.simulators
        ]
        save(SimResult(name="tiny", rtl=DIGEST, bit_exact=True, simulators=simulators), folder / "sim.json")

    _write(project, "sim", keys.sim(project, options, waves=waves, only=only), reuse, fill)
    return load(SimResult, project / "sim" / "sim.json")


def synth(
    project: Path, options: config.Synth, *, progress: Progress = SILENT, reuse: bool = False
) -> SynthesisReport:
    def fill(folder: Path) -> None:
        block = Implementation(
            design="block0",
            tool=options.tool,
            version="1.0",
            device=options.device,
            clock_mhz=options.clock_mhz,
            stage="synthesis",
            luts=100,
            ffs=50,
            carries=4,
            muxes=0,
            brams=0,
            dsps=0,
            seconds=0.0,
            log="block0.log",
        )
        save(
            SynthesisReport(name="tiny", rtl=DIGEST, designs=[block], vivado_project="vivado/run_all.tcl"),
            folder / "synth.json",
        )

    _write(project, "synth", keys.synth(project, options), reuse, fill)
    return load(SynthesisReport, project / "synth" / "synth.json")


def front(
    project: Path, *, block: str | None = None, progress: Progress = SILENT, reuse: bool = False
) -> Front:
    def fill(folder: Path) -> None:
        save(Front(name="tiny", block="block0", clock_mhz=200.0, points=[]), folder / "front.json")

    _write(project, "front", keys.front(project, block or "block0"), reuse, fill)
    return load(Front, project / "front" / "front.json")


def energy(
    project: Path, options: config.Energy, *, progress: Progress = SILENT, reuse: bool = False
) -> EnergyTable:
    def fill(folder: Path) -> None:
        rows = [
            EnergyRow(
                scope="block",
                subject="block0",
                array=None,
                weightless=True,
                operation="block",
                implementation="weightless",
                accounting="measured",
                value=0.5,
                cycles=128,
                cycles_sources=["sim"],
                power_mw=100.0,
                power_sources=["model"],
                modelled=True,
                extrapolated=False,
                clock_mhz=options.clock_mhz,
                tools=["yosys"],
                devices=["x"],
                stages=["synthesis"],
            )
        ]
        ratio = EnergyRatio(
            scope="mlp",
            array="a",
            name=f"arrays {options.arrays} over block",
            value=2.0,
            numerator="a",
            denominator="b",
            accounting="measured",
        )
        point = CalibrationPoint(
            name="array",
            luts=1,
            ffs=1,
            published_mw=1.0,
            predicted_mw=1.1,
            residual_percent=10.0,
            left_out_percent=12.0,
        )
        model = PowerModel(formula="a + b*luts", coefficients={"a": 1.0}, points=[point], valid_luts=[1, 2])
        table = EnergyTable(
            name="tiny",
            synth=DIGEST,
            sim=DIGEST,
            rows=rows,
            ratios=[ratio],
            multiplications_replaced=0.5,
            weights_replaced=0.6,
            power_model=model,
        )
        save(table, folder / "energy.json")

    _write(project, "energy", keys.energy(project, options), reuse, fill)
    return load(EnergyTable, project / "energy" / "energy.json")


def report(project: Path, *, progress: Progress = SILENT, reuse: bool = False) -> Path:
    def fill(folder: Path) -> None:
        (folder / "index.html").write_text("<!doctype html>")

    _write(project, "report", keys.report(project), reuse, fill)
    return project / "report" / "index.html"


STANDINS: dict[str, Callable[..., Any]] = {
    "train": train,
    "dump": dump,
    "rtl": rtl,
    "sim": sim,
    "synth": synth,
    "front": front,
    "energy": energy,
    "report": report,
}


REAL_VERDICT = real_sim.verdict
_ORIGINALS: dict[str, types.ModuleType | None] = {}


def install(**others: Callable[..., Any]) -> None:
    """Put the stand-ins in place of the stages; `others` replace single ones."""
    CALLS.clear()
    for name, function in {**STANDINS, **others}.items():
        module = types.ModuleType(f"quweit_cli.stages.{name}")
        module.__dict__["run"] = function
        if name == "sim":  # the command shows an answer before it says no
            module.__dict__.update(compare=function, verdict=REAL_VERDICT)
        _ORIGINALS.setdefault(name, sys.modules.get(module.__name__))
        _place(name, module)


def remove() -> None:
    """Give the real stages back."""
    for name, original in _ORIGINALS.items():
        _place(name, original)
    _ORIGINALS.clear()


def _place(name: str, module: types.ModuleType | None) -> None:
    if module is None:
        del sys.modules[f"quweit_cli.stages.{name}"]
        delattr(stages, name)
    else:
        sys.modules[f"quweit_cli.stages.{name}"] = module
        setattr(stages, name, module)


def _write(project: Path, stage: str, key: keys.Key, reuse: bool, fill: Callable[[Path], None]) -> None:
    if reuse and is_current(project, stage, inputs=key.inputs, options=key.options):
        return
    CALLS.append(stage)
    with writing_stage(project, stage, inputs=key.inputs, options=key.options) as folder:
        fill(folder)
