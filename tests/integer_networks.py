"""Models in integers of a few features, whose ranges come from some batches."""

from __future__ import annotations

from typing import Any

import torch

from experiments import tiny_digits, tiny_gpt
from quweit_cli import config
from quweit_cli.models import IntegerClassifier, IntegerGpt, IntegerNetwork, build, grids_of
from quweit_cli.models.integer.fixed_point import follow
from quweit_cli.models.low_bits import with_gains_folded

IMAGES = {
    "kind": "images",
    "side": 8,
    "channels": 2,
    "classes": ["a", "b", "c"],
    "mean": [100.0, 30.5],
    "std": [50.0, 7.25],
}
TEXT = {"kind": "text", "vocabulary": "abcdefg"}
PASSAGES = {"kind": "passages", "vocabulary": list("abcdefg"), "classes": ["a", "b", "c"]}
META: dict[str, dict[str, Any]] = {"vit": IMAGES, "gpt": TEXT, "encoder": PASSAGES}


def images(count: int) -> torch.Tensor:
    """Normalised pixels of 0 ... 255."""
    pixels = torch.randint(256, (count, 2, 8, 8)).float()
    mean, std = (torch.tensor(IMAGES[key])[:, None, None] for key in ("mean", "std"))
    return (pixels - mean) / std


def made(family: str, *overrides: str, steps: int = 3) -> tuple[IntegerNetwork, torch.Tensor]:
    """A model whose ranges come from some batches, and samples."""
    torch.manual_seed(0)
    base = tiny_digits() if family == "vit" else tiny_gpt("none.txt")
    settings = config.with_overrides(base, ["model.arithmetic=integer", *overrides]).model
    settings = settings.model_copy(update={"family": family})
    model = build(settings, META[family])
    assert isinstance(model, IntegerClassifier | IntegerGpt)
    samples = images(6) if family == "vit" else torch.randint(7, (6, 16))
    for parameter in model.parameters():  # gains and biases other than 1 and 0
        if parameter.ndim == 1 and parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
    model.train()
    for _ in range(steps):
        model(samples)
        follow(grids_of(model))
    return model.eval(), samples


def folds_gains(real: config.Model, own: config.Model, norm: str) -> bool:
    """Whether a model whose normalisations `norm` have no gain is near one that has, from whose weights it starts: nearer by far than
    with those weights as they are. Rounding to int8 is small beside that."""
    torch.manual_seed(0)
    first, second = build(real, IMAGES).eval(), build(own, IMAGES).eval()
    for name, weight in first.named_parameters():
        if norm in name:
            weight.data += 3 * torch.randn_like(weight)
    names, samples, answers = second.state_dict().keys(), images(6), []
    with torch.no_grad():
        for state in (with_gains_folded(first.state_dict(), names), first.state_dict()):
            second.load_state_dict({name: state[name] for name in names})
            answers.append(second(samples) - first(samples))
    folded, plain = answers
    return float(folded.std()) < 0.2 * float(plain.std())
