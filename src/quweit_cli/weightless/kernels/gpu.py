"""LUT layer kernels for NVIDIA GPUs, in Triton: compiled at the first call, no compiler needed at install.

A program takes one LUT (or one feature) and a stretch of rows; LUTs vary fastest over the grid, so that what
programs running at the same time read, all features and gradients of the same rows, stays in the L2 cache.
Sums over rows stay inside a program or are added up in a second step: there are no atomics.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

ROWS = 1024  # of a program that maps rows
SUM_ROWS = 256  # of one step of a program that sums over rows
SUM_STEPS = 16  # of such a program, at most
HISTOGRAM_ROWS, HISTOGRAM_STEPS = 128, 64  # a row a thread
EVERYWHERE = 1 << 20  # a window wider than any code


def read(
    code_IR: Tensor, row_LJ: Tensor, cut_LJ: Tensor, table_JA: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Bits of every LUT and the addresses that they were read at; see operators.lut_read."""
    (pins, luts), rows = row_LJ.shape, code_IR.shape[1]
    bit_JR = torch.empty(luts, rows, dtype=dtype, device=code_IR.device)
    address_JR = torch.empty(luts, rows, dtype=torch.uint8, device=code_IR.device)
    grid = (luts, triton.cdiv(rows, ROWS))
    centre = 0.0 if dtype == torch.int8 else 0.5
    _read[grid](
        code_IR, row_LJ, cut_LJ, table_JA, bit_JR, address_JR, luts, rows,
        PINS=pins, CENTRE=centre, ROWS=ROWS,
    )  # fmt: skip
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
    source_IR = torch.empty(code_IR.shape, dtype=gradient_JR.dtype, device=code_IR.device)
    (sources, rows), (luts, entries) = code_IR.shape, slope_LJA.shape[1:]
    _source_gradient[(sources, triton.cdiv(rows, ROWS))](
        gradient_JR, address_JR, code_IR, slope_LJA, cut_LJ, order_P, start_I, source_IR,
        luts, rows, _width(window), ENTRIES=entries, ROWS=ROWS,
    )  # fmt: skip
    return source_IR


def histogram(gradient_JR: Tensor, address_JR: Tensor, entries: int) -> Tensor:
    luts, rows = gradient_JR.shape
    parts = triton.cdiv(rows, HISTOGRAM_ROWS * HISTOGRAM_STEPS)
    sums_SJA = torch.empty(parts, luts, entries, device=gradient_JR.device)
    _histogram[(luts, parts)](
        gradient_JR, address_JR, sums_SJA, luts, rows,
        ENTRIES=entries, ROWS=HISTOGRAM_ROWS, STEPS=HISTOGRAM_STEPS,
    )  # fmt: skip
    return sums_SJA.sum(dim=0)


def threshold_gradient(
    gradient_JR: Tensor,
    address_JR: Tensor,
    code_IR: Tensor,
    slope_LJA: Tensor,
    row_LJ: Tensor,
    cut_LJ: Tensor,
    window: int,
) -> Tensor:
    (luts, rows), pins, parts = gradient_JR.shape, len(row_LJ), _parts(gradient_JR.shape[1])
    sums_SLJ = torch.empty(parts, *row_LJ.shape, device=code_IR.device)
    _threshold_gradient[(pins * luts, parts)](
        gradient_JR, address_JR, code_IR, slope_LJA, row_LJ, cut_LJ, sums_SLJ,
        luts, rows, _width(window), pins * luts, ENTRIES=slope_LJA.shape[2], ROWS=SUM_ROWS, STEPS=SUM_STEPS,
    )  # fmt: skip
    return sums_SLJ.sum(dim=0)


def choice_gradient(
    gradient_JR: Tensor,
    address_JR: Tensor,
    code_IR: Tensor,
    slope_LJA: Tensor,
    candidate_row_LJC: Tensor,
    candidate_cut_LJC: Tensor,
) -> Tensor:
    pins, luts, candidates = candidate_row_LJC.shape
    rows, parts = gradient_JR.shape[1], _parts(gradient_JR.shape[1])
    sums_SLJC = torch.empty(parts, *candidate_row_LJC.shape, device=code_IR.device)
    _choice_gradient[(pins * luts, parts)](
        gradient_JR, address_JR, code_IR, slope_LJA, candidate_row_LJC, candidate_cut_LJC, sums_SLJC,
        luts, rows, pins * luts, candidates,
        ENTRIES=slope_LJA.shape[2], POOL=triton.next_power_of_2(candidates), ROWS=SUM_ROWS, STEPS=SUM_STEPS,
    )  # fmt: skip
    return sums_SLJC.sum(dim=0)


