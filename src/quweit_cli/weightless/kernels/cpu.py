"""LUT layer kernels for the CPU, compiled by Numba at the first call and cached beside this file.

Loops run over the rows of one LUT or feature, which is what vectorises. One thread takes whole LUTs or
features, so results do not depend on the number of threads. Measured on one core, 192 LUTs of fan-in 6, 48
features, 1,024 rows: benchmarks/bench_lut_layer.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
import torch
from numba import prange
from torch import Tensor

# Numba's own threads: its OpenMP ones, when they start, change how many threads torch takes in the same process.
numba.config.THREADING_LAYER = "workqueue"  # type: ignore[attr-defined]
MOST_THREADS: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
NOWHERE = 1 << 20  # no threshold
Kernel = TypeVar("Kernel", bound=Callable[..., None])


def compiled(kernel: Kernel) -> Kernel:
    """In machine code, once for each set of types; kept for the next process where there is a place for it."""
    beside = os.access(Path(__file__).parent / "__pycache__", os.W_OK)
    home = os.path.expanduser("~")  # noqa: PTH111  (itself, where there is none: pathlib raises)
    kept = beside or bool(os.environ.get("NUMBA_CACHE_DIR")) or home != "~"
    try:
        return _jit(kernel, cache=kept)
    except RuntimeError:  # Numba found no folder that it can write to
        return _jit(kernel, cache=False)


def _jit(kernel: Kernel, *, cache: bool) -> Kernel:
    jit: Any = numba.njit(parallel=True, cache=cache, nogil=True, boundscheck=False)
    return jit(kernel)  # type: ignore[no-any-return]


def read(
    code_IR: Tensor, row_LJ: Tensor, cut_LJ: Tensor, table_JA: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Bits of every LUT and the addresses that they were read at; see operators.lut_read."""
    shape = row_LJ.shape[1], code_IR.shape[1]
    bit_JR = torch.empty(shape, dtype=dtype)
    address_JR = torch.empty(shape, dtype=torch.uint8)
    low, high = (0, 1) if dtype == torch.int8 else (-0.5, 0.5)
    answer_JA = torch.where(table_JA > 0, high, low).to(dtype)
    _run(_read, code_IR, row_LJ, cut_LJ, answer_JA, bit_JR, address_JR)
    return bit_JR, address_JR


def source_gradient(
    gradient_JR: Tensor,
    address_JR: Tensor,
    code_IR: Tensor,
    slope_LJA: Tensor,
    cut_LJ: Tensor,
    order_P: Tensor,
    start_I: Tensor,
    window: int,
) -> Tensor:
    source_IR = torch.empty(code_IR.shape, dtype=gradient_JR.dtype)
    tensors = (gradient_JR, address_JR, code_IR, slope_LJA.flatten(0, 1), cut_LJ.flatten(), order_P, start_I)
    _run(_source_gradient, *tensors, source_IR, window)
    return source_IR


def histogram(gradient_JR: Tensor, address_JR: Tensor, entries: int) -> Tensor:
    sums_JA = torch.empty(len(gradient_JR), entries)
    _run(_histogram, gradient_JR, address_JR, sums_JA)
    return sums_JA


def threshold_gradient(
    gradient_JR: Tensor,
    address_JR: Tensor,
    code_IR: Tensor,
    slope_LJA: Tensor,
    row_LJ: Tensor,
    cut_LJ: Tensor,
    window: int,
) -> Tensor:
    sums_LJ = torch.empty(row_LJ.shape)
    tensors = (gradient_JR, address_JR, code_IR, slope_LJA.flatten(0, 1), row_LJ.flatten(), cut_LJ.flatten())
    _run(_threshold_gradient, *tensors, sums_LJ.flatten(), window)
    return sums_LJ


def choice_gradient(
    gradient_JR: Tensor,
    address_JR: Tensor,
    code_IR: Tensor,
    slope_LJA: Tensor,
    candidate_row_LJC: Tensor,
    candidate_cut_LJC: Tensor,
) -> Tensor:
    sums_LJC = torch.empty(candidate_row_LJC.shape)
    tensors = (gradient_JR, address_JR, code_IR, slope_LJA.flatten(0, 1))
    pools = (tensor.flatten(0, 1) for tensor in (candidate_row_LJC, candidate_cut_LJC, sums_LJC))
    _run(_choice_gradient, *tensors, *pools)
    return sums_LJC


