"""Whether to save or to stop after a step: the same answer in every process of a training."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from quweit_cli import interrupts
from quweit_cli.training.distributed import Processes

SAVE_SECONDS = (
    120.0  # the most that a killed training loses, besides the step and the evaluation that it is in
)
LONG_STEP_SECONDS = 0.2  # asking other processes costs a wait for a GPU: long steps ask every time


@dataclass(frozen=True)
class Pause:
    signal: int  # that came, such as SIGTERM; 0 without
    late: bool  # the deadline has passed
    save: bool

    @property
    def stops(self) -> bool:
        return bool(self.signal) or self.late


GO_ON = Pause(signal=0, late=False, save=False)


class Pauses:
    """Asked after every step.

    save_every: steps between states; one is due after SAVE_SECONDS too.
    deadline: of `clock`, looked at with reports only, so that every run gets on.
    """

    def __init__(
        self,
        save_every: int,
        deadline: float | None,
        processes: Processes,
        device: torch.device,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.save_every, self.deadline, self.processes, self.device = save_every, deadline, processes, device
        self.clock = clock
        self.saved_at = self.reported_at = clock()
        self.steps = 0  # since the last report
        self.long_steps = True  # until a report says otherwise

    def after(self, step: int, *, report: bool) -> Pause:
        """report: the figures of this step are read, which costs a wait for the device anyway."""
        self.steps += 1
        alone = self.processes.count == 1
        due = step % self.save_every == 0
        if not (alone or report or due or self.long_steps):
            return GO_ON
        now = self.clock()
        wanted = [
            float(interrupts.waiting()),
            float(report and self.deadline is not None and now >= self.deadline),
            float(due or now - self.saved_at >= SAVE_SECONDS),
            (now - self.reported_at) / self.steps,
        ]
        number, late, save, seconds = wanted if alone else self.processes.most(wanted, self.device)
        if report:
            self.long_steps, self.reported_at, self.steps = seconds > LONG_STEP_SECONDS, now, 0
        if save:
            self.saved_at = now
        return Pause(signal=int(number), late=bool(late), save=bool(save))