def _parts(rows: int) -> int:
    """Into how many programs a sum over rows is cut."""
    return int(triton.cdiv(rows, SUM_ROWS * SUM_STEPS))


def _width(window: int) -> int:
    return EVERYWHERE if window < 0 else window


@triton.jit
def _read(
    code_IR, row_LJ, cut_LJ, table_JA, bit_JR, address_JR, luts, rows,
    PINS: tl.constexpr, CENTRE: tl.constexpr, ROWS: tl.constexpr,
) -> Any:  # fmt: skip
    j = tl.program_id(0)
    row_R = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    inside_R = row_R < rows
    address_R = tl.zeros([ROWS], tl.int32)
    for pin in tl.static_range(PINS):
        source = tl.load(row_LJ + pin * luts + j).to(tl.int64)
        cut = tl.load(cut_LJ + pin * luts + j).to(tl.int32)
        code_R = tl.load(code_IR + source * rows + row_R, mask=inside_R, other=0).to(tl.int32)
        address_R |= (code_R > cut).to(tl.int32) << pin
    # the deployed table as one word of bits, or two for fan-in 6: shifts replace a read per row
    HALF: tl.constexpr = 1 << (PINS - 1)
    entry_A = tl.arange(0, HALF)
    low_A = tl.load(table_JA + j * 2 * HALF + entry_A) > 0
    high_A = tl.load(table_JA + j * 2 * HALF + HALF + entry_A) > 0
    low = tl.sum(low_A.to(tl.int32) << entry_A, axis=0)
    high = tl.sum(high_A.to(tl.int32) << entry_A, axis=0)
    word_R = tl.where(address_R >= HALF, high, low)
    bit_R = (word_R >> (address_R & (HALF - 1))) & 1
    place = j.to(tl.int64) * rows + row_R
    tl.store(address_JR + place, address_R.to(tl.uint8), mask=inside_R)
    if CENTRE > 0:
        tl.store(bit_JR + place, (bit_R.to(tl.float32) - CENTRE).to(bit_JR.dtype.element_ty), mask=inside_R)
    else:
        tl.store(bit_JR + place, bit_R.to(tl.int8), mask=inside_R)


@triton.jit
def _source_gradient(
    gradient_JR, address_JR, code_IR, slope_LJA, cut_LJ, order_P, start_I, source_IR,
    luts, rows, window, ENTRIES: tl.constexpr, ROWS: tl.constexpr,
) -> Any:  # fmt: skip
    i = tl.program_id(0)
    row_R = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    inside_R = row_R < rows
    here = i.to(tl.int64) * rows + row_R
    code_R = tl.load(code_IR + here, mask=inside_R, other=0).to(tl.int32)
    sum_R = tl.zeros([ROWS], tl.float32)
    for place in range(tl.load(start_I + i), tl.load(start_I + i + 1)):
        pin = tl.load(order_P + place)
        there = (pin % luts).to(tl.int64) * rows + row_R
        near_R = inside_R & (tl.abs(code_R - tl.load(cut_LJ + pin).to(tl.int32)) <= window)
        address_R = tl.load(address_JR + there, mask=inside_R, other=0).to(tl.int32)
        gradient_R = tl.load(gradient_JR + there, mask=inside_R, other=0).to(tl.float32)
        slope_R = tl.load(slope_LJA + pin * ENTRIES + address_R, mask=near_R, other=0)
        sum_R += slope_R * gradient_R
    tl.store(source_IR + here, sum_R.to(source_IR.dtype.element_ty), mask=inside_R)


