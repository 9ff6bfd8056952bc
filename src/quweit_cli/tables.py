"""Artefacts as tables: which figures of a document a person reads first. Knows nothing of terminals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import BaseModel

from quweit_cli.documents import (
    DumpManifest,
    EnergyRatio,
    EnergyTable,
    EstimateTable,
    FormalResult,
    Front,
    FrontPoint,
    RtlManifest,
    SimResult,
    SynthesisReport,
    SynthesizedBlock,
    TrainResult,
    UnfinishedTraining,
)
from quweit_cli.stages.doctor import Health
from quweit_cli.summary import Summary


class Table(NamedTuple):
    title: str
    columns: tuple[str, ...]
    rows: list[Sequence[object]]
    notes: Sequence[str] = ()


def train(result: TrainResult) -> list[Table]:
    rows: list[Sequence[object]] = [
        (m.mlp, percent(m.test_accuracy), m.test_loss, m.parameters, m.steps, round(m.seconds, 1))
        for m in result.models
    ]
    columns = ("MLP", "test accuracy", "test loss", "parameters", "steps", "seconds")
    return [Table(f"{result.name}, seed {result.seed}: {result.data}", columns, rows)]


def unfinished(result: UnfinishedTraining) -> list[Table]:
    title = f"{result.name} is not finished: run the same command with --resume to go on"
    row = (result.mlp, result.step, result.steps)
    return [Table(title, ("MLP being trained", "steps done", "of"), [row])]


def dump(manifest: DumpManifest) -> list[Table]:
    checks = manifest.checks
    rows: list[Sequence[object]] = [
        (b.name, b.layer, b.rows, checks.rows_compared, checks.logits_equal) for b in manifest.blocks
    ]
    title = f"{manifest.name}: PyTorch equals the integer program on {checks.samples:,} samples"
    return [Table(title, ("block", "layer", "golden rows", "rows equal", "logits equal"), rows)]


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
    return [Table(title, columns, rows), *_not_rendered(manifest.not_rendered)]


def _not_rendered(blocks: list[str]) -> list[Table]:
    return [Table("Not rendered", ("block",), [(name,) for name in blocks])] if blocks else []


def netlist(result: SimResult) -> list[Table]:
    return sim(result, "netlists")


def sim(result: SimResult, what: str = "RTL") -> list[Table]:
    """what: was simulated."""
    rows: list[Sequence[object]] = [
        (
            s.version,
            r.block,
            r.bit_exact,
            r.rows_compared,
            r.latency_cycles,
            r.initiation_interval_cycles,
            round(r.build_seconds + r.run_seconds, 1),
        )
        for s in result.simulators
        for r in s.runs
    ]
    columns = ("simulator", "block", "equal", "rows", "latency", "interval", "seconds")
    tables = [Table(f"{result.name}: {what} against the integer program", columns, rows)]
    if result.not_compared:
        tables.append(Table("Not compared", ("block",), [(name,) for name in result.not_compared]))
    differences: list[Sequence[object]] = [
        (s.simulator, d.block, d.scenario, d.row, d.output, d.cycle, d.expected, d.got)
        for s in result.simulators
        for r in s.runs
        for d in r.differences
    ]
    if differences:
        where = ("simulator", "block", "scenario", "row", "output", "cycle", "expected", "got")
        tables.append(Table("First differences", where, differences))
    failures: list[Sequence[object]] = [
        (s.simulator, r.block, failure) for s in result.simulators for r in s.runs for failure in r.failures
    ]
    if failures:
        tables.append(Table("Broken promises", ("simulator", "block", "what"), failures))
    return tables


def formal(result: FormalResult) -> list[Table]:
    rows: list[Sequence[object]] = [
        (p.block, p.module, p.proven, p.unproven, round(p.seconds, 1)) for p in result.proofs
    ]
    columns = ("block", "module", "outputs equal", "not proven", "seconds")
    tables = [Table(f"{result.name}: both renderings, for all inputs ({result.tool})", columns, rows)]
    return tables + _not_rendered(result.not_rendered)


def synth(report: SynthesisReport) -> list[Table]:
    if all(block.asic for block in report.blocks):
        return [_asic(report)]
    rows: list[Sequence[object]] = [
        (
            b.block,
            b.luts,
            b.ffs,
            _over_estimate(b),
            b.carries,
            b.muxes,
            b.brams,
            b.dsps,
            b.slack_ns,
            b.power_mw,
            round(b.seconds, 1),
        )
        for b in report.blocks
    ]
    origin = sorted(
        {f"{b.tool} ({b.version}), {b.device}, {b.clock_mhz:g} MHz, {b.stage}" for b in report.blocks}
    )
    columns = (
        "block",
        "LUTs",
        "FFs",
        "of the estimate",
        "carries",
        "muxes",
        "BRAMs",
        "DSPs",
        "slack ns",
        "power mW",
        "seconds",
    )
    return [Table(f"{report.name}: {'; '.join(origin)}", columns, rows)]


def _asic(report: SynthesisReport) -> Table:
    rows: list[Sequence[object]] = [
        (
            b.block,
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
        for b in report.blocks
        if (a := b.asic)
    ]
    origin = sorted({f"{b.version}, {b.device}, {b.clock_mhz:g} MHz, {b.stage}" for b in report.blocks})
    columns = (
        "block",
        "area mm2",
        "cells",
        "FFs",
        "clock gates",
        "slack ns",
        "highest MHz",
        "power mW, measured activity",
        "vectorless",
        "seconds",
    )
    return Table(f"{report.name}: {'; '.join(origin)}", columns, rows)


def _over_estimate(block: SynthesizedBlock) -> str | None:
    """LUTs and FFs measured over those that the RTL package foretold."""
    luts, ffs = block.over_estimate()
    return None if luts is None or ffs is None else f"{luts:.3f}, {ffs:.3f}"


def energy(table: EnergyTable) -> list[Table]:
    rows: list[Sequence[object]] = [
        (r.subject, r.implementation, r.accounting, r.cycles, r.power_mw, r.value, r.power_source)
        for r in table.rows
    ]
    columns = ("subject", "implementation", "accounting", "cycles", "power mW", "energy uJ", "power from")
    ratios: list[Sequence[object]] = [
        (r.name, r.value, r.accounting, f"{r.numerator} / {r.denominator}") for r in table.ratios
    ]
    replaced = (
        f"{percent(table.multiplications_replaced)} of a layer's multiplications "
        f"and {percent(table.weights_replaced)} of its weights replaced"
    )
    return [
        Table(f"{table.name}: energy of one sample; {replaced}", columns, rows),
        Table("Ratios", ("ratio", "value", "accounting", "of"), ratios),
    ]


def front(result: Front) -> list[Table]:
    return [
        Table(f"{result.name}: foldings of {result.block}, {result.clock_mhz:g} MHz", *_points(result.points))
    ]


def estimate(result: EstimateTable) -> list[Table]:
    title = f"{result.name}: by counting, before any tool ran; energy of a sample at {result.clock_mhz:g} MHz"
    return [Table(title, *_points(result.points))]


def _points(points: Sequence[FrontPoint]) -> tuple[tuple[str, ...], list[Sequence[object]]]:
    columns = (
        "block",
        "figures",
        "cycles",
        "outputs a cycle",
        "bits a cycle",
        "cycles a row",
        "LUTs",
        "FFs",
        "uJ",
    )
    return columns, [
        (
            p.block, p.source, p.accounting, p.outputs_per_cycle, p.bits_per_cycle, p.cycles_per_row, p.luts, p.ffs,
            p.energy_uj,
        )
        for p in points
    ]  # fmt: skip


def doctor(health: Health) -> list[Table]:
    tools: list[Sequence[object]] = [
        (t.name, t.found, t.version or t.problem, t.needed_by_run, t.unlocks, "" if t.found else t.install)
        for t in health.tools
    ]
    packages: list[Sequence[object]] = [(name, version) for name, version in health.packages.items()]
    title = f"quweit {health.quweit}, Python {health.python}, {health.platform}"
    return [
        Table(title, ("package", "version"), packages),
        Table("Tools", ("tool", "found", "version", "needed by run", "unlocks", "how to get it"), tools),
    ]


def fields(document: BaseModel) -> list[Table]:
    """Any flat document, a field a row."""
    content = document.model_dump(exclude={"schema_name"})
    return [Table("", ("figure", "value"), list(content.items()))]


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
    if result.dump:
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
        rows.append(
            (
                "sim",
                name,
                f"{verdict} on {one.rows_compared:,} rows of {one.blocks} blocks, {cycles} cycles a row",
            )
        )
    rows += [("sim", name, f"skipped: {reason}") for name, reason in result.skipped.items()]
    rows += [("synth", block.block, _size(block)) for block in result.synth or []]
    if result.energy:
        rows += [("energy", of, ratios) for of, ratios in _model_ratios(result.energy.ratios).items()]
    return [Table(result.name, ("stage", "of", "result"), rows)]


def _size(block: SynthesizedBlock) -> str:
    if block.asic:
        return f"{block.asic.area_mm2:.4f} mm2, {block.asic.cells:,} cells of {block.device}, slack {block.slack_ns:.3f} ns at {block.clock_mhz:g} MHz"
    return f"{block.luts:,} LUTs, {block.ffs:,} FFs, {block.brams:g} BRAMs, {block.dsps} DSPs ({block.tool})"


def _model_ratios(ratios: list[EnergyRatio]) -> dict[str, str]:
    """Of the whole model, not of single blocks: what is compared -> one figure an array."""
    grouped: dict[str, list[str]] = {}
    for ratio in ratios:
        subject, _, array = ratio.name.rpartition(", ")
        if subject.startswith("all "):
            of = f"{subject}, {ratio.accounting} cycles"
            grouped.setdefault(of, []).append(f"{ratio.value:.3g}x {array.removeprefix('systolic ')}")
    return {of: f"less than systolic arrays: {', '.join(figures)}" for of, figures in grouped.items()}


def percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.2f} %"
