"""RTL package -> sim result: golden rows through every block and unit, products through every array, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from quweit_cli import config, toolbox
from quweit_cli.artifacts import (
    changed_files,
    check_stage,
    digest_of_file,
    inside,
    load,
    writing_stage,
)
from quweit_cli.documents import (
    NETLIST,
    RTL,
    SIM,
    SYNTH,
    ArrayDesign,
    ArrayRun,
    BlockDesign,
    Design,
    Form,
    ModelDesign,
    PortedDesign,
    RowDesign,
    RtlManifest,
    SimResult,
    SimRun,
    SimulatorResult,
    Stage,
    UnitDesign,
    VectorCoverage,
)
from quweit_cli.errors import ArtifactError, CheckFailed, ConfigError, Mismatch
from quweit_cli.hdl.model.transformer import lay_out
from quweit_cli.hdl.model.writes import ExpectedWords, expected_words
from quweit_cli.progress import SILENT, Progress
from quweit_cli.simulators import arrays, row_designs, simulator
from quweit_cli.simulators.arrays import ArraySubject
from quweit_cli.simulators.base import Simulator
from quweit_cli.simulators.netlists import Synthesized
from quweit_cli.simulators.row_designs import Subject
from quweit_cli.stages import keys
from quweit_cli.stages.sources import read_manifest, read_model
from quweit_cli.toolbox import Found


class Work(NamedTuple):
    """One run: what is simulated, and who does."""

    tool: Simulator
    found: Found
    subject: Subject | ArraySubject


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

    only: names of the designs that are compared; all when empty. The answer names the others.

    Raises:
        ConfigError: `only` names a design that the package lacks.
        ArtifactError: no RTL package, or its golden vectors were changed.
        ToolError: a simulator is missing or rejects the design, or the bench could not tell.
    """
    which, key = (NETLIST, keys.netlist) if netlist else (SIM, keys.sim)
    stage = which.name
    inputs, chosen = key(project, options, waves=waves, only=only)
    if reuse and (found := which.current(project, inputs, chosen)):
        return found
    package = (project / "rtl").resolve()
    manifest = load(RtlManifest, package / RTL.file)
    compared = _chosen(manifest, only)
    made = _synthesized(project, package) if netlist else None
    tools = [(simulator(name), toolbox.find(simulator(name).tool)) for name in options.simulators]
    if made:
        compared = _with_netlists(compared, made, tools, progress)
    _check_vectors(package, manifest, compared)
    expected = _expected(project, manifest, compared, progress)
    work = (
        _netlist_work(made, manifest, compared, tools, options, expected)
        if made
        else _rtl_work(package, compared, tools, options, expected)
    )
    earlier = _earlier(project, which, inputs)
    if reuse and not waves and earlier is not None and _covers(earlier, work):
        return earlier
    if not netlist:
        _say_what_was_changed(project, compared, work, progress)
    place = _place(stage, earlier, work, waves=waves, steady_only=options.steady_only)
    if place != stage:
        progress.note(f"`{stage}/` compared more and stays; this run is written to `{place}/`")
    with writing_stage(project, place, inputs=inputs, options=chosen) as folder:
        if not netlist:
            _compile_cells(package, _blocks(compared), *_quickest_to_compile(tools), folder)
        runs = _run_all(work, package, manifest, folder, waves=waves, progress=progress)
        simulators = [_summary(tool, found, work, runs) for tool, found in tools]
        result = SimResult(
            name=manifest.name,
            rtl=inputs["rtl"],
            synth=inputs.get("synth"),
            bit_exact=all(one.bit_exact for one in simulators),
            simulators=simulators,
            not_compared=[
                *(design.name for design in manifest.designs if design not in compared),
                *manifest.not_rendered,
            ],
            compiled_only=[] if netlist else _compiled_only(compared, work),
            steady_only=options.steady_only,
        )
        which.save(result, folder)
    return result


