"""A decoder in RTL: prompts and decode steps with cached keys and values, equal to its program; and what is changed is found."""

from __future__ import annotations

import dataclasses
import itertools
import re
import shutil
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_whole_model import copy_with, field, word_of

from experiments import tiny_gpt
from hosts import passes
from packages import self_checked
from quweit_cli import artifacts, config
from quweit_cli.documents import DUMP, RTL, ModelDesign
from quweit_cli.errors import CheckFailed, ConfigError, Mismatch, UnsupportedModel
from quweit_cli.hdl.model.design import _check_flushing
from quweit_cli.hdl.model.layout import Layout, Text
from quweit_cli.hdl.model.requests import REFUSED, plan_of, render_requests, requests_of
from quweit_cli.hdl.model.schedule import BETWEEN, Job
from quweit_cli.hdl.model.transformer import lay_out
from quweit_cli.ir import Program, Step, TensorType
from quweit_cli.ir.nodes.functions import Softmax
from quweit_cli.report import tables
from quweit_cli.stages import dump, rtl, sim, train
from quweit_cli.stages.sources import read_model

SIDE = 8
TEXT = "abcdefghij" * 300


def made(folder: Path, *overrides: str, samples: int = 2) -> Path:
    (folder / "text.txt").write_text(TEXT)
    project = artifacts.open_project(folder / "p")
    experiment = tiny_gpt(str(folder / "text.txt"), "model.arithmetic=integer", *overrides)
    train.run(experiment, project)
    dump.run(project / "train" / "ckpt.pt", project, config.Dump(rows=8, samples=8, golden_samples=samples))
    rtl.run(project, config.Rtl(side=SIDE, directed_rows=0, random_rows=1))
    return project


@pytest.fixture(scope="module")
def weightless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten tokens begin a second tile."""
    sizes = ("model.dim=8", "model.depth=1", "model.context=10")
    return made(tmp_path_factory.mktemp("weightless"), *sizes, samples=1)


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers with a cache each, three heads, three tiles of tokens of which the last is not full."""
    sizes = ("model.mlp=dense", "model.dim=24", "model.heads=3", "model.context=20")
    return made(tmp_path_factory.mktemp("dense"), *sizes, samples=3)


@pytest.fixture
def copy(dense: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dense, tmp_path / "copy"))


def tensors_of(project: Path) -> set[str]:
    """Those that jobs of the model write into memories."""
    source = read_model(project / "dump", DUMP.load(project))
    return {
        name
        for job in lay_out(source.program, SIDE, "x", []).jobs
        for name in job.tensors
        if name != "logits"
    }


def model_of(project: Path) -> ModelDesign:
    design = RTL.load(project).model
    assert design is not None and design.decode is not None
    return design


@pytest.mark.slow
@pytest.mark.requires("icarus")
def test_a_weightless_decoder_equals_its_program_on_icarus(weightless: Path) -> None:
    (one,) = sim.run(weightless, config.Sim(simulators=("icarus",)), only=["model"]).simulators
    (run,), design = one.models, model_of(weightless)
    assert design.decode is not None
    assert run.bit_exact and run.scenarios["reset"] > 0
    assert run.scenarios["gaps_and_backpressure"] == 1 + design.decode.requests_of_sample
    assert run.latency_cycles == design.latency_cycles
    assert run.decode_latency_cycles == design.decode.latency_cycles


@pytest.mark.slow
@pytest.mark.requires("verilator")
def test_a_dense_decoder_of_many_tiles_equals_its_program_on_verilator(dense: Path) -> None:
    result = sim.run(dense, config.Sim(simulators=("verilator",)))
    (run,), design = result.simulators[0].models, model_of(dense)
    assert design.decode is not None
    assert result.bit_exact and run.scenarios["steady"] == 1 + 3 * design.decode.requests_of_sample
    assert run.decode_latency_cycles == design.decode.latency_cycles
    assert run.latency_cycles == design.latency_cycles
    assert run.tensors_compared == 1 + len(tensors_of(dense)) and run.words_compared
    for table in (*tables.rtl(RTL.load(dense)), *tables.sim(result)):
        assert table.rows


@pytest.mark.slow
@pytest.mark.requires("icarus")
def test_the_package_of_a_decoder_checks_itself_on_whole_prompts(weightless: Path) -> None:
    design = model_of(weightless)
    for wrapper in (True, False):
        done = self_checked(weightless / "rtl", design, wrapper=wrapper)
        assert done.returncode == 0 and f"PASS: {4 * design.vectors.rows} rows equal" in done.stdout, (
            done.stdout
        )


