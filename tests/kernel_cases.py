"""Cases of a LUT layer on which the GPU's kernels are compared with the CPU's: `python -m kernel_cases NAME...`.

With TRITON_INTERPRET=1 both run on the CPU; without it the GPU's run on a GPU.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor

from quweit_cli import config
from quweit_cli.weightless.block import WeightlessBlock
from quweit_cli.weightless.kernels import cpu, operators
from quweit_cli.weightless.kernels.operators import ALWAYS
from quweit_cli.weightless.mapping import sorted_by_source
from quweit_cli.weightless.thermometer import quantize


@dataclass(frozen=True)
class Case:
    sources: int
    bits: int  # thresholds a source; 0: the sources are bits
    luts: int
    fan_in: int
    rows: int
    candidates: int = 3


CASES = {
    "first_layer": Case(sources=9, bits=4, luts=5, fan_in=6, rows=1100),
    "later_layer": Case(sources=12, bits=0, luts=4, fan_in=6, rows=300),
    "fan_in_2": Case(sources=6, bits=3, luts=3, fan_in=2, rows=64),
    "fan_in_4": Case(sources=7, bits=2, luts=3, fan_in=4, rows=5000, candidates=5),
}


class Tensors:
    """Everything that the kernels take, drawn at random."""

    def __init__(self, case: Case, device: str = "cpu", dtype: torch.dtype = torch.float32) -> None:
        torch.manual_seed(case.rows)
        thresholds = max(case.bits, 1)
        bit_JL = torch.randint(case.sources * thresholds, (case.luts, case.fan_in))
        self.code_IR = torch.randint(-128, 128, (case.sources, case.rows)).to(torch.int8)
        cut_B = torch.randint(-100, 100, (case.sources * thresholds,)).to(torch.int16)
        if case.bits == 0:
            self.code_IR, cut_B = (self.code_IR > 0).to(torch.int8), torch.zeros_like(cut_B)
        self.window = 16 if case.bits else ALWAYS
        self.row_LJ, self.cut_LJ = (
            (bit_JL.t() // thresholds).int().contiguous(),
            cut_B[bit_JL.t()].contiguous(),
        )
        self.order_P, self.start_I = sorted_by_source(bit_JL, case.sources, thresholds)
        candidate_LJC = torch.randint(case.sources * thresholds, (case.fan_in, case.luts, case.candidates))
        self.pool = (candidate_LJC // thresholds).int(), cut_B[candidate_LJC]
        self.table_JA = torch.randn(case.luts, 1 << case.fan_in)
        self.slope_LJA = torch.randn(case.fan_in, case.luts, 1 << case.fan_in)
        self.gradient_JR = torch.randn(case.luts, case.rows).to(dtype)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))
        self.pool = self.pool[0].to(device), self.pool[1].to(device)


def results(kernels: object, given: Tensors, dtype: torch.dtype) -> dict[str, Tensor]:
    """Every kernel's answer, by name, on the CPU."""
    wiring = given.row_LJ, given.cut_LJ
    bit_JR, address_JR = kernels.read(given.code_IR, *wiring, given.table_JA, dtype)  # type: ignore[attr-defined]
    whole_JR, _ = kernels.read(given.code_IR, *wiring, given.table_JA, torch.int8)  # type: ignore[attr-defined]
    rows = given.gradient_JR, address_JR, given.code_IR, given.slope_LJA
    answers = {
        "bit": bit_JR,
        "whole_bit": whole_JR,
        "address": address_JR,
        "source_gradient": kernels.source_gradient(  # type: ignore[attr-defined]
            *rows, given.cut_LJ, given.order_P, given.start_I, given.window
        ),
        "histogram": kernels.histogram(given.gradient_JR, address_JR, given.table_JA.shape[1]),  # type: ignore[attr-defined]
        "threshold_gradient": kernels.threshold_gradient(*rows, *wiring, given.window),  # type: ignore[attr-defined]
        "choice_gradient": kernels.choice_gradient(*rows, *given.pool),  # type: ignore[attr-defined]
    }
    return {name: answer.cpu() for name, answer in answers.items()}


def compare(expected: dict[str, Tensor], got: dict[str, Tensor], tolerance: float = 1e-4) -> None:
    """Bits and addresses are identical; gradients agree to the rounding of a sum of so many rows."""
    for name, tensor in expected.items():
        exact = tensor.dtype in {torch.int8, torch.uint8} or name == "bit"
        scale = 0.0 if exact else tolerance * float(tensor.float().abs().max())
        torch.testing.assert_close(
            got[name].to(tensor.dtype),
            tensor,
            rtol=0,
            atol=scale,
            msg=lambda text, name=name: f"{name}: {text}",
        )


def compare_block() -> None:
    """A whole block of two layers: its integers are the same through either kernels."""
    torch.manual_seed(0)
    settings = config.Block.model_validate(
        {"lut_layers": [24, 16], "mapping": "learnable", "thermometer": {"learnable": True}}
    )
    block = WeightlessBlock(12, settings).eval()
    code_RD = quantize(torch.randn(70, 12))
    expected_RE = block.integers(code_RD)
    operators._kernels = lambda tensor: gpu_kernels()  # type: ignore[assignment]
    torch.testing.assert_close(block.integers(code_RD), expected_RE, rtol=0, atol=0)


def gpu_kernels() -> ModuleType:
    from quweit_cli.weightless.kernels import gpu  # noqa: PLC0415  (an import chooses the interpreter)

    return gpu


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="+", choices=CASES)
    parser.add_argument("--shift-window", action="store_true", help="spoil the comparison on purpose")
    options = parser.parse_args()
    device = "cpu" if os.environ.get("TRITON_INTERPRET") else "cuda"
    for name in options.names:
        case = CASES[name]
        expected = results(cpu, Tensors(case), torch.float32)
        given = Tensors(case, device)
        if options.shift_window:
            given.window += 1
        compare(expected, results(gpu_kernels(), given, torch.float32))
    if device == "cpu":
        compare_block()
    print("equal")


if __name__ == "__main__":
    main()
