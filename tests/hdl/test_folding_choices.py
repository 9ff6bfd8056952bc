"""How a block is folded can be said in outputs, bits or cycles, for all blocks or one, or left to the attention's pace."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from programs import project_with_dump, random_block
from quweit_cli import config
from quweit_cli.documents import ModelShape
from quweit_cli.errors import ConfigError
from quweit_cli.hdl.block.folding import cheapest
from quweit_cli.stages import rtl
from quweit_cli.stages.rtl import paced

I_VIT_T = ModelShape(family="vit", layers=12, dim=192, heads=3, tokens=196, mlp_hidden=768)


# cycles of the four products by hand: at side 64, 4·9·192 + 3·4·4·64 + 3·4·1·196 + 4·3·192
@pytest.mark.parametrize(("side", "cycles"), [(32, 49_896), (64, 14_640), (8, 698_400)])
def test_auto_takes_the_cycles_of_a_tokens_attention_on_the_array(side: int, cycles: int) -> None:
    assert paced(config.Fold(outputs_per_cycle="auto"), I_VIT_T, side).cycles_per_row == cycles // 196


def test_without_auto_a_folding_is_left_alone() -> None:
    assert paced(config.Fold(outputs_per_cycle=4), I_VIT_T, 32) == config.Fold(outputs_per_cycle=4)


def test_a_block_has_its_own_folding_and_the_others_the_common_one(tmp_path: Path) -> None:
    blocks = [random_block(1, layers=(10, 8)), random_block(2, name="block1", layers=(10, 8))]
    project = project_with_dump(tmp_path / "p", *blocks)
    options = config.Rtl.model_validate({"blocks": {"block1": {"outputs_per_cycle": "all"}}})
    made = rtl.run(project, options).blocks
    assert [block.outputs_per_beat for block in made] == [1, made[1].outputs]
    assert [block.initiation_interval_cycles for block in made] == [made[0].outputs, 1]


def test_a_folding_of_a_block_that_is_not_there_is_refused(tmp_path: Path) -> None:
    project = project_with_dump(tmp_path / "p", random_block(1))
    options = config.Rtl.model_validate({"blocks": {"block7": {"outputs_per_cycle": 2}}})
    with pytest.raises(ConfigError, match="block7"):
        rtl.run(project, options)


@pytest.mark.parametrize("key", ["cycles_per_row", "target_cycles_per_row"])
def test_a_target_of_cycles_is_kept(tmp_path: Path, key: str) -> None:
    project = project_with_dump(tmp_path / "p", random_block(1, layers=(10, 8)))
    block = rtl.run(project, config.Rtl.model_validate({key: 3})).blocks[0]
    assert 2 <= block.initiation_interval_cycles <= 3


@pytest.mark.parametrize(
    ("target", "cycles"),
    [(1, 1), (16, 16), (24, 16), (27, 16), (32, 32), (40, 32), (64, 64), (192, 192), (500, 192)],
)
def test_the_least_logic_within_the_cycles_is_taken(target: int, cycles: int) -> None:
    assert cheapest(192, 192, target).cycles == cycles


def test_two_ways_to_say_it_are_one_too_many() -> None:
    with pytest.raises(ValidationError, match="say the same thing twice"):
        config.Fold(outputs_per_cycle=2, cycles_per_row=3)
