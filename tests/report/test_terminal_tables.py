"""Every table fits the terminal: no line is wider, no figure or word is broken, no row is a tower."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import packages
from conftest import Outcome
from measurements import array_design, array_run, simulated, synthesized, unit_designs, unit_run
from quweit_cli import config
from quweit_cli.cli import console
from quweit_cli.documents import (
    DumpSummary,
    EnergySummary,
    EnergyTable,
    EstimateTable,
    EvalResult,
    FormalProof,
    FormalResult,
    Front,
    FrontPoint,
    Implementation,
    ModelShape,
    ModuleInCells,
    ProductDifference,
    RtlManifest,
    SimulatorSummary,
    Summary,
    TrainSummary,
    UnfinishedTraining,
)
from quweit_cli.energy.power import calibrated
from quweit_cli.energy.rows import build
from quweit_cli.report import energy_tables, headline, numbers, sections, tables
from quweit_cli.report.proof import STEADY
from quweit_cli.report.table_layout import laid_out
from quweit_cli.report.tables import Table
from quweit_cli.stages import doctor, examples, paper
from quweit_cli.stages.summary import _sim

Quweit = Callable[..., Outcome]
WIDTHS = (80, 100, 140)
LONG = "model of LUTs and FFs, residuals up to 16 %; extrapolated, outside of 7,792 to 370,939 LUTs and 3,178 to 203,023 FFs"
SHAPE = packages.I_VIT_T.model_copy(update={"layers": 12})


def energy_table(shape: ModelShape = SHAPE) -> EnergyTable:
    blocks = [
        packages.synthesized_block(layer, luts=3_000 + layer, ffs=1_200) for layer in range(shape.layers)
    ]
    model = calibrated()
    rows, ratios = build(
        packages.dump_manifest(shape),
        packages.sim_result(shape.layers, 192),
        packages.synthesis_report(*blocks),
        [],
        config.Energy(),
        model,
    )
    return EnergyTable(
        name="tiny", synth=packages.DIGEST, sim=packages.DIGEST, rows=rows, ratios=ratios,
        multiplications_replaced=0.5699, weights_replaced=2 / 3, power_model=model,
    )  # fmt: skip


LIBRARY = "sky130_fd_sc_hd__tt_025C_1v80"


def library_block(**figures: Any) -> Implementation:
    wide = {"area_mm2": 0.0712, "cells": 12_345, "highest_clock_mhz": 1111.1, "vectorless_mw": 3.123, "measured_mw": 2.001}  # fmt: skip
    return packages.library_block(LIBRARY, **{**wide, "clock_gates": 12, **figures})


def folding(cycles: int, source: str = "estimated") -> FrontPoint:
    return FrontPoint(
        block="block_0", source=source, accounting="counted", outputs_per_cycle=192, bits_per_cycle=768.0,
        cycles_per_row=cycles, sample_cycles=196 * cycles, luts=123_456, ffs=123_456, power_mw=1234.5, power_sources=[LONG],
        energy_uj=1234.5,
    )  # fmt: skip


def summary() -> Summary:
    sim = packages.sim_result(12).simulators[0]
    made, train = energy_table(), packages.train_result()
    return Summary(
        name="tiny",
        train=TrainSummary(
            seed=0,
            test_accuracy={one.mlp: one.test_accuracy for one in train.models},
            test_loss={one.mlp: one.test_loss for one in train.models},
            parameters={one.mlp: 22_123_456 for one in train.models},
            seconds={one.mlp: one.seconds for one in train.models},
        ),
        dump=DumpSummary(
            blocks=12,
            digest=packages.DIGEST,
            samples=10_000,
            rows_compared=1_960_000,
            logits_equal=True,
            declared=False,
        ),
        sim={
            "verilator": SimulatorSummary.model_validate(
                sim.model_dump(include=set(SimulatorSummary.model_fields))
            )
        },
        synth=[packages.synthesized_block(), library_block()],
        energy=EnergySummary(
            rows=made.rows, ratios=made.ratios, multiplications_replaced=0.57, weights_replaced=0.67
        ),
        skipped={"icarus": "`iverilog` is not on this machine (apt-get install iverilog)"},
    )


ARRAYS = [array_design(side) for side in (8, 64)]
LATE = ModuleInCells(
    module="quweit_systolic_column", count=64, area_um2=1, vectorless_mw=1, slack_ns=-0.123, mapper="nf"
)
IN_CELLS = library_block(area_mm2=0.95, vectorless_mw=1234.5, measured_mw=2345.6, modules=[LATE]).model_copy(
    update={"design": "systolic_64_pipelined", "kind": "array", "slack_ns": -0.123}
)
WRONG = ProductDifference(
    product="projection", scenario="gaps_and_backpressure", row=195, column=191, cycle=123_456, expected=-128, got=None
)  # fmt: skip
PROOF = FormalProof(
    block="block_0", module="block_0_table_0123", proven=123_456, unproven=0, first=[], seconds=12.3
)
EVAL = EvalResult(
    name="tiny", mlp="weightless", data="scikit-learn digits, 1347 training and 450 test scans, stratified split",
    samples=450, device="cpu", loss=0.1234567, accuracy=0.98, integer_loss=0.1234567, integer_accuracy=0.98,
)  # fmt: skip
FAILED = packages.sim_result(2, bit_exact=False).model_copy(update={"not_compared": ["block_7"]})


def documents() -> Iterator[tuple[str, list[Table]]]:
    yield "train", tables.train(packages.train_result())
    yield (
        "unfinished",
        tables.unfinished(
            UnfinishedTraining(name="tiny", mlp="dense", step=1, steps=100, state="train.unfinished")
        ),
    )
    yield "dump", tables.dump(packages.dump_manifest())
    package = RtlManifest(
        name="tiny", dump=packages.DIGEST, blocks=[packages.rtl_block()], files={}, not_rendered=["b"]
    )
    yield "rtl", tables.rtl(package)
    units = [unit_run(unit) for unit in unit_designs()]
    yield "sim", tables.sim(packages.sim_result(2))
    yield "sim", tables.sim(simulated([array_run(one) for one in ARRAYS], units))
    broken = array_run(ARRAYS[1], bit_exact=False, differences=[WRONG], failures=["no row 3"])
    yield "sim", tables.sim(simulated([broken], units))
    yield "netlist", tables.netlist(FAILED)
    yield (
        "formal",
        tables.formal(
            FormalResult(
                name="tiny", rtl=packages.DIGEST, tool="Yosys 0.70", proofs=[PROOF], not_rendered=["block_1"]
            )
        ),
    )
    vivado = packages.synthesized_block(version="Vivado v2022.1", slack_ns=-0.123, power_mw=153.06)
    for block in (packages.synthesized_block(), vivado, library_block()):
        yield "synth", tables.synth(packages.synthesis_report(block))
    arrays = [synthesized(one, 370_939, 203_023) for one in ARRAYS]
    yield "synth", tables.synth(packages.synthesis_report(*arrays, *map(synthesized, unit_designs())))
    yield "synth", tables.synth(packages.synthesis_report(library_block(), IN_CELLS))
    for made in (energy_table(), energy_table(ONE_TOKEN)):
        yield "energy", energy_tables.energy(made)
        yield "energy_rows", energy_tables.energy_rows(made)
    yield "energy", energy_tables.energy(alone())
    yield "energy_rows", energy_tables.energy_rows(alone())
    points = [folding(1), folding(192), folding(16, "measured")]
    yield "front", energy_tables.front(Front(name="tiny", block="block_0", clock_mhz=200.0, points=points))
    yield "estimate", energy_tables.estimate(EstimateTable(name="tiny", clock_mhz=200.0, points=points))
    yield "doctor", tables.doctor(doctor.run())
    yield "examples", tables.examples(examples.run(None, None))
    yield "fields", tables.fields(EVAL)
    yield "summary", tables.summary(summary())
    yield "paper", energy_tables.paper(paper.run(None))


ONE_TOKEN = packages.I_VIT_T.model_copy(update={"layers": 2, "tokens": 1, "heads": 1, "family": "mlp"})


def alone() -> EnergyTable:
    """Blocks in cells of a library."""
    model = calibrated()
    rows, ratios = build(
        packages.dump_manifest(), packages.sim_result(), packages.synthesis_report(library_block()), [], config.Energy(), model
    )  # fmt: skip
    return EnergyTable(
        name="tiny", synth=packages.DIGEST, sim=packages.DIGEST, rows=rows, ratios=ratios,
        multiplications_replaced=0.5, weights_replaced=0.5, power_model=model,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made() -> list[tuple[str, list[Table]]]:
    return list(documents())


def flaws(table: Table, printed: str, width: int) -> list[str]:
    """What is wrong with a table as it was printed."""
    lines = printed.splitlines()
    found = [f"{len(line)} wide: {line}" for line in lines if len(line) > width]
    words = set(printed.split())
    cells = [numbers.text(cell, absent="-") for row in table.rows for cell in row]
    for cell in (*table.columns, *cells):
        found += [
            f"`{word}` is broken" for word in cell.split() if len(word) < width / 2 and word not in words
        ]
    rules = [place for place, line in enumerate(lines) if line and set(line.strip()) == {"─"}]
    ends = [*(place - HEADING for place in rules[1:]), len(lines)]
    if any(end - start - 1 > TALLEST * len(table.rows) + 1 for start, end in zip(rules, ends, strict=True)):
        found.append("rows are too high")
    return found


TALLEST, HEADING = 3, 1  # lines of a row at most, lines of a heading at least


@pytest.mark.parametrize("width", WIDTHS)
def test_every_table_fits(
    made: list[tuple[str, list[Table]]],
    width: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for kind, parts in made:
        for table in parts:
            console.print_table(table.title, table.columns, table.rows)
            assert flaws(table, capsys.readouterr().out, width) == [], kind


def test_every_kind_of_table_is_among_them(made: list[tuple[str, list[Table]]]) -> None:
    kinds = {
        name
        for module in (tables, energy_tables)
        for name, value in inspect.getmembers(module, inspect.isfunction)
        if value.__module__ == module.__name__ and not name.startswith("_") and name != "percent"
    }
    assert kinds == {kind for kind, _ in made}


def test_a_table_that_does_not_fit_is_found() -> None:
    table = Table("", ("name", "energy uJ"), [("block 0", 1_234_567)])
    good = ["name     energy uJ", "─" * 18, "block 0  1,234,567"]
    assert flaws(table, "\n".join(good), 80) == []
    assert "18 wide" in flaws(table, "\n".join(good), 17)[0]
    assert "`1,234,567` is broken" in flaws(
        table, "\n".join([*good[:2], "block 0  1,234,", "         567"]), 80
    )
    tower = [*good[:2], "block    1,234,567", "0", *[""] * 4]
    assert flaws(table, "\n".join(tower), 80) == ["rows are too high"]


def test_columns_that_do_not_fit_follow_below_after_the_first() -> None:
    headings = ["block", *(f"figure{number}" for number in range(20))]
    parts = list(laid_out(headings, [["block0", *("1,234,567" for _ in range(20))]], 80))
    assert len(parts) > 1
    assert {part.places[0] for part in parts} == {0}
    assert [place for part in parts for place in part.places[1:]] == list(range(1, 21))
    assert all(sum(part.widths) + 2 * (len(part.widths) - 1) <= 80 for part in parts)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    packages.write_document(tmp_path / "project", "train", packages.train_result())
    packages.write_project(tmp_path / "project", SHAPE)
    return tmp_path / "project"


def test_energy_says_the_headline_in_a_few_lines_and_everything_when_asked(
    project: Path, quweit: Quweit
) -> None:
    short = quweit("-q", "energy", project, COLUMNS="80").stdout
    assert len(short.splitlines()) <= 20
    assert "4.04x" in short and "775x" in short and "`--all`" in short
    everything = quweit("-q", "energy", project, "--all", COLUMNS="80").stdout
    assert everything.startswith(short.splitlines()[0])
    assert len(everything.splitlines()) > 150
    assert everything.count("arXiv 2411.01818, table 3") == 1
    assert max(map(len, everything.splitlines())) <= 80
    notes = set(re.findall(r"^\[(\d+)\]", everything, re.MULTILINE))
    assert {"1", "2"} < notes


def test_no_figure_is_written_with_an_exponent(project: Path, quweit: Quweit) -> None:
    printed = quweit("-q", "energy", project, "--all").stdout + quweit("-q", "report", project).stdout
    assert not re.search(r"\de[+-]\d", printed)


def test_a_pipe_has_no_width(project: Path, quweit: Quweit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    printed = quweit("-q", "energy", project, "--all").stdout
    assert max(map(len, printed.splitlines())) <= console.WIDTH_OF_PIPES


def test_what_was_compared_beside_the_blocks_is_said_and_its_differences_are_shown() -> None:
    result = packages.sim_result(2)
    (one,) = result.simulators
    (wrapper,) = packages.sim_result(1, bit_exact=False).simulators[0].runs
    wrapper = wrapper.model_copy(update={"form": "wrapper", "failures": ["no row 3"]})
    beside = one.model_copy(update={"further_runs": [wrapper]})
    whole = result.model_copy(update={"simulators": [beside], "compiled_only": ["rtl/xilinx/a.sv"]})
    proof, differences, failures = tables.sim(whole)
    assert list(proof.notes) == [
        "1 wrapper on verilator: NOT equal on 4,096 rows",
        "compiled, not simulated: 1 file in an FPGA's cells, which `quweit sim --formal` and `--netlist` compare",
    ]
    assert differences.rows[0][1] == "block_0 (wrapper)"
    assert list(failures.rows) == [("verilator", "block_0 (wrapper)", "no row 3")]
    section = sections._proof(whole)
    assert section.paragraphs == [f"{note[0].upper()}{note[1:]}." for note in proof.notes]
    assert {table.caption for table in section.tables} >= {"First differences", "Broken promises"}


def test_rows_one_after_another_alone_are_called_so_wherever_equality_is_shown() -> None:
    whole = packages.sim_result(2)
    alone = whole.model_copy(update={"steady_only": True})
    assert STEADY in next(iter(tables.sim(alone))).notes and STEADY not in next(iter(tables.sim(whole))).notes
    assert f"{STEADY[0].upper()}{STEADY[1:]}." in sections._proof(alone).paragraphs
    assert headline._proof(whole).mood == "good" and STEADY not in headline._proof(whole).notes
    assert headline._proof(alone).mood == "" and STEADY in headline._proof(alone).notes
    shown = [
        str(row[2])
        for one in (whole, alone)
        for row in tables.summary(Summary(name="tiny", sim=_sim(one)))[0].rows
    ]
    assert ["one after another alone" in said for said in shown] == [False, True]
