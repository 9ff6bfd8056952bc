"""Blocks in loops that are not ours: plain, in bfloat16, compiled, in several processes."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from own_models import task, weightless_vit
from quweit_cli import after_step, export_blocks, parameter_groups
from quweit_cli.errors import ConfigError, UnsupportedModel
from quweit_cli.models import blocks_of

STEPS = 30


def learn(network: nn.Module, model: nn.Module, steps: int = STEPS, *, bfloat16: bool = False) -> list[float]:
    """The loop that a user would write; gives the losses."""
    optimizer = torch.optim.AdamW(parameter_groups(model, learning_rate=3e-3, weight_decay=0.05))
    inputs, targets = task()
    losses = []
    for step in range(steps):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = nn.functional.cross_entropy(network(inputs), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        after_step(model, (step + 1) / steps)
        losses.append(loss.item())
    return losses


def test_a_plain_loop_learns_and_its_blocks_take_part() -> None:
    model = weightless_vit()
    before = {name: one.detach().clone() for name, one in model.named_parameters()}
    losses = learn(model, model)
    assert losses[-1] < 0.5 < losses[0]
    moved = {
        name.rpartition(".")[2]
        for name, one in model.named_parameters()
        if not torch.equal(one, before[name])
    }
    assert {"table_JA", "value_KE", "bias_E"} <= moved
    for block in blocks_of(model).values():
        for layer in block.layers:
            assert layer.table_JA.abs().max() <= 1


def test_a_loop_in_bfloat16_learns() -> None:
    losses = learn(model := weightless_vit(), model, bfloat16=True)
    assert losses[-1] < 0.7 < losses[0]
    with torch.autocast("cpu", torch.bfloat16):
        assert model.eval()(task()[0]).dtype == torch.bfloat16


@pytest.mark.slow
def test_a_compiled_model_learns_the_same_and_is_exported_as_it_is(tmp_path: Path) -> None:
    model, plain, graphs = weightless_vit(dropout=0.0), weightless_vit(dropout=0.0), []

    def keep(graph: torch.fx.GraphModule, _: list[Tensor]) -> object:
        graphs.append(graph)
        return graph.forward

    network = torch.compile(model, backend=keep)
    assert learn(network, model, steps=2) == pytest.approx(learn(plain, plain, steps=2), rel=1e-5)
    assert graphs
    inputs, expected = task(6)[0], export_blocks(model.eval(), task(6)[0], tmp_path / "a")
    network.eval()
    with torch.no_grad():
        network(inputs)
    assert export_blocks(network, inputs, tmp_path / "b") == expected


def test_a_wrapped_model_is_exported_without_its_wrapper(tmp_path: Path) -> None:
    model, inputs = weightless_vit().eval(), task(6)[0]
    expected = export_blocks(model, inputs, tmp_path / "a")
    assert export_blocks(nn.DataParallel(model), inputs, tmp_path / "b") == expected


@pytest.mark.slow
def test_a_model_compiled_by_inductor_learns_the_same() -> None:
    model = weightless_vit(dropout=0.0)
    compiled = learn(torch.compile(model), model, steps=3)
    assert compiled == pytest.approx(learn(plain := weightless_vit(dropout=0.0), plain, steps=3), rel=1e-3)


@pytest.mark.gpu
def test_a_model_on_a_gpu_learns_in_bfloat16_and_is_exported_as_it_is(tmp_path: Path) -> None:
    model = weightless_vit().cuda()
    optimizer = torch.optim.AdamW(parameter_groups(model, learning_rate=3e-3))
    inputs, targets = (one.cuda() for one in task())
    losses = []
    for step in range(STEPS):
        with torch.autocast("cuda", torch.bfloat16):
            loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        after_step(model, (step + 1) / STEPS)
        losses.append(loss.item())
    assert losses[-1] < 0.7 < losses[0]
    there = export_blocks(model.eval(), inputs[:6], tmp_path / "a")
    assert there.checks.rows_compared == 6 * 16
    here = export_blocks(model.cpu(), inputs[:6], tmp_path / "b")
    for name in (block.program for block in there.blocks):
        assert (tmp_path / "a/dump" / name).read_bytes() == (tmp_path / "b/dump" / name).read_bytes()
    assert here.checkpoint == there.checkpoint


@pytest.fixture
def one_process(tmp_path: Path) -> Iterator[None]:
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("one_process")
def test_a_distributed_model_learns_also_when_its_wiring_is_frozen_on_the_way() -> None:
    model = weightless_vit(mapping="learnable", mapping_candidates=4, mapping_freeze=0.5)
    network = DistributedDataParallel(model, find_unused_parameters=True)
    losses = learn(network, network, steps=20)
    assert losses[-1] < losses[0]
    wiring = [one for name, one in model.named_parameters() if name.endswith("choice_JLC")]
    assert wiring and not any(one.requires_grad for one in wiring)


def test_every_parameter_learns_in_one_group_at_its_own_rate() -> None:
    model = weightless_vit(
        mapping="learnable", thermometer={"bits": 3, "learnable": True}, table_rate=7.0, value_decay=0.01
    )
    groups = parameter_groups(model, learning_rate=1e-3, weight_decay=0.05)
    rules = {id(one): (group["lr"], group["weight_decay"]) for group in groups for one in group["params"]}
    assert len(rules) == sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    expected = {
        "blocks.0.mlp.block.lut_layers.0.table_JA": (7e-3, 0),
        "blocks.0.mlp.block.lut_layers.0.mapping.choice_JLC": (7e-3, 0),
        "blocks.1.mlp.block.summation.value_KE": (0.3e-3, 0.01),
        "blocks.1.mlp.block.summation.bias_E": (1e-3, 0),
        "blocks.1.mlp.block.thermometer.threshold_DT": (1e-3, 0),
        "blocks.0.qkv.weight": (1e-3, 0.05),
        "blocks.0.qkv.bias": (1e-3, 0),
        "blocks.0.norm2.weight": (1e-3, 0),
    }
    for name, (rate, decay) in expected.items():
        assert rules[id(model.get_parameter(name))] == (pytest.approx(rate), decay), name


def test_a_scheduler_keeps_the_ratios_of_rates() -> None:
    optimizer = torch.optim.AdamW(parameter_groups(weightless_vit(), learning_rate=1e-3))
    before = [group["lr"] for group in optimizer.param_groups]
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.25**step)
    optimizer.step()
    scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([rate / 4 for rate in before])


def test_the_step_keeps_parameters_in_bounds_and_moves_schedules() -> None:
    model = weightless_vit(
        mapping="learnable", mapping_freeze=0.5, epsilon=0.1, epsilon_final=0.0, value_rounding=0.75,
        thermometer={"bits": 3, "learnable": True},
    )  # fmt: skip
    (block, *_) = blocks_of(model).values()
    block.layers[0].table_JA.data += 5
    block.thermometer.threshold_DT.data[0] = torch.tensor([9.0, -9.0, 0.0])
    after_step(model, 0.25)
    assert block.layers[0].table_JA.max() == 1
    assert block.thermometer.threshold_DT[0].tolist() == [-4, 0, 127 / 32]
    assert block.layers[0].mapping.choice_JLC.requires_grad
    assert float(block.summation.rounding) == 0
    after_step(model, 0.75)
    assert not block.layers[0].mapping.choice_JLC.requires_grad
    assert float(block.summation.rounding) == 1


def test_what_is_no_share_no_rate_or_no_block_is_refused() -> None:
    model = weightless_vit()
    for done in (-0.1, 1.5, 12, math.nan):
        with pytest.raises(ConfigError, match="no share of all steps"):
            after_step(model, done)
    for rate, decay in ((0, 0), (math.nan, 0), (1e-3, -1)):
        with pytest.raises(ConfigError, match="learning rate"):
            parameter_groups(model, learning_rate=rate, weight_decay=decay)
    for call in (lambda one: after_step(one, 0.5), lambda one: parameter_groups(one, learning_rate=1e-3)):
        with pytest.raises(UnsupportedModel, match="Linear has no weightless block"):
            call(nn.Linear(2, 2))
