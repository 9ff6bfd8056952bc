"""Cases of a test, of which most are slow."""

from __future__ import annotations

from collections.abc import Iterable

import pytest


def few(cases: Iterable[object], quick: int = 1) -> list[object]:
    """All cases, of which those after the first `quick` are slow tests. Cases of several arguments are tuples."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
        if place >= quick
        else case
        for place, case in enumerate(cases)
    ]
