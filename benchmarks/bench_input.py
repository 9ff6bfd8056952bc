"""What a training batch costs before the model sees it: cut, changed and normalised where the data lies.

    python benchmarks/bench_input.py [--device cuda] [--batches 100] [--json]

Milliseconds a batch, mean over consecutive batches; on a GPU also those that Python alone takes to ask for
them (`asked`): a step is bound by Python only where that exceeds what the model takes. Data are random.
"""

from __future__ import annotations

import argparse
import json
import time

import torch

from quweit_cli import config
from quweit_cli.training.datasets import Dataset
from quweit_cli.training.datasets.images import Images
from quweit_cli.training.datasets.text import Text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    device = torch.device(options.device)
    cases: list[tuple[str, Dataset, int]] = [("text, 256 tokens", text(), size) for size in (64, 512)]
    for augment in ("crop_flip", "deit"):
        cases += [(f"32 x 32 images, {augment}", images(augment), size) for size in (128, 256, 1024)]
    rows = [
        {"data": name, "batch": size, **measured(data.to(device), size, options.batches, device)}
        for name, data, size in cases
    ]
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    if options.json:
        print(json.dumps({"device": name, "torch": torch.__version__, "milliseconds": rows}))
        return
    print(f"{name}, torch {torch.__version__}, {torch.get_num_threads()} CPU threads; ms a batch")
    for row in rows:
        print(f"  {row['data']:<28} batch {row['batch']:>5} {row['done']:9.2f}  (asked {row['asked']:.2f})")


def measured(data: Dataset, size: int, batches: int, device: torch.device) -> dict[str, float]:
    data.batch(0, size, 256, seed=0)
    wait(device)
    started = time.perf_counter()
    for step in range(1, batches + 1):
        data.batch(step, size, 256, seed=0)
    asked = time.perf_counter() - started
    wait(device)
    done = time.perf_counter() - started
    return {"done": round(1e3 * done / batches, 3), "asked": round(1e3 * asked / batches, 3)}


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def text() -> Text:
    tokens = torch.randint(65, (1_000_000,))
    return Text("random", "".join(chr(48 + token) for token in range(65)), tokens, tokens[:100_000])


def images(augment: str) -> Images:
    pixels, labels = torch.randint(256, (50_000, 3, 32, 32), dtype=torch.uint8), torch.randint(10, (50_000,))
    return Images(
        description="random",
        classes=[str(number) for number in range(10)],
        train_pixels=pixels,
        train_labels=labels,
        test_pixels=pixels[:100],
        test_labels=labels[:100],
        mean=[127.0] * 3,
        std=[64.0] * 3,
        augment=augment,
        deit=config.Deit(),
    )


if __name__ == "__main__":
    main()
