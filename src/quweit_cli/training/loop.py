"""The training loop: seeded, on the CPU the same numbers every time, and resumable after any step.

Nothing in a step waits for a GPU: batches are cut and changed where the data lies, and figures are
read every REPORT_EVERY steps only.
"""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from quweit_cli import config, interrupts
from quweit_cli.boundary.readers import cut
from quweit_cli.errors import ArtifactError, QuweitError
from quweit_cli.models import Network, blocks_of, build, grids_of
from quweit_cli.models.exits import joint_loss
from quweit_cli.models.integer.fixed_point import follow
from quweit_cli.progress import Progress, Task
from quweit_cli.training.averaging import WeightAverage
from quweit_cli.training.compilation import compile_layers
from quweit_cli.training.datasets import Dataset
from quweit_cli.training.device import Precision, describe, explained, memory_mb, pick_device, prepared
from quweit_cli.training.distillation import Teacher, distance, distilled_loss
from quweit_cli.training.distributed import ALONE, Processes, local_rank
from quweit_cli.training.evaluation import Score, Unfinished, evaluate, prediction_loss
from quweit_cli.training.graph import Learn, RecordedStep
from quweit_cli.training.optimizer import Optimizer
from quweit_cli.training.pauses import Pauses
from quweit_cli.training.randomness import seed_device
from quweit_cli.training.state import ANEW, State
from quweit_cli.weightless.block import WeightlessBlock

REPORT_EVERY = 10  # steps between lines of metrics; each costs a wait for a GPU
Log = Callable[[dict[str, float]], None]
Save = Callable[[State], None]


@dataclass(frozen=True)
class Trained:
    model: Network
    score: Score  # on all held-out data
    curve: list[dict[str, float]]
    steps: int
    seconds: float
    device: str


class Stopped(Exception):
    """Time is up, or an interrupt came (`signal` is its number, 0 without); the state was saved."""

    def __init__(self, step: int, steps: int, signal: int = 0) -> None:
        super().__init__(f"stopped after step {step} of {steps}")
        self.step, self.steps, self.signal = step, steps, signal


def fit(
    experiment: config.Experiment,
    data: Dataset,
    log: Log,
    progress: Progress,
    *,
    teacher: nn.Module | None = None,
    weights: dict[str, Tensor] | None = None,
    start: State | None = None,
    save: Save | None = None,
    deadline: float | None = None,
    processes: Processes = ALONE,
) -> Trained:
    """Train the experiment's model from its seed, or on from a state.

    teacher: with `training.distill.weight`, whose answers are followed.
    weights: by name, in place of fresh ones.
    save: takes the state every `training.save_every` steps, every two minutes, at the deadline, at an interrupt
        and at the end.
    deadline: of time.monotonic(); training stops soon after it.

    Raises:
        ConfigError: settings that do not fit the dataset, this machine or the processes.
        QuweitError: the loss is no longer a number, or the model could not be compiled.
        OutOfMemory: of the GPU or of the machine.
        Stopped: the deadline has passed, or an interrupt came.
    """
    settings = experiment.training
    device = pick_device(settings.device, local_rank())
    processes.check_batch(settings.batch_size)
    with prepared(settings, device), explained(settings, device):
        torch.manual_seed(experiment.seed)
        model = build(experiment.model, data.meta)
        if weights is not None:
            model.load_state_dict(weights, strict=False)
        model.to(device)
        run = _Run(experiment, data.to(device), model, device, log, progress, processes, teacher)
        begun = 0 if start is None else start.step
        with (
            progress.task(f"train {experiment.model.mlp}", total=run.steps, done=begun) as task,
            interrupts.held(hurried=processes.count == 1),  # torchrun ends those that linger
        ):
            with contextlib.closing(run):
                run.walk(task, start, save, deadline)
            return run.trained()


