"""A whole model in integers: PyTorch against its program, tensor by tensor, and golden samples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from quweit_cli.documents import DumpedExits, DumpedTensor
from quweit_cli.errors import ArtifactError, Mismatch, QuweitError
from quweit_cli.ir.exits import answers_with_exits, exits_taken, token_exits
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.program import Program, tensor_types, trace
from quweit_cli.models import IntegerGpt, IntegerNetwork
from quweit_cli.models.exits import rule_of
from quweit_cli.models.integer.building import Model, Twin
from quweit_cli.models.integer.fixed_point import FixedPoint
from quweit_cli.progress import SILENT, Progress
from quweit_cli.training.evaluation import batches


@dataclass(frozen=True)
class VerifiedModel:
    program: Program
    tensors_compared: int
    inputs: Integers  # golden samples
    logits: Integers  # where samples leave early, those of the exit that each takes
    tensors: list[DumpedTensor]
    golden_G: Integers  # which of the test samples the golden ones are
    read_B: Tensor  # the class of each test sample, or of a text the next token at each place
    exits: DumpedExits | None = None


def program_of(model: IntegerNetwork, checkpoint: Path) -> Model:
    """Raises ArtifactError when the weights of `checkpoint` give no valid program."""
    try:
        return model.build()
    except ValueError as error:
        raise ArtifactError(f"`{checkpoint}` gives no valid integer program: {error}") from None


@torch.no_grad()
def verify(
    model: IntegerNetwork, made: Model, inputs: Tensor, golden: int, progress: Progress = SILENT
) -> VerifiedModel:
    """Run every sample in PyTorch and by the program, and compare every tensor.

    golden: samples that are kept, evenly spaced.

    Raises:
        Mismatch: names the first tensor, sample, place and both integers.
    """
    settings = model.exit_settings if model.exit_settings.after else None
    taken_B: list[Integers] = []
    read = []
    with progress.task("compare the whole model", total=len(inputs)) as task:
        for part in batches(len(inputs), model.tokens):
            with _seen(made.twins) as seen:
                answered, layers_BN = _answered(model, inputs[part])
            expected = trace(made.program, model.codes(inputs[part]).numpy(), nested=True)
            for path, got in seen.items():
                _compare(path, part.start, expected[path], _integers(got, made.twins[path]))
            if settings:
                taken, answers = _left(model, expected, expected[made.program.answer])
                if layers_BN is not None:
                    layers = np.array([*settings.after, len(model.layers)])[taken]
                    _compare("layers of a token", part.start, layers, layers_BN.cpu().numpy())
                taken_B.append(taken.ravel())
                answered = torch.from_numpy(answers)
            read.append(answered.argmax(dim=-1))
            task.advance(part.stop - part.start)
    chosen = np.arange(min(golden, len(inputs))) * len(inputs) // min(golden, len(inputs))
    kept = trace(made.program, model.codes(inputs[torch.from_numpy(chosen)]).numpy(), nested=True)
    tensors = [
        DumpedTensor(
            name=path,
            shape=list(kept[path].shape[1:]),
            low=kind.low,
            high=kind.high,
            sha256=digest_of_tensor(kept[path]),
        )
        for path, kind in tensor_types(made.program, nested=True).items()
    ]
    name, answers = made.program.input_name, kept[made.program.answer]
    exits = None
    if settings:
        rule, count = rule_of(settings), len(settings.after)
        _, answers = _left(model, kept, answers)
        exits = DumpedExits(
            criterion=rule.criterion,
            steps=rule.steps,
            after=list(settings.after),
            leaving=np.bincount(np.concatenate(taken_B), minlength=count + 1).tolist(),
        )
    return VerifiedModel(
        made.program, len(made.twins), kept[name], answers, tensors, chosen, torch.cat(read), exits
    )


def _answered(model: IntegerNetwork, inputs: Tensor) -> tuple[Tensor, Tensor | None]:
    """Logits, and of a decoder with exits the layers that each token went through."""
    if isinstance(model, IntegerGpt) and model.exit_settings.after:
        return model.decoded(inputs, rule_of(model.exit_settings))
    return model(inputs), None


def _left(
    model: IntegerNetwork, tensors: Mapping[str, Integers], last: Integers
) -> tuple[Integers, Integers]:
    """The exit that each sample or token takes by the program, and its logits. last: those of the last head."""
    rule, count = rule_of(model.exit_settings), len(model.exit_settings.after)
    if isinstance(model, IntegerGpt):
        return token_exits(tensors, count), last
    return exits_taken(tensors, rule, count), answers_with_exits(tensors, last, rule, count)


def digest_of_tensor(values: Integers) -> str:
    """Of int64, little endian, in the order of the axes."""
    return hashlib.sha256(np.ascontiguousarray(values, dtype="<i8").tobytes()).hexdigest()


@contextmanager
def _seen(twins: Mapping[str, Twin]) -> Iterator[dict[str, Tensor]]:
    """What every module gives while the model runs once."""
    seen: dict[str, Tensor] = {}

    def keep(path: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def hook(_: nn.Module, __: object, output: FixedPoint | Tensor) -> None:
            if path in seen:
                raise RuntimeError(f"`{path}` was computed twice")
            seen[path] = output.value if isinstance(output, FixedPoint) else output

        return module.register_forward_hook(hook)

    handles = [keep(path, twin.module) for path, twin in twins.items()]
    try:
        yield seen
        if missing := twins.keys() - seen.keys():
            raise RuntimeError(f"`{min(missing)}` was not computed")
    finally:
        for handle in handles:
            handle.remove()


def _integers(value: Tensor, twin: Twin) -> np.ndarray:
    """Steps; float64, so that a value between two steps is seen."""
    steps: np.ndarray = value.double().cpu().numpy() * np.exp2(twin.fraction.astype(np.float64))
    return steps


def _compare(path: str, first: int, expected: Integers, got: np.ndarray) -> None:
    if not np.isfinite(got).all():
        raise QuweitError(
            f"`{path}` is not finite: the weights are of no use",
            hint="train again with a lower `training.learning_rate`",
        )
    got = got.reshape(expected.shape)
    if np.array_equal(expected, got):
        return
    place = tuple(np.argwhere(expected != got)[0].tolist())
    where = ", ".join(map(str, place[1:]))
    raise Mismatch(
        f"`{path}` of test sample {first + place[0]}, element [{where}]:"
        f" the integer program gives {expected[place]}, PyTorch {got[place]:g}",
        hint="this is a defect of quweit, please report it with the checkpoint",
    )
