"""A whole model in RTL: pixels in, logits out, equal to its program; and what is changed is found."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cases import few
from experiments import tiny_digits, whole_model
from hosts import passes
from packages import self_checked
from quweit_cli import artifacts, config
from quweit_cli.documents import DUMP, RTL, RtlManifest
from quweit_cli.errors import ArtifactError, ConfigError, Mismatch, ToolFailed, UnsupportedModel
from quweit_cli.hdl.model.design import render_model
from quweit_cli.hdl.model.schedule import JOB_BITS, WIDTHS, Job, fields_of_word
from quweit_cli.hdl.model.transformer import lay_out
from quweit_cli.ir import Program, RequantizeFeatures, Step
from quweit_cli.ir.nodes.sums import Addition
from quweit_cli.ir.program import trace
from quweit_cli.ir.types import INT16
from quweit_cli.progress import Progress
from quweit_cli.report import tables
from quweit_cli.simulators import row_designs
from quweit_cli.stages import dump, rtl, sim, train
from quweit_cli.stages.sources import read_model
from quweit_cli.stages.summary import write_summary

SIDE = 8


@pytest.fixture(scope="module")
def weightless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_model(tmp_path_factory.mktemp("weightless"), "model.dim=8", "model.depth=1")


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its three heads of eight features and 16 tokens fill more than one tile."""
    return whole_model(
        tmp_path_factory.mktemp("dense"), "model.mlp=dense", "model.dim=24", "model.heads=3", "model.patch=2"
    )


@pytest.fixture
def copy(weightless: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(weightless, tmp_path / "copy"))


def tensors_of(project: Path) -> set[str]:
    """Those that jobs of the model write."""
    source, design = read_model(project / "dump", DUMP.load(project)), manifest_of(project).model
    assert design is not None
    layout = lay_out(source.program, SIDE, "x", manifest_of(project).blocks)
    return {name for job in layout.jobs for name in job.tensors}


class Notes(Progress):
    """Keeps what is noted."""

    def __init__(self, said: list[str]) -> None:
        self.said = said

    def note(self, message: str) -> None:
        self.said.append(message)


def manifest_of(project: Path) -> RtlManifest:
    return RTL.load(project)


@pytest.mark.slow
@pytest.mark.requires("icarus")
def test_a_weightless_model_equals_its_program_on_icarus(weightless: Path) -> None:
    result = sim.run(weightless, config.Sim(simulators=("icarus",)), only=["model"])
    (one,) = result.simulators
    (run,) = one.models
    design = manifest_of(weightless).model
    assert design is not None and run.bit_exact
    assert run.scenarios["steady"] == run.scenarios["gaps_and_backpressure"] == 2
    assert run.scenarios["reset"] > 0
    assert run.tensors_compared == 1 + len({name for name in tensors_of(weightless) if name != "logits"})
    assert run.words_compared == 128 * run.compared
    assert run.latency_cycles == design.latency_cycles
    assert run.initiation_interval_cycles == design.initiation_interval_cycles


@pytest.mark.slow
@pytest.mark.requires("verilator")
def test_a_dense_model_of_many_tiles_equals_its_program_on_verilator(dense: Path) -> None:
    result = sim.run(dense, config.Sim(simulators=("verilator",)))
    assert result.bit_exact and not result.simulators[0].blocks
    assert result.simulators[0].models[0].different == 0
    summary = write_summary(dense)
    assert summary.sim is not None and summary.dump is not None and summary.model is not None
    assert None not in summary.model.accuracy.values()
    whole, design = summary.sim["verilator"].model, manifest_of(dense).model
    assert whole is not None and design is not None and whole.bit_exact
    assert whole.cycles_per_sample == design.initiation_interval_cycles
    assert summary.dump.tensors_compared > 40
    for table in (*tables.dump(DUMP.load(dense)), *tables.rtl(manifest_of(dense)), *tables.sim(result)):
        assert table.rows


