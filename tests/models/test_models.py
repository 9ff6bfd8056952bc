"""Model families: shapes, causality, registry, one block a layer; a teacher has none."""

from typing import Any

import pytest
import torch

from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.models import FAMILIES, blocks_of, build
from quweit_cli.models.layer import DropPath
from quweit_cli.models.vit import cut

IMAGES = {"kind": "images", "side": 8, "channels": 1, "classes": list("abc")}
TEXT = {"kind": "text", "vocabulary": "abcdefg"}
PASSAGES = {"kind": "passages", "vocabulary": list("abcdefg"), "classes": list("abc")}
META: dict[str, dict[str, Any]] = {"vit": IMAGES, "gpt": TEXT, "encoder": PASSAGES}
TRANSFORMERS = list(META)


def settings(family: str, **changes: object) -> config.Model:
    small = {"dim": 16, "depth": 2, "heads": 4, "context": 12, "block": {"lut_layers": [24]}}
    return config.Model.model_validate({"family": family, **small, **changes})


def sample(family: str) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(3, 1, 8, 8) if family == "vit" else torch.randint(7, (3, 12))


@pytest.mark.parametrize("mlp", ["dense", "weightless"])
@pytest.mark.parametrize("family", TRANSFORMERS)
def test_every_family_builds_and_learns_with_both_mlps(family: str, mlp: str) -> None:
    torch.manual_seed(0)
    model = build(settings(family, mlp=mlp), META[family])
    logits = model(sample(family))
    assert logits.shape == ((3, 12, 7) if family == "gpt" else (3, 3))
    assert model.tokens == (16 if family == "vit" else 12)
    logits.square().sum().backward()
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert all(parameter.grad is not None for parameter in learned)


@pytest.mark.parametrize("family", TRANSFORMERS)
def test_every_layer_has_one_block_named_after_it(family: str) -> None:
    assert list(blocks_of(build(settings(family), META[family]))) == ["block0", "block1"]
    assert blocks_of(build(settings(family, mlp="dense"), META[family])) == {}


def test_a_token_of_gpt_depends_on_no_later_token() -> None:
    torch.manual_seed(0)
    model = build(settings("gpt"), TEXT).eval()
    tokens = sample("gpt")
    changed = tokens.clone()
    changed[:, 7] = (changed[:, 7] + 1) % 7
    before, after = model(tokens), model(changed)
    assert torch.equal(before[:, :7], after[:, :7])
    assert not torch.equal(before[:, 7:], after[:, 7:])


def test_every_token_of_an_encoder_counts_and_so_does_its_place() -> None:
    torch.manual_seed(0)
    model = build(settings("encoder"), PASSAGES).eval()
    tokens = sample("encoder")
    changed = tokens.clone()
    changed[:, 11] = (changed[:, 11] + 1) % 7
    assert not torch.equal(model(tokens), model(changed))
    assert not torch.allclose(model(tokens), model(tokens.flip(1)))


def test_an_encoder_has_no_neighbours() -> None:
    with pytest.raises(ValueError, match="an encoder has neither"):
        settings("encoder", neighbours=True)


def test_gpt_shares_its_embedding_with_its_head() -> None:
    model = build(settings("gpt"), TEXT)
    assert model.head.weight is model.embed.weight


def test_patches_are_cut_in_reading_order() -> None:
    image = torch.arange(16.0).view(1, 1, 4, 4)
    assert cut(image, 2).tolist() == [[[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]]


def test_images_are_enlarged_before_they_are_cut() -> None:
    model = build(settings("vit", image=32, patch=16), IMAGES)
    assert model.tokens == 4
    assert model(sample("vit")).shape == (3, 3)


def test_vit_sees_where_a_patch_is() -> None:
    torch.manual_seed(0)
    model = build(settings("vit"), IMAGES).eval()
    image = sample("vit")
    assert not torch.allclose(model(image), model(image.roll(4, dims=3)))


def test_stochastic_depth_drops_samples_at_a_rate_that_rises_with_depth_and_only_in_training() -> None:
    torch.manual_seed(0)
    model = build(settings("vit", depth=3, drop_path=0.4), IMAGES)
    paths = [module for module in model.modules() if isinstance(module, DropPath)]
    assert [1 - float(path.kept) for path in paths] == pytest.approx([0.0, 0.2, 0.4])
    kept = paths[2].train()(torch.ones(20_000, 2, 3))
    assert torch.equal(kept, kept[:, :1, :1].expand_as(kept))  # a whole sample at a time
    assert float((kept == 0).float().mean()) == pytest.approx(0.4, abs=0.02)
    assert float(kept.mean()) == pytest.approx(1.0, abs=0.03)
    assert torch.equal(paths[2].eval()(torch.ones(4, 2, 3)), torch.ones(4, 2, 3))


def test_a_convolutional_teacher_learns_and_has_no_blocks() -> None:
    torch.manual_seed(0)
    model = build(settings("resnet", mlp="dense", dim=4), IMAGES)
    logits = model(sample("vit"))
    assert logits.shape == (3, 3)
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert len(model.layers) == 8
    assert blocks_of(model) == {}
    assert [layer.first[0].out_channels for layer in model.layers] == [4, 4, 8, 8, 16, 16, 32, 32]


def test_a_convolutional_network_with_blocks_is_refused() -> None:
    with pytest.raises(ConfigError, match="no MLPs that blocks could replace"):
        build(settings("resnet"), IMAGES)


def test_every_family_is_tested_here() -> None:
    assert set(FAMILIES) == {*TRANSFORMERS, "resnet"}


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        build(settings("lstm"), IMAGES)
    assert caught.value.hint is not None
    assert "vit, encoder, gpt" in caught.value.hint


def test_a_family_refuses_data_that_it_cannot_read() -> None:
    with pytest.raises(ConfigError, match="learns from images"):
        build(settings("vit"), TEXT)
    with pytest.raises(ConfigError, match="`resnet` learns from images"):
        build(settings("resnet", mlp="dense"), TEXT)
    with pytest.raises(ConfigError, match="learns from text"):
        build(settings("gpt"), IMAGES)
    for other in (IMAGES, TEXT):
        with pytest.raises(ConfigError, match="passages of text with classes"):
            build(settings("encoder"), other)
    with pytest.raises(ConfigError, match="patches of 3"):
        build(settings("vit", patch=3), IMAGES)
