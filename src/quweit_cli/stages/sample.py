"""checkpoint -> text: what a character model writes after a prompt."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

from quweit_cli.boundary.readers import shown as as_written
from quweit_cli.documents import SampleResult
from quweit_cli.errors import ConfigError, UnsupportedModel
from quweit_cli.models.gpt import Gpt
from quweit_cli.progress import SILENT, Progress
from quweit_cli.training import checkpoint as checkpoints
from quweit_cli.training.device import pick_device
from quweit_cli.training.sampling import continuation


def run(
    checkpoint: Path,
    *,
    prompt: str | None = None,
    tokens: int = 500,
    temperature: float = 0.8,
    top_k: int | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Progress = SILENT,
) -> SampleResult:
    """Weightless blocks answer as their integer programs do.

    Raises:
        ArtifactError: not a checkpoint of ours, or damaged.
        UnsupportedModel: a model of images.
        ConfigError: a temperature that is no number, a prompt that is empty, or of characters that the model never saw.
    """
    if not 0 <= temperature < math.inf:
        raise ConfigError(
            f"a temperature of {temperature} cannot divide anything", hint="give one of 0 or more"
        )
    loaded = checkpoints.load(checkpoint)
    model = loaded.model()
    if not isinstance(model, Gpt):
        raise UnsupportedModel(
            f"`{checkpoint}` is a {loaded.experiment.model.family}, which writes no text",
            hint="give a checkpoint of the family `gpt`; `quweit eval` tests this one",
        )
    vocabulary = loaded.meta["vocabulary"]
    if prompt is None:
        prompt = "\n" if "\n" in vocabulary else vocabulary[0]
    _check_prompt(prompt, vocabulary)
    model.to(pick_device(device))
    start = [vocabulary.index(character) for character in prompt]
    text = []
    with progress.task("sample", total=tokens) as task:
        following = continuation(model, start, temperature=temperature, top_k=top_k, seed=seed)
        for token in itertools.islice(following, tokens):
            text.append(vocabulary[token])
            task.advance()
    return SampleResult(name=loaded.experiment.name, prompt=prompt, text="".join(text), seed=seed)


def _check_prompt(prompt: str, vocabulary: str) -> None:
    if not prompt:
        raise ConfigError("the prompt is empty", hint="give at least one character to go on from")
    if unknown := sorted(set(prompt) - set(vocabulary)):
        shown = ", ".join(repr(character) for character in unknown[:10])
        raise ConfigError(
            f"the prompt has characters that the model never saw: {shown}",
            hint=f"it knows {as_written(vocabulary, 1000)}",
        )
