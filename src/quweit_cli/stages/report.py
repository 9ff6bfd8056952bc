"""report: whichever artefacts there are -> one page, and the energy table as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from quweit_cli.artifacts import RECORD, is_current, read_stage, stage_file, write_text, writing_stage
from quweit_cli.documents import DumpManifest, EnergyRow, EnergyTable
from quweit_cli.progress import SILENT, Progress
from quweit_cli.report.explore.inside import BlockRows, Inside, ModelSamples
from quweit_cli.report.explore.section import look_inside
from quweit_cli.report.findings import PAGE, collect
from quweit_cli.report.headline import cards
from quweit_cli.report.page import html
from quweit_cli.report.sections import sections
from quweit_cli.stages import keys
from quweit_cli.stages.sources import read_block, read_images, read_samples, read_whole_program

MOST_BLOCKS = 32  # that are looked into


def run(project: Path, *, progress: Progress = SILENT, reuse: bool = False) -> Path:
    """The path of the page, which needs nothing beside it and no network.

    A front that the project has is brought up to date before, as it takes no tool.

    Raises:
        ArtifactError: the project holds nothing to report, or a damaged artefact.
        StaleArtifact: artefacts that were changed, or were not made from one another; nothing was written.
    """
    findings = collect(project)
    if findings.front is not None:
        from quweit_cli.stages import front  # noqa: PLC0415  (reads and counts programs, which most reports need not)

        renewed = front.run(project, block=findings.front.block, progress=progress, reuse=True)
        findings = findings._replace(front=renewed)
    inputs, settings = keys.report(project)
    page = project / "report" / PAGE
    if reuse and is_current(project, "report", inputs=inputs, options=settings):
        return page
    with writing_stage(project, "report", inputs=inputs, options=settings) as folder:
        findings = findings._replace(inside=_inside(project, findings.dump, progress))
        looked = look_inside(findings)
        shown = sections(findings, looked.sections)
        write_text(folder / PAGE, html(findings, cards(findings), shown, looked.data))
        if findings.energy is not None:
            write_text(folder / "energy.csv", _csv(findings.energy))
    return page


def _inside(project: Path, dump: DumpManifest | None, progress: Progress) -> Inside:
    """Programs, golden rows and samples of the dump, checked against one another.

    Raises:
        ArtifactError: one is damaged, or the rows are not what a program computes.
        StaleArtifact: one is not what the dump wrote.
    """
    if dump is None or not (project / "dump" / RECORD).is_file():
        return Inside()
    folder, there = project / "dump", read_stage(project, "dump").outputs
    named = [(block, (block.program, block.inputs, block.outputs)) for block in dump.blocks]
    held = [(block, files) for block, files in named if all(name in there for name in files)]
    blocks = []
    with progress.task("read blocks", len(held)) as task:
        for block, files in held[:MOST_BLOCKS]:
            for name in files:
                stage_file(project, "dump", name)
            source = read_block(folder, dump, block)
            scales = block.input_scale, block.output_scale
            blocks.append(BlockRows(source.program, source.inputs_RD, *scales, source.around))
            task.advance()
    shown = {block.program.name for block in blocks}
    absent = dict.fromkeys((block.name for block, _ in named), "its program is not in the dump")
    absent |= dict.fromkeys((block.name for block, _ in held), f"beyond the first {MOST_BLOCKS}")
    images = dump.readings.images if dump.readings else None
    if images is not None:
        stage_file(project, "dump", images)
    return Inside(
        blocks,
        _samples(project, dump) if dump.whole and dump.whole.program in there else None,
        dump.readings,
        read_images(folder, dump),
        {name: why for name, why in absent.items() if name not in shown},
    )


def _samples(project: Path, dump: DumpManifest) -> ModelSamples:
    assert dump.whole is not None
    for name in (dump.whole.program, dump.whole.inputs, dump.whole.logits):
        stage_file(project, "dump", name)
    program, whole = read_whole_program(project / "dump", dump)
    inputs, logits = read_samples(project / "dump", program, whole)
    return ModelSamples(program, inputs, logits, whole.vocabulary, whole.exits)


def _csv(table: EnergyTable) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(EnergyRow.model_fields), lineterminator="\n")
    writer.writeheader()
    for row in table.rows:
        fields = row.model_dump()
        writer.writerow(
            {key: "; ".join(value) if isinstance(value, list) else value for key, value in fields.items()}
        )
    return text.getvalue()
