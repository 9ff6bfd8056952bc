"""MLPs of other people's models: found by what they are, replaced in place, and left alone where they are none."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quweit_cli import ReplacedMlp, WeightlessBlock, replace_mlps
from quweit_cli.errors import ConfigError, UnsupportedModel

SMALL = {"luts": 24, "thermometer": {"bits": 2}}


def sequential(width: int = 12, hidden: int = 20) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(0.1), nn.Linear(hidden, width))


class Layer(nn.Module):
    def __init__(self, mlp: nn.Module, width: int = 12) -> None:
        super().__init__()
        self.norm, self.mlp = nn.LayerNorm(width), mlp

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mlp(self.norm(x))


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up, self.down = nn.Linear(12, 20), nn.Linear(12, 20), nn.Linear(20, 12)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(nn.functional.silu(self.gate(x)) * self.up(x))


class Attention(nn.Module):
    """Three square matrices, and a query and a key that could be taken for an MLP."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = nn.Linear(12, 12), nn.Linear(12, 12), nn.Linear(12, 12)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.scaled_dot_product_attention(self.query(x), self.key(x), self.value(x))


class ResidualWithin(nn.Module):
    """Would lose its residual with its matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(12), nn.Linear(12, 20), nn.Linear(20, 12)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(self.up(self.norm(x)))


def test_an_mlp_of_plain_modules_is_found_and_what_is_none_is_left() -> None:
    model = nn.ModuleDict(
        {
            "layer": Layer(sequential()),
            "attention": Attention(),
            "gated": Gated(),
            "residual": ResidualWithin(),
            "head": nn.Sequential(nn.Linear(12, 20), nn.Tanh(), nn.Linear(20, 5)),
            "adapter": nn.Sequential(nn.Linear(12, 4), nn.Linear(4, 12)),
            "multihead": nn.MultiheadAttention(12, 2),
        }
    )
    assert list(replace_mlps(model, **SMALL)) == ["layer.mlp"]
    assert isinstance(model["layer"].mlp, ReplacedMlp)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("layers.*.mlp", ["layers.0.mlp", "layers.1.mlp"]),
        ("layers.1.mlp", ["layers.1.mlp"]),
        (Gated, ["gated"]),
        ((Gated, ResidualWithin), ["gated", "residual"]),
        (lambda name, module: name.endswith("0.mlp"), ["layers.0.mlp"]),
        ("head", ["head"]),
    ],
)
def test_where_takes_names_types_and_functions(where: Any, expected: list[str]) -> None:
    model = nn.ModuleDict(
        {
            "layers": nn.ModuleList([Layer(sequential()), Layer(sequential())]),
            "gated": Gated(),
            "residual": ResidualWithin(),
            "head": nn.Sequential(nn.Linear(12, 20), nn.Tanh(), nn.Linear(20, 5)),
        }
    )
    assert list(replace_mlps(model, where, **SMALL)) == expected


def test_what_stood_there_is_given_back_with_its_weights() -> None:
    model = Layer(sequential())
    mlp = model.mlp
    assert replace_mlps(model, **SMALL) == {"mlp": mlp}
    assert replace_mlps(Layer(Gated()), Gated, **SMALL).keys() == {"mlp"}


def test_a_gated_mlp_leaves_no_width_to_compare_with() -> None:
    model = Layer(Gated())
    replace_mlps(model, "mlp", **SMALL)
    assert model.mlp.hidden is None


def test_mode_and_type_are_those_of_what_was_replaced() -> None:
    model = Layer(sequential()).to(torch.bfloat16).eval()
    replace_mlps(model, **SMALL)
    assert not any(one.training for one in model.modules())
    assert model(torch.randn(3, 12, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert model.mlp.block.summation.value_KE.dtype == torch.float32
    elsewhere = Layer(sequential()).to("meta")
    replace_mlps(elsewhere, **SMALL)
    assert {one.device.type for one in elsewhere.mlp.parameters()} == {"meta"}


def test_rows_are_normalised_whatever_the_gain_and_bias_before_them() -> None:
    model = Layer(sequential()).eval()
    replace_mlps(model, **SMALL)
    x = torch.randn(50, 12)
    assert torch.equal(model.mlp(x), model.mlp(x * 4 + 2))  # a power of two moves no rounding
    unit = nn.functional.layer_norm(x, (12,))
    assert torch.equal(model.mlp(x), model.mlp.block(unit))


def test_rows_stay_as_they_are_when_asked_for() -> None:
    model = Layer(sequential()).eval()
    replace_mlps(model, normalise=False, **SMALL)
    x = torch.randn(50, 12) * 0.3 + 1
    assert torch.equal(model.mlp(x), model.mlp.block(x))
    assert not torch.equal(model.mlp(x), model.mlp.block(nn.functional.layer_norm(x, (12,))))


def test_a_model_with_nothing_to_replace_is_an_error_that_says_where_to_look() -> None:
    for model in (nn.Linear(4, 4), Layer(Gated()), Layer(nn.Identity())):
        with pytest.raises(UnsupportedModel, match="nothing to replace") as caught:
            replace_mlps(model, **SMALL)
        assert "`where`" in str(caught.value.hint)
    with pytest.raises(UnsupportedModel, match="what `where` asks for"):
        replace_mlps(Layer(sequential()), "blocks.*.mlp", **SMALL)
    with pytest.raises(UnsupportedModel, match="nothing to replace") as caught:
        replace_mlps(
            nn.TransformerEncoder(nn.TransformerEncoderLayer(12, 2, 20, batch_first=True), 1), **SMALL
        )
    assert "a module of its own" in str(caught.value.hint)


def test_a_model_that_is_an_mlp_itself_cannot_be_replaced_in_place() -> None:
    with pytest.raises(UnsupportedModel, match="itself is an MLP"):
        replace_mlps(sequential(), **SMALL)


def test_what_where_chose_must_be_an_mlp() -> None:
    with pytest.raises(UnsupportedModel, match="`norm` is a LayerNorm"):
        replace_mlps(Layer(sequential()), nn.LayerNorm, **SMALL)
    with pytest.raises(UnsupportedModel, match="`attention` is a Attention"):
        replace_mlps(nn.ModuleDict({"attention": Attention()}), "attention", **SMALL)


def test_a_module_in_two_places_is_refused() -> None:
    shared = sequential()
    with pytest.raises(UnsupportedModel, match=r"`0\.mlp` and `1\.mlp`"):
        replace_mlps(nn.Sequential(Layer(shared), Layer(shared)), **SMALL)


def test_weights_come_back_into_a_model_made_anew_and_copies_stand_alone() -> None:
    torch.manual_seed(0)
    model, again = Layer(sequential()).eval(), Layer(sequential()).eval()
    replace_mlps(model, **SMALL)
    replace_mlps(again, **SMALL)
    x = torch.randn(50, 12)
    assert not torch.equal(again(x), model(x))
    again.load_state_dict(model.state_dict())
    copied, expected = copy.deepcopy(model), model(x)
    with torch.no_grad():
        model.mlp.block.summation.value_KE.neg_()
    assert torch.equal(again(x), expected) and torch.equal(copied(x), expected)
    assert not torch.equal(model(x), expected)


def test_an_error_leaves_the_model_as_it_was() -> None:
    model = nn.Sequential(Layer(sequential()), Layer(sequential(12, 30)))
    before = copy.deepcopy(model)
    with pytest.raises(ConfigError, match="no multiple"):
        replace_mlps(model, luts=24, groups=5)
    with pytest.raises(UnsupportedModel):
        replace_mlps(model, lambda name, _: name.endswith(("mlp", "norm")), **SMALL)
    assert str(model) == str(before)


def test_a_block_put_in_by_hand_is_no_mlp_any_more() -> None:
    model = Layer(WeightlessBlock(12, luts=24))
    with pytest.raises(UnsupportedModel, match="nothing to replace"):
        replace_mlps(model, **SMALL)
