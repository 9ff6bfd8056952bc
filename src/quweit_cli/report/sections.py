"""The sections of the page, one a stage; a stage that has not run has none."""

from __future__ import annotations

from quweit_cli.documents import (
    DumpManifest,
    EnergyTable,
    Front,
    RtlManifest,
    SimResult,
    SynthesisReport,
    TrainResult,
)
from quweit_cli.energy.power import worst_residual_percent
from quweit_cli.energy.tables import BLOCK_IMPLEMENTATION
from quweit_cli.equality_documents import of_reachable
from quweit_cli.report import plots
from quweit_cli.report.findings import Findings
from quweit_cli.report.headline import headline_array
from quweit_cli.report.library_cells import library_cells
from quweit_cli.report.numbers import counted
from quweit_cli.report.page import Section, Table
from quweit_cli.report.plots import DENSE, MEASURED, PAPER, Bar


def sections(findings: Findings) -> list[Section]:
    """In the order of the flow, and which stages are still to run."""
    made = [
        _training(findings.train) if findings.train else None,
        _blocks(findings.dump, findings.rtl) if findings.dump else None,
        _proof(findings.sim) if findings.sim else None,
        _synthesis(findings.synth) if findings.synth else None,
        _front(findings.front) if findings.front else None,
        _energy(findings.energy) if findings.energy else None,
        _power_model(findings.energy) if findings.energy else None,
    ]
    missing = [
        stage
        for stage, document in zip(findings._fields, findings, strict=True)
        if document is None and stage not in ("train", "front")
    ]
    if missing:
        made.append(Section("Not run yet", [f"No artefact of: {', '.join(missing)}."]))
    return [section for section in made if section is not None]


def _training(train: TrainResult) -> Section:
    rows = [
        (
            model.mlp,
            None if model.test_accuracy is None else 100 * model.test_accuracy,
            model.test_loss,
            model.parameters,
            model.steps,
            model.seconds,
            model.device,
        )
        for model in train.models
    ]
    columns = ("MLPs", "test accuracy, %", "test loss", "parameters", "steps", "seconds", "device")
    return Section(
        "Training",
        [train.data],
        plot=plots.training_curves(train.models) if any(model.curve for model in train.models) else "",
        tables=[Table("", columns, rows)],
        method=f"one run each, seed {train.seed}; the table is of the whole held-out data at the end, "
        "the curves of the evaluations on the way.",
    )


def _blocks(dump: DumpManifest, rtl: RtlManifest | None) -> Section:
    checks = dump.checks
    verdict = "equal" if checks.logits_equal else "NOT equal"
    words = [
        f"PyTorch and the integer programs were compared on {counted(checks.samples, 'test sample')}: "
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
            run.block,
            "equal" if run.bit_exact else "NOT equal",
            run.rows_compared,
            of_reachable(run.table_entries_read, run.table_entries_reachable),
            ", ".join(f"{name} {count:,}" for name, count in run.scenarios.items()),
            run.initiation_interval_cycles,
            run.latency_cycles,
            run.build_seconds,
            run.run_seconds,
        )
        for one in sim.simulators
        for run in one.runs
    ]
    columns = (
        "simulator", "block", "verdict", "rows", "reachable table entries read", "of them", "cycles a row", "latency",
        "build, s", "run, s",
    )  # fmt: skip
    return Section(
        "Proof",
        tables=[*_found(sim), Table("", columns, rows)],
        method="rows directed at what the others do not show, random rows, then real activations of the test set go through the "
        "RTL; every output of every row must equal the integer program, with no tolerance, with and without idle gaps and "
        "backpressure. Table entries are those that the rows read which were compared, of those that any input reads.",
    )


