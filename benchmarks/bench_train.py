"""What weightless training costs, as ratios measured in one run on one GPU: writes build/bench/train.json.

    python benchmarks/bench_train.py [--steps 120]

- efd_speedup_vs_torch_dwn: one LUT layer, forward and backward, 16,384 rows of 3,072 bits, 1,536 LUTs with a
  learnable mapping, against the layer of torch-dwn 1.1.1 (which must be installed) on the same bits. torch-dwn
  chooses among all 3,072 bits for every pin, quweit among pools of 16.
- step_ratio_*, memory_ratio_*: a whole training step (batch, forward, backward, clipping, AdamW) of the
  quasi-weightless model over that of its dense twin, both compiled, both by the program that trains.
- integer_ratio_*: the same step with integer arithmetic over the one in floating point, of either twin.
  nanoGPT-baby on shakespeare-char's shapes; I-ViT-T on CIFAR-10 enlarged to 224 x 224. Memory is the peak.

Data are random: the steps cost the same.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quweit_cli import config
from quweit_cli.progress import SILENT
from quweit_cli.training.datasets import Dataset
from quweit_cli.training.datasets.images import Images
from quweit_cli.training.datasets.text import Text
from quweit_cli.training.loop import fit
from quweit_cli.weightless.kernels.operators import lut_read
from quweit_cli.weightless.mapping import LearnableMapping
from quweit_cli.weightless.rules import learning_rule

ROWS, BITS, LUTS, FAN_IN, CANDIDATES = 16_384, 3_072, 1_536, 6, 16
EXAMPLES = Path(__file__).parent.parent / "examples"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--only", choices=("layer", "gpt", "vit"), default=None)
    parser.add_argument("--out", type=Path, default=Path("build/bench/train.json"))
    options = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("this bench measures a GPU, and torch finds none here")
    figures: dict[str, Any] = {
        "device": torch.cuda.get_device_name(),
        "versions": {"torch": torch.__version__, "cuda": torch.version.cuda, "triton": triton_version()},
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    parts = {
        "gpt": lambda: step_figures("gpt", gpt(), text(), options.steps),
        "vit": lambda: step_figures("vit", vit(), images(), options.steps),
        "layer": layer_figures,
    }
    for name, measure in parts.items():
        if options.only in {None, name}:
            figures |= measure()
            options.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


def triton_version() -> str:
    import triton  # noqa: PLC0415

    return str(triton.__version__)


# ---------------------------------------------------------------- one LUT layer


def layer_figures() -> dict[str, Any]:
    """Median milliseconds of a forward and backward pass on the same bits and the same output gradient."""
    torch.manual_seed(0)
    bits_RI = (torch.rand(ROWS, BITS, device="cuda") > 0.5).float()
    gradient_RJ = torch.randn(ROWS, LUTS, device="cuda")
    ours = QuweitLayer(bits_RI)
    gradient_JR = gradient_RJ.t().contiguous()
    figures: dict[str, Any] = {
        "quweit_layer_launched_ms": milliseconds(lambda: ours(gradient_JR)),
        "quweit_layer_ms": milliseconds(recorded(lambda: ours(gradient_JR))),
    }
    try:
        from torch_dwn import LUTLayer  # noqa: PLC0415
    except ImportError:
        figures["efd_speedup_vs_torch_dwn"] = None
        return figures | {"note": "torch-dwn is not installed"}
    theirs = LUTLayer(BITS, LUTS, n=FAN_IN, mapping="learnable").cuda()
    input_RI = bits_RI.clone().requires_grad_()

    def torch_dwn_layer() -> None:
        theirs.zero_grad()
        input_RI.grad = None
        theirs(input_RI).backward(gradient_RJ)

    figures["torch_dwn_layer_ms"] = milliseconds(torch_dwn_layer, repeats=10)
    torch.set_float32_matmul_precision("high")
    figures["torch_dwn_layer_tf32_ms"] = milliseconds(torch_dwn_layer, repeats=10)
    torch.set_float32_matmul_precision("highest")
    figures["efd_speedup_vs_torch_dwn"] = figures["torch_dwn_layer_ms"] / figures["quweit_layer_ms"]
    return figures


class QuweitLayer:
    """The same layer here: bits to bits, gradients to the bits, the tables and the mapping."""

    def __init__(self, bits_RI: Tensor) -> None:
        self.code_IR = bits_RI.t().to(torch.int8).contiguous()
        self.source_IR = bits_RI.t().contiguous().requires_grad_()
        self.mapping = LearnableMapping(BITS, 1, LUTS, FAN_IN, CANDIDATES).cuda()
        self.rule = learning_rule("efd", FAN_IN, 0.25).cuda()
        self.table_JA = (torch.rand(LUTS, 1 << FAN_IN, device="cuda") * 2 - 1).requires_grad_()

    def __call__(self, gradient_JR: Tensor) -> None:
        smoothed_JA = self.rule.smoothed(self.table_JA)
        row_LJ = self.mapping().t().int().contiguous()
        candidate_LJC = self.mapping.candidate_JLC.transpose(0, 1).int().contiguous()
        bit_JR, _ = lut_read(
            self.source_IR, None, self.mapping.choice_JLC, smoothed_JA,
            self.code_IR, self.table_JA.detach(), self.rule.slopes(smoothed_JA),
            row_LJ, torch.zeros_like(row_LJ, dtype=torch.int16), *self.mapping.readers(),
            candidate_LJC, torch.zeros_like(candidate_LJC, dtype=torch.int16), -1, torch.float32,
        )  # fmt: skip
        for parameter in (self.source_IR, self.mapping.choice_JLC, self.table_JA):
            parameter.grad = None
        bit_JR.backward(gradient_JR)


def recorded(work: Callable[[], object]) -> Callable[[], object]:
    """The same work as a CUDA graph, as the training program runs it."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        work()
    return graph.replay


