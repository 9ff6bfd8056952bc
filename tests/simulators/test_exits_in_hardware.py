"""Samples leave the hardware of a model early: at the exits and in the cycles that the program says, sample by sample."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from experiments import tiny_digits, whole_model
from quweit_cli import artifacts, config
from quweit_cli.documents import DUMP, RTL, ModelDesign
from quweit_cli.errors import ArtifactError, CheckFailed, Mismatch
from quweit_cli.stages import dump, rtl, sim, train
from quweit_cli.stages.sources import read_model

SAMPLES = 6
RULES = [("entropy", 3.05), ("fall", 0.05), ("probability", 0.2)]


def made(folder: Path, criterion: str, threshold: float) -> Path:
    """Three layers, with an exit after either of the first two; thresholds with which samples part."""
    project = artifacts.open_project(folder)
    experiment = tiny_digits(
        "model.arithmetic=integer",
        "model.dim=8",
        "model.depth=3",
        "model.exits.after=[1, 2]",
        f"model.exits.criterion={criterion}",
        f"model.exits.threshold={threshold}",
        "training.steps=60",
    )
    train.run(experiment, project)
    options = config.Dump(rows=8, samples=40, golden_samples=SAMPLES)
    dump.run(project / "train" / "ckpt.pt", project, options)
    rtl.run(project, config.Rtl(side=8, directed_rows=0, random_rows=1))
    return project


def model_of(project: Path) -> ModelDesign:
    design = RTL.load(project).model
    assert design is not None
    return design


def played(project: Path, samples: int = SAMPLES) -> sim.SimResult:
    options = config.Sim(simulators=("icarus",), samples={"icarus": samples}, steady_only=True)
    return sim.run(project, options, only=["model"])


@pytest.fixture(scope="module")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("leaving"), *RULES[0])


@pytest.fixture
def copy(leaving: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(leaving, tmp_path / "copy"))


@pytest.mark.requires("icarus")
def test_every_sample_leaves_at_the_exit_and_in_the_cycle_that_the_program_says(leaving: Path) -> None:
    (run,) = played(leaving).simulators[0].models
    design = model_of(leaving)
    assert run.bit_exact and run.words_compared
    assert len(set(design.row_cycles)) == 3 and set(design.row_cycles) == set(design.exit_cycles)
    assert run.average_interval_cycles == pytest.approx(np.mean(design.row_cycles[1:]))
    assert run.initiation_interval_cycles == max(design.exit_cycles)


@pytest.mark.slow
@pytest.mark.requires("verilator")
@pytest.mark.parametrize(("criterion", "threshold"), RULES)
def test_every_criterion_with_gaps_stalls_and_resets(
    criterion: str, threshold: float, tmp_path: Path
) -> None:
    project = made(tmp_path, criterion, threshold)
    assert len(set(model_of(project).row_cycles)) > 1
    result = sim.run(project, config.Sim(simulators=("verilator",)), only=["model"])
    assert result.bit_exact and result.simulators[0].models[0].scenarios["reset"]


def test_golden_logits_are_those_of_the_exit_that_is_taken(leaving: Path, copy: Path) -> None:
    whole = DUMP.load(leaving).whole
    assert whole is not None and whole.exits is not None and sum(whole.exits.leaving) == 40
    source = read_model(leaving / "dump", DUMP.load(leaving))
    assert not np.array_equal(source.program.evaluate(source.inputs), source.logits)
    logits = copy / "dump" / whole.logits
    np.save(logits, source.program.evaluate(source.inputs).astype(np.int32))
    with pytest.raises(ArtifactError, match="are not what its program computes"):
        read_model(copy / "dump", DUMP.load(copy))


@pytest.mark.slow
@pytest.mark.requires("icarus")
def test_another_threshold_in_the_hardware_is_found(copy: Path) -> None:
    path = copy / "rtl/rtl" / f"{model_of(copy).top}.sv"
    text, count = re.subn(r"\.Steps +\(\d+\)", ".Steps     (1)", path.read_text())
    assert count == 1
    path.write_text(text)
    with pytest.raises(Mismatch, match="job `layer1/attention_norm`|a word more than the sample has"):
        played(copy, 3)


@pytest.mark.requires("icarus")
def test_a_promise_of_other_cycles_is_broken(copy: Path) -> None:
    manifest = RTL.load(copy)
    design = model_of(copy)
    wrong = [design.row_cycles[0], *(cycles + 1 for cycles in design.row_cycles[1:])]
    changed = design.model_copy(update={"row_cycles": wrong})
    RTL.save(manifest.model_copy(update={"model": changed}), copy / "rtl")
    with pytest.raises(CheckFailed, match="cycles apart, the manifest says"):
        played(copy, 3)


@pytest.mark.slow
@pytest.mark.requires("icarus")
def test_exits_have_the_root_of_all_normalisations_and_a_softmax_of_their_own(tmp_path: Path) -> None:
    pieces = (f"model.functions.{role}={{segments: 8, bits: 9}}" for role in ("exponential", "root"))
    exits = ("model.exits.after=[1]", "model.exits.criterion=entropy", "model.exits.threshold=3.05")
    project = whole_model(tmp_path, "model.dim=8", "model.depth=2", *exits, *pieces)
    (run,) = played(project, 2).simulators[0].models
    assert run.bit_exact and run.words_compared
    lanes = [
        part.parameters.get("SearchedExponential", "0")
        for engine in model_of(project).engines
        for part in engine.parts
        if part.module == "quweit_softmax_rows"
    ]
    assert lanes == ["1", "0"]
