"""Transformers of the published shapes, whole: rendered, read by Verilator without a warning, and equal on a sample."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from quweit_cli import artifacts, config
from quweit_cli.stages import dump, rtl, sim, train

EXAMPLES = Path(__file__).parents[2] / "examples"
BRIEF = (
    "training.steps=4", "training.batch_size=16", "training.warmup=1", "training.evaluate_every=4",
    "training.compile=false", "training.start_from=null", "training.distill={weight: 0, states: 0}",
    "model.arithmetic=integer", "model.block.value_bits=ternary",
)  # fmt: skip


def images(folder: Path) -> config.Experiment:
    """I-ViT-T's shape on noise, 12 layers of 192 features."""
    noise = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for part, count in (("train", 64), ("test", 32)):
        files = []
        for _ in range(count):
            file = io.BytesIO()
            Image.fromarray(noise.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(file, "JPEG")
            files.append(file.getvalue())
        arrays[f"{part}_jpeg"] = np.frombuffer(b"".join(files), np.uint8)
        arrays[f"{part}_offsets"] = np.cumsum([0, *map(len, files)])
        arrays[f"{part}_labels"] = noise.integers(0, 10, count, dtype=np.uint8)
    np.savez(folder / "noise.npz", **arrays)
    own = (
        f"data.path={folder / 'noise.npz'}", "data.augment=none", "training.epochs=null", "model.block.groups=3",
        "model.block.lut_layers=[1536]", "model.block.thermometer.summed=false",
    )  # fmt: skip
    return config.with_overrides(config.load_experiment(EXAMPLES / "cifar10_32.yaml"), [*BRIEF, *own])


def text(folder: Path) -> config.Experiment:
    """nanoGPT-baby, 6 layers of 384 features, on letters."""
    letters = np.random.default_rng(0).choice(list("abcdefgh \n"), 20_000)
    (folder / "letters.txt").write_text("".join(letters))
    own = (f"data={{source: text_file, path: {folder / 'letters.txt'}}}", "model.block.lut_layers=[1536]")
    grouped = config.load_experiment(EXAMPLES / "shakespeare_char_grouped.yaml")
    return config.with_overrides(grouped, [*BRIEF, *own])


@pytest.mark.slow  # ten minutes each
@pytest.mark.requires("verilator")
@pytest.mark.parametrize(("experiment", "tensors"), [(images, 124), (text, 63)])
def test_a_model_of_the_papers_size_equals_its_program(experiment, tensors: int, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    project = artifacts.open_project(tmp_path / "p")
    train.run(experiment(tmp_path), project)
    dump.run(project / "train" / "ckpt.pt", project, config.Dump(rows=64, samples=4, golden_samples=1))
    manifest = rtl.run(project, config.Rtl(side=32, directed_rows=0, random_rows=1))
    result = sim.run(project, config.Sim(simulators=("verilator",), steady_only=True), only=["model"])
    (run,) = result.simulators[0].models
    assert manifest.model is not None and run.bit_exact
    assert run.words_compared > 100_000 and run.tensors_compared == tensors
    assert run.latency_cycles == manifest.model.latency_cycles
