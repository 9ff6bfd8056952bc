"""A block or a unit on a simulator: its golden rows through its RTL, its wrapper, or its netlist.

Of an RTL package only the design and the golden rows are used. The bench is the one of this quweit, rendered from the
manifest: a project that came from elsewhere runs no Python of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import PositiveInt

from quweit_cli.artifacts import inside
from quweit_cli.documents import (
    BlockDesign,
    Form,
    ModelDesign,
    RowDesign,
    RtlManifest,
    SimDifference,
    SimRun,
    UnitDesign,
)
from quweit_cli.errors import ArtifactError
from quweit_cli.hdl.benches import bench_of, render_bench, render_benches
from quweit_cli.simulators.base import Bench, Simulator
from quweit_cli.simulators.cell_models import cell_faces
from quweit_cli.simulators.runner import Answer, Job, laid_out, play
from quweit_cli.templating import static_text
from quweit_cli.toolbox import Found

SCENARIOS = ("steady", "gaps", "backpressure", "gaps_and_backpressure")
RESET = "reset"
BRIEF_ROWS = 16  # of a wrapper, whose block is compared by itself
CELLS, NETLIST = "cells.v", "netlist.v"


class RowAnswer(Answer):
    """What `test_block.py` and `test_requests.py` write."""

    differences: list[SimDifference]  # the first few
    latency_cycles: int | None = None
    initiation_interval_cycles: int | None = None
    intervals_cycles: tuple[PositiveInt, ...] = ()  # between rows, where they vary
    decode_latency_cycles: int | None = None


@dataclass(frozen=True)
class Subject:
    """What is simulated of a design."""

    design: RowDesign
    form: Form
    rows: int  # in each scenario
    files: Mapping[
        str, Path | str
    ]  # name -> where it comes from, or its text; in compile order, before the bench

    @property
    def name(self) -> str:
        return f"{self.design.name} (wrapper)" if self.form == "wrapper" else self.design.name


def subjects(package: Path, design: RowDesign, rows: int) -> dict[Form, Subject]:
    """What can be simulated of the design as it lies in the package, by form: a block has a wrapper.

    Raises:
        ArtifactError: a source is outside of the package, or missing.
    """
    plain = package_files(package, design.sources)
    made: dict[Form, Subject] = {"rtl": Subject(design, "rtl", rows, plain)}
    if isinstance(design, BlockDesign):
        wrapped = plain | package_files(package, design.axis.sources)
        made["wrapper"] = Subject(design, "wrapper", min(rows, BRIEF_ROWS), wrapped)
    return made


def compile_cells(package: Path, block: BlockDesign, tool: Simulator, found: Found, kept: Path) -> None:
    """Compile the rendering in an FPGA's cells, with cells that are empty: it is compared by `--formal` and `--netlist`.

    Carry chains of many terms, each with delta cycles of its own, are what an event-driven simulator does not
    get done: sixteen rows of a small block took it longer than ten minutes.

    Raises:
        ToolFailed: the tool rejects it.
        ArtifactError: a source is outside of the package, or missing.
    """
    cells = package_files(package, block.sources_xilinx)
    faces = cell_faces(path.read_text(errors="replace") for path in cells.values())
    with laid_out({CELLS: faces, **cells}, kept) as scratch:
        tool.check(found, Bench(block.top, (CELLS, *cells)), scratch)


def package_files(package: Path, names: Iterable[str]) -> dict[str, Path]:
    """Raises ArtifactError for a file that is outside of the package, or missing."""
    paths = {name: inside(package, name) for name in names}
    if missing := sorted(name for name, path in paths.items() if not path.is_file()):
        raise ArtifactError(f"`{package}` lacks `{missing[0]}`", hint="run `quweit rtl` again")
    return paths


def run(
    subject: Subject,
    package: Path,
    manifest: RtlManifest,
    tool: Simulator,
    found: Found,
    kept: Path,
    *,
    waves: bool = False,
    stop_early: bool = False,
) -> SimRun:
    """Simulate `subject`; logs and waves are kept in `kept`. With `stop_early` to the first difference.

    Raises:
        ToolError: a simulator is missing or rejects the design, or the bench could not tell.
    """
    job = _job(subject, package, manifest, tool, waves=waves, stop_early=stop_early)
    answer, build_seconds, run_seconds = play(job, tool, found, kept)
    return SimRun(
        design=subject.design.name,
        form=subject.form,
        bit_exact=not answer.failures and not answer.different,
        compared=sum(answer.scenarios.values()),
        different=answer.different,
        scenarios=answer.scenarios,
        latency_cycles=answer.latency_cycles,
        decode_latency_cycles=answer.decode_latency_cycles,
        differences=answer.differences,
        failures=answer.failures,
        build_seconds=build_seconds,
        run_seconds=run_seconds,
        **_intervals(subject.design, answer),
    )


def _intervals(design: RowDesign, answer: RowAnswer) -> dict[str, float | None]:
    """What was measured between rows: of a unit the most and the average, and nothing where it ended early."""
    every = answer.intervals_cycles
    if not isinstance(design, UnitDesign) or not every:
        return {"initiation_interval_cycles": answer.initiation_interval_cycles}
    random = every[-design.random_rows :]
    return {
        "initiation_interval_cycles": max(every),
        "average_interval_cycles": sum(random) / len(random),
    }


def _resets(subject: Subject, tool: Simulator) -> int:
    """One moment of so many is tried: where each costs whole samples, or a netlist is slow, they are fewer."""
    if isinstance(subject.design, ModelDesign):
        return 20 if tool.four_state else 8
    return 4 if subject.form == "netlist" else 1


def _job(
    subject: Subject,
    package: Path,
    manifest: RtlManifest,
    tool: Simulator,
    *,
    waves: bool,
    stop_early: bool,
) -> Job[RowAnswer]:
    design, wrapper = subject.design, subject.form == "wrapper"
    testbench, inputs, outputs = design.testbench, design.vectors.inputs, design.vectors.outputs
    if wrapper:
        assert isinstance(design, BlockDesign)
        testbench, inputs = design.axis.testbench, design.axis.inputs
        text = render_benches(design, "")[f"tb/{testbench}.sv"]
    else:
        text = render_bench(design, "")
    played = bench_of(design)
    bench: dict[str, str] = {name: static_text(name) for name in played.modules}
    bench[f"tb/{testbench}.sv"] = text
    sources = (*subject.files, *bench)
    bench |= {name: static_text(name) for name in played.tests}
    bench["manifest.json"] = manifest.model_dump_json(by_alias=True)
    return Job(
        name=subject.name,
        bench=Bench(
            testbench,
            sources,
            waves=waves,
            cells=subject.form == "netlist",
            brief=wrapper,
            long=isinstance(design, ModelDesign),
        ),
        files={
            **subject.files,
            **bench,
            **package_files(package, design.memories),
            **{name: inside(package, name) for name in (inputs, outputs)},
        },
        module=Path(played.tests[0]).stem,
        tests=frozenset({played.test}),
        scenarios={**dict.fromkeys(SCENARIOS, subject.rows), RESET: None},
        answer=RowAnswer,
        plusargs={"inputs": inputs},
        settings={
            "QUWEIT_DESIGN": design.name,
            "QUWEIT_ROWS": str(subject.rows),
            "QUWEIT_FORM": subject.form,
            "QUWEIT_RESETS": str(_resets(subject, tool)),
        },
        stop_early=stop_early,
    )
