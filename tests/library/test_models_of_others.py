"""Real classes of timm, Hugging Face and Lightning: their models get blocks, learn and are exported as they are."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import foreign  # before Lightning, which imports torchvision too

# isort: split
import pytest
import pytorch_lightning as lightning
import torch
from torch import Tensor, nn

import quweit_cli
from conftest import Outcome
from own_models import task, weightless_vit
from quweit_cli import ReplacedMlp, after_step, export_blocks, parameter_groups, replace_mlps
from quweit_cli.models import blocks_of

SMALL = {"luts": 24, "thermometer": {"bits": 2}}
IMAGES = task(6)[0]


def kinds(replaced: dict[str, nn.Module]) -> dict[str, str]:
    return {name: type(one).__name__ for name, one in replaced.items()}


@pytest.mark.parametrize(
    ("make", "expected", "inputs"),
    [
        (foreign.timm_vit, {f"blocks.{n}.mlp": "Mlp" for n in (0, 1)}, torch.randn(2, 3, 16, 16)),
        (foreign.hugging_face_vit, {f"layers.{n}.mlp": "ViTMLP" for n in (0, 1)}, torch.randn(2, 3, 16, 16)),
        (
            foreign.gpt2,
            {f"transformer.h.{n}.mlp": "GPT2MLP" for n in (0, 1)},
            torch.randint(0, 20, (2, 9)),
        ),
        (
            foreign.bert,
            {
                f"encoder.layer.{n}.{place}": kind
                for n in (0, 1)
                for place, kind in (("intermediate", "BertIntermediate"), ("output.dense", "Linear"))
            },
            torch.randint(0, 20, (2, 9)),
        ),
    ],
    ids=("timm", "hugging_face_vit", "gpt2", "bert"),
)
def test_mlps_of_known_libraries_are_found_and_the_models_learn(
    make: Any, expected: dict[str, str], inputs: Tensor
) -> None:
    model = make()
    assert kinds(replace_mlps(model, **SMALL)) == expected
    places = [one for one in model.modules() if isinstance(one, ReplacedMlp)]
    assert [(one.block.features, one.block.outputs) for one in places] == [(24, 24)] * 2
    assert {one.hidden for one in places} <= {48, 96}
    answer = model(inputs)
    first = answer if isinstance(answer, Tensor) else next(iter(answer.values()))
    first.square().sum().backward()
    assert all(one.block.summation.value_KE.grad.abs().sum() > 0 for one in places)


def test_a_pair_keeps_its_residual_and_its_norm() -> None:
    model = foreign.bert().eval()
    layer = model.encoder.layer[0]
    replace_mlps(model, **SMALL)
    x = torch.randn(2, 9, 24)
    expected = layer.output.LayerNorm(layer.intermediate(x) + x)
    assert torch.equal(layer.output(layer.intermediate(x), x), expected)


@pytest.mark.parametrize(
    ("make", "inputs", "rows"),
    [
        (foreign.hugging_face_vit, {"pixel_values": IMAGES}, 17),
        (foreign.gpt2, {"input_ids": torch.randint(0, 20, (5, 9)), "use_cache": False}, 9),
        (foreign.gpt2, (torch.randint(0, 20, (5, 7)),), 7),
        (foreign.bert, {"input_ids": torch.randint(0, 20, (3, 9)), "attention_mask": torch.ones(3, 9)}, 9),
    ],
    ids=("hugging_face_vit", "gpt2", "gpt2_by_position", "bert"),
)
def test_models_are_called_as_they_are_called(make: Any, inputs: Any, rows: int, tmp_path: Path) -> None:
    model = make()
    replace_mlps(model, **SMALL)
    made = export_blocks(model.eval(), inputs, tmp_path / "p")
    assert {one.site.rows for one in made.blocks if one.site} == {rows}
    given = inputs.values() if isinstance(inputs, Mapping) else inputs
    assert made.checks.rows_compared == rows * len(next(iter(given)))


class Lightning(lightning.LightningModule):
    """As its documentation has it, and one hook."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.losses = weightless_vit(), []

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
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*task()), batch_size=32)
    trainer = lightning.Trainer(
        accelerator="cpu", max_steps=12, max_epochs=-1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(module, data)
    assert module.losses[-1] < module.losses[0]
    assert told[0] == pytest.approx(1 / 12) and told[-1] == 1
    assert len(told) == 12 * 2  # of both blocks


def test_the_page_takes_a_model_of_timm_to_a_package(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quweit: Callable[..., Outcome]
) -> None:
    """As it stands, and its first command."""
    page = (repository / "docs/library.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(program.splitlines()) <= 30
    monkeypatch.chdir(tmp_path)
    seen: dict[str, Any] = {}
    exec(program, seen)
    assert seen["loss"].item() < 0.5
    assert seen["dump"].checks.rows_compared == 64 * 17
    command = next(line for line in page.splitlines() if line.startswith("$ quweit rtl"))
    done = quweit("-q", *command.split()[2:])
    assert done.code == 0, done.stderr
    assert (tmp_path / "build/mine/rtl/manifest.json").is_file()


def test_the_table_of_the_page_has_every_name(repository: Path) -> None:
    page = (repository / "docs/library.md").read_text()
    rows = re.findall(r"^\| `(\w+)", page.split("## The functions")[1].split("\n## ")[0], re.M)
    assert sorted(rows) == sorted(quweit_cli.__all__)