class _Run:
    """One training: what a step changes."""

    def __init__(
        self,
        experiment: config.Experiment,
        data: Dataset,
        model: Network,
        device: torch.device,
        log: Log,
        progress: Progress,
        processes: Processes,
        teacher: nn.Module | None = None,
    ) -> None:
        self.experiment, self.settings, self.processes = experiment, experiment.training, processes
        self.data, self.model, self.device, self.log, self.progress = data, model, device, log, progress
        self.steps = total_steps(self.settings, data, model.tokens)
        self.exits = experiment.model.exits
        self.blocks, self.grids = blocks_of(model), grids_of(model)
        learns_mapping = any(block.settings.mapping == "learnable" for block in self.blocks.values())
        self.teacher = None if teacher is None else Teacher(teacher.to(device), self.settings)
        self.precision = Precision(self.settings.precision, device)
        together = processes.count > 1
        waits = (together and learns_mapping) or (self.teacher is not None and self.teacher.waits)
        records = self.settings.compile and device.type == "cuda" and not waits
        stream = torch.cuda.Stream(device) if records else None  # type: ignore[no-untyped-call]
        self.network = processes.wrap(model, device, unused=learns_mapping, stream=stream)
        if self.settings.compile:
            compile_layers(model)
        self.learn: Learn = self._learn
        if stream is not None:
            self.learn = RecordedStep(self._learn, stream, together=together)
        self.optimizer = Optimizer(model, self.settings, self.steps)
        self.average = WeightAverage(model, self.settings.average)
        self.curve: list[dict[str, float]] = []
        self.best_weights: dict[str, Tensor] | None = None
        self.best_loss = math.inf
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=device)  # since the last evaluation
        self.loss_steps = 0
        self.started = time.monotonic()

    def walk(self, task: Task, start: State | None, save: Save | None, deadline: float | None) -> None:
        self.model.train()
        first = 0 if start is None else self._restore(start)
        if first == 0:
            self._calibrate()
        elif self._evaluation_is_due(first):  # it was interrupted
            self._prepare(first - 1, first=True)
            self._evaluate(first, save)
        clock = _Clock(first)
        pauses = Pauses(self.settings.save_every, deadline, self.processes, self.device)
        for step in range(first, self.steps):
            self._prepare(step, first=step == first)
            loss, norm = self._step(step)
            task.advance()
            done, last = step + 1, step + 1 == self.steps
            evaluation = self._evaluation_is_due(done)
            report = evaluation or done % REPORT_EVERY == 0
            if report:
                task.advance(0, **self._report(done, loss, norm, clock))
            if evaluation:
                self._evaluate(done, save)
            pause = pauses.after(done, report=report)
            if pause.stops or pause.save or last:
                self._save(done, save)
            if pause.stops and not last:
                raise Stopped(done, self.steps, pause.signal)
            if report:
                clock.restart(done)

    def close(self) -> None:
        """Let go of the recording: NCCL waits for ever for graphs that hold its kernels."""
        if isinstance(self.learn, RecordedStep):
            self.learn.forget()

    def trained(self) -> Trained:
        """What is kept: the averages or the best weights where the settings say so, tested on everything."""
        seconds = time.monotonic() - self.started
        self.average.exchange()
        if self.best_weights is not None:
            self.model.load_state_dict(self.best_weights)
        try:
            score = evaluate(
                self.model, *self.data.test(self.model.tokens), self.model.tokens, self.processes
            )
        except Unfinished:
            raise Stopped(self.steps, self.steps, self._signal()) from None
        if self.best_weights is None:
            self.curve[-1] |= score.figures()
        return Trained(self.model, score, self.curve, self.steps, seconds, describe(self.device))

    def _step(self, step: int) -> tuple[Tensor, Tensor]:
        """Loss of this process's share, and the norm of the gradient; nothing waits for either."""
        settings, seed, share = self.settings, self.experiment.seed, self.processes.share
        seed_device(self.device, seed, "step", step, share.index)
        inputs, targets = self.data.batch(step, settings.batch_size, self.model.tokens, seed, share)
        self.optimizer.set_rates(step)
        loss, norm = self.learn(inputs, targets)
        self.average.update(step)
        self.loss_sum += loss
        self.loss_steps += 1
        return loss, norm

    def _learn(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """What a step does on the device: the same kernels every time."""
        distill, wanted = self.settings.distill, None
        with self.precision():
            of_exits: list[Tensor] = []
            if self.exits.after:
                *answer, of_exits = self.network(inputs, states=True, exits=True)
                own = (answer[0], answer[1])
            else:
                own = self.network(inputs, states=True) if distill.states else (self.network(inputs), [])
            if self.teacher is not None:
                wanted = self.teacher.answers(inputs)
        losses = [
            prediction_loss(one, targets, label_smoothing=self.settings.label_smoothing)
            for one in (*of_exits, own[0])
        ]
        if wanted is not None:  # all heads learn from it
            heads = zip(losses, (*of_exits, own[0]), strict=True)
            losses = [distilled_loss(loss, logits, wanted[0], distill) for loss, logits in heads]
        loss = joint_loss(losses, self.exits, self.experiment.model.depth)
        if wanted is not None and distill.states:
            loss = loss + distill.states * distance(own[1], wanted[1])
        loss.backward()  # type: ignore[no-untyped-call]
        norm = self.optimizer.step()
        for block in self.blocks.values():
            block.constrain()
        follow(self.grids)
        return loss.detach(), norm

    def _prepare(self, step: int, *, first: bool) -> None:
        """What changes seldom is a function of the step, for whoever resumes: `first` sets all of it."""
        if first or step % REPORT_EVERY == 0:
            self._schedule(step)
        due = [block for block in self.blocks.values() if block.mapping_is_due(step / self.steps)]
        if due:
            self._freeze_mapping(due)

    def _schedule(self, step: int) -> None:
        """What changes slowly and costs a copy to the GPU."""
        done = step // REPORT_EVERY * REPORT_EVERY / max(1, self.steps - 1)
        for block in self.blocks.values():
            block.anneal(done)

    def _report(self, done: int, loss: Tensor, norm: Tensor, clock: _Clock) -> dict[str, float]:
        """Log the figures of a step; gives those that are shown beside the bar."""
        value, size = float(self.processes.mean(loss)), float(norm)
        if not math.isfinite(value):
            raise QuweitError(
                f"the training loss is {value} at step {done} (norm of the gradient: {size:.3g})",
                hint="lower `training.learning_rate`, lengthen `training.warmup`, or lower `training.gradient_clip`",
            )
        text = "vocabulary" in self.data.meta
        samples = self.settings.batch_size * (done - clock.step)
        per_second = samples * (self.model.tokens if text else 1) / clock.seconds()
        speed = {"tokens_per_s" if text else "samples_per_s": per_second}
        memory = memory_mb(self.device)
        self.log(
            {"step": done, "loss": value, "learning_rate": self.optimizer.rate, "gradient_norm": size}
            | {name: round(figure, 1) for name, figure in speed.items()}
            | {"seconds": round(time.monotonic() - self.started, 3)}
            | ({} if memory is None else {"memory_mb": round(memory, 1)})
        )
        return {"loss": value} | speed

    def _evaluation_is_due(self, done: int) -> bool:
        last = self.curve[-1]["step"] if self.curve else 0
        return last < done and (done == self.steps or done % self.settings.evaluate_every == 0)

    def _evaluate(self, step: int, save: Save | None) -> None:
        """When an interrupt ends it, whoever resumes begins with it."""
        inputs, targets = self.data.test(self.model.tokens, self.settings.evaluate_samples)
        try:
            with self.average.in_place():
                score = evaluate(self.model, inputs, targets, self.model.tokens, self.processes)
                self._remember(step, score)
        except Unfinished:
            self._save(step, save)
            raise Stopped(step, self.steps, self._signal()) from None

    def _remember(self, step: int, score: Score) -> None:
        train_loss = float(self.processes.mean(self.loss_sum)) / self.loss_steps
        self.loss_sum.zero_()
        self.loss_steps = 0
        figures = {"train_loss": train_loss, "learning_rate": self.optimizer.rate}
        self.curve.append({"step": step} | figures | score.figures())
        self.log({"step": step} | score.figures())
        self.progress.note(
            f"  {self.experiment.model.mlp}, step {step:,} of {self.steps:,}: "
            f"loss {train_loss:.4f}, test loss {score.loss:.4f}"
            + ("" if score.accuracy is None else f", test accuracy {100 * score.accuracy:.2f} %")
        )
        if self.settings.keep == "best" and score.loss < self.best_loss:
            self.best_loss = score.loss
            self.best_weights = copy.deepcopy(self.model.state_dict())

    def _freeze_mapping(self, due: Sequence[WeightlessBlock]) -> None:
        for block in due:
            block.freeze_mapping()
        if isinstance(self.learn, RecordedStep):
            self.learn.forget()

    def _calibrate(self) -> None:
        """Thresholds that are quantiles of the first batch are taken from the whole of it, in every process."""
        schemes = {block.settings.thermometer.scheme for block in self.blocks.values()}
        if "distributive" in schemes:
            size, tokens = self.settings.batch_size, self.model.tokens
            inputs, _ = self.data.batch(0, size, tokens, self.experiment.seed)
            with torch.no_grad():
                self.model(inputs)

    def _signal(self) -> int:
        """Of the interrupt that came, to whichever process."""
        return int(self.processes.most([interrupts.waiting()], self.device)[0])

    def _save(self, step: int, save: Save | None) -> None:
        loss_sum = self.processes.mean(self.loss_sum)
        if save is not None:
            save(self._state(step, loss_sum))

    def _state(self, step: int, loss_sum: Tensor) -> State:
        return State(
            step=step,
            steps=self.steps,
            seconds=time.monotonic() - self.started,
            weights=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            averages=self.average.averages,
            curve=self.curve,
            loss_sum=loss_sum,
            loss_steps=self.loss_steps,
            best_loss=self.best_loss,
            best_weights=self.best_weights,
        )

    def _restore(self, state: State) -> int:
        """Raises ArtifactError when the state is not one of this training."""
        try:
            if state.step > self.steps or (state.step == self.steps and not state.curve):
                raise ValueError(f"it is after step {state.step} of {self.steps}")
            self.model.load_state_dict(state.best_weights or state.weights)
            self.model.load_state_dict(state.weights)
            self.optimizer.load_state_dict(state.optimizer)
            for average, kept in zip(self.average.averages, state.averages, strict=True):
                average.copy_(kept)
            self.loss_sum.copy_(state.loss_sum)
        except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ArtifactError(
                f"the state that was saved is not one of this training: {cut(error)}", hint=ANEW
            ) from None
        self.curve = list(state.curve)
        self.loss_steps = state.loss_steps
        self.best_loss, self.best_weights = state.best_loss, state.best_weights
        self.optimizer.set_rates(state.step - 1)
        self.started -= state.seconds
        return state.step


class _Clock:
    """Since which step, and for how long, training has run without an evaluation."""

    def __init__(self, step: int) -> None:
        self.restart(step)

    def restart(self, step: int) -> None:
        self.step, self.since = step, time.monotonic()

    def seconds(self) -> float:
        return max(1e-9, time.monotonic() - self.since)


def total_steps(settings: config.Training, data: Dataset, tokens: int) -> int:
    if settings.steps is not None:
        return settings.steps
    assert settings.epochs is not None
    return math.ceil(settings.epochs * data.steps_per_epoch(settings.batch_size, tokens))
