"""The course of training on disk: metrics.jsonl, and events for TensorBoard when asked for."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

from quweit_cli import artifacts
from quweit_cli.boundary import readers
from quweit_cli.errors import ArtifactError, ConfigError

LINES, EVENTS = "metrics.jsonl", "tensorboard"
MOST_BYTES = 1 << 30


class Metrics:
    """One line of figures a report, of both models in one file; events in a folder a model."""

    def __init__(self, folder: Path, mlp: str, *, tensorboard: bool) -> None:
        self.path, self.mlp = folder / LINES, mlp
        self.events, self.tensorboard = folder / EVENTS / mlp, tensorboard
        self.writer: Any = None

    def begin(self, step: int) -> None:
        """Drop what this model wrote after a step: it will be written again.

        Raises:
            ArtifactError: what lies there is not what was written.
        """
        try:
            lines = readers.read_text(self.path, MOST_BYTES).splitlines() if self.path.exists() else []
            kept = [line for line in lines if self._precedes(readers.parse_json(line), step)]
        except readers.Unreadable as error:
            raise ArtifactError(
                f"cannot go on writing `{self.path}`: {error}",
                hint="`quweit train` without `--resume` starts anew",
            ) from None
        artifacts.write_text(self.path, "".join(f"{line}\n" for line in kept))
        if self.tensorboard:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  (optional, and slow to import)

            self.writer = SummaryWriter(str(self.events), purge_step=step + 1)

    def write(self, figures: dict[str, float]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"mlp": self.mlp, **figures}) + "\n")
        if self.writer is not None:
            for name, value in figures.items():
                if name != "step":
                    self.writer.add_scalar(name, value, int(figures["step"]))

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()

    def _precedes(self, figures: Any, step: int) -> bool:
        if not isinstance(figures, dict) or not isinstance(figures.get("step"), int):
            raise readers.Unreadable("a line of it has no step")
        return bool(figures.get("mlp") != self.mlp or figures["step"] <= step)


def copy(source: Path, target: Path) -> None:
    """Both kinds of metrics, whole, into the folder of the finished stage."""
    shutil.copyfile(source / LINES, target / LINES)
    if (source / EVENTS).is_dir():
        shutil.copytree(source / EVENTS, target / EVENTS)


def check_tensorboard() -> None:
    """Raises ConfigError when it is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        raise ConfigError(
            "`training.tensorboard` is true, and TensorBoard is not installed",
            hint="pip install 'quweit[tensorboard]', or set `training.tensorboard: false`; metrics.jsonl has the same figures",
        )