def verdict(result: SimResult) -> None:
    """Raises Mismatch or CheckFailed when not every row and product of every design was as it must be."""
    for one in result.simulators:
        kinds = {run_of_unit.design: "unit" for run_of_unit in one.units}
        kinds |= {run_of_model.design: "model" for run_of_model in one.models}
        for run_of_design in one.all_runs:
            kind = kinds.get(run_of_design.design, "block")
            what = f"{_what(run_of_design, kind)} on {one.simulator}"
            if isinstance(run_of_design, SimRun) and run_of_design.tensor_differences:
                raise Mismatch(
                    f"{what} differs from the integer program; first in {run_of_design.tensor_differences[0]}",
                    hint="sim.json of the stage holds the first differences; --waves writes waveforms",
                )
            if run_of_design.differences:
                things, meant = (
                    ("elements", "the product of matrices")
                    if isinstance(run_of_design, ArrayRun)
                    else ("rows", "the integer program")
                )
                raise Mismatch(
                    f"{what} differs from {meant}: {run_of_design.different} of {run_of_design.compared} "
                    f"{things}; first in {run_of_design.differences[0]}",
                    hint="sim.json of the stage holds the first differences; --waves writes waveforms",
                )
            if not run_of_design.bit_exact:
                raise CheckFailed(
                    f"{what}: {'; '.join(run_of_design.failures)}",
                    hint="the folder of the stage holds the log; --waves writes waveforms",
                )


OWN: tuple[Form, ...] = ("rtl", "netlist", "routed")  # of which a design has one in each proof
PARTS: Mapping[Form, str] = {"wrapper": "the wrapper of ", "xilinx": "the rendering in an FPGA's cells of "}


def _what(run_of_design: SimRun | ArrayRun, kind: str) -> str:
    if isinstance(run_of_design, ArrayRun):
        return f"array `{run_of_design.design}`"
    if kind == "model" and run_of_design.form == "wrapper":
        return f"the wrapped model `{run_of_design.design}`"
    return f"{PARTS.get(run_of_design.form, '')}{kind} `{run_of_design.design}`"


def _chosen(manifest: RtlManifest, only: Sequence[str]) -> list[Design]:
    names = [design.name for design in manifest.designs]
    if left_out := sorted(set(only) & set(manifest.not_rendered)):
        raise ConfigError(
            f"block `{left_out[0]}` was not rendered",
            hint="`quweit rtl` without `--block` renders all blocks",
        )
    if unknown := sorted(set(only) - set(names)):
        raise ConfigError(
            f"`{manifest.name}` has no block `{unknown[0]}`", hint=f"its blocks: {', '.join(names)}"
        )
    return [design for design in manifest.designs if not only or design.name in only]


def _synthesized(project: Path, package: Path) -> Synthesized:
    """Raises StaleArtifact when a netlist is not what `quweit synth` wrote."""
    check_stage(project, "synth")
    return Synthesized((project / "synth").resolve(), SYNTH.load(project), package)


def _with_netlists(
    compared: Sequence[Design], made: Synthesized, tools: list[tuple[Simulator, Found]], progress: Progress
) -> list[Design]:
    """Blocks and models: a model where synthesis left a netlist, on a simulator that plays whole samples of it.

    Raises:
        ConfigError: none of them is one: nothing would be compared, and nothing would differ.
    """
    chosen: list[Design] = []
    for design in compared:
        if isinstance(design, BlockDesign):
            chosen.append(design)
        elif isinstance(design, ModelDesign):
            why = _why_not(design, made, tools)
            if why is None:
                chosen.append(design)
            else:
                progress.note(f"the netlist of `{design.name}` is not compared: {why}")
    if not chosen:
        raise ConfigError(
            f"none of these has a netlist that is simulated: {', '.join(design.name for design in compared)}",
            hint="`--netlist` is for blocks, and for models on Verilator that Yosys mapped to an FPGA; "
            "`quweit sim` without it compares everything",
        )
    return chosen


