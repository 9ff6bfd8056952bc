"""A learn-forget network in RTL: results of one branch times the words of the other, onto the residual stream."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from test_decoders import made as made_of_text
from test_whole_model import field, word_of

from experiments import whole_model
from quweit_cli import config
from quweit_cli.documents import DUMP, RTL, ModelDesign
from quweit_cli.errors import Mismatch, UnsupportedModel
from quweit_cli.hdl.model.layout import LEFT, Layout
from quweit_cli.hdl.model.transformer import lay_out
from quweit_cli.ir import Program, Requantize, RequantizeFeatures, Step
from quweit_cli.ir.nodes.products import MatrixProduct
from quweit_cli.ir.types import INT8
from quweit_cli.stages import sim
from quweit_cli.stages.sources import read_model

MLP, WEIGHTS = "model.mlp=learn_forget", "model.learn_forget.weights"
SIDE = 8
# Two tiles of tokens; the second tile of features is not full.
OF_IMAGES = (MLP, "model.dim=12", "model.heads=2", "model.patch=2", "model.depth=1", "model.mlp_ratio=1")
OF_MORE_IMAGES = (MLP, "model.dim=24", "model.heads=2", "model.patch=2", "model.depth=2", "model.mlp_ratio=2")
OF_TEXTS = (MLP, "model.dim=24", "model.heads=2", "model.context=20", "model.depth=2", "model.mlp_ratio=2")


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_model(tmp_path_factory.mktemp("binary"), *OF_IMAGES, f"{WEIGHTS}=binary")


@pytest.fixture
def copy(binary: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(binary, tmp_path / "copy"))


def model_of(project: Path) -> ModelDesign:
    design = RTL.load(project).model
    assert design is not None
    return design


def program_of(project: Path) -> Program:
    return read_model(project / "dump", DUMP.load(project)).program


def layout_of(program: Program) -> Layout:
    return lay_out(program, SIDE, "x", [])


def tried(project: Path) -> sim.SimResult:
    """One sample alone, on the simulator that is built at once."""
    options = config.Sim(simulators=("icarus",), samples={"icarus": 1}, steady_only=True)
    return sim.run(project, options, only=["model"])


@pytest.mark.requires("icarus")
def test_results_times_the_gate_equal_the_program(binary: Path) -> None:
    (run,) = tried(binary).simulators[0].models
    assert run.bit_exact and run.words_compared
    design = model_of(binary)
    jobs = {job.tensor: job for job in design.schedule}
    branches = [f"layer0/{name}" for name in ("sigmoid", "forgotten", "tanh", "y")]
    assert all(jobs[name].few_bits for name in branches) and not jobs["layer0/attended"].few_bits
    engines = {engine.name: engine for engine in design.engines}
    assert engines["gate"].cycles == jobs["layer0/y"].cycles
    assert engines["few_bits_array"].cycles == sum(jobs[name].cycles for name in branches)
    assert "rtl/model/quweit_gate.sv" in design.sources


def test_words_of_the_gate_are_read_once_each(binary: Path) -> None:
    layout = layout_of(program_of(binary))
    (gated,) = [job for job in layout.jobs if job.sink == "gate"]
    (kept,) = [job for job in layout.jobs if job.name == "layer0/forgotten"]
    assert layout.gate == kept.result_base and (kept.row_step, kept.column_step) == (
        gated.row_step,
        gated.column_step,
    )
    reads = sum(bank.reads for bank in model_of(binary).banks if bank.name.startswith("activations_a"))
    of_gate = gated.rows * layout.tiles
    others = [job for job in layout.jobs if job.kind == "product" and not job.a_weights]
    beats = [-(-job.rows // SIDE) * -(-job.columns // SIDE) * job.inner * job.steps for job in others]
    assert reads == sum(beats) + of_gate


def test_equal_tables_are_stored_once(binary: Path) -> None:
    layout = layout_of(program_of(binary))
    stored = list(layout.table_entries)
    for number in range(len(stored) // 256):
        by_code = np.roll(stored[256 * number : 256 * (number + 1)], -128)
        assert layout.table(by_code) == number
    assert layout.table_entries == stored
    assert layout.table(np.arange(-128, 128)) == len(stored) // 256


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("memory", "job", "change", "found"),
    [
        ("jobs", "layer0/y", 4 << field("number"), "tensor `layer0/y`, token 0, feature 0"),
        pytest.param(
            "tables",
            "layer0/tanh",
            1,
            "tensor `layer0/tanh`, token 0, feature 0",
            marks=pytest.mark.slow,
        ),
    ],
    ids=["a shift", "a table"],
)
def test_a_changed_constant_is_named_by_its_tensor(
    copy: Path, memory: str, job: str, change: int, found: str
) -> None:
    """A shift of products, or every entry of a table."""
    jobs = layout_of(program_of(copy)).jobs
    place = next(place for place, one in enumerate(jobs) if one.name == job)
    words = [place] if memory == "jobs" else [256 * jobs[place].number + entry for entry in range(256)]
    (path,) = (copy / "rtl").rglob(f"{memory}.hex")
    for word in words:
        word_of(path, word, lambda one: one ^ change)
    with pytest.raises(Mismatch, match=found):
        tried(copy)


@pytest.mark.slow
@pytest.mark.requires("icarus")
def test_another_place_of_the_gate_is_found(copy: Path) -> None:
    path = copy / "rtl" / "rtl" / f"{model_of(copy).top}.sv"
    text, count = re.subn(
        r"gated_place \+ 20'd(\d+)", lambda at: f"gated_place + 20'd{int(at[1]) + 1}", path.read_text()
    )
    assert count == 1
    path.write_text(text)
    with pytest.raises(Mismatch, match="tensor `layer0/y`"):
        tried(copy)


def replaced(program: Program, layer: Program, inner: tuple[Step, ...]) -> Program:
    """With other steps of this layer."""
    changed = dataclasses.replace(layer, steps=inner, outputs={})
    steps = tuple(
        dataclasses.replace(step, node=changed) if step.node is layer else step for step in program.steps
    )
    return dataclasses.replace(program, steps=steps, outputs={})


def test_products_whose_features_have_other_shifts_are_refused(binary: Path) -> None:
    program = program_of(binary)
    (layer,) = [step.node for step in program.steps if isinstance(step.node, Program)]
    (node,) = [step.node for step in layer.steps if step.name == "mlp"]
    assert isinstance(node, Requantize)
    shifts = np.array([node.shift] * 11 + [node.shift + 1])
    uneven = RequantizeFeatures(node.multiplier, shifts, node.low, node.high)
    inner = tuple(
        dataclasses.replace(step, node=uneven) if step.name == "mlp" else step for step in layer.steps
    )
    with pytest.raises(UnsupportedModel, match="features of `mlp` are shifted differently"):
        layout_of(replaced(program, layer, inner))


def test_branches_of_other_widths_are_refused(binary: Path) -> None:
    program = program_of(binary)
    (layer,) = [step.node for step in program.steps if isinstance(step.node, Program)]
    nodes = {step.name: step.node for step in layer.steps}
    one, two = nodes["learn_hidden_sum"], nodes["learned_sum"]
    assert isinstance(one, MatrixProduct) and isinstance(two, MatrixProduct)
    narrow = {
        "learn_hidden_sum": MatrixProduct(one.weights_IO[:, :8], one.bias_O[:8]),
        "learned_sum": MatrixProduct(two.weights_IO[:8], two.bias_O),
        "learn_hidden": Requantize(1, 5, *INT8),
    }
    inner = tuple(dataclasses.replace(step, node=narrow.get(step.name, step.node)) for step in layer.steps)
    changed = replaced(program, layer, inner)
    with pytest.raises(
        UnsupportedModel, match="`layer0/learn_hidden` has 8 features, and others of its kind 12"
    ):
        layout_of(changed)


def test_the_shift_of_products_is_that_of_the_program(binary: Path) -> None:
    program = program_of(binary)
    (layer,) = [step.node for step in program.steps if isinstance(step.node, Program)]
    (node,) = [step.node for step in layer.steps if step.name == "mlp"]
    assert isinstance(node, Requantize)
    (gated,) = [job for job in layout_of(program).jobs if job.sink == "gate"]
    assert gated.number == node.shift - (node.multiplier.bit_length() - 1) + LEFT


@pytest.mark.slow
@pytest.mark.requires("verilator")
@pytest.mark.parametrize("kind", ["ternary", "int8"])
def test_images_keep_their_words_with_gaps_stalls_and_resets(kind: str, tmp_path: Path) -> None:
    project = whole_model(tmp_path, *OF_MORE_IMAGES, f"{WEIGHTS}={kind}")
    played(project)


@pytest.mark.slow
@pytest.mark.requires("verilator")
def test_a_decoder_keeps_its_words_with_gaps_stalls_and_resets(tmp_path: Path) -> None:
    project = made_of_text(tmp_path, *OF_TEXTS, f"{WEIGHTS}=binary", samples=1)
    assert played(project).decode_latency_cycles


def played(project: Path) -> sim.SimRun:
    options = config.Sim(simulators=("verilator",), samples={"verilator": 2})
    (run,) = sim.run(project, options, only=["model"]).simulators[0].models
    assert run.bit_exact and run.scenarios["gaps_and_backpressure"] and run.scenarios["reset"]
    return run