def _found(sim: SimResult) -> list[Table]:
    """What is wrong with the RTL, and what nobody looked at; nothing when it is right."""
    runs = [(one.simulator, run) for one in sim.simulators for run in one.runs]
    failures = [(simulator, run.block, failure) for simulator, run in runs for failure in run.failures]
    differences = [
        (simulator, d.block, d.scenario, d.row, d.output, d.cycle, d.expected, d.got)
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
    if all(block.asic for block in synth.blocks):
        return library_cells(synth)
    rows = [
        (
            b.block, b.luts, b.over_estimate()[0], b.ffs, b.over_estimate()[1],
            b.carries, b.muxes, b.brams, b.dsps, b.slack_ns, b.power_mw, b.version, b.stage, b.seconds,
        )
        for b in synth.blocks
    ]  # fmt: skip
    columns = (
        "block", "LUTs", "of the estimate", "FFs", "of the estimate", "carries", "wide muxes", "BRAMs", "DSPs",
        "slack, ns", "power, mW", "tool",
        "stage", "seconds",
    )  # fmt: skip
    one = synth.blocks[0]
    method = f"{one.version} for {one.device} at {one.clock_mhz:g} MHz, a block at a time, no DSP, no block RAM, thermometers and buffers included. "
    if one.tool == "yosys":
        method += "Yosys gives neither timing nor power, and counts every LUT cell as one where Vivado may pack two. "
    method += f"The batch project that gives the vendor's figures: {synth.vivado_project}."
    return Section("Synthesis", tables=[Table("", columns, rows)], method=method)


def _front(front: Front) -> Section:
    rows = [
        (
            point.block, point.source, point.accounting, point.outputs_per_cycle, point.bits_per_cycle,
            point.cycles_per_row, point.sample_cycles, point.luts, point.ffs, point.power_mw, point.energy_uj,
            point.power_source,
        )
        for point in front.points
    ]  # fmt: skip
    columns = (
        "block", "figures", "cycles counted as", "outputs a cycle", "bits a cycle", "cycles a row",
        "cycles a sample", "LUTs", "FFs", "power, mW", "energy, µJ", "power from",
    )  # fmt: skip
    return Section(
        f"Foldings of {front.block}",
        ["The same block spread over more or fewer cycles: area against cycles, and energy against cycles."],
        plot=plots.front(front.points),
        tables=[Table("", columns, rows)],
        method=f"estimated: cells counted before any tool runs, power by the model below at {front.clock_mhz:g} MHz; "
        "measured: cycles by simulation, cells by synthesis; paper: as published, at one row a cycle and at the cycles that its structure takes.",
    )


def _energy(table: EnergyTable) -> Section:
    accountings = ("measured", "paper")
    by_name: dict[str, dict[str, float]] = {}
    for one in table.ratios:
        by_name.setdefault(one.name, {})[one.accounting] = one.value
    overall: list[tuple[object, ...]] = []
    single: list[tuple[object, ...]] = []
    for name, values in by_name.items():
        chosen = overall if name.startswith("all ") else single
        chosen.append((name, *(values.get(key) for key in accountings)))
    overall.sort(key=lambda row: "end to end" in str(row[0]))
    columns = ("array over weightless", "measured cycles", "paper's accounting")
    rows = [
        (
            row.subject, row.implementation, row.accounting, row.value, row.cycles, row.power_mw, row.luts,
            row.ffs, row.area_mm2, row.cycles_source, row.power_source, row.tool, row.device, row.stage, row.clock_mhz,
        )
        for row in table.rows
    ]  # fmt: skip
    provenance = (
        "subject", "implementation", "accounting", "energy, µJ", "cycles", "power, mW", "LUTs", "FFs",
        "area, mm²", "cycles from", "power from", "tool", "device", "stage", "MHz",
    )  # fmt: skip
    return Section(
        "Energy of one sample",
        [
            f"The blocks replace {100 * table.multiplications_replaced:.1f} % of the multiplications and "
            f"{100 * table.weights_replaced:.1f} % of the weights of a layer.",
            "Two accountings of a block's cycles, never mixed: measured in simulation, and the paper's one row a cycle.",
        ],
        plot=plots.energy_bars("energy", _bar_groups(table)) if table.ratios else "",
        tables=[Table("How many times the energy", columns, overall)] if overall else [],
        details=[
            *([Table("Ratios of single blocks and layers", columns, single)] if single else []),
            Table("Every figure with where it comes from", provenance, rows),
        ],
        method="energy = power · cycles / clock. Arrays: published power, cycles of the steady state. "
        "Dynamic power only, and what waits is taken to spend nothing, on both sides.",
    )


def _bar_groups(table: EnergyTable) -> list[tuple[str, list[Bar]]]:
    """All MLPs, then all layers end to end on the headline array."""
    array = headline_array(table)
    mlps = [
        _bar(row.implementation, row.accounting, row.value) for row in table.rows if row.subject == "mlps"
    ]
    whole = [
        _bar(row.implementation, row.accounting, row.value)
        for row in table.rows
        if row.subject == "model" and row.implementation.startswith(array)
    ]
    order = {"formula": 0, "measured": 1, "paper": 2}
    for bars in (mlps, whole):
        bars.sort(key=lambda bar: order[bar[0]])
    return [
        ("All MLPs", [bar for _, bar in mlps]),
        ("All layers end to end", [bar for _, bar in whole]),
    ]


def _bar(implementation: str, accounting: str, value: float) -> tuple[str, Bar]:
    series = {"formula": DENSE, "measured": MEASURED, "paper": PAPER}[accounting]
    name = implementation.replace(BLOCK_IMPLEMENTATION, "blocks")
    suffix = {"formula": "", "measured": ", measured cycles", "paper": ", paper's accounting"}[accounting]
    return accounting, Bar(name + suffix, value, series)


def _power_model(table: EnergyTable) -> Section:
    model = table.power_model
    low, high = model.valid_luts
    used = any(row.power_source.startswith("model") for row in table.rows)
    rows = [tuple(point.values()) for point in model.points]
    columns = tuple(key.replace("_", " ") for key in model.points[0])
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
        tables=[Table("", columns, rows)],
        method="least squares in the logarithm over the five published designs, exponents not negative; "
        "`left out` is the prediction of a point from the other four.",
    )