@pytest.mark.requires("icarus")
def test_a_model_is_compared_in_its_wrapper_and_a_wrong_wrapper_is_found(copy: Path) -> None:
    options = config.Sim(simulators=("icarus",), samples={"icarus": 1})
    (run,) = sim.run(copy, options, only=["model"]).simulators[0].models
    assert run.form == "wrapper" and run.words_compared
    design = manifest_of(copy).model
    assert design is not None
    path = copy / "rtl/rtl/wrapper" / f"{design.axis.top}.v"
    text = path.read_text()
    path.write_text(text.replace("(s_axis_tdata)", "(~s_axis_tdata)"))
    with pytest.raises(Mismatch, match="the wrapped model `model` on icarus differs"):
        sim.run(copy, options, only=["model"])


@pytest.mark.requires("icarus")
def test_the_driver_of_the_package_gets_the_logits_of_golden_images(copy: Path) -> None:
    design, source = manifest_of(copy).model, read_model(copy / "dump", DUMP.load(copy))
    assert design is not None
    images = source.inputs[:1].reshape(1, -1)
    assert passes(copy, design, rows=images.tolist(), answers=source.logits[:1].tolist())


@pytest.mark.slow
@pytest.mark.requires("verilator")
def test_fewer_units_take_longer_for_the_same_numbers(dense: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(dense, tmp_path / "copy"))
    rtl.run(project, config.Rtl(side=SIDE, lanes=2, directed_rows=0, random_rows=1))
    before, after = manifest_of(dense).model, manifest_of(project).model
    assert before is not None and after is not None and (before.lanes, after.lanes) == (SIDE, 2)
    longer = after.initiation_interval_cycles - before.initiation_interval_cycles
    of_units = sum(job.cycles - 10 for job in before.schedule if job.engine in ("norm", "softmax"))
    assert longer == 3 * of_units
    result = sim.run(project, config.Sim(simulators=("verilator",)), only=["model"])
    assert result.bit_exact and result.simulators[0].models[0].words_compared


def test_the_schedule_is_a_document_that_adds_up(dense: Path) -> None:
    design = manifest_of(dense).model
    assert design is not None
    last = 0
    for job in design.schedule:
        assert job.first_cycle == last
        last += job.cycles
    assert design.initiation_interval_cycles == design.features + last + design.outputs
    engines = [job.engine for job in design.schedule]
    assert {"product", "norm", "softmax", "sum"} == set(engines)
    assert design.schedule[0].tensor == "embedded" and design.schedule[-1].tensor == "logits"


@pytest.mark.requires("icarus")
def test_the_package_of_a_model_checks_itself(copy: Path) -> None:
    design, root = manifest_of(copy).model, copy / "rtl"
    assert design is not None
    done = self_checked(root, design, wrapper=True)
    assert done.returncode == 0 and f"PASS: {4 * design.vectors.rows} rows equal" in done.stdout, done.stdout
    word_of(root / "rtl" / design.top / "weights.hex", 0, lambda word: word ^ 0x40)
    done = self_checked(root, design, wrapper=False)
    assert done.returncode != 0 and "a row differs" in done.stdout


@pytest.mark.slow
@pytest.mark.requires("icarus")
def test_fusesoc_plays_the_package_of_a_model(copy: Path) -> None:
    text = (copy / "rtl" / "README.md").read_text()
    (command,) = re.findall(r"^fusesoc .*--target=sim_model .*$", text, re.MULTILINE)
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=copy / "rtl",
        check=True,
        text=True,
        capture_output=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    assert "PASS: 8 rows equal" in done.stdout