@triton.jit
def _histogram(
    gradient_JR, address_JR, sums_SJA, luts, rows,
    ENTRIES: tl.constexpr, ROWS: tl.constexpr, STEPS: tl.constexpr,
) -> Any:  # fmt: skip
    # Every thread keeps the sums of its own rows for all entries in registers: 8 high and 8 low halves of an address,
    # 64 multiply-adds a row with one-hot halves. A product of one-hot matrices on the matrix units took five times
    # the instructions, all of them to build its operands.
    j, part = tl.program_id(0), tl.program_id(1)
    HIGH: tl.constexpr = ENTRIES // 8 if ENTRIES > 8 else 1
    LOW: tl.constexpr = 8 if ENTRIES > 8 else ENTRIES
    high_H, low_K = tl.arange(0, HIGH)[:, None, None], tl.arange(0, LOW)[None, :, None]
    sums_HKR = tl.zeros([HIGH, LOW, ROWS], tl.float32)
    for step in range(STEPS):
        row_R = (part * STEPS + step) * ROWS + tl.arange(0, ROWS)
        there = j.to(tl.int64) * rows + row_R
        address_R = tl.load(address_JR + there, mask=row_R < rows, other=0).to(tl.int32)[None, None, :]
        gradient_R = tl.load(gradient_JR + there, mask=row_R < rows, other=0).to(tl.float32)[None, None, :]
        high_HR = tl.where(address_R // LOW == high_H, 1.0, 0.0)
        sums_HKR += high_HR * tl.where(address_R % LOW == low_K, gradient_R, 0.0)
    entry_HK = tl.arange(0, HIGH)[:, None] * LOW + tl.arange(0, LOW)[None, :]
    tl.store(sums_SJA + (part * luts + j) * ENTRIES + entry_HK, tl.sum(sums_HKR, axis=2))


@triton.jit
def _threshold_gradient(
    gradient_JR, address_JR, code_IR, slope_LJA, row_LJ, cut_LJ, sums_SP, luts, rows, window, pins,
    ENTRIES: tl.constexpr, ROWS: tl.constexpr, STEPS: tl.constexpr,
) -> Any:  # fmt: skip
    pin, part = tl.program_id(0), tl.program_id(1)
    source, cut = tl.load(row_LJ + pin).to(tl.int64), tl.load(cut_LJ + pin).to(tl.int32)
    sum_R = tl.zeros([ROWS], tl.float32)
    for step in range(STEPS):
        row_R = (part * STEPS + step) * ROWS + tl.arange(0, ROWS)
        inside_R = row_R < rows
        there = (pin % luts).to(tl.int64) * rows + row_R
        code_R = tl.load(code_IR + source * rows + row_R, mask=inside_R, other=0).to(tl.int32)
        near_R = inside_R & (tl.abs(code_R - cut) <= window)
        address_R = tl.load(address_JR + there, mask=inside_R, other=0).to(tl.int32)
        gradient_R = tl.load(gradient_JR + there, mask=inside_R, other=0).to(tl.float32)
        sum_R -= tl.load(slope_LJA + pin * ENTRIES + address_R, mask=near_R, other=0) * gradient_R
    tl.store(sums_SP + part * pins + pin, tl.sum(sum_R, axis=0))


@triton.jit
def _choice_gradient(
    gradient_JR, address_JR, code_IR, slope_LJA, row_PC, cut_PC, sums_SPC, luts, rows, pins, candidates,
    ENTRIES: tl.constexpr, POOL: tl.constexpr, ROWS: tl.constexpr, STEPS: tl.constexpr,
) -> Any:  # fmt: skip
    pin, part = tl.program_id(0), tl.program_id(1)
    candidate_C = tl.arange(0, POOL)
    known_C = candidate_C < candidates
    source_C = tl.load(row_PC + pin * candidates + candidate_C, mask=known_C, other=0).to(tl.int64)
    cut_C = tl.load(cut_PC + pin * candidates + candidate_C, mask=known_C, other=0).to(tl.int32)
    sum_CR = tl.zeros([POOL, ROWS], tl.float32)
    for step in range(STEPS):
        row_R = (part * STEPS + step) * ROWS + tl.arange(0, ROWS)
        inside_R = row_R < rows
        there = (pin % luts).to(tl.int64) * rows + row_R
        address_R = tl.load(address_JR + there, mask=inside_R, other=0).to(tl.int32)
        gradient_R = tl.load(gradient_JR + there, mask=inside_R, other=0).to(tl.float32)
        step_R = tl.load(slope_LJA + pin * ENTRIES + address_R) * gradient_R
        code_CR = tl.load(
            code_IR + source_C[:, None] * rows + row_R[None, :], mask=inside_R[None, :], other=0
        ).to(tl.int32)
        sum_CR += tl.where(code_CR > cut_C[:, None], step_R[None, :], -step_R[None, :])
    place_C = sums_SPC + (part * pins + pin) * candidates + candidate_C
    tl.store(place_C, tl.sum(sum_CR, axis=1), mask=known_C)
