"""Seeds that depend on what they are for and on the step, and on nothing that was drawn before.

Every step draws its batch, its augmentation and its dropout from seeds of its own. A training that
goes on from step n then draws what it would have drawn without a stop, on a CPU as on a GPU, and no
state of a generator needs to be kept.
"""

from __future__ import annotations

import hashlib

import torch


def seed_for(*parts: int | str) -> int:
    """The same parts give the same seed, everywhere; 63 bits, all of them well mixed."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def generator_for(device: torch.device, *parts: int | str) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed_for(*parts))
