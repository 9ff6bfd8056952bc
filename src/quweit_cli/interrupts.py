"""When SIGINT and SIGTERM take effect: outside of imports, in a command, and where the work allows it.

An exception out of an import that is half done leaves modules without half of their names, and a library then
fails in its own words instead of ours. One that comes before a command has begun would be taken by typer. So
they wait there, and are tried again a moment later.
"""

from __future__ import annotations

import atexit
import contextlib
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
RETRY_SECONDS = 0.02
SAME_PRESS_SECONDS = 1.0  # `timeout` and torchrun pass on what the whole group of processes got already


class Terminated(KeyboardInterrupt):
    """SIGTERM, taken like Ctrl-C: stages clean up behind themselves."""


class _Desk:
    """What has come and was not raised yet; of the main thread, which alone gets signals."""

    def __init__(self) -> None:
        self.open = True  # false while no command runs that would explain an interrupt
        self.holders = 0  # bodies that let interrupts wait
        self.hurried = False  # whether a second one may be raised in them all the same
        self.waiting = 0  # number of the signal that waits; 0 without
        self.taken_at = -math.inf

    def receive(self, number: int, frame: FrameType | None) -> None:
        again = time.monotonic() - self.taken_at >= SAME_PRESS_SECONDS
        if self.waiting:
            if again and self.holders and self.hurried and self.open:
                self.holders = 0
                self.deliver(frame)
        elif again:
            self.waiting, self.taken_at = number, time.monotonic()
            self.deliver(frame)

    def retry(self, number: int, frame: FrameType | None) -> None:
        self.deliver(frame)

    def deliver(self, frame: FrameType | None) -> None:
        """Raise what waits, unless it has to wait longer."""
        if not self.waiting or self.holders:
            return
        if _handles() and (not self.open or _is_importing(frame)):
            signal.setitimer(signal.ITIMER_REAL, RETRY_SECONDS)
            return
        raise self.take()

    def take(self, number: int | None = None) -> KeyboardInterrupt:
        number, self.waiting = number or self.waiting, 0
        return Terminated() if number == signal.SIGTERM else KeyboardInterrupt()


_desk = _Desk()


def install() -> None:
    """For the life of the process; interrupts wait until they are `allowed`."""
    if _handles():
        return
    _desk.open = False
    _set_handlers()
    atexit.register(
        _ignore
    )  # Python hands signals back to the system then, whom the timer's would end the process
    hook = sys.unraisablehook

    def lost(unraisable: Any) -> None:
        """One that was raised within a finaliser, where Python drops it, comes again."""
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            hook(unraisable)
            return
        _desk.waiting = signal.SIGTERM if isinstance(unraisable.exc_value, Terminated) else signal.SIGINT
        signal.setitimer(signal.ITIMER_REAL, RETRY_SECONDS)

    sys.unraisablehook = lost


@contextlib.contextmanager
def allowed() -> Iterator[None]:
    """Within: interrupts are raised; before and after they wait."""
    before, _desk.open = _desk.open, True
    try:
        yield
    finally:
        _desk.open = before


@contextlib.contextmanager
def held(*, hurried: bool = False) -> Iterator[None]:
    """Let interrupts wait until the body is done, or ends because of what `waiting` says.

    hurried: one that comes a second or more after another is raised in the body all the same.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _handled():
        outer = _desk.holders, _desk.hurried
        _desk.holders, _desk.hurried = _desk.holders + 1, hurried
        try:
            yield
        finally:
            _desk.holders, _desk.hurried = outer
    _desk.deliver(sys._getframe())


def waiting() -> int:
    """The signal that came and waits; 0 without."""
    return _desk.waiting


def error(number: int) -> KeyboardInterrupt:
    """What a signal is raised as; it waits no longer."""
    return _desk.take(number)


@contextlib.contextmanager
def _handled() -> Iterator[None]:
    """Within: signals come to the desk, also where no command line has seen to it."""
    if _handles():
        yield
        return
    numbers = (*SIGNALS, signal.SIGALRM)
    before = [signal.getsignal(number) for number in numbers]
    _desk.taken_at = -math.inf
    _set_handlers()
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler or signal.SIG_DFL)


def _ignore() -> None:
    """The command has told its outcome."""
    for number in (*SIGNALS, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _handles() -> bool:
    return signal.getsignal(signal.SIGINT) == _desk.receive


def _set_handlers() -> None:
    for number in SIGNALS:
        signal.signal(number, _desk.receive)
    signal.signal(signal.SIGALRM, _desk.retry)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
