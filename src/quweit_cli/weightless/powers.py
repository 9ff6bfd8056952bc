"""Powers of two as tensors, exact on every device: `pow` is not, and `frexp` cannot be compiled everywhere."""

from __future__ import annotations

import torch
from torch import Tensor


def power_of_two(exponent: Tensor) -> Tensor:
    """2^exponent for int32 within -126 ... 127, float32; exact on every device, which `pow` is not."""
    return ((exponent + 127) << 23).view(torch.float32)


def exponent_of(x: Tensor) -> Tensor:
    """The least e with x < 2^e, int32, of positive float32; -126 where x is 0."""
    return (x.contiguous().view(torch.int32) >> 23) - 126
