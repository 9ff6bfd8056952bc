"""LUT layers as custom operators of torch, so that autograd, autocast and `torch.compile` see them as single steps.

`lut_read` is differentiable; its backward is made of the other operators. Each has a kernel for the CPU and one
for CUDA (cpu.py, gpu.py), and a shape rule by which a compiler traces it without running it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

ALWAYS = -1  # a window that lets every gradient pass


@torch.library.custom_op("quweit::lut_read", mutates_args=())
def lut_read(
    source_IR: Tensor,
    threshold_JL: Tensor | None,
    choice_JLC: Tensor | None,
    smoothed_JA: Tensor,
    code_IR: Tensor,
    table_JA: Tensor,
    slope_LJA: Tensor,
    row_LJ: Tensor,
    cut_LJ: Tensor,
    order_P: Tensor,
    start_I: Tensor,
    candidate_row_LJC: Tensor | None,
    candidate_cut_LJC: Tensor | None,
    window: int,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    """What every LUT answers to every row, and the table entry that it read, uint8 [J, R].

    The answer [J, R] is the sign of the entry: 0 or 1 as int8, otherwise centred, -0.5 or 0.5, in `dtype`.
    The first four arguments carry gradients and are not read: what the layer reads as real numbers, the
    thresholds and the choices of its pins, and the tables as the learning rule smooths them.
    code_IR: what it reads as int8. slope_LJA: the rule's gradient of each pin at each entry. Wiring: see
    the package. window: steps around the cut within which a gradient passes, or ALWAYS.
    """
    return _run("read", code_IR, row_LJ, cut_LJ, table_JA, dtype)  # type: ignore[no-any-return]


@torch.library.custom_op("quweit::lut_source_gradient", mutates_args=())
def lut_source_gradient(
    gradient_JR: Tensor,
    address_JR: Tensor,
    code_IR: Tensor,
    slope_LJA: Tensor,
    cut_LJ: Tensor,
    order_P: Tensor,
    start_I: Tensor,
    window: int,
) -> Tensor:
    """Gradient of what the layer reads, [I, R]: over the pins of a source, `slope * gradient` within the window."""
    rows = gradient_JR, address_JR, code_IR, slope_LJA
    return _run("source_gradient", *rows, cut_LJ, order_P, start_I, window)  # type: ignore[no-any-return]


@torch.library.custom_op("quweit::lut_histogram", mutates_args=())
def lut_histogram(gradient_JR: Tensor, address_JR: Tensor, entries: int) -> Tensor:
    """Sum of the gradients at each entry of each LUT, float32 [J, A]."""
    return _run("histogram", gradient_JR, address_JR, entries)  # type: ignore[no-any-return]


@torch.library.custom_op("quweit::lut_threshold_gradient", mutates_args=())
def lut_threshold_gradient(
    gradient_JR: Tensor,
    address_JR: Tensor,
    code_IR: Tensor,
    slope_LJA: Tensor,
    row_LJ: Tensor,
    cut_LJ: Tensor,
    window: int,
) -> Tensor:
    """Gradient of each pin's own threshold, float32 [L, J]: the negative sum of what the pin passes back."""
    rows = gradient_JR, address_JR, code_IR, slope_LJA
    return _run("threshold_gradient", *rows, row_LJ, cut_LJ, window)  # type: ignore[no-any-return]


@torch.library.custom_op("quweit::lut_choice_gradient", mutates_args=())
def lut_choice_gradient(
    gradient_JR: Tensor,
    address_JR: Tensor,
    code_IR: Tensor,
    slope_LJA: Tensor,
    candidate_row_LJC: Tensor,
    candidate_cut_LJC: Tensor,
) -> Tensor:
    """`Σ_r (2 bit_c − 1) slope * gradient` for the candidates c of every pin, float32 [L, J, C]."""
    rows = gradient_JR, address_JR, code_IR, slope_LJA
    return _run("choice_gradient", *rows, candidate_row_LJC, candidate_cut_LJC)  # type: ignore[no-any-return]


def _run(name: str, first: Tensor, *others: Tensor | int | torch.dtype) -> Any:
    """The kernel of that name, on the first tensor's device; kernels count on contiguous tensors."""
    arguments = (one.contiguous() if isinstance(one, Tensor) else one for one in (first, *others))
    return getattr(_kernels(first), name)(*arguments)


def _kernels(tensor: Tensor) -> Any:
    if tensor.is_cuda:
        from quweit_cli.weightless.kernels import gpu  # noqa: PLC0415  (Triton comes with torch's CUDA builds alone)

        return gpu
    from quweit_cli.weightless.kernels import cpu  # noqa: PLC0415  (Numba takes half a second)

    return cpu


@lut_read.register_fake
def _(
    source_IR: Tensor,
    threshold_JL: Tensor | None,
    choice_JLC: Tensor | None,
    smoothed_JA: Tensor,
    code_IR: Tensor,
    table_JA: Tensor,
    slope_LJA: Tensor,
    row_LJ: Tensor,
    cut_LJ: Tensor,
    order_P: Tensor,
    start_I: Tensor,
    candidate_row_LJC: Tensor | None,
    candidate_cut_LJC: Tensor | None,
    window: int,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor]:
    shape = row_LJ.shape[1], code_IR.shape[1]
    return code_IR.new_empty(shape, dtype=dtype), code_IR.new_empty(shape, dtype=torch.uint8)


lut_source_gradient.register_fake(
    lambda gradient, address, code, *_: code.new_empty(code.shape, dtype=gradient.dtype)
)
lut_histogram.register_fake(lambda g, address, entries: g.new_empty((len(g), entries), dtype=torch.float32))
lut_threshold_gradient.register_fake(lambda g, a, c, s, row, *_: g.new_empty(row.shape, dtype=torch.float32))
lut_choice_gradient.register_fake(lambda g, a, c, s, row, cut: g.new_empty(row.shape, dtype=torch.float32))


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    (
        _,
        _,
        _,
        smoothed_JA,
        code,
        _,
        slope,
        row,
        cut,
        order,
        start,
        candidate_row,
        candidate_cut,
        window,
        _,
    ) = inputs
    ctx.save_for_backward(output[1], code, slope, row, cut, order, start, candidate_row, candidate_cut)
    ctx.window, ctx.entries = window, smoothed_JA.shape[1]


def _backward(ctx: Any, gradient_JR: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:
    address, code, slope, row, cut, order, start, candidate_row, candidate_cut = ctx.saved_tensors
    source = threshold = choice = smoothed = None
    rows = (gradient_JR.contiguous(), address, code, slope)
    if ctx.needs_input_grad[0]:
        source = lut_source_gradient(*rows, cut, order, start, ctx.window)
    if ctx.needs_input_grad[1]:
        threshold = lut_threshold_gradient(*rows, row, cut, ctx.window).t()
    if ctx.needs_input_grad[2]:
        choice = lut_choice_gradient(*rows, candidate_row, candidate_cut).transpose(0, 1)
    if ctx.needs_input_grad[3]:
        smoothed = lut_histogram(rows[0], address, ctx.entries)
    return source, threshold, choice, smoothed, *[None] * 11


lut_read.register_autograd(_backward, setup_context=_setup_context)
