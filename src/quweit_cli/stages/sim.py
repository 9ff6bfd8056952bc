"""RTL package -> sim result: golden rows through every block on every simulator, bit for bit."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from quweit_cli import config, toolbox
from quweit_cli.artifacts import (
    check_stage,
    digest_of_file,
    file_digests,
    is_current,
    load,
    read_stage,
    save,
    writing_stage,
)
from quweit_cli.documents import (
    RtlBlock,
    RtlManifest,
    SimDifference,
    SimResult,
    SimRun,
    SimulatorResult,
    SynthesisReport,
    VectorCoverage,
    inside,
)
from quweit_cli.errors import ArtifactError, CheckFailed, ConfigError, Mismatch, ToolFailed
from quweit_cli.progress import SILENT, Progress
from quweit_cli.simulators import Bench, Simulator, simulator
from quweit_cli.simulators.base import RUN_SECONDS
from quweit_cli.simulators.cocotb_library import environment
from quweit_cli.stages import keys
from quweit_cli.synthesizers.cell_models import simulation_text, vendor_file
from quweit_cli.toolbox import Found

DOCUMENT = "sim.json"
BENCH_SOURCES = ("tb/quweit_row_source.sv", "tb/quweit_row_sink.sv")


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
    """Simulate what lies in `project/rtl`, changed by hand or not; or the netlists made from it.

    The answer is `sim/sim.json`, for netlists `netlist/sim.json`.

    only: names of the blocks that are compared; all when empty. The answer names the others.

    Raises:
        ConfigError: `only` names a block that the package lacks.
        Mismatch: a row differs; `sim.json` holds the first differences.
        CheckFailed: latency, interval or handshake are not what the manifest promises.
        ArtifactError: no RTL package, or its golden vectors were changed.
        ToolError: a simulator is missing or rejects the design.
    """
    stage, key = ("netlist", keys.netlist) if netlist else ("sim", keys.sim)
    inputs, chosen = key(project, options, waves=waves, only=only)
    if reuse and is_current(project, stage, inputs=inputs, options=chosen):
        result = load(SimResult, project / stage / DOCUMENT)
        verdict(result)
        return result
    package = project / "rtl"
    manifest = load(RtlManifest, package / "manifest.json")
    for name in _changed_by_hand(project):
        progress.note(f"`{name}` is not what `quweit rtl` wrote; it is simulated as it is")
    blocks = _chosen(manifest, only)
    for block in blocks:
        _check_vectors(package, block)
    tools = [(simulator(name), toolbox.find(simulator(name).tool)) for name in options.simulators]
    with writing_stage(project, stage, inputs=inputs, options=chosen) as folder:
        designs = (
            _netlists(project, folder, {block.name for block in blocks})
            if netlist
            else {block.name: tuple(block.sources) for block in blocks}
        )
        benches = {
            block.name: Bench(
                package.resolve(),
                block.testbench,
                (*designs[block.name], *BENCH_SOURCES, f"tb/{block.testbench}.sv"),
                waves,
                netlist,
            )
            for block in blocks
        }
        runs = _run_all(benches, blocks, tools, options, folder, progress)
        result = SimResult(
            name=manifest.name,
            rtl=inputs["rtl"],
            synth=inputs.get("synth"),
            bit_exact=all(result.bit_exact for result in runs),
            simulators=runs,
            not_compared=[
                *(block.name for block in manifest.blocks if block not in blocks),
                *manifest.not_rendered,
            ],
        )
        save(result, folder / DOCUMENT)
    verdict(result)
    return result


def verdict(result: SimResult) -> None:
    """Raises Mismatch or CheckFailed when not every row of every block was as it must be."""
    for one in result.simulators:
        for run_of_block in one.runs:
            if run_of_block.differences:
                raise Mismatch(
                    _describe(one.simulator, run_of_block),
                    hint="sim.json of the stage holds the first differences; --waves writes waveforms",
                )
            if not run_of_block.bit_exact:
                raise CheckFailed(
                    f"block `{run_of_block.block}` on {one.simulator}: {'; '.join(run_of_block.failures)}",
                    hint="the folder of the stage holds the log; --waves writes waveforms",
                )


def _describe(simulator_name: str, run_of_block: SimRun) -> str:
    first = run_of_block.differences[0]
    got = "unknown bits (X or Z)" if first.got is None else str(first.got)
    return (
        f"block `{first.block}` on {simulator_name} differs from the integer program: "
        f"{run_of_block.different_rows} of {run_of_block.rows_compared} rows; first in scenario "
        f"{first.scenario}, row {first.row}, output {first.output}, cycle {first.cycle}: "
        f"expected {first.expected}, got {got}"
    )


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


def _run_all(
    benches: dict[str, Bench],
    blocks: list[RtlBlock],
    tools: list[tuple[Simulator, Found]],
    options: config.Sim,
    folder: Path,
    progress: Progress,
) -> list[SimulatorResult]:
    """Blocks times simulators, as many at once as there are cores."""
    work = [(tool, found, block) for tool, found in tools for block in blocks]
    with progress.task("simulating", len(work)) as task:

        def run_one(item: tuple[Simulator, Found, RtlBlock]) -> SimRun:
            tool, found, block = item
            done = _run_one(benches[block.name], block, tool, found, _rows(options, tool, block), folder)
            task.advance()
            return done

        runs = toolbox.side_by_side(run_one, work)
    return [
        _summary(
            tool.name,
            found.version,
            [run for run, (other, _, _) in zip(runs, work, strict=True) if other is tool],
        )
        for tool, found in tools
    ]


def _rows(options: config.Sim, tool: Simulator, block: RtlBlock) -> int:
    return min(options.rows.get(tool.name, block.vectors.rows), block.vectors.rows)


def _summary(name: str, version: str, runs: list[SimRun]) -> SimulatorResult:
    return SimulatorResult(
        simulator=name,
        version=version,
        bit_exact=all(run.bit_exact for run in runs),
        blocks=len(runs),
        rows_compared=sum(run.rows_compared for run in runs),
        cycles_per_row=[run.initiation_interval_cycles for run in runs],
        seconds=round(sum(run.build_seconds + run.run_seconds for run in runs), 3),
        runs=runs,
    )


def _run_one(bench: Bench, block: RtlBlock, tool: Simulator, found: Found, rows: int, folder: Path) -> SimRun:
    """Build and run one bench in a scratch folder; logs and waves are kept in `folder`."""
    kept = folder / tool.name / block.name
    kept.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="quweit-sim-") as scratch_name:
        scratch = Path(scratch_name)
        try:
            started = time.monotonic()
            tool.build(found, bench, scratch)
            built = time.monotonic()
            output = _simulate(bench, block, tool, rows, scratch)
            ended = time.monotonic()
        except ToolFailed as error:  # its log moves from here to `kept`
            raise ToolFailed(error.message) from error
        finally:
            for name in ("verilate.log", "build.log", "run.log", "waves.fst", "dump.fst"):
                if (scratch / name).is_file():
                    shutil.copy(scratch / name, kept / name)
    done = _to_run(block, output, rows, built - started, ended - built)
    return done.model_copy(update=_table_entries(bench.package, block, done))


def _simulate(bench: Bench, block: RtlBlock, tool: Simulator, rows: int, scratch: Path) -> dict[str, Any]:
    """The JSON that the cocotb bench wrote; a bench that ended without a verdict is a failed tool."""
    answer, results = scratch / "result.json", scratch / "results.xml"
    variables = environment(
        top=bench.top, module="test_block", module_folder=bench.package / "tb", results=results
    )
    toolbox.run(
        [*tool.command(bench, scratch), f"+inputs={bench.package / block.vectors.inputs}"],
        cwd=scratch,
        log=scratch / "run.log",
        name=f"{tool.name} ({block.name})",
        environment=variables
        | {"QUWEIT_BLOCK": block.name, "QUWEIT_ROWS": str(rows), "QUWEIT_RESULT": str(answer)},
        timeout=RUN_SECONDS,
    )
    passed = _passed(results, scratch / "run.log")
    try:
        output: dict[str, Any] = json.loads(answer.read_text())
    except (OSError, ValueError):
        raise ToolFailed(f"the bench of `{block.name}` on {tool.name} ended without a result") from None
    if passed and (output["failures"] or output["different_rows"]):
        raise ToolFailed(f"the bench of `{block.name}` on {tool.name} contradicts itself")
    if not passed and not (output["failures"] or output["different_rows"]):
        raise ToolFailed(f"the bench of `{block.name}` on {tool.name} failed without a difference")
    return output


def _passed(results: Path, log: Path) -> bool:
    """cocotb's verdict: exactly one test, neither failed nor skipped.

    Raises:
        ToolFailed: no results, or another number of tests (a simulator that runs none ends normally).
    """
    try:
        cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
        raise ToolFailed(f"the simulator ended before cocotb wrote results:\n{tail}") from None
    if len(cases) != 1:
        raise ToolFailed(f"cocotb ran {len(cases)} tests instead of 1")
    return not any(child.tag in ("failure", "error", "skipped") for child in cases[0])


def _to_run(
    block: RtlBlock, output: dict[str, Any], rows: int, build_seconds: float, run_seconds: float
) -> SimRun:
    scenarios = output["scenarios"]
    failures = list(output["failures"])
    if not failures and any(compared != rows for compared in scenarios.values()):
        failures.append(f"not every scenario compared {rows} rows: {scenarios}")
    return SimRun(
        block=block.name,
        bit_exact=not failures and not output["different_rows"],
        rows_compared=sum(scenarios.values()),
        different_rows=output["different_rows"],
        scenarios=scenarios,
        latency_cycles=output.get("latency_cycles"),
        initiation_interval_cycles=output.get("initiation_interval_cycles"),
        differences=[SimDifference.model_validate(one) for one in output["differences"]],
        failures=failures,
        build_seconds=round(build_seconds, 3),
        run_seconds=round(run_seconds, 3),
    )


def _table_entries(package: Path, block: RtlBlock, run_of_block: SimRun) -> dict[str, int]:
    """Read by the rows that every scenario compared: not by all that the package has."""
    coverage = load(VectorCoverage, inside(package, block.vectors.coverage))
    rows = min(run_of_block.scenarios.values(), default=0)
    return {
        "table_entries_read": coverage.read_by_first_rows[rows - 1] if rows else 0,
        "table_entries_reachable": coverage.tables.entries - coverage.tables.unreachable,
    }


def _netlists(project: Path, folder: Path, names: set[str]) -> dict[str, tuple[str, ...]]:
    """Block of these names -> what is simulated in its place: its netlist with the models of its cells.

    With the vendor's cells that is one text, written to `folder`; models of a library's lie beside the netlist.

    Raises:
        ArtifactError: the synthesis on disk wrote no netlist, or it was changed since.
    """
    check_stage(project, "synth")
    synthesis = project.resolve() / "synth"
    models = vendor_file().read_text()
    sources: dict[str, tuple[str, ...]] = {}
    for block in load(SynthesisReport, synthesis / "synth.json").blocks:
        if block.block not in names:
            continue
        if block.netlist is None:
            raise ArtifactError(
                f"the synthesis of `{block.block}` by {block.tool} left no netlist",
                hint="run `quweit synth --tool yosys` first",
            )
        if block.cell_models is not None:
            own = inside(synthesis, block.cell_models)
            sources[block.block] = (str(own), str(inside(synthesis, block.netlist)))
            continue
        path = folder.resolve() / f"{block.block}.v"  # what is relative is taken from the package
        path.write_text(simulation_text(inside(synthesis, block.netlist).read_text(), models))
        sources[block.block] = (str(path),)
    return sources


def _changed_by_hand(project: Path) -> list[str]:
    recorded = read_stage(project, "rtl").outputs
    found = file_digests(project / "rtl")
    return sorted(name for name in {*found, *recorded} if found.get(name) != recorded.get(name))


def _check_vectors(package: Path, block: RtlBlock) -> None:
    """The proof is worth nothing when the expected rows were changed too."""
    for name, digest in (
        (block.vectors.inputs, block.vectors.inputs_sha256),
        (block.vectors.outputs, block.vectors.outputs_sha256),
        (block.vectors.coverage, block.vectors.coverage_sha256),
    ):
        path = inside(package, name)
        if not path.is_file() or digest_of_file(path) != digest:
            raise ArtifactError(
                f"golden rows `{path}` are not what `quweit rtl` wrote", hint="run `quweit rtl` again"
            )