@pytest.mark.requires("icarus")
def test_the_driver_of_the_package_gets_logits_and_is_told_what_was_refused(
    weightless: Path, tmp_path: Path
) -> None:
    project = Path(shutil.copytree(weightless, tmp_path / "copy"))
    source = read_model(project / "dump", DUMP.load(project))
    first, *_, prompt, step, _, _, _, _ = requests_of(source.inputs, lambda _: source.logits, SIDE)
    assert first.goes_on and step.goes_on and not prompt.goes_on
    too_long = prompt._replace(codes=[*source.inputs[0].tolist(), 0], logits=None)
    requests = [first, too_long, prompt, step]
    given, answers = [(one.codes, one.goes_on) for one in requests], [one.logits for one in requests]
    assert passes(project, model_of(project), requests=given, answers=answers)


def test_both_schedules_are_documents_that_add_up(dense: Path) -> None:
    design = model_of(dense)
    step = design.decode
    assert step is not None
    for schedule in (design.schedule, step.schedule):
        for job, after in itertools.pairwise(schedule):
            assert after.first_cycle == job.first_cycle + job.cycles
        assert schedule[0].engine == "embed" and schedule[-1].tensor == "logits"
    whole, one = (sum(job.cycles for job in schedule) for schedule in (design.schedule, step.schedule))
    assert design.initiation_interval_cycles == design.features + whole + design.outputs
    assert step.initiation_interval_cycles == 1 + one + design.outputs
    assert step.latency_cycles == one + design.outputs
    assert [job.tensor for job in step.schedule] == [job.tensor for job in design.schedule]
    assert one < whole


def test_a_decode_step_takes_one_tile_where_the_prompt_takes_them_all(dense: Path) -> None:
    source = read_model(dense / "dump", DUMP.load(dense))
    layout = lay_out(source.program, SIDE, "x", [])
    for job, step in zip(layout.jobs, layout.steps, strict=True):
        if job.kind != "product":
            assert step.columns == 1 and job.columns in (layout.tokens, layout.tiles)
        elif job.cache == "values":
            assert (job.rows, step.rows) == (layout.tokens, SIDE)
        else:
            assert step.columns == 1 and job.columns in (1, layout.tokens)
    assert [job.cache for job in layout.jobs if "/key" in job.name] == ["keys", "keys"]


def test_a_decode_step_takes_the_part_of_the_units_that_its_token_is_in(dense: Path) -> None:
    source = read_model(dense / "dump", DUMP.load(dense))
    all_lanes, two = (lay_out(source.program, SIDE, "x", [], lanes) for lanes in (SIDE, 2))
    assert [job.cycles for job in two.steps] == [job.cycles for job in all_lanes.steps]
    assert sum(job.cycles for job in two.jobs) > sum(job.cycles for job in all_lanes.jobs)


@pytest.mark.slow
@pytest.mark.requires("verilator")
def test_a_decoder_of_fewer_units_than_lanes_equals_its_program(copy: Path) -> None:
    rtl.run(copy, config.Rtl(side=SIDE, lanes=2))
    (run,) = sim.run(copy, config.Sim(simulators=("verilator",))).simulators[0].models
    assert run.bit_exact and run.words_compared


@pytest.mark.slow
def test_the_small_model_of_nanogpt_becomes_hardware(tmp_path: Path) -> None:
    """6 layers of 384 features, 256 tokens of 65 characters; of side 8 its weights have more words than addresses."""
    characters = (string.ascii_letters + string.digits + " \n.")[:65]
    (tmp_path / "text.txt").write_text(characters * 50)
    project = artifacts.open_project(tmp_path / "p")
    sizes = ("model.dim=384", "model.depth=6", "model.heads=6", "model.context=256", "model.mlp=dense")
    learned = ("training.steps=1", "training.batch_size=1", "training.evaluate_every=1")
    experiment = tiny_gpt(str(tmp_path / "text.txt"), "model.arithmetic=integer", *sizes, *learned)
    train.run(experiment, project)
    dump.run(project / "train" / "ckpt.pt", project, config.Dump(samples=1, golden_samples=1))
    with pytest.raises(UnsupportedModel, match="has 20 bits") as refused:
        rtl.run(project, config.Rtl(side=8))
    assert "larger `rtl.side`" in (refused.value.hint or "") and not (project / "rtl").exists()
    rtl.run(project, config.Rtl(side=32))
    design = model_of(project)
    assert design.decode is not None
    assert design.initiation_interval_cycles == 3_390_227
    assert design.decode.initiation_interval_cycles == 428_191


# ---------------------------------------------------------------- requests