def milliseconds(work: Callable[[], object], repeats: int = 50) -> float:
    for _ in range(3):
        work()
    times: list[float] = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        work()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


# ---------------------------------------------------------------- whole steps


def step_figures(name: str, experiment: config.Experiment, data: Dataset, steps: int) -> dict[str, Any]:
    """Milliseconds and peak megabytes of a step of both twins, in either arithmetic."""
    figures: dict[str, Any] = {}
    training = experiment.training.model_copy(
        update={"steps": steps, "epochs": None, "compile": True, "evaluate_every": steps, "keep": "last"}
    )
    for mlp, arithmetic in itertools.product(("dense", "weightless"), ("float", "integer")):
        model = experiment.model.model_copy(update={"mlp": mlp, "arithmetic": arithmetic})
        one = f"{name}_{mlp}" + ("_integer" if arithmetic == "integer" else "")
        figures[f"{one}_step_ms"], figures[f"{one}_memory_mb"] = train(
            experiment.model_copy(update={"model": model, "training": training}), data
        )
    for figure, unit in (("step", "ms"), ("memory", "mb")):
        weightless, dense = (figures[f"{name}_{mlp}_{figure}_{unit}"] for mlp in ("weightless", "dense"))
        figures[f"{figure}_ratio_{name}"] = weightless / dense
    for mlp in ("dense", "weightless"):
        integer, real = (figures[f"{name}_{mlp}{kind}_step_ms"] for kind in ("_integer", ""))
        figures[f"integer_ratio_{name}_{mlp}"] = integer / real
    return figures


def train(experiment: config.Experiment, data: Dataset) -> tuple[float, float]:
    """Milliseconds a step, over the second half (the first warms up), and peak megabytes."""
    stretches: list[float] = []
    memory: list[float] = []

    def log(figures: dict[str, float]) -> None:
        if "seconds" in figures:
            stretches.append(figures["seconds"])
            memory.append(figures["memory_mb"])

    fit(experiment, data, log, SILENT)
    half = len(stretches) // 2  # a line every ten steps; the last one comes after an evaluation
    return 1e3 * (stretches[-2] - stretches[half]) / (10 * (len(stretches) - 2 - half)), memory[-2]


def gpt() -> config.Experiment:
    return config.load_experiment(EXAMPLES / "shakespeare_char.yaml")


def vit() -> config.Experiment:
    return config.load_experiment(EXAMPLES / "cifar10.yaml")


def text() -> Text:
    tokens = torch.randint(65, (100_000,))
    return Text("random text", "".join(chr(48 + i) for i in range(65)), tokens, tokens[:5_000])


def images() -> Images:
    pixels, labels = torch.randint(256, (2_048, 3, 32, 32)).to(torch.uint8), torch.randint(10, (2_048,))
    parts = (pixels, labels, pixels[:64], labels[:64])
    plain = Images("random images", [str(i) for i in range(10)], *parts, [127.0] * 3, [64.0] * 3)
    return dataclasses.replace(plain, augment="crop_flip")


if __name__ == "__main__":
    main()
