"""Vision transformer in integers, from pixels to logits: the weights of the float one.

Shape suffixes: as in models/vit.py.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.ir import TensorType
from quweit_cli.ir.nodes.places import Patches
from quweit_cli.models.integer.building import Building, Wire, onto_residual
from quweit_cli.models.integer.classifier import IntegerClassifier
from quweit_cli.models.integer.fixed_point import FixedPoint, integers
from quweit_cli.models.integer.operations import MatrixProduct
from quweit_cli.models.vit import Vit, cut

ZERO = 128  # of a pixel: what is read is the pixel less this
WHITE = 255  # the largest pixel


class IntegerVit(IntegerClassifier, Vit):
    """Images as the float model takes them; they are read as the pixels that they were made of."""

    source = "pixels"
    mean_X11: Tensor
    std_X11: Tensor

    def __init__(self, settings: config.Model, meta: dict[str, Any]) -> None:
        if any(len(meta.get(key, ())) != meta["channels"] for key in ("mean", "std")):
            raise ConfigError(
                "an integer model reads pixels, and nothing says how those of this dataset were normalised",
                hint="train again: `quweit train` notes it in the checkpoint",
            )
        super().__init__(settings, meta)
        self.register_buffer("mean_X11", torch.tensor(meta["mean"])[:, None, None], persistent=False)
        self.register_buffer("std_X11", torch.tensor(meta["std"])[:, None, None], persistent=False)
        self.pixels, self.embed_product = Pixels(), MatrixProduct()

    def embed_weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Weights and biases that read pixels less ZERO, and what is added to such a pixel to have its mean at 0."""
        std_I, mean_I = (
            one.flatten().repeat_interleave(self.patch**2) for one in (self.std_X11, self.mean_X11)
        )
        return self.embed.weight / std_I, self.embed.bias, ZERO - mean_I

    def token_vectors(self, image_BXSS: Tensor) -> Tensor:
        """On the grid of the residual stream."""
        pixel = self.pixels(self.resized(image_BXSS), self.mean_X11, self.std_X11)
        patch = pixel._replace(value=cut(pixel.value, self.patch))
        x: FixedPoint = self.onto(self.embed_product(patch, *self.embed_weights()).value, self.residual)
        return x.value

    @torch.no_grad()
    def codes(self, image_BXSS: Tensor) -> Tensor:
        return integers(self.pixels(self.resized(image_BXSS), self.mean_X11, self.std_X11))

    @property
    def reads(self) -> TensorType:
        """Pixels less ZERO."""
        return TensorType(self.side, -ZERO, WHITE - ZERO, (len(self.mean_X11), self.side))

    def build_vectors(self, made: Building, residual: int) -> Wire:
        patch = made.add("patches", Patches(self.patch), made.source, fraction=0)
        node, fraction = self.embed_product.node(0, *self.embed_weights())
        x = made.add("embedded_sum", node, patch, fraction=fraction, module=self.embed_product)
        return onto_residual(made, "embedded", x, residual, self.onto)


class Pixels(nn.Module):
    """Normalised pixels to what they were, less ZERO."""

    def forward(self, image_BXSS: Tensor, mean_X11: Tensor, std_X11: Tensor) -> FixedPoint:
        pixel = (image_BXSS * std_X11 + mean_X11 + 0.5).floor().clamp(0, WHITE) - ZERO
        fraction = torch.zeros((), dtype=torch.int32, device=image_BXSS.device)
        return FixedPoint(pixel if self.training else pixel.double(), fraction)