def test_golden_requests_fill_the_cache_go_past_it_and_begin_anew() -> None:
    tokens = np.arange(2 * 20).reshape(2, 20) % 7
    logits = np.arange(2 * 20 * 7).reshape(2, 20, 7)
    requests = requests_of(tokens, lambda _: logits, SIDE)
    first, whole, refused, again, short, *following = requests[: 1 + plan_of(20).rows]
    assert first.goes_on and first.logits == logits[0, 0].tolist()
    assert len(whole.codes) == 20 and whole.logits == logits[0, 19].tolist() and not whole.goes_on
    assert refused.goes_on and refused.logits is None and again == refused
    assert short.logits == logits[0, len(short.codes) - 1].tolist()
    assert len(short.codes) + sum(len(one.codes) for one in following) == 20
    assert all(one.goes_on for one in following) and len(following[-1].codes) == 2
    assert following[-1].logits == whole.logits
    assert len(requests) == 1 + 2 * plan_of(20).rows
    *_, unknown, after, _ = requests_of(tokens[:1], lambda _: logits[:1], SIDE, unknown=7)[:6]
    assert unknown.codes[1] == 7 and not unknown.goes_on and unknown.logits is None and after == refused
    words, answers = (text.split() for text in render_requests(requests, 8, 32))
    assert words[0] == "180" and words[1] == "000" and words[20] == "105"  # 1: last, 8: goes on
    assert answers[2] == REFUSED and len(answers) == len(requests)


@pytest.mark.parametrize("context", [1, 2, 3, 5, 6, 7, 16, 256])
def test_every_context_has_requests_that_fit(context: int) -> None:
    tokens, logits = np.zeros((3, context), dtype=int), np.zeros((3, context, 2), dtype=int)
    cached = 0
    for request in requests_of(tokens, lambda _: logits, SIDE):
        cached = len(request.codes) + (cached if request.goes_on else 0)
        assert (cached > context) == (request.logits is None)
        cached = min(cached, context)


# ---------------------------------------------------------------- what is changed is found


def tables_of(project: Path, *, step: bool) -> tuple[ModelDesign, list[str], int]:
    """The tensors of a schedule, and where its first word is."""
    design = model_of(project)
    assert design.decode is not None
    schedule = design.decode.schedule if step else design.schedule
    return design, [job.tensor for job in schedule], len(design.schedule) if step else 0


CHANGES: dict[str, tuple[str, str, Callable[[int], int]]] = {
    "a vector of a token": ("vectors", "", lambda word: word ^ 0x2000),
    "a position": ("positions", "", lambda word: word ^ 1 << 13),
    "where a step appends keys": ("step", "layer1/key", lambda word: word ^ 1 << field("cache")),
    "which values a step appends": ("step", "layer1/value", lambda word: word & ~(3 << field("cache"))),
    "where a step reads keys": ("step", "layer0/score", lambda word: word ^ 1 << field("a_base")),
    "how many keys a step reads": ("step", "layer0/score", lambda word: word ^ 1 << field("rows") + 3),
    "the engine of a prompt's first job": ("prompt", "embedded", lambda word: word ^ 1),
}


@pytest.mark.slow
@pytest.mark.requires("verilator")
@pytest.mark.parametrize("change", list(CHANGES))
def test_a_change_in_a_memory_is_found(copy: Path, change: str) -> None:
    memory, tensor, changed = CHANGES[change]
    design, tensors, first = tables_of(copy, step=memory == "step")
    place = 0
    if memory in ("step", "prompt"):
        memory, place = "jobs", first + tensors.index(tensor)
    word_of(copy / "rtl" / "rtl" / design.top / f"{memory}.hex", place, changed)
    with pytest.raises(Mismatch, match=r"model `model` on verilator differs .* first in"):
        sim.run(copy, config.Sim(simulators=("verilator",)), only=["model"])


ENGINES = {
    "units/quweit_softmax_rows.sv": (r"counts \? full_weight : '0", "full_weight"),
    "model/quweit_token_loader.sv": (r"count_q   <= bad \? 16'\(Tokens\) :", "count_q   <="),
    "model/quweit_token_embedding.sv": (r"token_o   <= first_i", "token_o   <= '0"),
    "model/quweit_model_sequencer.sv": (r"answers_i \? Give : Load", "Give"),
    "{top}.sv": (r"Side'\(1\) << latest_lane : '1", "'1 : '1"),
    "{top}.sv row": (r"\(row_place == latest_lane\)", "1'b1"),
    "{top}.sv tile": (r"\? latest_words : '0;\n  assign write", "? 20'd0 : '0;\n  assign write"),
}