def _run(kernel: Callable[..., None], *arguments: Tensor | int) -> None:
    numba.set_num_threads(min(torch.get_num_threads(), MOST_THREADS))
    kernel(*(a.detach().numpy() if isinstance(a, Tensor) else a for a in arguments))


@compiled
def _read(code_IR: Any, row_LJ: Any, cut_LJ: Any, answer_JA: Any, bit_JR: Any, address_JR: Any) -> None:
    pins, luts = row_LJ.shape
    rows = code_IR.shape[1]
    for j in prange(luts):
        address_R = address_JR[j]
        address_R[:] = 0
        for pin in range(pins):
            code_R, cut, weight = code_IR[row_LJ[pin, j]], np.int8(cut_LJ[pin, j]), np.uint8(1 << pin)
            for r in range(rows):
                address_R[r] |= weight if code_R[r] > cut else np.uint8(0)
        answer_A, bit_R = answer_JA[j], bit_JR[j]
        for r in range(rows):
            bit_R[r] = answer_A[address_R[r]]


@compiled
def _source_gradient(
    gradient_JR: Any,
    address_JR: Any,
    code_IR: Any,
    slope_PA: Any,
    cut_P: Any,
    order_P: Any,
    start_I: Any,
    source_IR: Any,
    window: Any,
) -> None:
    # Rows far from the threshold, three quarters of them, pass nothing: those that are near are listed first, once for
    # all pins of a feature that have the same threshold, which follow one another.
    luts, rows = gradient_JR.shape
    for i in prange(len(start_I) - 1):
        source_R, code_R = source_IR[i], code_IR[i]
        source_R[:] = 0
        near_N, count, listed = np.empty(rows, np.int32), 0, np.int32(NOWHERE)
        for place in range(start_I[i], start_I[i + 1]):
            pin = order_P[place]
            gradient_R, address_R, slope_A = gradient_JR[pin % luts], address_JR[pin % luts], slope_PA[pin]
            cut = np.int32(cut_P[pin])
            if cut != listed:
                listed, count = cut, 0
                for r in range(rows):
                    near_N[count] = r
                    count += window < 0 or abs(np.int32(code_R[r]) - cut) <= window
            for n in range(count):
                r = near_N[n]
                source_R[r] += slope_A[address_R[r]] * gradient_R[r]


@compiled
def _histogram(gradient_JR: Any, address_JR: Any, sums_JA: Any) -> None:
    for j in prange(len(gradient_JR)):
        sums_A, gradient_R, address_R = sums_JA[j], gradient_JR[j], address_JR[j]
        sums_A[:] = 0
        for r in range(len(gradient_R)):
            sums_A[address_R[r]] += gradient_R[r]


@compiled
def _threshold_gradient(
    gradient_JR: Any,
    address_JR: Any,
    code_IR: Any,
    slope_PA: Any,
    row_P: Any,
    cut_P: Any,
    sums_P: Any,
    window: Any,
) -> None:
    luts, rows = gradient_JR.shape
    for pin in prange(len(row_P)):
        gradient_R, address_R, slope_A = gradient_JR[pin % luts], address_JR[pin % luts], slope_PA[pin]
        code_R, cut = code_IR[row_P[pin]], np.int32(cut_P[pin])
        total = 0.0
        for r in range(rows):
            near = window < 0 or abs(np.int32(code_R[r]) - cut) <= window
            total -= slope_A[address_R[r]] * gradient_R[r] if near else 0.0
        sums_P[pin] = total


@compiled
def _choice_gradient(
    gradient_JR: Any,
    address_JR: Any,
    code_IR: Any,
    slope_PA: Any,
    row_PC: Any,
    cut_PC: Any,
    sums_PC: Any,
) -> None:
    luts, rows = gradient_JR.shape
    pins, candidates = row_PC.shape
    for pin in prange(pins):
        gradient_R, address_R, slope_A = gradient_JR[pin % luts], address_JR[pin % luts], slope_PA[pin]
        step_R = np.empty(rows, np.float32)
        for r in range(rows):
            step_R[r] = slope_A[address_R[r]] * gradient_R[r]
        for c in range(candidates):
            code_R, cut = code_IR[row_PC[pin, c]], np.int8(cut_PC[pin, c])
            total = 0.0
            for r in range(rows):
                total += step_R[r] if code_R[r] > cut else -step_R[r]
            sums_PC[pin, c] = total