def _why_not(design: ModelDesign, made: Synthesized, tools: list[tuple[Simulator, Found]]) -> str | None:
    if not made.has(design.name):
        return "synthesis left none; `quweit rtl` and `quweit synth --tool yosys` for an FPGA leave one"
    if all(tool.four_state for tool, _ in tools):
        return "its samples take too long on this simulator; Verilator plays them"
    return None


def _blocks(compared: Sequence[Design]) -> list[BlockDesign]:
    return [design for design in compared if isinstance(design, BlockDesign)]


# ---------------------------------------------------------------- what is run


def _rtl_work(
    package: Path,
    compared: list[Design],
    tools: list[tuple[Simulator, Found]],
    options: config.Sim,
    expected: ExpectedWords | None,
) -> list[Work]:
    """Every design on every simulator, the wrapper of a block on one of them, and a model there in its wrapper.

    expected: what the whole model writes.
    """
    work = []
    for tool, found in tools:
        for design in compared:
            if isinstance(design, ArrayDesign):
                offered = arrays.subjects(package, design, options.array_forms)
                work += [Work(tool, found, subject) for subject in offered]
            elif isinstance(design, RowDesign):
                words = expected if isinstance(design, ModelDesign) else None
                forms = row_designs.subjects(
                    package, design, _rows(options, tool, design), words, steady_only=options.steady_only
                )
                wrapped = "wrapper" in forms and tool is _of_wrappers(design, tools)
                if wrapped and isinstance(design, ModelDesign):
                    del forms["rtl"]
                work += [
                    Work(tool, found, one) for form, one in forms.items() if wrapped or form != "wrapper"
                ]
    return sorted(work, key=_turn)


def _turn(one: Work) -> int:
    """Models first, and of them those of Icarus: what takes longest is not left alone at the end."""
    if not isinstance(one.subject.design, ModelDesign):
        return 2
    return 0 if one.tool.four_state else 1


def _expected(
    project: Path, manifest: RtlManifest, compared: Sequence[Design], progress: Progress
) -> ExpectedWords | None:
    """What the model writes into its memories, by the program of the dump.

    None where no model is compared, or its dump is not here: a package alone can be simulated as well.

    Raises:
        ArtifactError: the dump is damaged.
    """
    model = manifest.model
    if model is None or model not in compared:
        return None
    if not (project / "dump").is_dir():
        progress.note("the dump of this package is not here: of the model logits alone are compared")
        return None
    dump = read_manifest(project / "dump")
    source = read_model(project / "dump", dump)
    layout = lay_out(
        source.program, model.side, f"rtl/{model.top}", manifest.blocks, model.lanes, source.rule
    )
    return expected_words(layout, source.program, source.inputs)


def _quickest_to_compile(tools: list[tuple[Simulator, Found]]) -> tuple[Simulator, Found]:
    """Where it was asked for."""
    return next(((tool, found) for tool, found in tools if tool.four_state), tools[0])


def _of_wrappers(design: RowDesign, tools: list[tuple[Simulator, Found]]) -> Simulator:
    """Who compares a wrapper, which is compared once: that of a model takes long to simulate, that of a block to compile."""
    if isinstance(design, ModelDesign):
        return next((tool for tool, _ in tools if not tool.four_state), tools[0][0])
    return _quickest_to_compile(tools)[0]


def _netlist_work(
    made: Synthesized,
    manifest: RtlManifest,
    compared: list[Design],
    tools: list[tuple[Simulator, Found]],
    options: config.Sim,
    expected: ExpectedWords | None,
) -> list[Work]:
    """Blocks on every simulator, a model where whole samples of a netlist can be played."""
    work = []
    for tool, found in tools:
        for design in compared:
            if isinstance(design, BlockDesign):
                rows = _rows(options, tool, design)
                subject = made.block(design, rows, four_state=tool.four_state)
            elif isinstance(design, ModelDesign) and not tool.four_state:
                rows = _rows_of_model(design, options.netlist_samples)
                subject = made.model(design, manifest.blocks, rows, expected)
            else:
                continue
            work.append(Work(tool, found, replace(subject, steady_only=options.steady_only)))
    return work