@pytest.mark.slow
@pytest.mark.requires("verilator")
@pytest.mark.parametrize("where", list(ENGINES))
def test_a_change_in_an_engine_is_found(copy: Path, where: str) -> None:
    path = copy / "rtl" / "rtl" / where.split(maxsplit=1)[0].format(top=model_of(copy).top)
    text, times = re.subn(*ENGINES[where], path.read_text())
    assert times == 1
    path.write_text(text)
    with pytest.raises((Mismatch, CheckFailed)):
        sim.run(copy, config.Sim(simulators=("verilator",)), only=["model"])


# ---------------------------------------------------------------- what is refused


def changed_program(project: Path, name: str, change: Callable[[Any], Any]) -> Any:
    """The source of the model with one operation changed, of a layer where `name` has a path."""
    source = read_model(project / "dump", DUMP.load(project))
    return source._replace(program=_changed(source.program, name.split("/"), change))


def _changed(program: Program, path: list[str], change: Callable[[Any], Any]) -> Program:
    def step(one: Step) -> Step:
        if one.name != path[0]:
            return one
        node = change(one.node) if len(path) == 1 else _changed(one.node, path[1:], change)  # type: ignore[arg-type]
        return dataclasses.replace(one, node=node)

    return copy_with(program, [step(one) for one in program.steps])


REFUSED_PROGRAMS: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "attention that looks ahead": (
        "layer0/weight",
        lambda node: Softmax(node.multiplier, causal=False),
        "attention of `layer0` is not causal",
    ),
    "vectors of 17 bits": (
        "embedded",
        lambda node: dataclasses.replace(node, vectors_VD=node.vectors_VD + 2**16),
        "does not fit the words of its hardware",
    ),
}


@pytest.mark.parametrize("change", list(REFUSED_PROGRAMS))
def test_a_decoder_that_the_hardware_would_compute_otherwise_is_refused(dense: Path, change: str) -> None:
    name, changed, words = REFUSED_PROGRAMS[change]
    source = changed_program(dense, name, changed)
    with pytest.raises(UnsupportedModel, match=re.escape(words)):
        lay_out(source.program, SIDE, "x", [])


def test_a_vocabulary_of_one_token_is_refused(dense: Path) -> None:
    """Its answer would be one word, as that of a request that is refused."""
    program = changed_program(
        dense, "embedded", lambda node: dataclasses.replace(node, vectors_VD=node.vectors_VD[:1])
    ).program
    object.__setattr__(program, "input_type", TensorType(20, 0, 0))
    with pytest.raises(UnsupportedModel, match="knows one token alone"):
        lay_out(program, SIDE, "x", [])


def test_a_decoder_larger_than_its_addresses_is_refused() -> None:
    made = Layout(SIDE, SIDE, Text(2, 8), 8, 8, 2, "x")
    made.norm("x", 1 << 20)
    with pytest.raises(OverflowError, match="`result_base` of job `x` is 1048576, and has 20 bits"):
        _ = made.memories


def test_a_float_decoder_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    project = artifacts.open_project(tmp_path / "p")
    train.run(tiny_gpt(str(tmp_path / "text.txt")), project)
    dump.run(project / "train" / "ckpt.pt", project, config.Dump(rows=8, samples=8))
    with pytest.raises(UnsupportedModel, match="computes in floating point around its blocks"):
        rtl.run(project, config.Rtl(side=SIDE))
    assert not (project / "rtl").exists()


def test_a_side_that_the_first_product_is_too_early_for_is_refused() -> None:
    """The array is flushed while tokens are embedded and normalised."""
    layout = Layout(64, 64, Text(2, 8), tokens=8, width=2, logits=2, folder="x")
    layout.embed("embedded", "positioned", np.zeros((2, 2), dtype=np.int64))
    layout.norm("norm", 0)
    (embed, norm), product = layout.steps, Job("x", "product", 5)
    layout.steps.append(product)
    assert 1 + embed.cycles + norm.cycles + 2 * BETWEEN < 2 * 64
    with pytest.raises(ConfigError, match="tokens of 2 features come faster than an array of side 64"):
        _check_flushing(layout)
    _check_flushing(dataclasses.replace(layout, side=32))


def test_a_wrapper_of_another_width_is_refused(dense: Path) -> None:
    before = model_of(dense)
    with pytest.raises(ConfigError, match="takes beats of 1 bytes and gives beats of 4"):
        rtl.run(dense, config.Rtl(side=SIDE, bus_bytes=2))
    assert model_of(dense) == before


def test_jobs_of_a_step_are_as_long_as_the_sequencer_waits(dense: Path) -> None:
    source = read_model(dense / "dump", DUMP.load(dense))
    layout = lay_out(source.program, SIDE, "x", [])
    assert sum(job.cycles + BETWEEN for job in layout.steps) == model_of(dense).decode.latency_cycles - 10  # type: ignore[union-attr]
