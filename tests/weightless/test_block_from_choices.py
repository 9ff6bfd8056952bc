"""A block from single choices: the same as from settings, and every choice that cannot be is an error that says so."""

from typing import Any

import pytest
import torch

from quweit_cli import config
from quweit_cli.errors import ConfigError, UnsupportedModel
from quweit_cli.weightless.block import WeightlessBlock


def test_choices_are_settings() -> None:
    torch.manual_seed(0)
    chosen = WeightlessBlock(12, luts=(32, 24), outputs=6, fan_in=4, thermometer={"bits": 3})
    torch.manual_seed(0)
    settings = config.Block(lut_layers=(32, 24), fan_in=4, thermometer=config.Thermometer(bits=3))
    same = WeightlessBlock(12, settings, outputs=6)
    assert chosen.settings == same.settings
    for one, other in zip(chosen.state_dict().values(), same.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert chosen(torch.randn(2, 5, 12)).shape == (2, 5, 6)


def test_a_number_of_luts_is_one_layer_and_outputs_are_as_wide_as_rows() -> None:
    block = WeightlessBlock(12, luts=32)
    assert block.settings.lut_layers == (32,)
    assert (block.features, block.outputs) == (12, 12)


@pytest.mark.parametrize(
    ("arguments", "choices", "said"),
    [
        ((12,), {"luts": 0}, "lut_layers"),
        ((12,), {"luts": 32, "fanin": 4}, "did you mean `fan_in`"),
        ((12,), {"luts": 32, "lut_layers": (32,)}, "say the same"),
        ((12, config.Block()), {"luts": 32}, "beside the settings"),
        ((0,), {"luts": 32}, "not 0"),
        ((12.0,), {"luts": 32}, r"not 12\.0"),
        ((12,), {"luts": 32, "outputs": 0}, "not 0"),
        ((12,), {"luts": 32, "groups": 5}, "12 outputs are no multiple"),
        ((12,), {"luts": 32, "groups": 3}, "32 LUTs of the last layer are no multiple"),
        ((1,), {"luts": 32, "thermometer": {"bits": 2}}, "only 2"),
    ],
)
def test_what_no_block_can_have_is_refused(
    arguments: tuple[Any, ...], choices: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        WeightlessBlock(*arguments, **choices)


def test_rows_of_another_width_are_refused_in_both_modes() -> None:
    block = WeightlessBlock(12, luts=32)
    for one in (block.train(), block.eval()):
        for shape in ((4, 11), (12,)):
            with pytest.raises(UnsupportedModel, match="rows of 12 features"):
                one(torch.randn(shape))


def test_weights_that_were_cast_are_refused() -> None:
    with pytest.raises(UnsupportedModel, match="cast to torch.bfloat16"):
        WeightlessBlock(12, luts=32).to(torch.bfloat16)(torch.randn(4, 12))
