"""The sections of the page, one a stage; a stage that has not run has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quweit_cli.documents import (
    DumpManifest,
    EnergyTable,
    Front,
    RtlManifest,
    SearchResult,
    SimResult,
    SimRun,
    SynthesisReport,
    TrainResult,
    of_reachable,
)
from quweit_cli.energy.foldings import undominated
from quweit_cli.energy.power import worst_residual_percent
from quweit_cli.report import exit_plots, exit_tables, plots, search_plots, search_tables, size_tables
from quweit_cli.report.energies import energies
from quweit_cli.report.findings import STAGES, Findings
from quweit_cli.report.footnotes import Noted, sourced
from quweit_cli.report.library_cells import library_cells
from quweit_cli.report.numbers import counted
from quweit_cli.report.page import Section, Table
from quweit_cli.report.proof import also_compared
from quweit_cli.report.tables import Table as TableOfRows
from quweit_cli.report.whole import whole_model

POWER_COLUMNS = {
    "name": "design", "luts": "LUTs", "ffs": "FFs", "published_mw": "published, mW", "predicted_mw": "predicted, mW",
    "residual_percent": "residual, %", "left_out_percent": "left out, %",
}  # fmt: skip


def sections(findings: Findings, inside: Sequence[Section] = ()) -> list[Section]:
    """In the order of the flow, and which stages are still to run. inside: what is looked into."""
    made = [
        _training(findings.train, findings.course) if findings.train else None,
        _leaving_early(findings.train) if findings.train else None,
        _sizes(findings.train) if findings.train else None,
        _blocks(findings.dump, findings.rtl, copied=findings.copied) if findings.dump else None,
        *inside,
        _proof(findings.sim) if findings.sim else None,
        _waveforms(findings.waves) if findings.waves else None,
        _synthesis(findings.synth) if findings.synth else None,
        _front(findings.front) if findings.front else None,
        _search(findings.search, findings.trials) if findings.search and findings.search.tried else None,
        whole_model(findings),
        energies(findings.energy) if findings.energy and findings.energy.rows else None,
        _power_model(findings.energy) if findings.energy else None,
    ]
    missing = [
        stage
        for stage, document in zip(STAGES, findings.documents, strict=True)
        if document is None and stage not in ("train", "front", "search")
    ]
    if missing:
        made.append(Section("Not run yet", [f"No artefact of: {', '.join(missing)}."]))
    return [section for section in made if section is not None]


def _training(train: TrainResult, course: Mapping[str, Sequence[Mapping[str, float]]]) -> Section:
    rows = [
        (
            model.mlp,
            None if model.test_accuracy is None else 100 * model.test_accuracy,
            model.test_loss,
            None if model.float_accuracy is None else 100 * model.float_accuracy,
            model.float_loss,
            model.parameters,
            model.steps,
            model.seconds,
            model.device,
        )
        for model in train.models
    ]
    columns = (
        "MLPs", "test accuracy, %", "test loss", "the same weights in float, %", "their test loss",
        "parameters", "steps", "seconds", "device",
    )  # fmt: skip
    return Section(
        "Training",
        [train.data],
        plot=plots.training_curves(train.models, course)
        if any(model.curve for model in train.models)
        else "",
        tables=[Table("", columns, rows).known()],
        method=f"one run each, seed {train.seed}; the table is of the whole held-out data at the end; the curves are what "
        "training reported on the way, marks are evaluations.",
    )


def _leaving_early(train: TrainResult) -> Section | None:
    found = {model.mlp: model.exits for model in train.models if model.exits}
    if not found:
        return None
    tables = {mlp: exit_tables.leaving(exits) for mlp, exits in found.items()}
    return Section(
        "Leaving early",
        ["Heads after layers before the last let samples leave that are easy."],
        plot="".join(exit_plots.accuracy_over_depth(exits, f"exits_{mlp}") for mlp, exits in found.items()),
        tables=[_named(mlp, one) for mlp, made in tables.items() for one in made[:-1]],
        details=[_named(mlp, made[-1]) for mlp, made in tables.items()],
        method="the whole held-out data, on which thresholds are compared, so that the best of many is somewhat optimistic; a mark "
        "is a threshold. Operations are multiplications and additions of products, and comparisons, reads of tables and additions "
        "of blocks, against the same model without exits.",
    )


def _sizes(train: TrainResult) -> Section | None:
    found = {model.mlp: size_tables.sizes(model.size) for model in train.models if model.size}
    if not found:
        return None
    return Section(
        "Size",
        tables=[_named(mlp, made[0]) for mlp, made in found.items()],
        details=[_named(mlp, made[1]) for mlp, made in found.items()],
        method="as it is stored: every number that computing takes, scales of weights and the wiring of LUTs included; by "
        "BEExformer's accounting: parameters of at most eight bits in these, all others in 32, and nothing else.",
    )


def _named(mlp: str, table: TableOfRows) -> Table:
    return Table(f"{mlp}: {table.title}", table.columns, table.rows)


def _blocks(dump: DumpManifest, rtl: RtlManifest | None, *, copied: bool) -> Section | None:
    checks = dump.checks
    verdict = "equal" if checks.logits_equal else "NOT equal"
    if not dump.blocks:
        return None
    words = [
        ("The dump was made elsewhere; as it declares, " if copied else "")
        + f"PyTorch and the integer programs were compared on {counted(checks.samples, 'test sample')}: "
        f"{counted(checks.rows_compared, 'row')} of every block are equal, the logits of the model are {verdict}."
    ]
    if rtl is None:
        tables = [
            Table(
                "",
                ("block", "layer", "golden rows"),
                [(block.name, block.layer, block.rows) for block in dump.blocks],
            )
        ]
        return Section("Blocks", words, tables=tables)
    rows = [
        (
            block.name,
            block.layer,
            f"{block.features} → {block.outputs}",
            block.thresholds,
            " + ".join(str(count) for count in block.luts_by_layer),
            block.outputs_per_beat,
            block.initiation_interval_cycles,
            block.latency_cycles,
            f"{block.vectors.directed_rows:,} + {block.vectors.random_rows:,} + {block.vectors.golden_rows:,}",
            f"{block.vectors.tables.read:,} of {block.vectors.tables.entries:,}",
            block.vectors.tables.unreachable,
            block.vectors.tables.not_found,
        )
        for block in rtl.blocks
    ]
    columns = (
        "block", "layer", "features", "comparators", "LUTs by layer",
        "outputs a cycle", "cycles a row", "latency, cycles", "rows, directed + random + real",
        "table entries read", "unreachable", "not found",
    )  # fmt: skip
    method = "comparators and LUTs as rendered, after what nothing reads was pruned; cycles as promised by the package and checked in simulation; a table entry is unreachable where it is proven that no input row reads it; a wrong one that could be read and is not (not found) would stay unseen in simulation."
    tables = [Table("", columns, rows)]
    if rtl.not_rendered:
        tables.append(Table("Not rendered", ("block",), [(name,) for name in rtl.not_rendered]))
    return Section("Blocks", words, tables=tables, method=method)


def _proof(sim: SimResult) -> Section:
    rows = [
        (
            one.simulator,
            run.design,
            "equal" if run.bit_exact else "NOT equal",
            Noted(run.compared, (_scenarios(run),)),
            of_reachable(run.table_entries_read, run.table_entries_reachable),
            run.initiation_interval_cycles,
            run.latency_cycles,
            run.build_seconds,
            run.run_seconds,
        )
        for one in sim.simulators
        for run in one.runs
    ]
    columns = (
        "simulator", "block", "verdict", "rows", "reachable table entries read", "cycles a row", "latency, cycles",
        "build, s", "run, s",
    )  # fmt: skip
    return Section(
        "Proof",
        [f"{sentence[0].upper()}{sentence[1:]}." for sentence in also_compared(sim)],
        tables=[*_found(sim), *([Table("", columns, rows)] if rows else []), *_other_designs(sim)],
        method="rows directed at what the others do not show, random rows, then real activations of the test set go through the "
        "RTL; every output of every row must equal the integer program, with no tolerance, with and without idle gaps and "
        "backpressure. Table entries are those that the rows read which were compared, of those that any input reads.",
    )


def _waveforms(waves: Sequence[str]) -> Section:
    return Section(
        "Waveforms",
        ["What simulation left beside this page, for GTKWave or Surfer."],
        links=[f"../{name}" for name in waves],
    )


def _other_designs(sim: SimResult) -> list[Table]:
    """A whole model, units and arrays, and their cycles."""
    models = [
        (
            one.simulator, "equal" if run.bit_exact else "NOT equal", run.compared,
            run.initiation_interval_cycles, run.build_seconds, run.run_seconds,
        )
        for one in sim.simulators
        for run in one.models
    ]  # fmt: skip
    units = [
        (
            one.simulator, run.design, "equal" if run.bit_exact else "NOT equal", run.compared,
            run.average_interval_cycles, run.initiation_interval_cycles, run.build_seconds, run.run_seconds,
        )
        for one in sim.simulators
        for run in one.units
    ]  # fmt: skip
    arrays = [
        (
            one.simulator, run.subject, "equal" if run.bit_exact else "NOT equal", run.compared,
            sum(run.cycles.values()), sum(run.steady_cycles.values()), run.build_seconds, run.run_seconds,
        )
        for one in sim.simulators
        for run in one.arrays
    ]  # fmt: skip
    times = ("build, s", "run, s")
    tables = [
        Table("Whole model", ("simulator", "verdict", "samples", "cycles a sample", *times), models),
        Table("Units", ("simulator", "unit", "verdict", "rows", "cycles a row", "at most", *times), units),
        Table(
            "Arrays",
            ("simulator", "array", "verdict", "elements", "cycles of all products", "by the formula", *times),
            arrays,
        ),
    ]
    return [table for table in tables if table.rows]


def _scenarios(run: SimRun) -> str:
    counts = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in run.scenarios.items())
    return f"Rows by scenario: {counts}."


def _found(sim: SimResult) -> list[Table]:
    """What is wrong with the RTL, and what nobody looked at; nothing when it is right."""
    runs = [(one.simulator, run) for one in sim.simulators for run in one.all_runs]
    failures = [(simulator, run.subject, failure) for simulator, run in runs for failure in run.failures]
    differences = [
        (simulator, run.subject, *d.place, d.cycle, d.expected, d.got)
        for simulator, run in runs
        for d in run.differences
    ]
    places = ("simulator", "block", "scenario", "row", "output", "cycle", "expected", "got")
    tables = [
        Table("Not compared", ("block",), [(name,) for name in sim.not_compared]),
        Table("Broken promises", ("simulator", "block", "promise"), failures),
        Table("First differences", places, differences),
    ]
    return [table for table in tables if table.rows]


def _synthesis(synth: SynthesisReport) -> Section:
    if all(one.asic for one in synth.designs):
        return library_cells(synth)
    rows = [
        (
            b.design, b.luts, b.over_estimate()[0], b.ffs, b.over_estimate()[1],
            b.carries, b.muxes, b.brams, b.urams, b.dsps, b.slack_ns,
            b.routed.reached_mhz if b.routed else None, b.power_mw, b.seconds,
        )
        for b in synth.designs
    ]  # fmt: skip
    columns = (
        "design", "LUTs", "of the estimate", "FFs", "of the estimate", "carries", "wide muxes", "BRAMs", "UltraRAMs", "DSPs",
        "slack, ns", "clock reached, MHz", "power, mW", "seconds",
    )  # fmt: skip
    made = dict.fromkeys(
        f"{b.version} for {b.device} at {b.clock_mhz:g} MHz, {b.stage}" for b in synth.designs
    )
    method = f"{'; '.join(made)}; a design at a time, no DSP, no block RAM but for memories of a whole model, thermometers and buffers included. "
    if synth.designs[0].tool == "yosys":
        method += "Yosys gives neither timing nor power"
        method += (
            ", and counts every LUT cell as one where Vivado may pack two. " if synth.vivado_project else ". "
        )
    if synth.vivado_project:
        method += f"The batch project that gives the vendor's figures: {synth.vivado_project}."
    routed = [one.routed for one in synth.designs if one.routed]
    method += " ".join(f"{one}." for one in dict.fromkeys(one.method for one in routed))
    return Section("Synthesis", tables=[Table("", columns, rows).known()], method=method)


def _front(front: Front) -> Section:
    best = undominated([point for point in front.points if point.source == "estimated"])
    rows = [
        (
            point.source, point.accounting, point.outputs_per_cycle, point.bits_per_cycle,
            point.cycles_per_row, point.sample_cycles, point.luts, point.ffs,
            sourced(point.power_mw, "Power", point.power_sources), point.energy_uj,
            (point in best) if point.source == "estimated" else None,
        )
        for point in front.points
    ]  # fmt: skip
    columns = (
        "figures", "cycles", "outputs a cycle", "bits a cycle", "cycles a row",
        "cycles a sample", "LUTs", "FFs", "power, mW", "energy, µJ", "on the front",
    )  # fmt: skip
    return Section(
        f"Foldings of {front.block}",
        [
            "The same block spread over more or fewer cycles: area against cycles, and energy against cycles. "
            "A folding is on the front when no other has as few LUTs in as few cycles."
        ],
        plot=plots.front(front.points),
        tables=[Table("", columns, rows)],
        method=f"estimated: cells and cycles counted before any tool runs, power by the model below at {front.clock_mhz:g} MHz; "
        "measured: cycles by simulation, cells by synthesis; paper: as published, at one row a cycle and at the cycles that its structure takes.",
    )


def _search(result: SearchResult, reports: Sequence[str]) -> Section:
    said = ["Reports of the trials that were measured stand below."] if reports else []
    if len(reports) > 1:
        said.append("`quweit compare` with `--html` sets two of them beside one another, on a page.")
    return Section(
        "Search",
        [
            f"Settings of blocks and their folding, tried one after another: {search_tables.said(result)}.",
            "Loss against LUTs, and against energy. Trials are named by their numbers.",
            *([" ".join(said)] if said else []),
        ],
        plot=search_plots.front(result),
        tables=[Table("On the front", *search_tables.front(result)).known()],
        details=[Table("Other trials, and why they are not", *search_tables.others(result)).known()],
        method=f"{'; '.join(search_tables.notes(result))}. Held-out data was looked at in each trial: the best of many is somewhat optimistic.",
        links=[f"../{report}" for report in reports],
    )


def _power_model(table: EnergyTable) -> Section:
    model = table.power_model
    low, high = model.valid_luts
    used = any(row.modelled for row in table.rows)
    rows = [tuple(getattr(point, key) for key in POWER_COLUMNS) for point in model.points]
    coefficients = ", ".join(f"{name} = {value:.4g}" for name, value in model.coefficients.items())
    return Section(
        "Power model",
        [
            f"{model.formula}; {coefficients}. "
            + (
                "The power of the blocks above is this model's estimate."
                if used
                else "Not used here: the tool gave the power of the blocks."
            ),
            f"Within {worst_residual_percent(model):.0f} % of the points that it is fitted to, which span "
            f"{low:,} to {high:,} LUTs; a smaller design is an extrapolation and its rows say so.",
        ],
        plot=plots.power_residuals(model),
        tables=[Table("", tuple(POWER_COLUMNS.values()), rows)],
        method="least squares in the logarithm over the five published designs, exponents not negative; "
        "`left out` is the prediction of a point from the other four.",
    )