def _rows(options: config.Sim, tool: Simulator, design: RowDesign) -> int:
    """All of a unit, whose few rows are of several kinds."""
    if isinstance(design, UnitDesign):
        return design.vectors.rows
    if isinstance(design, ModelDesign):
        return _rows_of_model(design, options.samples.get(tool.name, design.vectors.rows))
    return min(options.rows.get(tool.name, design.vectors.rows), design.vectors.rows)


def _rows_of_model(design: ModelDesign, samples: int) -> int:
    """Of so many samples, or of all that there are."""
    rows = min(samples, design.vectors.rows)
    return 1 + rows * design.decode.requests_of_sample if design.decode else rows


def _compile_cells(
    package: Path, compared: list[BlockDesign], tool: Simulator, found: Found, folder: Path
) -> None:
    toolbox.side_by_side(
        lambda block: row_designs.compile_cells(
            package, block, tool, found, folder / tool.name / block.name / "cells"
        ),
        compared,
    )


def _compiled_only(compared: list[Design], work: list[Work]) -> list[str]:
    """Files in an FPGA's cells that no simulation reads."""
    cells = {name for block in _blocks(compared) for name in block.sources_xilinx}
    return sorted(cells.difference(*(one.subject.files for one in work)))


def _say_what_was_changed(
    project: Path, compared: list[Design], work: list[Work], progress: Progress
) -> None:
    """A note for every file that is not what `quweit rtl` wrote: whether it is in what is simulated."""
    simulated = {name for one in work for name in one.subject.files}
    compiled = {name for block in _blocks(compared) for name in block.sources_xilinx}
    for name in changed_files(project, "rtl"):
        if name in simulated:
            rest = "it is simulated as it is"
        elif name in compiled:
            rest = "it is compiled as it is, and not simulated"
        else:
            rest = "it is no part of what is simulated"
        progress.note(f"`{name}` is not what `quweit rtl` wrote; {rest}")


# ---------------------------------------------------------------- where the answer goes


def _earlier(project: Path, stage: Stage[SimResult], inputs: Mapping[str, str]) -> SimResult | None:
    """What the stage holds, when it is whole and about the same hardware."""
    try:
        if check_stage(project, stage.name).inputs != dict(inputs):
            return None
        return stage.load(project)
    except ArtifactError:
        return None


Compared = dict[tuple[str, str, Form, str], int]  # simulator, design, form and scenario -> rows


def _compared(result: SimResult) -> Compared:
    return {
        (one.simulator, run.design, run.form, scenario): rows
        for one in result.simulators
        for run in one.all_runs
        for scenario, rows in run.scenarios.items()
        if scenario != row_designs.RESET
    }


def _planned(work: list[Work]) -> Compared:
    return {
        (one.tool.name, one.subject.design.name, one.subject.form, scenario): one.subject.rows
        for one in work
        for scenario in one.subject.scenarios
    }


def _covers(earlier: SimResult, work: list[Work]) -> bool:
    done = _compared(earlier)
    return all(done.get(one, 0) >= rows for one, rows in _planned(work).items())


def _place(stage: str, earlier: SimResult | None, work: list[Work], *, waves: bool, steady_only: bool) -> str:
    """`stage`, unless the answer there is about more rows, or scenarios: a run for a closer look takes no proof away."""
    if earlier is None or (earlier.steady_only and not steady_only):
        return stage
    if steady_only and not earlier.steady_only:
        return partial(stage)
    more = sum(_compared(earlier).values()) - sum(_planned(work).values())
    return partial(stage) if more > 0 or (more == 0 and waves) else stage


def partial(stage: str) -> str:
    """The stage that holds the answer of a run that compared less than the one in `stage`."""
    return f"{stage}_partial"


# ---------------------------------------------------------------- running it


