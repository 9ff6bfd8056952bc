"""Several processes that train one model, as torchrun starts them: each takes its share of every batch.

torchrun --nproc-per-node 2 -m quweit_cli train CONFIG --out DIR
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.nn  # its default arguments keep the group that exists when it is imported: none yet
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from quweit_cli.errors import ConfigError
from quweit_cli.training import ranks
from quweit_cli.training.datasets.order import Share
from quweit_cli.training.graph import on_stream

# Buffers are the same in all of them already. A newer torch has another name for the switch.
_KNOWN = inspect.signature(DistributedDataParallel).parameters
KEEP_BUFFERS: dict[str, Any] = {
    "forward_sync_buffers" if "forward_sync_buffers" in _KNOWN else "broadcast_buffers": False
}


@dataclass(frozen=True)
class Processes:
    """This one, and how many there are; on its own it exchanges nothing."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    @property
    def share(self) -> Share:
        return Share(self.rank, self.count)

    def mean(self, value: Tensor) -> Tensor:
        return self.sum(value) / self.count

    def sum(self, value: Tensor) -> Tensor:
        if self.count > 1:
            value = value.clone()
            dist.all_reduce(value)
        return value

    def most(self, values: Sequence[float], device: torch.device) -> list[float]:
        """The largest of each value over the processes: all decide alike."""
        largest = torch.tensor(values, dtype=torch.float64, device=device)
        if self.count > 1:
            dist.all_reduce(largest, dist.ReduceOp.MAX)
        return list(largest.tolist())

    def wait(self) -> None:
        """Until all of them have come here."""
        if self.count > 1:
            dist.barrier()

    def wrap(
        self,
        model: nn.Module,
        device: torch.device,
        *,
        unused: bool = False,
        stream: torch.cuda.Stream | None = None,
    ) -> nn.Module:
        """Gradients become their mean over the processes; weights start as the first process has them.

        unused: some weights may stop taking part, such as a mapping that is frozen on the way.
        stream: where its steps will be recorded.
        """
        if self.count == 1:
            return model
        ids = [device.index] if device.type == "cuda" else None
        with on_stream(stream):
            return DistributedDataParallel(
                model, device_ids=ids, find_unused_parameters=unused, **KEEP_BUFFERS
            )

    def check_batch(self, size: int) -> None:
        """Raises ConfigError when the batch cannot be shared out evenly."""
        if size % self.count:
            raise ConfigError(
                f"`training.batch_size` is {size}, which {self.count} processes cannot share evenly",
                hint=f"give a multiple of {self.count}: it counts the samples of all processes together",
            )


ALONE = Processes()


def local_rank() -> int:
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """The processes of this training; NCCL between GPUs, gloo between CPUs.

    What they exchange through is gone at the end, its threads too: one that still drops a tensor
    while the interpreter ends aborts the process.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or dist.is_initialized():
        yield Processes(ranks.rank(), count)
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
        dist.init_process_group("nccl", device_id=device)
    else:
        dist.init_process_group("gloo")
    try:
        yield Processes(ranks.rank(), count)
    finally:
        gc.collect()  # what DistributedDataParallel wrapped refers to itself, and to the group
        dist.destroy_process_group()
