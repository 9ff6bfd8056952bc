"""Shapes of well-known transformers, and of any other by its numbers.

Sources: GPT-3 arXiv 2005.14165 (table 2.1), GPT-2 Radford et al. 2019 (table 2), BERT arXiv 1810.04805,
ViT arXiv 2010.11929 (table 1), DeiT arXiv 2012.12877 (table 1), I-ViT arXiv 2207.01405 (DeiT-T in integers),
nanoGPT-baby: github.com/karpathy/nanoGPT, config/train_shakespeare_char.py.
"""

from __future__ import annotations

import difflib
import re

from pydantic import ValidationError

from quweit_cli.boundary.readers import cut, problems
from quweit_cli.documents import ModelShape
from quweit_cli.errors import ConfigError


def _gpt(layers: int, dim: int, heads: int, tokens: int) -> ModelShape:
    return _shape("gpt", layers, dim, heads, tokens)


def _vit(layers: int, dim: int, heads: int, tokens: int) -> ModelShape:
    return _shape("vit", layers, dim, heads, tokens)


def _shape(family: str, layers: int, dim: int, heads: int, tokens: int) -> ModelShape:
    return ModelShape(family=family, layers=layers, dim=dim, heads=heads, tokens=tokens, mlp_hidden=4 * dim)


FIELDS = ("layers", "dim", "heads", "tokens", "mlp_hidden")
CAUSAL = "causal"
NAME = r"[a-z][a-z0-9_]{0,40}"

# Vision transformers: 224 x 224 pixels in patches of 16 (ViT-H: 14); the class token is left out, as the
# paper counts 196 tokens for I-ViT-T.
SHAPES: dict[str, ModelShape] = {
    "gpt3": _gpt(96, 12288, 96, 4096),  # the paper's table 1 counts a context of 4,096
    "gpt2": _gpt(12, 768, 12, 1024),
    "gpt2_medium": _gpt(24, 1024, 16, 1024),
    "gpt2_large": _gpt(36, 1280, 20, 1024),
    "gpt2_xl": _gpt(48, 1600, 25, 1024),
    "bert_base": _shape("bert", 12, 768, 12, 512),
    "bert_large": _shape("bert", 24, 1024, 16, 512),
    "vit_b16": _vit(12, 768, 12, 196),
    "vit_l16": _vit(24, 1024, 16, 196),
    "vit_h14": _vit(32, 1280, 16, 256),
    "deit_t": _vit(12, 192, 3, 196),
    "i_vit_t": _vit(12, 192, 3, 196),
    "nanogpt_baby": _gpt(6, 384, 6, 256),
}


def shape_named(name: str) -> ModelShape:
    """One of SHAPES.

    Raises:
        ConfigError: there is none of that name; the message lists them.
    """
    if name in SHAPES:
        return SHAPES[name]
    near = difflib.get_close_matches(name, SHAPES, n=1)
    raise ConfigError(
        f"no shape of a model `{cut(name)}` is known" + (f", did you mean `{near[0]}`?" if near else ""),
        hint=f"known: {', '.join(SHAPES)}",
    )


def parse_shape(words: str) -> tuple[str, ModelShape]:
    """`name=layers,dim,heads,tokens,mlp_hidden`, `,causal` after it for a decoder; or the name of a known model.

    Raises:
        ConfigError: neither.
    """
    name, equals, numbers = words.partition("=")
    if not equals:
        return name, shape_named(name)
    values = numbers.split(",")
    family = "decoder" if values[-1] == CAUSAL else "other"
    values = values[:-1] if family == "decoder" else values
    sound = len(values) == len(FIELDS) and all(value.isdecimal() and len(value) < 20 for value in values)
    if not sound or not re.fullmatch(NAME, name):
        raise ConfigError(
            f"`{cut(words)}` is no shape of a model",
            hint=f"write NAME={','.join(field.upper() for field in FIELDS)}, such as tiny=4,64,2,65,256, "
            f"and `,{CAUSAL}` after it for a decoder",
        )
    try:
        shape = ModelShape(family=family, **dict(zip(FIELDS, map(int, values), strict=True)))
    except ValidationError as error:
        raise ConfigError(f"`{words}` is no shape of a model: {problems(error)}") from None
    if shape.dim % shape.heads:
        raise ConfigError(f"the width of `{words}` must be a multiple of its heads")
    return name, shape
