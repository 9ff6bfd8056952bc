"""What can go wrong, and the exit code that says so.

QuweitError
├── InputError            exit 2   what the user gave cannot be used
│   ├── ConfigError                an experiment file or an option
│   ├── ArtifactError              a file on disk that is not what it should be
│   │   └── StaleArtifact          ... because something that it was made from has changed
│   ├── DataUnavailable            a dataset that is not on this machine
│   └── UnsupportedModel           a model that the toolchain does not take
├── OutOfMemory           exit 3   of this machine or its GPU
├── ToolError             exit 3   a tool of this machine
│   ├── ToolNotFound
│   ├── ToolTooOld
│   └── ToolFailed
└── CheckFailed           exit 1   everything ran, and the answer is no
    ├── Mismatch                   RTL, PyTorch and the integer program disagree
    └── ConstraintMissed           timing or an area bound is not met

A message says what is wrong and where; the hint, printed on a line of its own, says what to do next.
"""

from __future__ import annotations


class QuweitError(Exception):
    """The root: every error that a command turns into a message instead of a traceback."""

    exit_code = 2

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(QuweitError):
    exit_code = 2


class ConfigError(InputError):
    pass


class ArtifactError(InputError):
    pass


class StaleArtifact(ArtifactError):
    pass


class DataUnavailable(InputError):
    pass


class UnsupportedModel(InputError):
    pass


class OutOfMemory(QuweitError):
    exit_code = 3


class ToolError(QuweitError):
    exit_code = 3


class ToolNotFound(ToolError):
    pass


class ToolTooOld(ToolError):
    pass


class ToolFailed(ToolError):
    pass


class CheckFailed(QuweitError):
    exit_code = 1


class Mismatch(CheckFailed):
    pass


class ConstraintMissed(CheckFailed):
    pass
