"""RTL package -> sim result: golden rows through every block on every simulator, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from quweit_cli import config, toolbox
from quweit_cli.artifacts import (
    check_stage,
    digest_of_file,
    file_digests,
    inside,
    is_current,
    load,
    load_document,
    read_stage,
    save,
    writing_stage,
)
from quweit_cli.documents import (
    RtlBlock,
    RtlManifest,
    SimResult,
    SimRun,
    SimulatorResult,
    SynthesisReport,
    VectorCoverage,
)
from quweit_cli.errors import ArtifactError, CheckFailed, ConfigError, Mismatch
from quweit_cli.progress import SILENT, Progress
from quweit_cli.simulators import blocks, simulator
from quweit_cli.simulators.base import Simulator
from quweit_cli.simulators.blocks import Subject
from quweit_cli.simulators.cell_models import simulation_text
from quweit_cli.stages import keys
from quweit_cli.technologies import technology_of
from quweit_cli.toolbox import Found

DOCUMENT = "sim.json"


class Work(NamedTuple):
    """One run: what is simulated, and who does."""

    tool: Simulator
    found: Found
    subject: Subject


def run(
    project: Path,
    options: config.Sim,
    *,
    netlist: bool = False,
    waves: bool = False,
    only: Sequence[str] = (),
    progress: Progress = SILENT,
    reuse: bool = False,
) -> SimResult:
    """`compare`, then the verdict.

    Raises:
        Mismatch: a row differs; `sim.json` holds the first differences.
        CheckFailed: latency, interval, handshake or reset are not what the package promises.
    """
    result = compare(
        project, options, netlist=netlist, waves=waves, only=only, progress=progress, reuse=reuse
    )
    verdict(result)
    return result


def compare(
    project: Path,
    options: config.Sim,
    *,
    netlist: bool = False,
    waves: bool = False,
    only: Sequence[str] = (),
    progress: Progress = SILENT,
    reuse: bool = False,
) -> SimResult:
    """Simulate what lies in `project/rtl`, changed by hand or not; or the netlists made from it.

    The answer, which may be no, is `sim/sim.json`, for netlists `netlist/sim.json`. Where one of the same hardware lies
    there that compared more rows, it stays, and this one goes to `sim_partial/` or `netlist_partial/`.

    only: names of the blocks that are compared; all when empty. The answer names the others.

    Raises:
        ConfigError: `only` names a block that the package lacks.
        ArtifactError: no RTL package, or its golden vectors were changed.
        ToolError: a simulator is missing or rejects the design, or the bench could not tell.
    """
    stage, key = ("netlist", keys.netlist) if netlist else ("sim", keys.sim)
    inputs, chosen = key(project, options, waves=waves, only=only)
    if reuse and is_current(project, stage, inputs=inputs, options=chosen):
        return load_document(project, stage, SimResult)
    package = (project / "rtl").resolve()
    manifest = load(RtlManifest, package / "manifest.json")
    compared = _chosen(manifest, only)
    for block in compared:
        _check_vectors(package, block)
    tools = [(simulator(name), toolbox.find(simulator(name).tool)) for name in options.simulators]
    work = (
        _netlist_work(project, compared, tools, options)
        if netlist
        else _rtl_work(package, compared, tools, options)
    )
    earlier = _earlier(project, stage, inputs)
    if reuse and not waves and earlier is not None and _covers(earlier, work):
        return earlier
    if not netlist:
        _say_what_was_changed(project, compared, work, progress)
    place = _place(stage, earlier, work, waves)
    if place != stage:
        progress.note(f"`{stage}/` compared more rows and stays; this run is written to `{place}/`")
    with writing_stage(project, place, inputs=inputs, options=chosen) as folder:
        if not netlist:
            _compile_cells(package, compared, *_quickest(tools), folder)
        runs = _run_all(work, package, manifest, folder, waves=waves, progress=progress)
        simulators = [_summary(tool, found, work, runs) for tool, found in tools]
        result = SimResult(
            name=manifest.name,
            rtl=inputs["rtl"],
            synth=inputs.get("synth"),
            bit_exact=all(one.bit_exact for one in simulators),
            simulators=simulators,
            not_compared=[
                *(block.name for block in manifest.blocks if block not in compared),
                *manifest.not_rendered,
            ],
            compiled_only=[] if netlist else _compiled_only(compared, work),
        )
        save(result, folder / DOCUMENT)
    return result


def verdict(result: SimResult) -> None:
    """Raises Mismatch or CheckFailed when not every row of every block was as it must be."""
    for one in result.simulators:
        for run_of_block in (*one.runs, *one.further_runs):
            if run_of_block.differences:
                raise Mismatch(
                    _describe(one.simulator, run_of_block),
                    hint="sim.json of the stage holds the first differences; --waves writes waveforms",
                )
            if not run_of_block.bit_exact:
                raise CheckFailed(
                    f"{_what(run_of_block)} on {one.simulator}: {'; '.join(run_of_block.failures)}",
                    hint="the folder of the stage holds the log; --waves writes waveforms",
                )


def _describe(simulator_name: str, run_of_block: SimRun) -> str:
    return (
        f"{_what(run_of_block)} on {simulator_name} differs from the integer program: "
        f"{run_of_block.different_rows} of {run_of_block.rows_compared} rows; first in "
        f"{run_of_block.differences[0]}"
    )


def _what(run_of_block: SimRun) -> str:
    part = "the wrapper of " if run_of_block.design == "wrapper" else ""
    return f"{part}block `{run_of_block.block}`"


def _chosen(manifest: RtlManifest, only: Sequence[str]) -> list[RtlBlock]:
    names = [block.name for block in manifest.blocks]
    if left_out := sorted(set(only) & set(manifest.not_rendered)):
        raise ConfigError(
            f"block `{left_out[0]}` was not rendered",
            hint="`quweit rtl` without `--block` renders all blocks",
        )
    if unknown := sorted(set(only) - set(names)):
        raise ConfigError(
            f"`{manifest.name}` has no block `{unknown[0]}`", hint=f"its blocks: {', '.join(names)}"
        )
    return [block for block in manifest.blocks if not only or block.name in only]


# ---------------------------------------------------------------- what is run


def _rtl_work(
    package: Path, compared: list[RtlBlock], tools: list[tuple[Simulator, Found]], options: config.Sim
) -> list[Work]:
    """Every block on every simulator, its wrapper on one of them."""
    work = []
    for tool, found in tools:
        for block in compared:
            offered = blocks.subjects(package, block, _rows(options, tool, block))
            work.append(Work(tool, found, offered["block"]))
            if tool is _quickest(tools)[0]:
                work.append(Work(tool, found, offered["wrapper"]))
    return work


def _quickest(tools: list[tuple[Simulator, Found]]) -> tuple[Simulator, Found]:
    """Who does what is done once: the one that compiles in no time, where it was asked for."""
    return next(((tool, found) for tool, found in tools if tool.four_state), tools[0])


def _netlist_work(
    project: Path, compared: list[RtlBlock], tools: list[tuple[Simulator, Found]], options: config.Sim
) -> list[Work]:
    """Raises StaleArtifact when a netlist is not what `quweit synth` wrote."""
    check_stage(project, "synth")
    return [
        Work(tool, found, _netlist(project, block, _rows(options, tool, block), four_state=tool.four_state))
        for tool, found in tools
        for block in compared
    ]


def _rows(options: config.Sim, tool: Simulator, block: RtlBlock) -> int:
    return min(options.rows.get(tool.name, block.vectors.rows), block.vectors.rows)


def _netlist(project: Path, block: RtlBlock, rows: int, *, four_state: bool) -> Subject:
    """What is simulated in place of the block: its netlist with the models of its cells.

    Raises:
        ArtifactError: the synthesis on disk wrote no netlist, or it was changed since.
        ConfigError: it is for a part of no known family.
    """
    synthesis = (project / "synth").resolve()
    made = next(
        (
            one
            for one in load_document(project, "synth", SynthesisReport).blocks
            if one.block == block.name and one.netlist is not None
        ),
        None,
    )
    if made is None or made.netlist is None:
        raise ArtifactError(
            f"the synthesis of `{block.name}` left no netlist", hint="run `quweit synth --tool yosys` first"
        )
    path = inside(synthesis, made.netlist)
    files: dict[str, Path | str]
    if made.cell_models is not None:
        files = {"netlist/models.v": inside(synthesis, made.cell_models), blocks.NETLIST: path}
    else:
        cells = technology_of(made.device).cells
        files = {blocks.NETLIST: simulation_text(path.read_text(), cells, four_state=four_state)}
    return Subject(block, "netlist", rows, files)


def _compile_cells(
    package: Path, compared: list[RtlBlock], tool: Simulator, found: Found, folder: Path
) -> None:
    toolbox.side_by_side(
        lambda block: blocks.compile_cells(
            package, block, tool, found, folder / tool.name / block.name / "cells"
        ),
        compared,
    )


def _compiled_only(compared: list[RtlBlock], work: list[Work]) -> list[str]:
    """Files in an FPGA's cells that no simulation reads."""
    cells = {name for block in compared for name in block.sources_xilinx}
    return sorted(cells.difference(*(one.subject.files for one in work)))


