"""Attention without multiplications in RTL: an array for weights of few bits, and blocks that make queries, keys and values."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from test_decoders import made as made_of_text

from experiments import whole_model
from quweit_cli import config
from quweit_cli.documents import DUMP, RTL, ModelDesign
from quweit_cli.errors import Mismatch
from quweit_cli.hdl.model.transformer import lay_out
from quweit_cli.stages import rtl, sim
from quweit_cli.stages.sources import read_model

QKV, OUTPUT = "model.attention.projections.qkv", "model.attention.projections.output"
SIDE = 8
# Two tiles of tokens, of which that of a text is not full. Heads of 12 features take two words of a token's values.
OF_IMAGES = ("model.dim=24", "model.heads=2", "model.patch=2", "model.depth=1")
OF_TEXTS = ("model.dim=24", "model.heads=2", "model.context=20", "model.depth=2")
OF_SHORT_TEXTS = ("model.dim=24", "model.heads=2", "model.context=9", "model.depth=1")


def settings(qkv: str, output: str) -> tuple[str, str]:
    return f"{QKV}={qkv}", f"{OUTPUT}={output}"


@pytest.fixture(scope="module")
def ternary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_model(tmp_path_factory.mktemp("ternary"), *OF_IMAGES, *settings("ternary", "ternary"))


@pytest.fixture(scope="module")
def weightless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_model(
        tmp_path_factory.mktemp("weightless"), *OF_IMAGES, *settings("weightless", "weightless")
    )


def model_of(project: Path) -> ModelDesign:
    design = RTL.load(project).model
    assert design is not None
    return design


def played(project: Path) -> sim.SimResult:
    return sim.run(project, config.Sim(simulators=("verilator",), samples={"verilator": 2}), only=["model"])


def tried(project: Path) -> sim.SimResult:
    """One sample alone, on the simulator that is built at once."""
    options = config.Sim(simulators=("icarus",), samples={"icarus": 1}, steady_only=True)
    return sim.run(project, options, only=["model"])


@pytest.mark.requires("icarus")
def test_an_array_without_multipliers_equals_the_program(ternary: Path) -> None:
    (run,) = tried(ternary).simulators[0].models
    assert run.bit_exact and run.words_compared
    design = model_of(ternary)
    few = {job.tensor.rpartition("/")[2] for job in design.schedule if job.few_bits}
    assert few == {"query", "value", "attended"}
    engines = {engine.name: engine for engine in design.engines}
    assert engines["few_bits_array"].cycles == sum(job.cycles for job in design.schedule if job.few_bits)
    assert engines["array"].cycles == sum(
        job.cycles for job in design.schedule if job.engine == "product" and not job.few_bits
    )
    banks = {bank.name: bank for bank in design.banks}
    assert banks["few_bit_weights"].bits == 4 * 2 * SIDE and banks["few_bit_weights"].reads  # of four inputs
    words = [
        banks[f"activations_a{place}"] for place in range(4)
    ]  # of which such a product reads one each in a cycle
    assert all(bank.words == words[0].words and bank.reads and bank.writes for bank in words)


@pytest.mark.requires("icarus")
def test_blocks_make_queries_keys_and_values_and_project_attention(weightless: Path) -> None:
    (run,) = tried(weightless).simulators[0].models
    assert run.bit_exact and run.words_compared
    assert not any(job.few_bits for job in model_of(weightless).schedule)
    assert [engine.name for engine in model_of(weightless).engines if "0" in engine.name] == [
        "qkv0",
        "projection0",
        "block0",
    ]
    source = read_model(weightless / "dump", DUMP.load(weightless))
    jobs = lay_out(source.program, SIDE, "x", RTL.load(weightless).blocks).jobs
    (qkv,) = [job for job in jobs if job.name == "layer0/qkv"]
    assert qkv.tensors == ("layer0/query", "layer0/key", "layer0/value")


@pytest.mark.slow
@pytest.mark.requires("icarus")
@pytest.mark.parametrize("qkv", ["weightless", "binary"])
def test_a_decoder_caches_keys_and_values_that_a_block_or_few_bits_make(qkv: str, tmp_path: Path) -> None:
    project = made_of_text(tmp_path, *OF_SHORT_TEXTS, *settings(qkv, "ternary"), samples=1)
    (run,) = tried(project).simulators[0].models
    assert run.bit_exact and run.words_compared and run.decode_latency_cycles


@pytest.mark.slow
@pytest.mark.requires("verilator")
def test_all_keep_their_words_with_gaps_stalls_and_resets(
    ternary: Path, weightless: Path, tmp_path: Path
) -> None:
    texts = made_of_text(tmp_path, *OF_TEXTS, *settings("weightless", "ternary"), samples=1)
    for project in (ternary, weightless, texts):
        (run,) = played(project).simulators[0].models
        assert run.bit_exact and run.scenarios["gaps_and_backpressure"] and run.scenarios["reset"]


@pytest.mark.requires("icarus")
def test_a_changed_weight_of_two_bits_is_named_by_its_tensor(ternary: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(ternary, tmp_path / "copy"))
    (path,) = (project / "rtl").rglob("few_bit_weights.hex")
    lines = path.read_text().splitlines()
    word = int(lines[0], 16)
    lines[0] = f"{word ^ (2 if word & 3 == 1 else 1 if word & 3 == 0 else 3):0{len(lines[0])}x}"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(Mismatch, match="tensor `layer0/query`, token 0, feature 0"):
        tried(project)


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("was", "becomes", "found"),
    [
        (r"2'd0:    term = ", "2'd0:    term = 33'sd1 + ", "tensor `layer0/query`"),
        (
            r"key_step_i   \(20'\(job_a_step\)\)",
            "key_step_i   (20'(job_a_step) + 20'd1)",
            "job `layer0/qkv`: word",
        ),
        (r"\.HeadWidth \(12\)", ".HeadWidth (11)", "job `layer0/qkv`: word"),
    ],
)
def test_what_is_stored_elsewhere_or_changed_is_named(
    weightless: Path, tmp_path: Path, was: str, becomes: str, found: str
) -> None:
    project = Path(shutil.copytree(weightless, tmp_path / "copy"))
    path = project / "rtl" / "rtl" / f"{model_of(project).top}.sv"
    text, count = re.subn(was, becomes, path.read_text(), count=1)
    assert count == 1
    path.write_text(text)
    with pytest.raises(Mismatch, match=found):
        tried(project)


@pytest.mark.slow
@pytest.mark.requires("icarus")
def test_an_array_by_itself_plays_the_projections_of_a_layer(ternary: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(ternary, tmp_path / "copy"))
    rtl.run(project, config.Rtl(array=SIDE, directed_rows=0, random_rows=1))
    (array,) = RTL.load(project).arrays
    assert array.name == "few_bits_8" and [one.name for one in array.products] == ["qkv", "projection"]
    assert array.few_bits == 13  # 24 inputs of -128
    assert array.steps == 4 and array.columns == 4
    result = sim.run(project, config.Sim(simulators=("icarus",)), only=[array.name])
    assert result.bit_exact
    cell = project / "rtl" / "rtl" / "quweit_few_bits_cell.sv"
    text = cell.read_text()
    assert text.count("negative[3]") == 1
    cell.write_text(text.replace("negative[3]", "1'b0"))  # a negative operand of the last step is less by one
    with pytest.raises(Mismatch):
        sim.run(project, config.Sim(simulators=("icarus",)), only=[array.name])