def _table_entries(package: Path, block: BlockDesign, run_of_block: SimRun) -> dict[str, int]:
    """Read by the rows that every scenario that was played compared: not by all that the package has."""
    coverage = load(VectorCoverage, inside(package, block.vectors.coverage))
    first = min(
        (rows for name, rows in run_of_block.scenarios.items() if name != row_designs.RESET), default=0
    )
    return {
        "table_entries_read": coverage.read_by_first_rows[first - 1] if first else 0,
        "table_entries_reachable": coverage.tables.entries - coverage.tables.unreachable,
    }


def _run_all(
    work: list[Work], package: Path, manifest: RtlManifest, folder: Path, *, waves: bool, progress: Progress
) -> list[SimRun | ArrayRun]:
    """As many at once as there are cores."""
    with progress.task("simulating", len(work)) as task:

        def run_one(one: Work) -> SimRun | ArrayRun:
            subject, tool, found = one.subject, one.tool, one.found
            part = subject.form if subject.form in ("wrapper", "xilinx") else ""
            kept = folder / tool.name / subject.design.name / part
            done: SimRun | ArrayRun
            if isinstance(subject, ArraySubject):
                done = arrays.run(subject, package, manifest, tool, found, kept, waves=waves)
            else:
                done = row_designs.run(subject, package, manifest, tool, found, kept, waves=waves)
                if isinstance(subject.design, BlockDesign):
                    done = done.model_copy(update=_table_entries(package, subject.design, done))
            task.advance()
            return done

        return toolbox.side_by_side(run_one, work)


def _summary(
    tool: Simulator, found: Found, work: list[Work], runs: list[SimRun | ArrayRun]
) -> SimulatorResult:
    mine = [(one.subject.design, run) for run, one in zip(runs, work, strict=True) if one.tool is tool]
    played = [(design, run) for design, run in mine if isinstance(run, SimRun)]
    own = [(design, run) for design, run in played if run.form in OWN]
    main = [run for design, run in own if isinstance(design, BlockDesign)]
    return SimulatorResult(
        simulator=tool.name,
        version=found.version,
        bit_exact=all(run.bit_exact for _, run in mine),
        blocks=len(main),
        rows_compared=sum(run.compared for run in main),
        cycles_per_row=[run.initiation_interval_cycles for run in main],
        seconds=round(sum(run.build_seconds + run.run_seconds for _, run in mine), 3),
        runs=main,
        further_runs=[
            run for design, run in played if run.form not in OWN and not isinstance(design, ModelDesign)
        ],
        units=[run for design, run in own if isinstance(design, UnitDesign)],
        models=[run for design, run in played if isinstance(design, ModelDesign)],
        arrays=[run for _, run in mine if isinstance(run, ArrayRun)],
    )


def _check_vectors(package: Path, manifest: RtlManifest, compared: Sequence[Design]) -> None:
    """The proof is worth nothing when what is expected was changed too."""
    wanted: dict[str, str | None] = {}
    for design in compared:
        if isinstance(design, RowDesign):
            golden = design.vectors
            wanted |= {golden.inputs: golden.inputs_sha256, golden.outputs: golden.outputs_sha256}
        if isinstance(design, ModelDesign) and design.decode:
            golden = design.decode.requests
            wanted |= {golden.inputs: golden.inputs_sha256, golden.outputs: golden.outputs_sha256}
        if isinstance(design, PortedDesign):
            wanted[design.axis.inputs] = design.axis.inputs_sha256
        if isinstance(design, BlockDesign):
            wanted[design.vectors.coverage] = design.vectors.coverage_sha256
        if isinstance(design, ArrayDesign):
            wanted |= {name: manifest.files.get(name) for name in arrays.vectors_of(design).values()}
    for name, digest in wanted.items():
        path = inside(package, name)
        if not path.is_file() or digest_of_file(path) != digest:
            raise ArtifactError(
                f"golden rows `{path}` are not what `quweit rtl` wrote", hint="run `quweit rtl` again"
            )
