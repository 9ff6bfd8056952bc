"""Models of other people's libraries, small and with random weights; nothing is downloaded.

timm and transformers import torchvision, whose build from PyPI is for CUDA: beside a CPU build of torch its operators do
not load, and it then stumbles over describing them. None of them is used here, so they stay undescribed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
from torch import nn


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
