"""tables: what baselines and blocks measured -> the paper's tables, printed and written in every form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from quweit_cli.artifacts import check_fresh, save, write_text
from quweit_cli.documents import DUMP, SIM, SYNTH, DumpManifest, ModelShape, PaperTables
from quweit_cli.energy import power
from quweit_cli.energy.paper import table1 as breakdown
from quweit_cli.energy.paper import table3, table4
from quweit_cli.energy.paper.measured import Block, Hardware, Measured, Silicon, silicon_of
from quweit_cli.energy.rows import initiation_intervals
from quweit_cli.energy.shapes import SHAPES
from quweit_cli.errors import ArtifactError, StaleArtifact
from quweit_cli.report import exports, paper
from quweit_cli.stages import baseline
from quweit_cli.stages.baseline import SILICON

DOCUMENT = "tables.json"


def run(
    project: Path | None, *, blocks: tuple[Path, ...] = (), shapes: dict[str, ModelShape] | None = None
) -> PaperTables:
    """All tables that `project` has figures for; written into it when there is one.

    project: a directory that `quweit baseline` wrote. blocks: projects whose block takes the place of the
    reference block of the model with the same width. shapes: models beside the usual ones in table 1.

    Raises:
        ArtifactError: no baseline here, or a stage of one is missing.
        CheckFailed: a block whose RTL does not equal its program.
    """
    named = SHAPES | (shapes or {})
    model = power.calibrated()
    made = [breakdown.table1(named)]
    for measured in [] if project is None else _measured(project, blocks):
        made.append(table3.table3(measured, model))
        made += [
            table4.table4(one, model, target) for target in measured.targets for one in measured.countings()
        ]
    tables = PaperTables(tables=[*made, table4.power_table(model)])
    if project is not None:
        _write(tables, named, project)
    return tables


def _measured(project: Path, blocks: tuple[Path, ...]) -> list[Measured]:
    folders = sorted(path.parents[1] for path in project.glob(f"*/{SYNTH.name}/{SYNTH.file}"))
    folders = [folder for folder in folders if not folder.name.endswith(SILICON)]
    if not folders:
        raise ArtifactError(
            f"`{project}` holds no baseline", hint="run `quweit baseline --out DIR` first, or `make tables`"
        )
    own = {_width(path): path for path in blocks}
    return [_one(folder, own) for folder in folders]


def _one(folder: Path, own: dict[int, Path]) -> Measured:
    made = baseline.read(folder)
    twin = folder.with_name(f"{folder.name}{SILICON}")
    silicon = baseline.read(twin) if (twin / "synth").is_dir() else None
    if silicon is not None and silicon.dump.digest != made.dump.digest:
        raise StaleArtifact(
            f"`{twin}` was made from another dump than `{folder}`",
            hint="run `quweit baseline` again with the cell library",
        )
    source = own.get(made.dump.shape.dim, folder if made.dump.blocks else None)
    block = None
    if source is not None:
        block = _block(source)
        of_block = source.with_name(f"{source.name}{SILICON}")
        if (of_block / "synth").is_dir():
            block = replace(block, silicon=_silicon(of_block, block.interval))
    return Measured(
        made.dump.name, made.dump.shape, _hardware(made), _hardware(silicon) if silicon else None, block
    )


def _hardware(made: baseline.Made) -> Hardware:
    return Hardware(made.rtl, made.sim, made.synth)


def _silicon(project: Path, interval: int) -> Silicon | None:
    """The same block in cells of a library.

    Raises:
        ArtifactError: it is folded otherwise.
    """
    _, own = _interval(project)
    made = silicon_of(SYNTH.load(project).blocks[0])
    if made is not None and own != interval:
        raise ArtifactError(
            f"the block of `{project}` takes {own} cycles a row, that of the FPGA {interval}",
            hint="render both with the same `cycles_per_row`",
        )
    return made


def _interval(project: Path) -> tuple[DumpManifest, int]:
    """The dump, and the cycles a row of its first block, whose RTL equals the program."""
    for stage in ("dump", "sim", "synth"):
        check_fresh(project, stage)
    dump = DUMP.load(project)
    intervals = initiation_intervals(dump, SIM.load(project))
    return dump, intervals[dump.blocks[0].name]


def _block(project: Path) -> Block:
    """The first block of a project; the blocks of a model have one shape."""
    dump, interval = _interval(project)
    made = SYNTH.load(project).blocks[0]
    if made.luts is None or made.brams is None:
        raise ArtifactError(
            f"the block of `{project}` is in cells of a library", hint="run `quweit synth` for an FPGA"
        )
    return Block(
        name=f"{dump.name}, {dump.data}",
        tool=made.version,
        device=made.device,
        luts=made.luts,
        ffs=made.ffs,
        brams=made.brams,
        interval=interval,
    )


def _width(project: Path) -> int:
    return DUMP.load(project).shape.dim


def _write(tables: PaperTables, shapes: dict[str, ModelShape], project: Path) -> None:
    save(tables, project / DOCUMENT)
    for table in tables.tables:
        write_text(project / f"{table.key}.csv", exports.csv_text(table))
        write_text(project / f"{table.key}.md", exports.markdown(table))
        write_text(project / f"{table.key}.tex", exports.latex(table))
    write_text(project / "index.html", paper.html(tables, shapes))
