"""Blocks in Lightning's loop, by one hook."""

from pathlib import Path

import foreign  # before Lightning, which imports torchvision too

# isort: split
import pytest
import pytorch_lightning as lightning
import torch
from torch import Tensor, nn

from quweit_cli import after_step, parameter_groups
from quweit_cli.models import blocks_of


class Lightning(lightning.LightningModule):
    """As its documentation has it, and one hook."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.losses = foreign.weightless_vit(), []

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        loss = nn.functional.cross_entropy(self.model(batch[0]), batch[1])
        self.losses.append(loss.item())
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(parameter_groups(self.model, learning_rate=3e-3, weight_decay=0.05))

    def on_train_batch_end(self, *_: object) -> None:
        after_step(self.model, self.global_step / self.trainer.max_steps)


def test_lightning_trains_blocks_by_one_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, told = Lightning(), []
    monkeypatch.setattr(
        type(next(iter(blocks_of(module).values()))), "anneal", lambda _, done: told.append(done)
    )
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*foreign.task()), batch_size=32)
    trainer = lightning.Trainer(
        accelerator="cpu", max_steps=12, max_epochs=-1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(module, data)
    assert module.losses[-1] < module.losses[0]
    assert told[0] == pytest.approx(1 / 12) and told[-1] == 1
    assert len(told) == 12 * 2  # of both blocks
