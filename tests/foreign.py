"""Models of other people's libraries, small and with random weights; nothing is downloaded.

timm and transformers import torchvision, whose build from PyPI is for CUDA: beside a CPU build of torch its operators do
not load, and it then stumbles over describing them. None of them is used here, so they stay undescribed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from quweit_cli import replace_mlps


def _describe(operator: Any, *arguments: Any, **options: Any) -> Callable[[Any], Any]:
    if str(operator).startswith("torchvision::"):
        return lambda function: function
    return REGISTER(operator, *arguments, **options)  # type: ignore[no-any-return]


REGISTER = torch.library.register_fake
with mock.patch.object(torch.library, "register_fake", _describe):
    import timm
    from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel, ViTConfig, ViTModel

CLASSES, PIXELS, WIDTH = 5, 16, 24


def timm_vit(**options: Any) -> nn.Module:
    """17 tokens of 24 features, two layers."""
    made: nn.Module = timm.create_model(
        "vit_tiny_patch16_224", pretrained=False, img_size=PIXELS, patch_size=4, embed_dim=WIDTH, depth=2, num_heads=2,
        num_classes=CLASSES, **options,
    )  # fmt: skip
    return made


def hugging_face_vit() -> nn.Module:
    return ViTModel(
        ViTConfig(
            hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, image_size=PIXELS, patch_size=4
        )
    )  # fmt: skip


def gpt2(**options: Any) -> nn.Module:
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=20, n_positions=16, n_embd=WIDTH, n_layer=2, n_head=2, **options)
    )


def bert() -> nn.Module:
    return BertModel(
        BertConfig(
            vocab_size=20, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, max_position_embeddings=16
        )
    )  # fmt: skip


def weightless_vit(**block: object) -> nn.Module:
    torch.manual_seed(0)
    model = timm_vit()
    replace_mlps(model, **{"luts": 48, "thermometer": {"bits": 3}, **block})
    return model


def task(samples: int = 64) -> tuple[Tensor, Tensor]:
    """Images, and which of five bands of rows is bright."""
    generator = torch.Generator().manual_seed(1)
    target_B = torch.randint(0, CLASSES, (samples,), generator=generator)
    image = 0.3 * torch.randn(samples, 3, PIXELS, PIXELS, generator=generator)
    for sample, target in enumerate(target_B.tolist()):
        image[sample, :, 3 * target : 3 * target + 3] += 1
    return image, target_B
