"""How the learning rate moves over the steps."""

from __future__ import annotations

import math

from quweit_cli import config


def rate_factor(step: int, steps: int, settings: config.Training) -> float:
    """Multiple of the peak rate at a step (from 0) of `steps`: linear warm-up, then a cosine down to `final_rate`."""
    if step < settings.warmup:
        return (step + 1) / (settings.warmup + 1)
    remaining = max(1, steps - 1 - settings.warmup)
    done = min(1.0, (step - settings.warmup) / remaining)
    return settings.final_rate + (1 - settings.final_rate) * 0.5 * (1 + math.cos(math.pi * done))
