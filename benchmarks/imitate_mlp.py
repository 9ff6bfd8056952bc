"""How well a weightless block stands in for one MLP of a trained dense transformer, fitted to its outputs alone.

    python benchmarks/imitate_mlp.py build/dense/train/ckpt.pt --layer 1 --data cifar.npz

Rows are what the MLP reads, its neighbours' features too if it has them, normalised without gain and bias as a block
reads it, and what it answers, from held-out samples of the checkpoint's data; a fifth of them is kept for the test.
Prints the share of the variance that is explained there (R²): of the best linear map, of dense MLPs whose hidden
units see all inputs or six random ones, and of the blocks that comparisons/imitation.yaml names. A fit takes some ten
seconds of a core: shapes can be compared before anything is trained for hours.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.models.layer import TransformerLayer
from quweit_cli.models.neighbours import with_neighbours
from quweit_cli.training import checkpoint, datasets
from quweit_cli.training.optimizer import parameter_groups
from quweit_cli.weightless.block import WeightlessBlock

BATCH, WARM_UP, SAMPLES = 1024, 100, 2500
Rows = tuple[Tensor, Tensor, Tensor, Tensor]  # inputs and answers to fit, and to test


class SparseMlp(nn.Module):
    """A dense MLP whose hidden units see `fan_in` random inputs each."""

    def __init__(self, inputs: int, hidden: int, fan_in: int, outputs: int) -> None:
        super().__init__()
        self.expand, self.project = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)
        seen_HL = torch.rand(hidden, inputs).argsort(dim=1)[:, :fan_in]
        self.register_buffer("mask_HD", torch.zeros(hidden, inputs).scatter_(1, seen_HL, 1.0))
        self.mask_HD: Tensor
        self.expand.weight.data *= math.sqrt(inputs / fan_in)

    def forward(self, x_RD: Tensor) -> Tensor:
        hidden_RH = F.linear(x_RD, self.expand.weight * self.mask_HD, self.expand.bias)
        y_RD: Tensor = self.project(F.gelu(hidden_RH))
        return y_RD


class Imitator(nn.Module):
    """A block where `parameter_groups` finds it."""

    def __init__(self, inputs: int, settings: config.Block, outputs: int) -> None:
        super().__init__()
        self.mlp = WeightlessBlock(inputs, settings, outputs=outputs)

    def forward(self, x_RD: Tensor) -> Tensor:
        y_RD: Tensor = self.mlp(x_RD)
        return y_RD


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="of a dense model")
    parser.add_argument("--data", type=Path, help="the dataset's file")
    parser.add_argument("--layer", type=int, default=1)
    parser.add_argument("--variants", type=Path, default=Path(__file__).parent / "comparisons/imitation.yaml")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    rows = read_rows(options.checkpoint, options.data, options.layer)
    inputs, outputs = rows[0].shape[1], rows[1].shape[1]
    print(f"{'linear map':<24} R² {explained(linear_map(rows), rows):.4f}", flush=True)
    file = yaml.safe_load(options.variants.read_text())
    networks: dict[str, Callable[[], nn.Module]] = {
        f"dense, {hidden} hidden, {fan_in} inputs": partial(SparseMlp, inputs, hidden, fan_in, outputs)
        for hidden, fan_in in ((4 * outputs, inputs), (8 * outputs, 6), (32 * outputs, 6))
    }
    for name, changes in file["variants"].items():
        block = config.Block.model_validate({**file["base"], **changes})
        networks[name] = partial(Imitator, inputs, block, outputs)
    with get_context("spawn").Pool(options.workers, torch.set_num_threads, (1,)) as pool:
        jobs = [(name, make, rows, options.steps, options.rate) for name, make in networks.items()]
        for name, figure in pool.imap(fit, jobs):
            print(f"{name:<24} R² {figure:.4f}", flush=True)


def read_rows(path: Path, data_path: Path | None, layer: int) -> Rows:
    """Answers are centred and of unit variance over all outputs."""
    loaded = checkpoint.load(path)
    model, shape = loaded.model(), loaded.experiment.model
    settings = loaded.experiment.data.model_copy(update={"path": data_path})
    inputs, _ = datasets.load(settings).test(model.tokens, SAMPLES)
    read: list[Tensor] = []
    answered: list[Tensor] = []
    chosen = model.layers[layer]
    if not isinstance(chosen, TransformerLayer):
        raise SystemExit(f"`{path}` is no transformer: it has no MLP to imitate")

    def keep(_: object, given: tuple[Tensor], __: object) -> None:
        x_BND = F.layer_norm(given[0], given[0].shape[-1:])
        read.append(with_neighbours(x_BND, causal=shape.family == "gpt") if shape.neighbours else x_BND)

    chosen.mlp_norm.register_forward_hook(keep)
    chosen.mlp.register_forward_hook(lambda _, __, answer: answered.append(answer))
    with torch.no_grad():
        for part in torch.split(inputs, 250):
            model(part)
    x_RD, y_RD = torch.cat(read).flatten(0, 1), torch.cat(answered).flatten(0, 1)
    order_R = torch.randperm(len(x_RD), generator=torch.Generator().manual_seed(0))
    x_RD, y_RD = x_RD[order_R], (y_RD[order_R] - y_RD.mean(dim=0)) / y_RD.std()
    held_out = len(x_RD) // 5
    return x_RD[held_out:], y_RD[held_out:], x_RD[:held_out], y_RD[:held_out]


def fit(job: tuple[str, Callable[[], nn.Module], Rows, int, float]) -> tuple[str, float]:
    name, make, rows, steps, rate = job
    torch.manual_seed(0)
    network = make()
    x_RD, y_RD = rows[:2]
    settings = config.Training(steps=steps, batch_size=BATCH, learning_rate=rate, weight_decay=0.0)
    adamw = torch.optim.AdamW(parameter_groups(network, weight_decay=0.0), lr=rate, betas=settings.betas)
    for step in range(steps):
        cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in adamw.param_groups:
            group["lr"] = rate * group["multiple"] * cosine * min(1.0, (step + 1) / WARM_UP)
        part_B = torch.randint(0, len(x_RD), (BATCH,))
        F.mse_loss(network(x_RD[part_B]), y_RD[part_B]).backward()  # type: ignore[no-untyped-call]
        adamw.step()
        adamw.zero_grad()
        if isinstance(network, Imitator):
            network.mlp.constrain()
    return name, explained(network.eval(), rows)


def linear_map(rows: Rows) -> Callable[[Tensor], Tensor]:
    def with_one(x_RD: Tensor) -> Tensor:
        return F.pad(x_RD, (0, 1), value=1.0)

    # normalised rows add up to 0: not of full rank, which lstsq's other drivers on the CPU get wrong in float32
    weight_DE = torch.linalg.lstsq(
        with_one(rows[0]).double(), rows[1].double(), driver="gelsd"
    ).solution.float()
    return lambda x_RD: with_one(x_RD) @ weight_DE


@torch.no_grad()
def explained(network: Callable[[Tensor], Tensor], rows: Rows) -> float:
    """Share of the variance of the answers, over all outputs."""
    _, _, x_RD, y_RD = rows
    guess_RD = torch.cat([network(part_RD) for part_RD in torch.split(x_RD, 2000)])
    return float(1 - (guess_RD - y_RD).square().sum() / (y_RD - y_RD.mean(dim=0)).square().sum())


if __name__ == "__main__":
    main()
