"""A block in eval mode is its integer program, integer for integer, whatever its settings."""

import numpy as np
import pytest
import torch

from quweit_cli import config, ir
from quweit_cli.weightless.block import WeightlessBlock
from quweit_cli.weightless.thermometer import quantize

VARIANTS = [
    {},
    {"fan_in": 2},
    {"fan_in": 4, "lut_layers": [40, 30]},
    {"lut_layers": [40, 30, 20], "fan_in": 5},
    {"mapping": "learnable", "mapping_candidates": 4},
    {"thermometer": {"bits": 3, "scheme": "uniform", "learnable": True}},
    {"thermometer": {"bits": 5, "scheme": "distributive", "noise": 0.1}},
    {"thermometer": {"bits": 3, "summed": True}},
    {"thermometer": {"bits": 3, "summed": True, "learnable": True}, "lut_layers": [40, 30], "fan_in": 4},
    {"rule": "ste_binary", "tables": "uniform", "epsilon": 0.0},
    {"lut_layers": [400], "value_std": 1.0},
]


def trained_block(changes: dict[str, object], dim: int = 12) -> tuple[WeightlessBlock, torch.Tensor]:
    """A block after a few real steps, and rows that it has not seen."""
    torch.manual_seed(0)
    settings = config.Block.model_validate({"lut_layers": [32], **changes})
    block = WeightlessBlock(dim, settings)
    optimizer = torch.optim.Adam([one for one in block.parameters() if one.requires_grad], lr=0.02)
    for _ in range(5):
        x = torch.randn(4, 16, dim)
        (block(x) - x.roll(1, -1)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        block.constrain()
    return block.eval(), torch.randn(4, 50, dim)


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_eval_mode_equals_the_program(changes: dict[str, object]) -> None:
    block, x = trained_block(changes)
    code_RD = quantize(x.flatten(0, 1)).numpy()
    program = block.program("block0")
    expected_RE = ir.evaluate(program, code_RD)
    assert np.array_equal(block.integers(torch.from_numpy(code_RD)).numpy(), expected_RE)
    real = torch.from_numpy(expected_RE).float() * block.output_scale()
    assert torch.equal(block(x).flatten(0, 1), real)
    assert len(np.unique(expected_RE)) > 50
    assert program.output_type().low >= -32768 and program.output_type().high <= 32767


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_training_mode_computes_nearly_the_same(changes: dict[str, object]) -> None:
    block, x = trained_block({**changes, "dropout": 0.0})
    object.__setattr__(block, "settings", config.Block())  # no input noise
    evaluated = block(x)
    trained = block.train()(x)
    assert (trained - evaluated).abs().max() <= 1.01 * block.output_scale()


def test_a_flipped_table_bit_a_moved_threshold_and_a_changed_value_are_seen() -> None:
    block, x = trained_block({})
    code_RD = quantize(x.flatten(0, 1))
    expected_RE = ir.evaluate(block.program("block0"), code_RD.numpy())
    for parameter in ("lut_layers.0.table_JA", "thermometer.threshold_DT", "summation.value_KE"):
        changed = trained_block({})[0]
        tensor = changed.get_parameter(parameter).data
        tensor.copy_(-tensor if parameter.endswith("table_JA") else tensor + 0.05 * tensor.abs().max())
        assert not np.array_equal(changed.integers(code_RD).numpy(), expected_RE), parameter


def test_swapped_pins_are_seen() -> None:
    block, x = trained_block({})
    code_RD = quantize(x.flatten(0, 1))
    expected_RE = ir.evaluate(block.program("block0"), code_RD.numpy())
    block.lut_layers[0].mapping.bit_JL.copy_(block.lut_layers[0].mapping.bit_JL.flip(1))
    assert not np.array_equal(block.integers(code_RD).numpy(), expected_RE)


def test_every_parameter_of_a_block_learns() -> None:
    torch.manual_seed(0)
    settings = config.Block.model_validate(
        {"lut_layers": [64, 32], "mapping": "learnable", "thermometer": {"learnable": True}}
    )
    block = WeightlessBlock(12, settings)
    block(torch.randn(8, 16, 12)).square().sum().backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