@pytest.mark.requires("icarus")
def test_a_bench_that_compares_fewer_words_than_are_written_could_not_tell(
    weightless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = row_designs.static_text
    seeing, blind = 'if not hasattr(dut, "wrong_o"):', "if True:"
    assert seeing in text("tb/test_block.py")
    monkeypatch.setattr(row_designs, "static_text", lambda name: text(name).replace(seeing, blind))
    with pytest.raises(ToolFailed, match=r"compared 0 words of memories, and its rows write \d"):
        sim.run(weightless, config.Sim(simulators=("icarus",), samples={"icarus": 1}), only=["model"])


# ---------------------------------------------------------------- what is changed is found


def word_of(path: Path, place: int, change: Callable[[int], int]) -> None:
    lines = path.read_text().splitlines()
    lines[place] = f"{change(int(lines[place], 16)):0{len(lines[place])}x}"
    path.write_text("\n".join(lines) + "\n")


def field(name: str) -> int:
    """Its lowest bit in the word of a job."""
    return next(first for one, first, _ in fields_of_word() if one == name)


NUMBERS = r"expected -?\d+, got -?\d+"
# What is changed -> the memory, its word, the change, and how it is named.
CHANGES: dict[str, tuple[str, int, Callable[[int], int], str]] = {
    "a weight": (
        "weights",
        0,
        lambda word: word ^ 0x40,
        r"tensor `positioned`, token \d+, feature 0: " + NUMBERS,
    ),
    "a bias": (
        "scales",
        0,
        lambda word: word ^ 1 << 12,
        "tensor `positioned`, token 0, feature 0: " + NUMBERS,
    ),
    "a shift": (
        "scales",
        0,
        lambda word: word ^ 1 << 33,
        "tensor `positioned`, token 0, feature 0: " + NUMBERS,
    ),
    "a position": (
        "positions",
        5,
        lambda word: word ^ 1 << 29,
        "tensor `positioned`, token 1, feature 5: " + NUMBERS,
    ),
    "where a product reads": (
        "jobs",
        2,
        lambda word: word ^ 1 << field("b_base"),
        "tensor `layer0/query`, token",
    ),
    "where a product writes": (
        "jobs",
        2,
        lambda word: word ^ 1 << field("result_base"),
        r"job `layer0/query`: word \d+ of the activations is written, lanes 1+, in place of word \d+ of the activations",
    ),
    "the length of a product": (
        "jobs",
        2,
        lambda word: word ^ 1 << field("inner"),
        "tensor `layer0/query`, token",
    ),
    "where results of a product go": (
        "jobs",
        0,
        lambda word: word ^ 2 << field("sink"),
        "job `embedded`: word 0 of the activations is written, lanes 1+, in place of word 0 of the residual stream",
    ),
    "the engine of a job": (
        "jobs",
        1,
        lambda word: word ^ 0b10,
        "job `layer0/(attention_norm|query)`: |tensor `layer0/",
    ),
    "the cycles of a job": (
        "jobs",
        1,
        lambda word: word & ~(0xFFF << field("cycles")) | 20 << field("cycles"),
        "`layer0/",
    ),
    "the multiplier of a softmax": (
        "jobs",
        7,
        lambda word: word ^ 1 << field("number") + 5,
        "tensor `layer0/weight`, head 0, token 0, token 0: " + NUMBERS,
    ),
}


@pytest.mark.requires("verilator")
@pytest.mark.parametrize("change", few(CHANGES))
def test_a_change_in_a_memory_is_found(copy: Path, change: str) -> None:
    memory, place, changed, named = CHANGES[change]
    design = manifest_of(copy).model
    assert design is not None
    if change == "the multiplier of a softmax":
        place = next(n for n, job in enumerate(design.schedule) if job.engine == "softmax")
    word_of(copy / "rtl" / "rtl" / design.top / f"{memory}.hex", place, changed)
    with pytest.raises(
        Mismatch, match=rf"model `model` on verilator differs .* first in scenario steady, .*{named}"
    ):
        sim.run(copy, config.Sim(simulators=("verilator",)), only=["model"])


@pytest.mark.slow
@pytest.mark.requires("verilator")
def test_a_changed_entry_of_a_table_is_named_by_what_it_gives(dense: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(dense, tmp_path / "copy"))
    design, source = manifest_of(project).model, read_model(project / "dump", DUMP.load(project))
    assert design is not None
    read = trace(source.program, source.inputs, nested=True)["layer0/hidden"]
    word_of(
        project / "rtl" / "rtl" / design.top / "tables.hex", int(read[0, 3, 7]) & 0xFF, lambda word: word ^ 1
    )
    with pytest.raises(Mismatch, match="tensor `layer0/gelu`, token [0-3], feature .*: " + NUMBERS):
        sim.run(project, config.Sim(simulators=("verilator",)), only=["model"])


@pytest.mark.slow
@pytest.mark.requires("icarus")
def test_unknown_bits_in_a_memory_are_found_where_they_are_written(copy: Path) -> None:
    design = manifest_of(copy).model
    assert design is not None
    path = copy / "rtl" / "rtl" / design.top / "positions.hex"
    path.write_text(
        "x" * len(path.read_text().split()[0]) + path.read_text()[len(path.read_text().split()[0]) :]
    )
    with pytest.raises(
        Mismatch, match=r"tensor `positioned`, token 0, feature 0: expected -?\d+, got unknown bits"
    ):
        sim.run(copy, config.Sim(simulators=("icarus",)), only=["model"])


def test_without_its_dump_logits_alone_are_compared_and_it_is_said(copy: Path) -> None:
    shutil.rmtree(copy / "dump")
    said: list[str] = []
    progress = Notes(said)
    manifest = manifest_of(copy)
    assert sim._expected(copy, manifest, manifest.designs, progress) is None
    assert said == ["the dump of this package is not here: of the model logits alone are compared"]


ENGINES = {
    "model/quweit_product_writer.sv": (r"tile_q \+ AddressBits'\(row_o\)", "tile_q"),
    "model/quweit_rescale_lane.sv": (r", coarse\[0\]\}", ", 1'b0}"),
    "model/quweit_image_loader.sv": (r"token\[LaneBits-1:0\]", "'0"),
    "model/quweit_token_sums.sv": (r"34'\(term_q\) \+", "-34'(term_q) +"),
}


@pytest.mark.slow
@pytest.mark.requires("verilator")
@pytest.mark.parametrize("file", list(ENGINES))
def test_a_change_in_an_engine_is_found(copy: Path, file: str) -> None:
    path = copy / "rtl" / "rtl" / file
    text, times = re.subn(ENGINES[file][0], ENGINES[file][1], path.read_text())
    assert times == 1
    path.write_text(text)
    with pytest.raises(Mismatch, match="model `model` on verilator differs"):
        sim.run(copy, config.Sim(simulators=("verilator",)), only=["model"])


# ---------------------------------------------------------------- what is refused


def test_hardware_of_a_float_model_is_refused(tmp_path: Path) -> None:
    project = artifacts.open_project(tmp_path)
    train.run(tiny_digits(), project)
    dump.run(project / "train" / "ckpt.pt", project, config.Dump(rows=8, samples=8))
    with pytest.raises(UnsupportedModel, match="computes in floating point around its blocks"):
        rtl.run(project, config.Rtl(side=SIDE))
    assert not (project / "rtl").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"side": 24}, "no model on an array of side 24"),
        ({"side": 8, "bus_bytes": 3}, "takes beats of 1 bytes and gives beats of 4"),
        ({"side": 8, "lanes": 3}, "3 lanes do not take the 8 tokens of a word"),
        ({"side": 64}, "comes faster than an array of side 64 is flushed"),
        ({"side": 8, "features_per_beat": 2}, "takes 2 features a beat"),
    ],
)
def test_a_side_or_block_that_does_not_fit_is_refused(
    weightless: Path, options: dict[str, int], words: str
) -> None:
    before = manifest_of(weightless)
    with pytest.raises(ConfigError, match=words):
        rtl.run(weightless, config.Rtl.model_validate(options))
    assert manifest_of(weightless) == before


