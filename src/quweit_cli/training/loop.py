"""The training loop: seeded, and on the CPU the same numbers every time."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from quweit_cli import config
from quweit_cli.errors import ConfigError, QuweitError
from quweit_cli.models import Gpt, Vit, blocks_of, build
from quweit_cli.progress import Progress, Task
from quweit_cli.training.averaging import WeightAverage
from quweit_cli.training.datasets import Dataset
from quweit_cli.training.evaluation import Score, evaluate, prediction_loss
from quweit_cli.training.optimizer import Optimizer

REPORT_EVERY = 10  # steps between lines of metrics; each costs a wait for a GPU
Log = Callable[[dict[str, float]], None]


@dataclass(frozen=True)
class Trained:
    model: Vit | Gpt
    score: Score  # on all held-out data
    curve: list[dict[str, float]]
    seconds: float
    device: str


def fit(experiment: config.Experiment, data: Dataset, log: Log, progress: Progress) -> Trained:
    """Train the experiment's model from its seed.

    Raises:
        ConfigError: settings that do not fit the dataset or this machine.
        QuweitError: the loss is no longer a number.
    """
    started = time.monotonic()
    device = pick_device(experiment.training.device)
    with _threads(experiment.training.threads):
        return _fit(experiment, data, log, progress, device, started)


def _fit(
    experiment: config.Experiment,
    data: Dataset,
    log: Log,
    progress: Progress,
    device: torch.device,
    started: float,
) -> Trained:
    torch.manual_seed(experiment.seed)
    model = build(experiment.model, data.meta).to(device)
    run = _Run(experiment, data, model, device, log)
    with progress.task(f"train {experiment.model.mlp}", total=experiment.training.steps) as task:
        run.walk(task)
    run.average.exchange()
    if run.best_state is not None:
        model.load_state_dict(run.best_state)
    score = evaluate(model, *data.test(model.tokens), model.tokens)
    run.curve[-1] |= score.figures() if run.best_state is None else {}
    return Trained(model, score, run.curve, time.monotonic() - started, _describe(device))


def pick_device(wanted: str) -> torch.device:
    """Raises ConfigError when CUDA is asked for and this machine has none."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "`training.device` is cuda, and torch finds no CUDA device here",
            hint="`training.device: auto` takes what there is",
        )
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)


class _Run:
    """The state of one training: what a step changes."""

    def __init__(
        self,
        experiment: config.Experiment,
        data: Dataset,
        model: Vit | Gpt,
        device: torch.device,
        log: Log,
    ) -> None:
        self.experiment, self.settings = experiment, experiment.training
        self.data, self.model, self.device, self.log = data, model, device, log
        self.blocks = blocks_of(model)
        self.optimizer = Optimizer(model, experiment.training, experiment.model.block)
        self.average = WeightAverage(model, self.settings.average)
        self.curve: list[dict[str, float]] = []
        self.best_state: dict[str, Any] | None = None
        self.best_loss = float("inf")
        self.losses: list[Tensor] = []  # since the last evaluation

    def walk(self, task: Task) -> None:
        # Its own generator: the order of the samples is the same for a model and its dense twin.
        generator = torch.Generator().manual_seed(self.experiment.seed)
        batches = self.data.batches(self.settings.batch_size, self.model.tokens, generator)
        freeze_at = round(self.experiment.model.block.mapping_freeze * self.settings.steps)
        started = time.monotonic()
        self.model.train()
        reported = 0
        for step in range(self.settings.steps):
            if step == freeze_at:
                for block in self.blocks.values():
                    block.freeze_mapping()
            loss = self._step(step, *next(batches))
            done, last = step + 1, step + 1 == self.settings.steps
            evaluation = last or done % self.settings.evaluate_every == 0
            if evaluation or done % REPORT_EVERY == 0:
                value = self._checked(step, loss)
                self.log({"step": done, "loss": value})
                task.advance(done - reported, loss=value, steps_per_s=done / (time.monotonic() - started))
                reported = done
            if evaluation:
                with self.average.in_place():
                    self._evaluate(done)

    def _step(self, step: int, inputs: Tensor, targets: Tensor) -> Tensor:
        with _mixed_precision(self.device):
            logits = self.model(inputs.to(self.device, non_blocking=True))
        loss = prediction_loss(
            logits,
            targets.to(self.device, non_blocking=True),
            label_smoothing=self.settings.label_smoothing,
        )
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step(step)
        for block in self.blocks.values():
            block.constrain()
        self.average.update(step)
        self.losses.append(loss.detach())
        return loss.detach()

    def _checked(self, step: int, loss: Tensor) -> float:
        value = float(loss)
        if not torch.isfinite(loss):
            raise QuweitError(
                f"the training loss is {value} at step {step + 1}",
                hint="lower `training.learning_rate`, lengthen `training.warmup`, or lower `training.gradient_clip`",
            )
        return value

    def _evaluate(self, step: int) -> None:
        inputs, targets = self.data.test(self.model.tokens, self.settings.evaluate_samples)
        score = evaluate(self.model, inputs, targets, self.model.tokens)
        train_loss = float(torch.stack(self.losses).mean())
        self.losses.clear()
        self.curve.append({"step": step, "train_loss": train_loss} | score.figures())
        self.log({"step": step} | score.figures())
        if self.settings.keep == "best" and score.loss < self.best_loss:
            self.best_loss = score.loss
            self.best_state = copy.deepcopy(self.model.state_dict())


@contextlib.contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _mixed_precision(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """bfloat16 for the dense parts on a GPU; blocks opt out. Plain float32 on the CPU."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return contextlib.nullcontext()


def _describe(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
