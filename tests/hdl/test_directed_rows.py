"""The vectors read every table entry that any input reads, and show every single fault that any input shows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from programs import project_with_dump, random_block
from quweit_cli import config
from quweit_cli.artifacts import load
from quweit_cli.documents import VectorCoverage
from quweit_cli.errors import ArtifactError, Mismatch
from quweit_cli.hdl.block.design import BenchRows, BlockSource, bench_rows
from quweit_cli.hdl.block.structure import Layer, Lut, Structure, structure_of
from quweit_cli.hdl.directed import rows as stimulus
from quweit_cli.hdl.directed.circuit import Circuit
from quweit_cli.ir.nodes.sums import Requantize
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.ir.program import Program, evaluate
from quweit_cli.ir.types import TensorType
from quweit_cli.stages import rtl, sim
from quweit_cli.synthesizers.library.flow import _golden_first

FEW = config.Rtl(random_rows=4)
ICARUS = config.Sim(simulators=("icarus",), rows={})
# Few enough inputs to try all of them: three features of 12 values.
SMALL = {"features": 3, "thresholds": 4}
BLOCKS = {
    "one layer": {"layers": (9,)},
    "two layers": {"layers": (9, 6), "fan_in": 4},
    "three layers": {"layers": (8, 7, 5), "fan_in": 3},
    "summed past two layers": {"layers": (8, 6), "fan_in": 3, "summed": True},
    "shifted": {"layers": (9,), "requantize": Requantize(1, 3, -32768, 32767)},
    "multiplied": {"layers": (7, 5), "fan_in": 4, "requantize": Requantize(77_777, 18, -32768, 32767)},
    "clamped": {"layers": (9,), "requantize": Requantize(1, 2, -60, 50)},
}


def small_block(name: str, seed: int = 0) -> Program:
    """Thresholds within, at the ends and outside of an input of -6 ... 5."""
    program = random_block(seed, **SMALL, **BLOCKS[name])  # type: ignore[arg-type]
    program.steps[0].node.thresholds_DT[:] = np.random.default_rng(seed).integers(-8, 7, (3, 4))  # type: ignore[attr-defined]
    return replace(program, input_type=TensorType(3, -6, 5))


def vectors_of(program: Program, options: config.Rtl = FEW) -> tuple[Structure, BenchRows]:
    golden = np.array([[0] * program.input_type.features])
    source = BlockSource(0, program, golden, evaluate(program, golden), config.Fold())
    structure = structure_of(program, config.Fold())
    return structure, bench_rows(source, structure, options)


def all_inputs(program: Program) -> np.ndarray:
    kind = program.input_type
    return np.array(list(itertools.product(range(kind.low, kind.high + 1), repeat=kind.features)))


def entries_read(structure: Structure, rows: np.ndarray) -> set[tuple[int, int, int]]:
    trace = Circuit(structure).trace(rows)
    return {
        (layer, lut, int(address))
        for layer, addresses_JR in enumerate(trace.addresses_JR)
        for lut, address_R in enumerate(addresses_JR)
        for address in np.unique(address_R)
    }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", BLOCKS)
def test_an_entry_is_read_or_no_input_reads_it(name: str, seed: int) -> None:
    program = small_block(name, seed)
    structure, rows = vectors_of(program)
    read = entries_read(structure, rows.inputs_RD)
    assert read == entries_read(structure, all_inputs(program))
    tables = rows.coverage.tables
    assert (tables.read, tables.not_found) == (len(read), 0)
    refused = {(one.layer, one.lut, one.address) for one in rows.coverage.unreachable}
    assert len(refused) == tables.unreachable == tables.entries - tables.read
    assert not refused & read
    assert all(one.why.startswith("never ") for one in rows.coverage.unreachable)


@pytest.mark.parametrize("name", BLOCKS)
def test_every_single_fault_that_an_input_shows_is_shown_by_the_vectors(name: str) -> None:
    """But for one in a hundred of the pins moved to a bit that is nearly the same: so small a block has hardly any inputs."""
    program = small_block(name)
    structure, rows = vectors_of(program)
    found, missed = found_and_missed(program, structure, rows, faults_of_tables(structure))
    assert found > 10 and not missed
    found, missed = found_and_missed(program, structure, rows, faults_of_numbers(structure))
    assert found > 50 and not missed
    found, missed = found_and_missed(program, structure, rows, faults_of_pins(structure))
    assert found > 40 and missed <= found / 100


def found_and_missed(
    program: Program, structure: Structure, rows: BenchRows, faults: Iterator[Structure]
) -> tuple[int, int]:
    """Faults that change an output of the vectors, and those that change one of another input alone."""
    inputs = all_inputs(program)
    right = Circuit(structure).trace(inputs).outputs_RE
    seen_by = {tuple(row) for row in rows.inputs_RD.tolist()}
    played = np.array([tuple(row) in seen_by for row in inputs.tolist()])
    found = missed = 0
    for faulty in faults:
        different_R = (Circuit(faulty).trace(inputs).outputs_RE != right).any(axis=1)
        found += bool(different_R[played].any())
        missed += bool(different_R.any() and not different_R[played].any())
    return found, missed


def with_lut(structure: Structure, layer: int, number: int, lut: Lut) -> Structure:
    table, layers = list(structure.layers[layer].table), list(structure.layers)
    table[number] = lut
    layers[layer] = Layer(tuple(table))
    return replace(structure, layers=tuple(layers))


def faults_of_tables(structure: Structure) -> Iterator[Structure]:
    for layer, one in enumerate(structure.layers):
        for number, lut in enumerate(one.table):
            for address in range(2 ** len(lut.pins)):
                yield with_lut(structure, layer, number, Lut(lut.pins, lut.table ^ 1 << address))


def faults_of_pins(structure: Structure) -> Iterator[Structure]:
    """Any other bit of the layer before."""
    for layer, one in enumerate(structure.layers):
        bits = structure.thresholds_DT.size if layer == 0 else structure.layers[layer - 1].luts
        for number, lut in enumerate(one.table):
            for place, bit in itertools.product(range(len(lut.pins)), range(bits)):
                if bit != lut.pins[place]:
                    pins = (*lut.pins[:place], bit, *lut.pins[place + 1 :])
                    yield with_lut(structure, layer, number, Lut(pins, lut.table))


def faults_of_numbers(structure: Structure) -> Iterator[Structure]:
    """Thresholds, values and biases, by one and by more."""
    for field in ("thresholds_DT", "values_KE", "biases_E"):
        numbers = getattr(structure, field)
        for index in np.ndindex(numbers.shape):
            for step in (1, -1, 9, -9):
                changed = numbers.copy()
                changed[index] += step
                if field == "biases_E" or -128 <= changed[index] <= 127:
                    yield replace(structure, **{field: changed})


@pytest.mark.parametrize("name", ["two layers", "three layers", "summed past two layers"])
def test_what_is_called_masked_changes_no_output_of_any_input(name: str) -> None:
    found = 0
    for seed in range(4):
        program = small_block(name, seed)
        structure, rows = vectors_of(program)
        inputs = all_inputs(program)
        right = Circuit(structure).trace(inputs).outputs_RE
        for entry in rows.coverage.masked:
            lut = structure.layers[entry.layer].table[entry.lut]
            other = with_lut(structure, entry.layer, entry.lut, Lut(lut.pins, lut.table ^ 1 << entry.address))
            assert np.array_equal(Circuit(other).trace(inputs).outputs_RE, right)
            found += 1
        tables = rows.coverage.tables
        assert tables.observed + tables.masked == tables.read
    assert found


@pytest.mark.parametrize(("tokens", "causal"), [(4, False), (9, False), (3, True), (7, True), (1, True)])
def test_rows_with_neighbours_are_whole_samples_and_read_all_that_samples_can(
    tokens: int, causal: bool
) -> None:
    around = Neighbourhood(tokens, causal)
    program = random_block(3, features=16, thresholds=1, layers=(12, 6), outputs=8, fan_in=4)
    program.steps[0].node.thresholds_DT[:] = 0  # type: ignore[attr-defined]
    program = replace(program, input_type=TensorType(16, 0, 1))
    structure = structure_of(program, config.Fold())
    golden = np.zeros((tokens, 16), dtype=np.int64)
    source = BlockSource(0, program, golden, evaluate(program, golden), config.Fold(), around)
    rows = bench_rows(source, structure, config.Rtl(random_rows=0, directed_rows=4096))
    assert np.array_equal(around.read(rows.played_RD), rows.inputs_RD)
    assert rows.directed_rows % tokens == 0
    reachable: set[tuple[int, int, int]] = set()
    own = np.array(list(itertools.product((0, 1), repeat=8)))
    given = around.read(np.ones((tokens, 8), dtype=np.int64))[:, 8:]
    for present in np.unique(given, axis=0):
        beside = np.array(list(itertools.product(*((0, 1) if one else (0,) for one in present))))
        every = np.concatenate([np.repeat(own, len(beside), axis=0), np.tile(beside, (len(own), 1))], axis=1)
        reachable |= entries_read(structure, every)
    assert entries_read(structure, rows.inputs_RD) == reachable
    assert rows.coverage.tables.not_found == 0


def test_a_search_that_ends_early_says_not_found_and_not_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    program = small_block("two layers")
    whole = vectors_of(program)[1].coverage.tables
    monkeypatch.setattr(stimulus, "QUESTIONS", 5)
    structure, rows = vectors_of(program)
    tables = rows.coverage.tables
    assert tables.not_found > 0
    assert tables.unreachable <= whole.unreachable
    listed = {(one.layer, one.lut, one.address) for one in rows.coverage.not_found}
    assert len(listed) == tables.not_found
    assert not listed & entries_read(structure, rows.inputs_RD)


def test_directed_rows_are_no_more_than_asked_for() -> None:
    program = small_block("shifted")
    assert vectors_of(program)[1].directed_rows > 7
    assert vectors_of(program, config.Rtl(random_rows=4, directed_rows=7))[1].directed_rows == 7
    none = vectors_of(program, config.Rtl(random_rows=4, directed_rows=0))[1]
    assert (none.directed_rows, none.coverage.tables.unreachable) == (0, 0)


def test_the_coverage_of_the_first_rows_is_that_of_these_rows() -> None:
    structure, rows = vectors_of(small_block("two layers"))
    assert rows.coverage.read_by_first_rows == [
        len(entries_read(structure, rows.inputs_RD[:count])) for count in range(1, len(rows.inputs_RD) + 1)
    ]


@pytest.mark.requires("icarus")
def test_an_entry_that_golden_rows_never_read_is_compared(tmp_path: Path) -> None:
    program = random_block(2, features=8, layers=(12,))
    project = project_with_dump(tmp_path / "p", program, rows=30)
    (block,) = rtl.run(project, config.Rtl(random_rows=8)).blocks
    structure = structure_of(program, config.Fold())
    golden = np.load(project / "dump/blocks/block0.x.npy").astype(np.int64)
    reached = load(VectorCoverage, project / "rtl" / block.vectors.coverage)
    left = {(0, one.lut, one.address) for one in reached.unreachable} | entries_read(structure, golden)
    assert block.vectors.tables.not_found == 0
    number, address = next(
        (number, address)
        for number, lut in enumerate(structure.layers[0].table)
        for address in range(2 ** len(lut.pins))
        if (0, number, address) not in left
    )
    lut = structure.layers[0].table[number]
    path = project / "rtl/rtl/toy_block0_lut_layer0.sv"
    right = f"Table{number} = {2 ** len(lut.pins)}'h{lut.table:0{max(1, 2 ** len(lut.pins) // 4)}x}"
    wrong = f"Table{number} = {2 ** len(lut.pins)}'h{lut.table ^ 1 << address:x}"
    assert right in path.read_text()
    run = sim.run(project, ICARUS).simulators[0].runs[0]
    assert run.table_entries_read == run.table_entries_reachable == reached.tables.read
    path.write_text(path.read_text().replace(right, wrong))
    with pytest.raises(Mismatch):
        sim.run(project, ICARUS)


@pytest.mark.requires("icarus")
def test_a_proof_of_few_rows_says_what_these_read(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(2))
    (block,) = rtl.run(project, config.Rtl()).blocks
    result = sim.run(project, config.Sim(simulators=("icarus",), rows={"icarus": 3}))
    coverage = load(VectorCoverage, project / "rtl" / block.vectors.coverage)
    (run,) = result.simulators[0].runs
    assert run.table_entries_read == coverage.read_by_first_rows[2] < coverage.tables.read
    assert result.simulators[0].table_entries_read == run.table_entries_read
    path = project / "rtl" / block.vectors.coverage
    path.write_text(path.read_text().replace("[", "[999999,", 1))
    with pytest.raises(ArtifactError, match="not what `quweit rtl` wrote"):
        sim.run(project, ICARUS)


def test_activity_is_counted_on_real_rows_which_stand_at_the_end(tmp_path: Path) -> None:
    vectors = tmp_path / "in.hex"
    vectors.write_text("directed\nrandom\ngolden0\ngolden1\n")
    (tmp_path / "work").mkdir()
    ordered = _golden_first(vectors, 2, tmp_path / "work")
    assert (tmp_path / "work" / ordered).read_text().split() == ["golden0", "golden1", "directed", "random"]
