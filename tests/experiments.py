"""Small experiments for tests: seconds to train, every kind of model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from quweit_cli import artifacts, config
from quweit_cli.stages import dump, rtl, train

DIGITS: dict[str, Any] = {
    "name": "tiny_digits",
    "data": {"source": "digits"},
    "model": {
        "family": "vit",
        "dim": 16,
        "depth": 2,
        "heads": 2,
        "patch": 4,
        "block": {"lut_layers": [24], "thermometer": {"bits": 4}},
    },
    "training": {"threads": 1, "steps": 6, "batch_size": 32, "learning_rate": 5e-3, "evaluate_every": 3},
}


def tiny_digits(*overrides: str) -> config.Experiment:
    return config.with_overrides(config.experiment_from_dict(DIGITS, where="test"), list(overrides))


def tiny_gpt(path: str, *overrides: str) -> config.Experiment:
    """Learns from the text file at `path`."""
    raw = {
        **DIGITS,
        "name": "tiny_gpt",
        "data": {"source": "text_file", "path": path},
        "model": {**DIGITS["model"], "family": "gpt", "context": 16},
    }
    return config.with_overrides(config.experiment_from_dict(raw, where="test"), list(overrides))


def whole_model(folder: Path, *overrides: str, side: int | None = 8) -> Path:
    """The project of a tiny model in integers, trained for a moment and rendered whole."""
    project = artifacts.open_project(folder)
    experiment = tiny_digits("model.arithmetic=integer", *overrides)
    train.run(experiment, project)
    dump.run(project / "train" / "ckpt.pt", project, config.Dump(rows=8, samples=8, golden_samples=2))
    rtl.run(project, config.Rtl(side=side, directed_rows=0, random_rows=1))
    return project