def _say_what_was_changed(
    project: Path, compared: list[RtlBlock], work: list[Work], progress: Progress
) -> None:
    """A note for every file that is not what `quweit rtl` wrote: whether it is in what is simulated."""
    recorded, found = read_stage(project, "rtl").outputs, file_digests(project / "rtl")
    simulated = {name for one in work for name in one.subject.files}
    compiled = {name for block in compared for name in block.sources_xilinx}
    for name in sorted(name for name in {*found, *recorded} if found.get(name) != recorded.get(name)):
        if name in simulated:
            rest = "it is simulated as it is"
        elif name in compiled:
            rest = "it is compiled as it is, and not simulated"
        else:
            rest = "it is no part of what is simulated"
        progress.note(f"`{name}` is not what `quweit rtl` wrote; {rest}")


# ---------------------------------------------------------------- where the answer goes


def _earlier(project: Path, stage: str, inputs: Mapping[str, str]) -> SimResult | None:
    """What the stage holds, when it is whole and about the same hardware."""
    try:
        if check_stage(project, stage).inputs != dict(inputs):
            return None
        return load_document(project, stage, SimResult)
    except ArtifactError:
        return None


def _compared(result: SimResult) -> dict[tuple[str, str, str], int]:
    """Simulator, block and design -> rows of a scenario."""
    return {
        (one.simulator, run.block, run.design): run.scenarios.get(blocks.SCENARIOS[0], 0)
        for one in result.simulators
        for run in (*one.runs, *one.further_runs)
    }


