"""A step reads nothing back from the device: on a GPU each such read would stop everything."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from experiments import tiny_digits, tiny_gpt
from quweit_cli import config
from quweit_cli.models import build
from quweit_cli.progress import SILENT
from quweit_cli.training.datasets import load
from quweit_cli.training.distributed import ALONE
from quweit_cli.training.loop import _Run

# Operators whose result depends on values that the host would have to wait for.
WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "item")


class Reads(TorchDispatchMode):
    """Remembers operators that read values back, indexing by a mask among them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, operator: Any, types: Any, arguments: Any = (), options: dict[str, Any] | None = None
    ) -> Any:
        name = str(operator)
        indices = arguments[1] if name.startswith(("aten.index.", "aten.index_put")) else []
        masked = any(one is not None and one.dtype in (torch.bool, torch.uint8) for one in indices)
        if masked or any(waiting in name for waiting in WAITING):
            self.found.append(name)
        return operator(*arguments, **(options or {}))


def reads_of_a_step(experiment: config.Experiment) -> list[str]:
    data = load(experiment.data)
    model = build(experiment.model, data.meta)
    run = _Run(experiment, data, model, torch.device("cpu"), lambda figures: None, SILENT, ALONE)
    run._step(0)  # the optimiser makes its state
    with Reads() as reads:
        run._step(1)
    return reads.found


@pytest.mark.parametrize("augment", ["none", "crop_flip", "deit"])
def test_a_step_on_images_reads_nothing_back(augment: str) -> None:
    overrides = ("model.mlp=dense", f"data.augment={augment}", "training.average=0.9", "model.drop_path=0.1")
    assert reads_of_a_step(tiny_digits(*overrides)) == []


def test_a_step_on_text_reads_nothing_back(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("the quick brown fox jumps over the lazy dog. " * 60)
    assert reads_of_a_step(tiny_gpt(str(tmp_path / "text.txt"), "model.mlp=dense", "model.dropout=0.1")) == []


def test_a_read_would_be_found() -> None:
    with Reads() as reads:
        float(torch.ones(3).sum())
        torch.ones(3)[torch.tensor([True, False, True])]
    assert len(reads.found) >= 2
