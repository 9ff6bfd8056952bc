"""Tokens leave a decoder in RTL early: at the exits and in the cycles that the program says, and their keys and values are there."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cases import few
from experiments import tiny_gpt
from quweit_cli import artifacts, config
from quweit_cli.documents import DUMP, RTL, DecodeStep, ModelDesign
from quweit_cli.errors import CheckFailed, Mismatch
from quweit_cli.hdl.model.transformer import lay_out
from quweit_cli.stages import dump, rtl, sample, sim, train
from quweit_cli.stages.sources import read_model

SIDE, SAMPLES = 8, 3
RULES = [("entropy", 3.3), ("fall", 0.01), ("probability", 0.2)]
LONG = "model.context=10"  # which begins a second tile of tokens
TEXT = "".join(random.Random(1).choices("aaabbcdefghij ", k=3000))


def made(folder: Path, criterion: str, threshold: float, *overrides: str) -> Path:
    """Three layers, with an exit after either of the first two; thresholds with which tokens part."""
    (folder / "text.txt").write_text(TEXT)
    project = artifacts.open_project(folder / "p")
    experiment = tiny_gpt(
        str(folder / "text.txt"),
        "model.arithmetic=integer",
        "model.dim=8",
        "model.depth=3",
        "model.context=3",
        "model.exits.after=[1, 2]",
        f"model.exits.criterion={criterion}",
        f"model.exits.threshold={threshold}",
        "training.steps=60",
        "training.learning_rate=0.02",
        *overrides,
    )
    train.run(experiment, project)
    options = config.Dump(rows=8, samples=12, golden_samples=SAMPLES)
    dump.run(project / "train" / "ckpt.pt", project, options)
    rtl.run(project, config.Rtl(side=SIDE, directed_rows=0, random_rows=1))
    return project


def model_of(project: Path) -> tuple[ModelDesign, DecodeStep]:
    design = RTL.load(project).model
    assert design is not None and design.decode is not None
    return design, design.decode


def played(project: Path, simulator: str = "icarus") -> sim.SimResult:
    options = config.Sim(simulators=(simulator,), steady_only=True)
    return sim.run(project, options, only=["model"])


@pytest.fixture(scope="module")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("leaving"), *RULES[0])


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("long"), *RULES[0], LONG)


@pytest.fixture
def copy(leaving: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(leaving, tmp_path / "copy"))


@pytest.mark.requires("icarus")
def test_every_token_leaves_at_the_exit_and_in_the_cycle_that_the_program_says(leaving: Path) -> None:
    (run,) = played(leaving).simulators[0].models
    assert run.bit_exact and run.words_compared


def test_tokens_part_and_a_prompt_goes_through_all_layers(leaving: Path) -> None:
    design, step = model_of(leaving)
    assert len(set(step.exit_latency_cycles)) == 3
    taken = set(step.request_cycles) & set(step.exit_latency_cycles)
    assert len(taken) > 1
    assert design.latency_cycles in step.request_cycles
    assert not any(job.engine == "exit" for job in design.schedule)
    assert sum(job.engine == "exit" for job in step.schedule) == 2
    assert step.exit_latency_cycles[-1] == step.latency_cycles
    assert step.mean_latency_cycles is not None and step.mean_latency_cycles < step.latency_cycles


def test_what_is_left_of_a_token_are_keys_and_values_of_later_layers(leaving: Path) -> None:
    _, step = model_of(leaving)
    names = [job.tensor for job in step.rest]
    assert names[0] == "layer1/attention_norm" and names[step.rest_from[1]] == "layer2/attention_norm"
    assert {name.split("/")[1] for name in names} == {"attention_norm", "key", "value"}
    before = sum(job.cycles for job in step.schedule if job.first_cycle <= _exits(step)[1].first_cycle)
    rest = sum(job.cycles for job in step.rest[step.rest_from[1] :])
    assert step.exit_latency_cycles[1] - before - rest == model_of(leaving)[0].outputs


def _exits(step: DecodeStep) -> list:
    return [job for job in step.schedule if job.engine == "exit"]


def test_exits_read_with_the_weights_of_the_end(leaving: Path) -> None:
    source = read_model(leaving / "dump", DUMP.load(leaving))
    layout = lay_out(source.program, SIDE, "x", RTL.load(leaving).blocks)
    bases = {job.a_base for job in layout.steps if job.sink == "logits"}
    assert len(bases) == 1
    assert [job.name for job in layout.jobs if job.sink == "logits"] == ["logits"]


@pytest.mark.slow
@pytest.mark.requires("verilator")
@pytest.mark.parametrize(("criterion", "threshold"), RULES)
def test_every_criterion_with_gaps_stalls_and_resets(
    criterion: str, threshold: float, tmp_path: Path
) -> None:
    project = made(tmp_path, criterion, threshold, LONG, "seed=1")  # with which tokens part by all three
    _, step = model_of(project)
    assert len(set(step.request_cycles) & set(step.exit_latency_cycles)) > 1
    result = sim.run(project, config.Sim(simulators=("verilator",)), only=["model"])
    assert result.bit_exact and result.simulators[0].models[0].scenarios["reset"]


@pytest.mark.slow
@pytest.mark.requires("verilator")
@pytest.mark.parametrize(
    "projections",
    [
        ("model.mlp=dense",),
        ("model.attention.projections.qkv=ternary", "model.attention.projections.output=binary"),
        ("model.attention.projections.qkv=weightless", "model.attention.projections.output=weightless"),
    ],
)
def test_keys_and_values_of_every_kind_of_projection(projections: tuple[str, ...], tmp_path: Path) -> None:
    project = made(tmp_path, *RULES[0], LONG, *projections)
    result = played(project, "verilator")
    assert result.bit_exact


# ---------------------------------------------------------------- text


@pytest.mark.slow
@pytest.mark.requires("verilator")
def test_the_text_of_the_hardware_is_that_of_pytorch(long: Path) -> None:
    """Longer than the context, after which every token is the last of a prompt."""
    wanted = {"prompt": "ab", "tokens": 12, "seed": 3}
    written = sample.run(long / "train" / "ckpt.pt", device="cpu", **wanted)
    assert written.text == sample.run_on_rtl(long, **wanted).text
    assert written.steps == 8 and written.layers == 3
    assert written.mean_layers is not None and 1 <= written.mean_layers <= 3


# ---------------------------------------------------------------- what is changed is found


def changed(project: Path, pattern: str, new: str) -> None:
    path = project / "rtl/rtl" / f"{model_of(project)[0].top}.sv"
    text, count = re.subn(pattern, new, path.read_text())
    assert count == 1
    path.write_text(text)


CHANGES: dict[str, Callable[[Path], None]] = {
    "another threshold": lambda project: changed(project, r"\.Steps +\(\d+\)", ".Steps     (1)"),
    "a token that ends as it leaves": lambda project: changed(project, r"\.Rests +\(1\)", ".Rests (0)"),
    "a rest that begins a job later": lambda project: changed(
        project, r"job_result_base \+ 20'd(\d+)\)", r"job_result_base + 20'd\1 + 20'd1)"
    ),
}


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("change", few(reversed(CHANGES)))
def test_what_is_changed_in_the_hardware_is_found(change: str, copy: Path) -> None:
    CHANGES[change](copy)
    with pytest.raises((Mismatch, CheckFailed)):
        played(copy)


@pytest.mark.requires("icarus")
def test_a_promise_of_other_cycles_is_broken(copy: Path) -> None:
    manifest, (design, step) = RTL.load(copy), model_of(copy)
    wrong = [step.request_cycles[0] + 1, *step.request_cycles[1:]]
    broken = design.model_copy(update={"decode": step.model_copy(update={"request_cycles": wrong})})
    RTL.save(manifest.model_copy(update={"model": broken}), copy / "rtl")
    with pytest.raises(CheckFailed, match="are promised"):
        played(copy)


def test_golden_logits_are_those_of_the_program_as_it_is(leaving: Path) -> None:
    whole = DUMP.load(leaving).whole
    assert whole is not None and whole.exits is not None and sum(whole.exits.leaving) == 36
    source = read_model(leaving / "dump", DUMP.load(leaving))
    assert np.array_equal(source.program.evaluate(source.inputs), source.logits)