def _planned(work: list[Work]) -> dict[tuple[str, str, str], int]:
    return {(one.tool.name, one.subject.block.name, one.subject.design): one.subject.rows for one in work}


def _covers(earlier: SimResult, work: list[Work]) -> bool:
    done = _compared(earlier)
    return all(done.get(one, 0) >= rows for one, rows in _planned(work).items())


def _place(stage: str, earlier: SimResult | None, work: list[Work], waves: bool) -> str:
    """`stage`, unless the answer there is about more rows: a run for a closer look takes no proof away."""
    if earlier is None:
        return stage
    more = sum(_compared(earlier).values()) - sum(_planned(work).values())
    return partial(stage) if more > 0 or (more == 0 and waves) else stage


def partial(stage: str) -> str:
    """The stage that holds the answer of a run that compared less than the one in `stage`."""
    return f"{stage}_partial"


# ---------------------------------------------------------------- running it


def _table_entries(package: Path, block: RtlBlock, run_of_block: SimRun) -> dict[str, int]:
    """Read by the rows that every scenario compared: not by all that the package has."""
    coverage = load(VectorCoverage, inside(package, block.vectors.coverage))
    rows = min((run_of_block.scenarios.get(name, 0) for name in blocks.SCENARIOS), default=0)
    return {
        "table_entries_read": coverage.read_by_first_rows[rows - 1] if rows else 0,
        "table_entries_reachable": coverage.tables.entries - coverage.tables.unreachable,
    }


def _run_all(
    work: list[Work], package: Path, manifest: RtlManifest, folder: Path, *, waves: bool, progress: Progress
) -> list[SimRun]:
    """As many at once as there are cores."""
    with progress.task("simulating", len(work)) as task:

        def run_one(one: Work) -> SimRun:
            subject = one.subject
            kept = (
                folder
                / one.tool.name
                / subject.block.name
                / ("wrapper" if subject.design == "wrapper" else "")
            )
            done = blocks.run(subject, package, manifest, one.tool, one.found, kept, waves=waves)
            task.advance()
            return done.model_copy(update=_table_entries(package, subject.block, done))

        return toolbox.side_by_side(run_one, work)


def _summary(tool: Simulator, found: Found, work: list[Work], runs: list[SimRun]) -> SimulatorResult:
    mine = [run for run, one in zip(runs, work, strict=True) if one.tool is tool]
    main = [run for run in mine if run.design in ("block", "netlist")]
    return SimulatorResult(
        simulator=tool.name,
        version=found.version,
        bit_exact=all(run.bit_exact for run in mine),
        blocks=len(main),
        rows_compared=sum(run.rows_compared for run in main),
        cycles_per_row=[run.initiation_interval_cycles for run in main],
        seconds=round(sum(run.build_seconds + run.run_seconds for run in mine), 3),
        runs=main,
        further_runs=[run for run in mine if run not in main],
    )


def _check_vectors(package: Path, block: RtlBlock) -> None:
    """The proof is worth nothing when the expected rows were changed too."""
    for name, digest in (
        (block.vectors.inputs, block.vectors.inputs_sha256),
        (block.vectors.outputs, block.vectors.outputs_sha256),
        (block.axis.inputs, block.axis.inputs_sha256),
        (block.vectors.coverage, block.vectors.coverage_sha256),
    ):
        path = inside(package, name)
        if not path.is_file() or digest_of_file(path) != digest:
            raise ArtifactError(
                f"golden rows `{path}` are not what `quweit rtl` wrote", hint="run `quweit rtl` again"
            )