def test_a_dense_model_is_rendered_whole_or_not_at_all(dense: Path) -> None:
    with pytest.raises(UnsupportedModel, match="has no block, and nobody asks"):
        rtl.run(dense, config.Rtl())


def test_a_model_without_some_of_its_blocks_is_refused(weightless: Path) -> None:
    with pytest.raises(ConfigError, match="a whole model has all blocks"):
        rtl.run(weightless, config.Rtl(side=SIDE), only=["block0"])


def larger_weights(node: Any) -> Any:
    return dataclasses.replace(node, weights_IO=node.weights_IO * 2)


def larger_bias(node: Any) -> Any:
    return dataclasses.replace(node, bias_O=node.bias_O + 2**40)


STRUCTURES: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "another operation": (
        "embedded",
        lambda _: RequantizeFeatures(1, np.array([1]), -9, 9),
        "another structure",
    ),
    "another clamp": (
        "embedded",
        lambda node: dataclasses.replace(node, high=99),
        "clamped to -32768 ... 99",
    ),
    "another multiplier": ("pooled", lambda node: dataclasses.replace(node, multiplier=3), "multiplied by 3"),
    "weights of nine bits": ("logits_sum", larger_weights, "does not fit the words of its hardware"),
    "biases of 40 bits": ("logits_sum", larger_bias, "the array has 32 bits"),
}


