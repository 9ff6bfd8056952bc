"""Artefacts as tables: which figures of a document a person reads first. Knows nothing of terminals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import BaseModel

from quweit_cli.documents import (
    DumpManifest,
    EnergyRatio,
    Examples,
    FormalResult,
    Health,
    Implementation,
    RtlManifest,
    SimResult,
    Summary,
    SynthesisReport,
    TrainResult,
    UnfinishedTraining,
    of_reachable,
)
from quweit_cli.energy.headline import Comparison, comparisons, least_when_full
from quweit_cli.report.numbers import percent as share
from quweit_cli.report.numbers import significant, times
from quweit_cli.report.proof import STEADY, also_compared


class Table(NamedTuple):
    title: str
    columns: tuple[str, ...]
    rows: list[Sequence[object]]
    notes: Sequence[str] = ()
    footnotes: Sequence[str] = ()  # numbered from 1, as a column of the table refers to them


def train(result: TrainResult) -> list[Table]:
    rows: list[Sequence[object]] = [
        (m.mlp, percent(m.test_accuracy), m.test_loss, m.parameters, m.steps, round(m.seconds, 1))
        for m in result.models
    ]
    columns: tuple[str, ...] = ("MLP", "test accuracy", "test loss", "parameters", "steps", "seconds")
    if any(m.float_loss is not None for m in result.models):
        columns += ("in float arithmetic",)
        rows = [
            (*row, percent(m.float_accuracy) if m.float_accuracy is not None else m.float_loss)
            for row, m in zip(rows, result.models, strict=True)
        ]
    return [Table(f"{result.name}, seed {result.seed}: {result.data}", columns, rows)]


def unfinished(result: UnfinishedTraining) -> list[Table]:
    title = f"{result.name} is not finished: run the same command again to go on"
    row = (result.mlp, result.step, result.steps)
    return [Table(title, ("MLP being trained", "steps done", "of"), [row])]


def dump(manifest: DumpManifest) -> list[Table]:
    checks = manifest.checks
    rows: list[Sequence[object]] = [
        (b.name, b.layer, b.rows, checks.rows_compared, checks.logits_equal) for b in manifest.blocks
    ]
    title = f"{manifest.name}: PyTorch equals the integer program on {checks.samples:,} samples"
    tables = (
        [Table(title, ("block", "layer", "golden rows", "rows equal", "logits equal"), rows)] if rows else []
    )
    if manifest.whole is not None:
        whole = (len(manifest.whole.tensors), checks.tensors_compared, checks.samples, manifest.whole.samples)
        columns = ("tensors", "compared with PyTorch", "on samples, every one equal", "golden samples")
        tables.append(Table(f"{manifest.name}: the whole model", columns, [whole]))
    return tables


def rtl(manifest: RtlManifest) -> list[Table]:
    rows: list[Sequence[object]] = [
        (
            b.name,
            b.features,
            b.thresholds,
            sum(b.luts_by_layer),
            b.outputs_per_beat,
            b.features_per_beat,
            b.latency_cycles,
            b.initiation_interval_cycles,
        )
        for b in manifest.blocks
    ]
    columns = (
        "block",
        "features",
        "thresholds",
        "LUTs",
        "outputs a cycle",
        "features a beat",
        "latency",
        "interval",
    )
    title = f"{manifest.name}: {len(manifest.files)} files rendered (latency, interval in cycles)"
    tables = [Table(title, columns, rows)] if rows else []
    units: list[Sequence[object]] = [
        (u.name, u.features, u.initiation_interval_cycles) for u in manifest.units
    ]
    if units:
        tables.append(Table("Units", ("unit", "elements of a row", "cycles a row at most"), units))
    arrays: list[Sequence[object]] = [
        (a.name, f"{a.side} x {a.side}", len(a.played)) for a in manifest.arrays
    ]
    if arrays:
        tables.append(Table("Arrays", ("array", "cells", "products"), arrays))
    if manifest.model is not None:
        model = manifest.model
        step = model.decode
        of_model = (
            "array",
            "jobs of its schedule",
            "cycles a sample",
            *(["cycles a decode step"] if step else []),
        )
        figures = (f"{model.side} x {model.side}", len(model.schedule), model.initiation_interval_cycles)
        row = (*figures, *([step.initiation_interval_cycles] if step else []))
        tables.append(Table("Whole model", of_model, [row]))
    return [*tables, *_not_rendered(manifest.not_rendered)]


def _not_rendered(blocks: list[str]) -> list[Table]:
    return [Table("Not rendered", ("block",), [(name,) for name in blocks])] if blocks else []


def netlist(result: SimResult) -> list[Table]:
    return sim(result, "netlists")


def sim(result: SimResult, what: str = "RTL") -> list[Table]:
    """what: was simulated."""
    rows: list[Sequence[object]] = [
        (
            s.version,
            r.design,
            r.bit_exact,
            r.compared,
            of_reachable(r.table_entries_read, r.table_entries_reachable),
            r.latency_cycles,
            r.initiation_interval_cycles,
            round(r.build_seconds + r.run_seconds, 1),
        )
        for s in result.simulators
        for r in s.runs
    ]
    columns = (
        "simulator", "block", "equal", "rows", "table entries read", "latency", "interval", "seconds",
    )  # fmt: skip
    title = f"{result.name}: {what} against the integer program"
    tables = [Table(title, columns, rows, also_compared(result))] if rows else []
    tables += [table for table in (_units(result), _models(result), _arrays(result)) if table.rows]
    if result.not_compared:
        tables.append(Table("Not compared", ("block",), [(name,) for name in result.not_compared]))
    differences: list[Sequence[object]] = [
        (s.simulator, r.subject, *d.place, d.cycle, d.expected, d.got)
        for s in result.simulators
        for r in s.all_runs
        for d in r.differences
    ]
    if differences:
        where = ("simulator", "block", "scenario", "row", "output", "cycle", "expected", "got")
        tables.append(Table("First differences", where, differences))
    failures: list[Sequence[object]] = [
        (s.simulator, r.subject, failure)
        for s in result.simulators
        for r in s.all_runs
        for failure in r.failures
    ]
    if failures:
        tables.append(Table("Broken promises", ("simulator", "block", "what"), failures))
    return tables


def _units(result: SimResult) -> Table:
    rows: list[Sequence[object]] = [
        (
            s.version,
            r.design,
            r.bit_exact,
            r.compared,
            r.average_interval_cycles,
            r.initiation_interval_cycles,
        )
        for s in result.simulators
        for r in s.units
    ]
    columns = ("simulator", "unit", "equal", "rows", "cycles a row", "at most")
    return Table(f"{result.name}: units against the integers", columns, rows)


def _models(result: SimResult) -> Table:
    runs = [(s, r) for s in result.simulators for r in s.models]
    decodes = any(r.decode_latency_cycles is not None for _, r in runs)
    rows: list[Sequence[object]] = [
        (
            s.version,
            r.bit_exact,
            r.compared,
            r.initiation_interval_cycles,
            *([r.decode_latency_cycles] if decodes else []),
            round(r.build_seconds + r.run_seconds, 1),
        )
        for s, r in runs
    ]
    of_model = ("requests", "cycles a prompt", "latency of a decode step")
    columns = (
        "simulator",
        "equal",
        *(of_model if decodes else ("samples", "cycles a sample")),
        "seconds",
    )
    what = "tokens" if decodes else "pixels"
    title = f"{result.name}: the whole model against its program, {what} to logits"
    return Table(title, columns, rows, [STEADY] if result.steady_only else [])


def _arrays(result: SimResult) -> Table:
    rows: list[Sequence[object]] = [
        (s.version, r.design, r.form, product, r.steady_cycles[product], cycles, r.bit_exact)
        for s in result.simulators
        for r in s.arrays
        for product, cycles in r.cycles.items()
    ]
    columns = ("simulator", "array", "rendering", "product", "cycles by the formula", "measured", "equal")
    elements = sum(r.compared for s in result.simulators for r in s.arrays)
    return Table(f"{result.name}: arrays against products of matrices, {elements:,} elements", columns, rows)


def formal(result: FormalResult) -> list[Table]:
    rows: list[Sequence[object]] = [
        (p.block, p.module, p.proven, p.unproven, round(p.seconds, 1)) for p in result.proofs
    ]
    columns = ("block", "module", "outputs equal", "not proven", "seconds")
    tables = [Table(f"{result.name}: both renderings, for all inputs ({result.tool})", columns, rows)]
    return tables + _not_rendered(result.not_rendered)


def synth(report: SynthesisReport) -> list[Table]:
    if all(one.asic for one in report.designs):
        return [_asic(report)]
    rows: list[Sequence[object]] = [
        (
            b.design,
            b.luts,
            b.ffs,
            _over_estimate(b),
            b.carries,
            b.muxes,
            b.brams,
            b.dsps,
            b.slack_ns,
            round(b.routed.reached_mhz, 1) if b.routed else None,
            round(b.routed.placed_mhz, 1) if b.routed and b.routed.placed_mhz else None,
            b.power_mw,
            round(b.seconds, 1),
        )
        for b in report.designs
    ]
    origin = sorted(
        {f"{b.tool} ({b.version}), {b.device}, {b.clock_mhz:g} MHz, {b.stage}" for b in report.designs}
    )
    columns = (
        "design",
        "LUTs",
        "FFs",
        "of the estimate",
        "carries",
        "muxes",
        "BRAMs",
        "DSPs",
        "slack ns",
        "MHz, routed",
        "MHz, placed",
        "power mW",
        "seconds",
    )
    remarks = [remark for one in report.designs if one.routed for remark in one.remarks]
    remarks += dict.fromkeys(one.routed.method for one in report.designs if one.routed)
    tables = [Table(f"{report.name}: {'; '.join(origin)}", *_known(columns, rows), remarks)]
    return tables + ([_engines(report.model)] if report.model and report.model.modules_by_engine else [])


def _engines(model: Implementation) -> Table:
    names = ("luts", "ffs", "carries", "muxes", "brams", "urams", "dsps")
    rows: list[Sequence[object]] = [
        (engine, *(sums[name] if name == "brams" else int(sums[name]) for name in names))
        for engine, sums in model.modules_by_engine.items()
    ]
    columns = ("engine", "LUTs", "FFs", "carries", "muxes", "BRAMs", "URAMs", "DSPs")
    return Table(
        "The whole model by engine", columns, rows, ["no DSP; memories of more than 64 words are block RAM"]
    )


def _known(
    columns: tuple[str, ...], rows: list[Sequence[object]]
) -> tuple[tuple[str, ...], list[Sequence[object]]]:
    """Without columns of which no row has a figure: Yosys gives neither slack nor power."""
    places = [place for place in range(len(columns)) if any(row[place] is not None for row in rows)]
    return tuple(columns[place] for place in places), [[row[place] for place in places] for row in rows]


def _asic(report: SynthesisReport) -> Table:
    rows: list[Sequence[object]] = [
        (
            b.design,
            a.area_mm2,
            a.cells,
            b.ffs,
            a.clock_gates,
            b.slack_ns,
            a.highest_clock_mhz,
            a.measured_mw,
            a.vectorless_mw,
            round(b.seconds, 1),
        )
        for b in report.designs
        if (a := b.asic)
    ]
    origin = sorted({f"{b.version}, {b.device}, {b.clock_mhz:g} MHz, {b.stage}" for b in report.designs})
    columns = (
        "design", "area mm2", "cells", "FFs", "clock gates", "slack ns", "highest MHz", "mW, measured", "vectorless",
        "seconds",
    )  # fmt: skip
    remarks = [remark for one in report.designs for remark in one.remarks]
    methods = (b.asic.measured_method or b.asic.vectorless_method for b in report.designs if b.asic)
    remarks += dict.fromkeys(methods)
    return Table(f"{report.name}: {'; '.join(origin)}", *_known(columns, rows), remarks)


def _over_estimate(block: Implementation) -> str | None:
    """LUTs and FFs measured over those that the RTL package foretold."""
    luts, ffs = block.over_estimate()
    return None if luts is None or ffs is None else f"{luts:.3f}, {ffs:.3f}"


def examples(made: Examples) -> list[Table]:
    rows: list[Sequence[object]] = [(one.name, one.summary) for one in made.examples]
    return [Table("`quweit init EXAMPLE` writes one of these", ("example", "what it trains"), rows)]


def doctor(health: Health) -> list[Table]:
    packages: list[Sequence[object]] = [(name, version) for name, version in health.packages.items()]
    tools: list[Sequence[object]] = [
        (t.name, t.version if t.found else "no", t.needed_by_run, t.unlocks) for t in health.tools
    ]
    missing = [f"{t.name}: {t.problem}; to have it: {t.install}" for t in health.tools if not t.found]
    others: list[Sequence[object]] = [
        (one.group, one.name, f"{one.package} {one.version}", one.problem or "yes")
        for one in health.extensions
    ]
    brought = [Table("Other packages", ("entry point", "name", "package", "used"), others)] if others else []
    title = f"quweit {health.quweit}, Python {health.python}, {health.platform}"
    return [
        Table(title, ("package", "version"), packages),
        Table("Tools", ("tool", "found", "needed by run", "unlocks"), tools, missing),
        *brought,
    ]


def fields(document: BaseModel) -> list[Table]:
    """Any flat document, a field a row."""
    content = document.model_dump(exclude={"schema_name"})
    rows: list[Sequence[object]] = [(name.replace("_", " "), value) for name, value in content.items()]
    return [Table("", ("figure", "value"), rows)]


def summary(result: Summary) -> list[Table]:
    """One table for the whole flow, a figure a row."""
    rows: list[Sequence[object]] = []
    if result.train:
        for mlp, loss in result.train.test_loss.items():
            accuracy = result.train.test_accuracy[mlp]
            reached = (
                f"test accuracy {percent(accuracy)}" if accuracy is not None else f"test loss {loss:.4f}"
            )
            rows.append(("train", mlp, f"{reached}, {result.train.parameters[mlp]:,} parameters"))
    if result.dump and result.dump.blocks:
        rows.append(
            (
                "dump",
                "PyTorch",
                f"equal on {result.dump.samples:,} samples, {result.dump.rows_compared:,} rows a block",
            )
        )
    for name, one in (result.sim or {}).items():
        measured = {number for number in one.cycles_per_row if number is not None}
        cycles = ", ".join(str(number) for number in sorted(measured)) or "unmeasured"
        verdict = "equal" if one.bit_exact else "NOT EQUAL"
        alone = ", one after another alone" if one.steady_only else ""
        entries = of_reachable(one.table_entries_read, one.table_entries_reachable)
        if one.model is not None:
            equal = "equal" if one.model.bit_exact else "NOT EQUAL"
            said = f"whole model {equal} on {one.model.samples:,} samples{alone}, {one.model.cycles_per_sample} cycles a sample"
            rows.append(("sim", name, said))
        if not one.blocks:
            if one.model is None:
                rows.append(("sim", name, verdict))
            continue
        rows.append(
            (
                "sim",
                name,
                f"{verdict} on {one.rows_compared:,} rows{alone} of {one.blocks} blocks, {cycles} cycles a row"
                + (f", {entries} table entries read" if entries else ""),
            )
        )
    rows += [("sim", name, f"skipped: {reason}") for name, reason in result.skipped.items()]
    rows += [("synth", block.design, _size(block)) for block in result.synth or []]
    if result.model and result.model.luts is not None:
        whole = result.model
        size = f"{whole.luts:,} LUTs, {whole.ffs:,} FFs, {whole.brams:g} BRAMs"
        rows.append(("synth", "whole model", size))
    if result.model:
        for kind, energy_uj in result.model.energy_uj.items():
            spent = "not known" if energy_uj is None else f"{significant(energy_uj)} uJ a sample"
            rows.append(("energy", f"whole model, {kind}", spent))
    if result.energy:
        compared = comparisons(result.energy.rows, result.energy.ratios)
        rows += [("energy", one.what, _less(one, result.energy.ratios)) for one in compared]
    return [Table(result.name, ("stage", "of", "result"), rows)]


def _less(one: Comparison, ratios: Sequence[EnergyRatio]) -> str:
    """In both accountings; where arrays stand idle most of the time, beside the best of them in full use."""
    measured, paper, full = (
        times(value) for value in (one.times["measured"], one.times["counted"], one.times_full["measured"])
    )
    used = "" if one.utilisation is None else f"{share(one.utilisation)} of the array in use"
    if one.idle and (best := least_when_full(ratios)):
        least, array = best
        return f"{times(least)} less than {array} in full use, at measured cycles; {measured} less than {one.array}, {used}"
    figures = f"{measured} less than {one.array} at measured cycles, {paper} in the paper's accounting"
    return figures + (f"; {used}, {full} were it full" if used and full != measured else "")


def _size(block: Implementation) -> str:
    if block.asic:
        return f"{block.asic.area_mm2:.4f} mm2, {block.asic.cells:,} cells of {block.device}, slack {block.slack_ns:.3f} ns at {block.clock_mhz:g} MHz"
    reached = f", {block.routed.reached_mhz:.1f} MHz" if block.routed else ""
    return f"{block.luts:,} LUTs, {block.ffs:,} FFs, {block.brams:g} BRAMs, {block.dsps} DSPs{reached} ({block.tool})"


def percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.2f} %"
