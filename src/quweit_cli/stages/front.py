"""front: dump -> area, cycles and energy of one block over its foldings, estimated; beside them what was measured.

Nothing is rendered and no tool runs: cells are counted (hdl/block/estimate.py), power is the calibrated model.
The paper's block stands beside the points in both accountings of its cycles.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from quweit_cli import config
from quweit_cli.artifacts import check_stage, writing_stage
from quweit_cli.documents import (
    DUMP,
    FRONT,
    RTL,
    SIM,
    SYNTH,
    Accounting,
    DumpManifest,
    EstimateTable,
    Front,
    FrontPoint,
    ModelShape,
)
from quweit_cli.energy import power, published
from quweit_cli.energy.power import energy_uj
from quweit_cli.energy.rows import initiation_interval
from quweit_cli.errors import ArtifactError, ConfigError
from quweit_cli.hdl.block.design import BlockSource, foretell
from quweit_cli.progress import SILENT, Progress
from quweit_cli.stages import keys
from quweit_cli.stages.rtl import read_blocks
from quweit_cli.stages.sources import check_blocks, read_block, read_manifest

OUTPUTS_PER_CYCLE = (1, 2, 3, 4, 6, 8, 12, 24, 48, 96)
PAPER_CYCLES: dict[Accounting, int] = {  # of a sample
    "published": 196,  # one row a cycle
    "counted": 37_632,  # one LUT output a cycle
}


def run(
    project: Path, *, block: str | None = None, progress: Progress = SILENT, reuse: bool = False
) -> Front:
    """The front of one block, by default the first.

    Raises:
        ArtifactError: no dump here, or measurements that do not belong to it.
        ConfigError: no such block.
    """
    dump = _dump(project)
    chosen = next((one for one in dump.blocks if block in (None, one.name)), None)
    if chosen is None:
        names = ", ".join(one.name for one in dump.blocks)
        raise ConfigError(f"the dump has no block `{block}`", hint=f"its blocks: {names}")
    inputs, options = keys.front(project, chosen.name)
    if reuse and (found := FRONT.current(project, inputs, options)):
        return found
    read_manifest(project / "dump")  # whose digest must be that of its files
    source = read_block(project / "dump", dump, chosen)
    outputs = len(source.outputs_RE[0])
    wanted = sorted({count for count in OUTPUTS_PER_CYCLE if count < outputs} | {outputs})
    points, tokens = [], dump.site(chosen).rows
    with progress.task("estimating", len(wanted)) as task:
        for count in wanted:
            points.append(estimated(source, config.Fold(outputs_per_cycle=count), tokens))
            task.advance()
    if {"rtl", "sim", "synth"} <= inputs.keys():
        points += _measured(project, chosen.name, tokens)
    points += paper_points(dump.model) if dump.model else []
    front = Front(name=dump.name, block=chosen.name, clock_mhz=published.CLOCK_MHZ, points=points)
    with writing_stage(project, "front", inputs=inputs, options=options) as folder:
        FRONT.save(front, folder)
    return front


def estimates(
    project: Path, options: config.Rtl, *, only: Sequence[str] = (), progress: Progress = SILENT
) -> EstimateTable:
    """What `quweit rtl` with these options would render, without rendering it.

    Raises:
        ArtifactError, ConfigError, UnsupportedModel: as `rtl` does.
    """
    dump = _dump(project)
    sources = read_blocks(project / "dump", dump, options, progress, only=only)
    tokens = {block.name: dump.site(block).rows for block in dump.blocks}
    points = [estimated(one, one.fold, tokens[one.program.name], options) for one in sources]
    return EstimateTable(name=dump.name, clock_mhz=published.CLOCK_MHZ, points=points)


def estimated(
    source: BlockSource, fold: config.Fold, tokens: int, options: config.Rtl | None = None
) -> FrontPoint:
    """One folding of one block, by counting. tokens: rows that a sample gives it."""
    foretold = foretell(source.program, fold, options or config.Rtl(), source.around)
    return point(
        source.program.name, "estimated", foretold.outputs_per_cycle, foretold.bits_per_cycle,
        foretold.cycles_per_row, foretold.cells.luts, foretold.cells.ffs, tokens,
    )  # fmt: skip


def _measured(project: Path, name: str, tokens: int) -> list[FrontPoint]:
    """Cycles from simulation, cells from synthesis; nothing where the package does not have the block."""
    manifest = RTL.load(project)
    block = next((one for one in manifest.blocks if one.name == name), None)
    if block is None:
        return []
    sim = SIM.load(project)
    synth = SYNTH.load(project)
    cells = next((one for one in synth.blocks if one.design == name), None)
    if cells is None:
        raise ArtifactError(f"block `{name}` was not synthesized", hint="run `quweit synth` again")
    if cells.luts is None or not power.covers(cells.device):  # in other cells: of another front
        return []
    bits = block.luts_by_layer[-1] * block.outputs_per_beat / block.outputs
    cycles = initiation_interval(name, sim)
    return [point(name, "measured", block.outputs_per_beat, bits, cycles, cells.luts, cells.ffs, tokens)]


def paper_points(shape: ModelShape) -> Sequence[FrontPoint]:
    """The published block, when this is its shape: at its own 196 cycles, and at those that its structure takes."""
    if (shape.dim, shape.tokens) != (192, 196):
        return []
    made = published.BLOCK
    return [
        FrontPoint(
            block=made.name,
            source="published",
            accounting=accounting,
            outputs_per_cycle=None,
            bits_per_cycle=1.0,
            cycles_per_row=cycles // 196,
            sample_cycles=cycles,
            luts=made.luts,
            ffs=made.ffs,
            power_mw=made.power_mw,
            power_sources=[f"{published.SOURCE}: energy · clock / cycles"],
            energy_uj=energy_uj(cycles, made.power_mw, published.CLOCK_MHZ),
        )
        for accounting, cycles in PAPER_CYCLES.items()
    ]


def point(
    block: str,
    source: Literal["estimated", "measured"],
    outputs_per_cycle: int,
    bits: float,
    interval: int,
    luts: int,
    ffs: int,
    tokens: int,
) -> FrontPoint:
    """One folding with the energy of a sample by the calibrated model; `interval` are the cycles of a row.

    Its cells are of the kind that the published part has: `hdl/` renders and counts these alone.
    """
    by_model = power.estimate(
        power.calibrated(), luts=luts, ffs=ffs, clock_mhz=published.CLOCK_MHZ, device=published.DEVICE
    )
    return FrontPoint(
        block=block,
        source=source,
        accounting="counted" if source == "estimated" else "measured",
        outputs_per_cycle=outputs_per_cycle,
        bits_per_cycle=bits,
        cycles_per_row=interval,
        sample_cycles=interval * tokens,
        luts=luts,
        ffs=ffs,
        power_mw=by_model.power_mw,
        power_sources=[by_model.source],
        energy_uj=energy_uj(interval * tokens, by_model.power_mw, published.CLOCK_MHZ),
    )


def _dump(project: Path) -> DumpManifest:
    check_stage(project, "dump")
    dump = DUMP.load(project)
    check_blocks(dump)
    return dump
