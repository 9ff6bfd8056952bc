"""The only place of the tests that knows a clock: how long is waited for what will come, on however busy a machine."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_SECONDS = 900.0  # only what never comes is given up


def until(come: Callable[[], object]) -> None:
    """Ask again and again; `come` raises when it can no longer be."""
    given_up = time.monotonic() + PATIENCE_SECONDS
    while not come():
        assert time.monotonic() < given_up, "it never came"
        time.sleep(0.02)
