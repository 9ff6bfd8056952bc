"""How many operations a sample takes on its way through a model, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from quweit_cli.models import Classifier, blocks_of


@dataclass(frozen=True)
class Operations:
    """Of one sample. Products of matrices count their multiplications and additions; blocks their comparisons, reads of
    tables and additions. Functions of single elements are left out."""

    embedding: int
    layers: list[int]
    exits: list[int]
    head: int

    @property
    def without_exits(self) -> int:
        return self.embedding + sum(self.layers) + self.head

    def until(self, after: list[int]) -> list[int]:
        """Of a sample that leaves by each exit, and of one that goes to the end. after: layers before each exit."""
        heads = [sum(self.exits[: number + 1]) for number in range(len(after))]
        ways = [
            self.embedding + sum(self.layers[:layers]) + passed
            for layers, passed in zip(after, heads, strict=True)
        ]
        return [*ways, self.without_exits + sum(self.exits)]


@torch.no_grad()
def operations(model: Classifier, sample: Tensor) -> Operations:
    """model: in evaluation. sample: a batch of one."""
    with _blocks_aside(model):
        with FlopCounterMode(display=False) as counter:
            x_1ND = model.embedded(sample)
        embedding, layers, after = counter.get_total_flops(), [], []
        for layer in model.layers:
            with FlopCounterMode(display=False) as counter:
                x_1ND = layer(x_1ND)
            after.append(x_1ND)
            layers.append(counter.get_total_flops() + model.tokens * _of_blocks(layer))
        exits = []
        for head, place in zip(model.exits, model.exit_settings.after, strict=True):
            with FlopCounterMode(display=False) as counter:
                head(after[place - 1])
            exits.append(counter.get_total_flops())
        with FlopCounterMode(display=False) as counter:
            model.logits_of(x_1ND)
    return Operations(embedding, layers, exits, counter.get_total_flops())


def _of_blocks(layer: nn.Module) -> int:
    """Of one row through every block of a layer."""
    total = 0
    for block in blocks_of(layer).values():
        taken = block.program("block").cost()
        total += (
            taken.comparisons + taken.lut_reads + taken.additions + taken.multiplications + taken.divisions
        )
    return total


@contextmanager
def _blocks_aside(model: nn.Module) -> Iterator[None]:
    """Blocks answer 0 meanwhile: torch computes their tables by products that no hardware has."""
    blocks = list(blocks_of(model).values())
    kept = [block.evaluate_integers for block in blocks]
    try:
        for block in blocks:
            block.evaluate_integers = _nothing(block.outputs)
        yield
    finally:
        for block, one in zip(blocks, kept, strict=True):
            block.evaluate_integers = one


def _nothing(outputs: int) -> Callable[[Tensor], Tensor]:
    return lambda code_RD: torch.zeros(len(code_RD), outputs, dtype=torch.int64, device=code_RD.device)
