"""One LUT layer forward and backward: this implementation against the row-major formula, as a ratio in one run.

    python benchmarks/bench_lut_layer.py [--luts 144] [--rows 1024] [--json]

The row-major formula gathers thermometer bits [R, J, L] from the wide bit tensor [R, D*T] and, in backward,
evaluates DWN's sum over all 2^n table entries for every row and pin.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import torch
from torch import Tensor

from quweit_cli import config
from quweit_cli.weightless.lut_layer import LutLayer
from quweit_cli.weightless.mapping import RandomMapping
from quweit_cli.weightless.thermometer import Thermometer, quantize

EPSILON = 0.25


def main() -> None:
    options = parse_options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    case = Case(options.features, options.bits, options.luts, options.rows)
    check_equal(case)
    seconds = {
        "quweit": best_time(case.fast, repeats=20),
        "row-major formula": best_time(case.slow, repeats=3),
    }
    ratio = seconds["row-major formula"] / seconds["quweit"]
    if options.json:
        settings = {name: getattr(options, name) for name in ("features", "bits", "luts", "rows", "threads")}
        milliseconds = {name: round(value * 1e3, 3) for name, value in seconds.items()}
        print(json.dumps({"settings": settings, "milliseconds": milliseconds, "ratio": round(ratio, 1)}))
        return
    print(
        f"{options.luts} LUTs of fan-in 6, {options.rows} rows, {options.threads} threads, forward and backward"
    )
    for name, value in seconds.items():
        print(f"  {name:<20} {value * 1e3:10.2f} ms")
    print(f"  {'ratio':<20} {ratio:10.1f}")


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--features", type=int, default=48)
    parser.add_argument("--bits", type=int, default=8, help="thresholds a feature")
    parser.add_argument("--luts", type=int, default=144)
    parser.add_argument("--rows", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


class Case:
    """The same layer, input and output gradient for both implementations."""

    def __init__(self, features: int, bits: int, luts: int, rows: int) -> None:
        settings = config.Block(
            lut_layers=(luts,), epsilon=EPSILON, thermometer=config.Thermometer(bits=bits, window=8.0)
        )
        self.bits = bits
        self.thermometer = Thermometer(features, settings.thermometer)
        self.layer = LutLayer(RandomMapping(features, bits, luts, 6), luts, settings)
        self.x_RD = torch.randn(rows, features)
        self.gradient_RJ = torch.randn(rows, luts)
        entry = torch.arange(64)
        signs_KL = 2.0 * ((entry[:, None] >> torch.arange(6)) & 1) - 1
        self.weight_LKA = torch.stack([self._weights(signs_KL, pin) for pin in range(6)])

    def fast(self) -> tuple[Tensor, Tensor]:
        """Output [R, J] and gradient of the input [R, D]."""
        source_DR = self.x_RD.t().contiguous().requires_grad_()
        self.layer.table_JA.grad = None
        bit_JR = self.layer(source_DR, quantize(source_DR.detach()), self.thermometer)
        bit_JR.backward(self.gradient_RJ.t())
        assert source_DR.grad is not None
        return bit_JR.detach().t(), source_DR.grad.t()

    def slow(self) -> tuple[Tensor, Tensor]:
        """The same, row by row and term by term."""
        pins_JL, table_JA = self.layer.mapping(), self.layer.table_JA.detach()
        code_RD = quantize(self.x_RD)
        bits_RI = (code_RD[:, :, None] > self.thermometer.codes().view(-1, self.bits)).flatten(1)
        address_RJ = (bits_RI[:, pins_JL].long() << torch.arange(6)).sum(dim=2)
        lut_J = torch.arange(len(pins_JL))
        output_RJ = (table_JA[lut_J, address_RJ] > 0).float() - 0.5
        histogram_JA = torch.zeros_like(table_JA)
        histogram_JA.index_put_((lut_J.expand_as(address_RJ), address_RJ), self.gradient_RJ, accumulate=True)
        gradient_RD = torch.zeros_like(self.x_RD)
        for pin in range(6):
            weight_RJA = self.weight_LKA[pin].t()[address_RJ]  # every row reads 2^n weights a pin
            slope_RJ = (weight_RJA * table_JA).sum(dim=2)
            gradient_RD.index_add_(1, pins_JL[:, pin] // self.bits, slope_RJ * self.gradient_RJ)
        return output_RJ, gradient_RD

    @staticmethod
    def _weights(signs_KL: Tensor, pin: int) -> Tensor:
        """[K, A]: α (2k_l − 1) β^H_l(k, a), by its definition."""
        entry = torch.arange(64)
        other = (entry[:, None] ^ entry) & ~(1 << pin)
        distance_KA = sum((other >> shift) & 1 for shift in range(6))
        alpha, beta = (1 - 2 * EPSILON) * (1 - EPSILON) ** 5, EPSILON / (1 - EPSILON)
        return alpha * signs_KL[:, pin, None] * beta**distance_KA


def check_equal(case: Case) -> None:
    for fast, slow in zip(case.fast(), case.slow(), strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-3, atol=1e-4)


def best_time(work: Callable[[], object], repeats: int) -> float:
    """The least of several: other programs only ever add time."""
    best = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


if __name__ == "__main__":
    main()
