"""report: whichever artefacts there are -> one page, and the energy table as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from quweit_cli.artifacts import is_current, write_text, writing_stage
from quweit_cli.documents import EnergyRow, EnergyTable
from quweit_cli.progress import SILENT, Progress
from quweit_cli.report.findings import collect
from quweit_cli.report.headline import cards
from quweit_cli.report.page import html
from quweit_cli.report.sections import sections
from quweit_cli.stages import keys

PAGE = "index.html"


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
        write_text(folder / PAGE, html(findings, cards(findings), sections(findings)))
        if findings.energy is not None:
            write_text(folder / "energy.csv", _csv(findings.energy))
    return page


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