@pytest.mark.parametrize("change", list(STRUCTURES))
def test_a_program_that_the_hardware_would_compute_otherwise_is_refused(
    weightless: Path, change: str
) -> None:
    name, changed, words = STRUCTURES[change]
    source = read_model(weightless / "dump", DUMP.load(weightless))
    steps = [
        dataclasses.replace(step, node=changed(step.node)) if step.name == name else step
        for step in source.program.steps
    ]
    program = copy_with(source.program, steps)
    with pytest.raises(UnsupportedModel, match=re.escape(words)):
        render_model(
            "x", source._replace(program=program), config.Rtl(side=SIDE), manifest_of(weightless).blocks, ""
        )


@pytest.mark.parametrize("addition", [Addition((1, 0), *INT16), Addition((0, 0), -5, 5)])
def test_a_sum_that_the_hardware_would_compute_otherwise_is_refused(dense: Path, addition: Addition) -> None:
    source = read_model(dense / "dump", DUMP.load(dense))
    layer = next(step.node for step in source.program.steps if step.name == "layer0")
    assert isinstance(layer, Program)
    inner = [
        dataclasses.replace(step, node=addition) if step.name == "attended" else step for step in layer.steps
    ]
    steps = [
        dataclasses.replace(step, node=copy_with(layer, inner)) if step.name == "layer0" else step
        for step in source.program.steps
    ]
    with pytest.raises(UnsupportedModel, match="`attended` adds with shifts"):
        render_model(
            "x", source._replace(program=copy_with(source.program, steps)), config.Rtl(side=SIDE), [], ""
        )


def copy_with(program: Program, steps: list[Step]) -> Program:
    """With other steps, whether they fit or not."""
    made = object.__new__(Program)
    for one in dataclasses.fields(program):
        object.__setattr__(made, one.name, getattr(program, one.name))
    object.__setattr__(made, "steps", tuple(steps))
    return made


def test_golden_logits_that_are_not_those_of_the_program_are_refused(copy: Path) -> None:
    path = copy / "dump" / "model" / "samples.y.npy"
    logits = np.load(path)
    logits[0, 0] += 1
    np.save(path, logits)
    with pytest.raises(ArtifactError):
        rtl.run(copy, config.Rtl(side=SIDE))


def test_a_job_fits_its_word_or_is_refused() -> None:
    job = Job("x", "product", 5, rows=3, a_weights=True, sink="logits", scales="column", number=255)
    word = job.word()
    assert word >> field("number") == 255 and (word >> field("rows")) & 0xFFFF == 3
    assert (word >> field("sink")) & 3 == 3 and sum(WIDTHS.values()) == JOB_BITS
    with pytest.raises(OverflowError, match="`number` of job `x` is 256, and has 8 bits"):
        Job("x", "product", 5, number=256).word()
