"""LUT layer primitives in plain torch, for the CPU and for CUDA.

Choices measured on one CPU core, 144 LUTs of fan-in 6 and 1,024 rows (milliseconds, best of 60):
  addresses                 int16 subtract, shift, mask 0.28; int8 comparisons to bool 0.55
  window of a gradient      subtract and hardtanh_backward 0.05 a pin; comparison and product by a bool 0.19
  read of a table           torch.gather along the rows of one LUT 0.09; flat take 0.14
  histogram of addresses    scatter_add_ per LUT 0.10; bincount and flat index_add_ 0.18
  gradient to the features  index_add_ of contiguous rows 0.02 a pin; one-hot GEMM 1.9
Comparisons that make bools are what the CPU does not vectorise. Pins are taken one after another: the
[pin][LUT][row] tensors of the gradient would not fit the caches. All of it is deterministic on the CPU;
scatter_add_ and index_add_ are not on CUDA.
"""

from __future__ import annotations

import torch
from torch import Tensor

SIGN_SHIFT = 15  # of an int16: an arithmetic shift leaves -1 for negative numbers, 0 for others


def pin_bits(code_IR: Tensor, row_P: Tensor, cut_P: Tensor, weight: int = 1) -> Tensor:
    """`weight` where `code[row[p]] > cut[p]` and 0 elsewhere, int16 [P, R]; `weight` a power of two.

    Codes and cuts are within int8, so that their difference is within int16.
    """
    below_PR = cut_P.to(torch.int16)[:, None] - code_IR.to(torch.int16).index_select(0, row_P)
    return below_PR.bitwise_right_shift_(SIGN_SHIFT).bitwise_and_(weight)


def addresses(code_IR: Tensor, row_LJ: Tensor, cut_LJ: Tensor) -> Tensor:
    """The table entry that every row selects in every LUT, int16 [J, R]; pin 0 is address bit 0."""
    wide_IR = code_IR.to(torch.int16)
    address_JR = pin_bits(wide_IR, row_LJ[0], cut_LJ[0])
    for pin in range(1, len(row_LJ)):
        address_JR |= pin_bits(wide_IR, row_LJ[pin], cut_LJ[pin], weight=1 << pin)
    return address_JR


def windowed(gradient_PR: Tensor, code_IR: Tensor, row_P: Tensor, cut_P: Tensor, window: int) -> Tensor:
    """The gradient where the code lies within `window` steps of the pin's threshold, 0 elsewhere.

    code_IR: as floating point, which holds int8 exactly.
    """
    distance_PR = code_IR.index_select(0, row_P).sub_(cut_P[:, None])
    reach = window + 0.5  # hardtanh passes strictly inside, distances are whole
    passed_PR: Tensor = torch.ops.aten.hardtanh_backward(gradient_PR, distance_PR, -reach, reach)
    return passed_PR


def read(table_JA: Tensor, address_JR: Tensor) -> Tensor:
    """`table[j, address[j, r]]`, in the type of the table; the address as int64, as `gather` wants it."""
    return table_JA.gather(1, address_JR)


def histogram(gradient_JR: Tensor, address_JR: Tensor, entries: int) -> Tensor:
    """Sum of the gradients at each int64 address of each LUT, [J, A]."""
    sums_JA = gradient_JR.new_zeros(len(gradient_JR), entries)
    return sums_JA.scatter_add_(1, address_JR, gradient_JR)
