"""checkpoint or RTL package -> text: what a character model writes after a prompt."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from quweit_cli import toolbox
from quweit_cli.artifacts import changed_files, check_fresh, check_stage
from quweit_cli.boundary.readers import shown as as_written
from quweit_cli.documents import RTL, ModelDesign, SampleResult
from quweit_cli.errors import ArtifactError, ConfigError, UnsupportedModel
from quweit_cli.models.gpt import Gpt
from quweit_cli.progress import SILENT, Progress
from quweit_cli.simulators import simulator
from quweit_cli.simulators.conversation import Conversation, conversation
from quweit_cli.stages.sources import read_manifest, read_whole_program
from quweit_cli.training import checkpoint as checkpoints
from quweit_cli.training.device import pick_device
from quweit_cli.training.sampling import Network, continuation


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
    _check_temperature(temperature)
    loaded = checkpoints.load(checkpoint)
    model = loaded.model()
    if not isinstance(model, Gpt):
        raise UnsupportedModel(
            f"`{checkpoint}` is a {loaded.experiment.model.family}, which writes no text",
            hint="give a checkpoint of the family `gpt`; `quweit eval` tests this one",
        )
    vocabulary = loaded.meta["vocabulary"]
    prompt = _checked_prompt(prompt, vocabulary)
    model.to(pick_device(device))
    start = _Start(vocabulary, prompt, tokens)
    speaker = Network(model)
    following = continuation(speaker, start.codes, temperature=temperature, top_k=top_k, seed=seed)
    text = _written(start, following, progress)
    written = SampleResult(name=loaded.experiment.name, prompt=prompt, text=text, seed=seed)
    if not model.exit_settings.after:
        return written
    depths = speaker.depths
    mean = sum(depths) / len(depths) if depths else None
    if mean is not None:
        progress.note(
            f"{len(depths):,} tokens that went on went through {mean:.2f} of {len(model.layers)} layers on average"
        )
    went = {"layers": len(model.layers), "steps": len(depths), "mean_layers": mean}
    return written.model_copy(update=went)


def run_on_rtl(
    project: Path,
    *,
    prompt: str | None = None,
    tokens: int = 500,
    temperature: float = 0.8,
    top_k: int | None = None,
    seed: int = 0,
    simulator_name: str = "verilator",
    progress: Progress = SILENT,
) -> SampleResult:
    """From the logits of the hardware as it lies in the project, changed by hand or not: a file that was is noted.

    Raises:
        ArtifactError: no package, or one whose dump is another; a dump that does not say its characters.
        UnsupportedModel: a package without a decoder.
        ConfigError: as `run`.
        CheckFailed: the hardware gives no logits.
        ToolError: the simulator is missing, rejects the design, or ends.
    """
    _check_temperature(temperature)
    check_fresh(project, "rtl")
    check_stage(project, "dump")
    manifest = RTL.load(project)
    design = manifest.model
    if design is None or design.decode is None:
        raise UnsupportedModel(
            f"`{project}` holds no decoder as hardware",
            hint="`quweit rtl` with `rtl.side` renders one, of a `gpt` whose `model.arithmetic` is integer",
        )
    vocabulary, scale = _characters(project / "dump", design.decode.codes)
    prompt = _checked_prompt(prompt, vocabulary)
    tool = simulator(simulator_name)
    found = toolbox.find(tool.tool)
    for name in changed_files(project, "rtl"):
        if name in (*design.sources, *design.memories):
            progress.note(f"`{name}` is not what `quweit rtl` wrote; it is simulated as it is")
    with (
        toolbox.scratch("quweit-sample-") as kept,
        conversation((project / "rtl").resolve(), design, tool, found, kept) as hardware,
    ):
        start, speaker = _Start(vocabulary, prompt, tokens), Hardware(hardware, design, scale)
        following = continuation(speaker, start.codes, temperature=temperature, top_k=top_k, seed=seed)
        text = _written(start, following, progress)
    return SampleResult(name=manifest.name, prompt=prompt, text=text, seed=seed)


class Hardware:
    """A decoder on a simulator. scale: of its logits."""

    def __init__(self, asked: Conversation, design: ModelDesign, scale: float) -> None:
        self.asked, self.context, self.scale = asked, design.features, scale

    def logits(self, tokens: list[int], cached: int = 0) -> Tensor:
        """The conversation knows itself what is cached."""
        return torch.tensor(self.asked.logits(tokens), dtype=torch.float64) * self.scale


def _characters(dump: Path, codes: int) -> tuple[str, float]:
    """Of all tokens, and the scale of logits."""
    program, whole = read_whole_program(dump, read_manifest(dump))
    scale = next(step.scale for step in program.steps if step.name == program.answer)
    if whole.vocabulary is None or scale is None or len(whole.vocabulary) != codes:
        raise ArtifactError(
            f"`{dump}` does not say which characters its {codes} tokens are, or what its logits are worth",
            hint="run `quweit dump` again",
        )
    return whole.vocabulary, scale


class _Start(NamedTuple):
    """A prompt, and how much follows it."""

    vocabulary: str
    prompt: str
    tokens: int

    @property
    def codes(self) -> list[int]:
        return [self.vocabulary.index(character) for character in self.prompt]


def _written(start: _Start, following: Iterator[int], progress: Progress) -> str:
    text = []
    with progress.task("sample", total=start.tokens) as task:
        for token in itertools.islice(following, start.tokens):
            text.append(start.vocabulary[token])
            task.advance()
    return "".join(text)


def _check_temperature(temperature: float) -> None:
    if not 0 <= temperature < math.inf:
        raise ConfigError(
            f"a temperature of {temperature} cannot divide anything", hint="give one of 0 or more"
        )


def _checked_prompt(prompt: str | None, vocabulary: str) -> str:
    """Without one the end of a line."""
    if prompt is None:
        return "\n" if "\n" in vocabulary else vocabulary[0]
    if not prompt:
        raise ConfigError("the prompt is empty", hint="give at least one character to go on from")
    if unknown := sorted(set(prompt) - set(vocabulary)):
        shown = ", ".join(repr(character) for character in unknown[:10])
        raise ConfigError(
            f"the prompt has characters that the model never saw: {shown}",
            hint=f"it knows {as_written(vocabulary, 1000)}",
        )
    return prompt
