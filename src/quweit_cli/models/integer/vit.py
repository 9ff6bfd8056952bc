"""Vision transformer in integers, from pixels to logits: the weights of the float one.

Shape suffixes: as in models/vit.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from quweit_cli import config
from quweit_cli.errors import ConfigError
from quweit_cli.ir import TensorType
from quweit_cli.ir.nodes.places import Patches
from quweit_cli.models.exits import ExitHead
from quweit_cli.models.integer.building import Building, Model, Wire, onto_residual, positioned
from quweit_cli.models.integer.exits import IntegerExit, answer, averaging, build_answer
from quweit_cli.models.integer.fixed_point import FixedPoint, Grid, integers
from quweit_cli.models.integer.layer import IntegerLayer
from quweit_cli.models.integer.operations import (
    PROBABILITY_FRACTION,
    Logits,
    MatrixProduct,
    Normalisation,
    OntoResidual,
    Sum,
    TokenSum,
)
from quweit_cli.models.integer.pieces import found
from quweit_cli.models.vit import Vit, cut

ZERO = 128  # of a pixel: what is read is the pixel less this
WHITE = 255  # the largest pixel


class IntegerVit(Vit):
    """Images as the float model takes them; they are read as the pixels that they were made of."""

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
        self.pixels, self.embed_product, self.onto = Pixels(), MatrixProduct(), OntoResidual()
        self.position_onto, self.position_sum = OntoResidual(), Sum()
        root = found(settings.functions.root, "root")
        self.normalisation, self.token_sum = Normalisation(root), TokenSum()
        self.pooled, self.head_product, self.logits = Grid(), MatrixProduct(), Logits()

    def make_layer(self, settings: config.Model, layer: int) -> nn.Module:
        if layer == 0:
            self.residual = Grid(16, headroom=1, smooth=False)
        return IntegerLayer(settings, layer, causal=False, bias=True, residual=self.residual)

    def make_exit(self, settings: config.Model, classes: int, layer: int) -> ExitHead:
        return IntegerExit(settings, classes, self.residual, self.tokens)

    def embed_weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Weights and biases that read pixels less ZERO, and what is added to such a pixel to have its mean at 0."""
        std_I, mean_I = (
            one.flatten().repeat_interleave(self.patch**2) for one in (self.std_X11, self.mean_X11)
        )
        return self.embed.weight / std_I, self.embed.bias, ZERO - mean_I

    def head_weights(self) -> tuple[Tensor, Tensor | None]:
        """As they read the sum over all tokens of what the last normalisation gives before its gain and bias."""
        return averaging(self.head, self.norm, self.tokens)

    def embedded(self, image_BXSS: Tensor) -> Tensor:
        pixel = self.pixels(self.resized(image_BXSS), self.mean_X11, self.std_X11)
        patch = pixel._replace(value=cut(pixel.value, self.patch))
        x = self.onto(self.embed_product(patch, *self.embed_weights()).value, self.residual)
        position = self.position_onto(self.position_ND, self.residual)
        x_BND: Tensor = self.position_sum(self.residual, self.dropout(x.value + position.value)).value
        return x_BND

    def logits_of(self, x_BND: Tensor) -> Tensor:
        x = FixedPoint(x_BND, self.residual.fraction())
        logits_BO: Tensor = self.logits(answer(self, x, self.head_weights()))
        return logits_BO

    @torch.no_grad()
    def codes(self, image_BXSS: Tensor) -> Tensor:
        """What the program reads of such images, int64."""
        return integers(self.pixels(self.resized(image_BXSS), self.mean_X11, self.std_X11))

    @torch.no_grad()
    def build(self) -> Model:
        """The program from pixels less ZERO to logits, with its layers as programs within."""
        residual, made = int(self.residual.fraction()), Building(Wire("pixels", np.asarray(0)))
        patch = made.add("patches", Patches(self.patch), made.source, fraction=0)
        node, fraction = self.embed_product.node(0, *self.embed_weights())
        x = made.add("embedded_sum", node, patch, fraction=fraction, module=self.embed_product)
        x = onto_residual(made, "embedded", x, residual, self.onto)
        x = positioned(made, x, self.position_onto(self.position_ND, self.residual), self.position_sum)
        for number, layer in enumerate(self.layers):
            assert isinstance(layer, IntegerLayer)
            x = made.nest(layer.build(number, self.tokens), x, fraction=residual)
            if number + 1 in self.exit_settings.after:
                place = self.exit_settings.after.index(number + 1)
                head = self.exits[place]
                assert isinstance(head, IntegerExit)
                made.nest(head.build(place), x, fraction=PROBABILITY_FRACTION)
        build_answer(made, self, x, self.head_weights())
        pixels = TensorType(self.side, -ZERO, WHITE - ZERO, (len(self.mean_X11), self.side))
        return made.model("model", pixels)


class Pixels(nn.Module):
    """Normalised pixels to what they were, less ZERO."""

    def forward(self, image_BXSS: Tensor, mean_X11: Tensor, std_X11: Tensor) -> FixedPoint:
        pixel = (image_BXSS * std_X11 + mean_X11 + 0.5).floor().clamp(0, WHITE) - ZERO
        fraction = torch.zeros((), dtype=torch.int32, device=image_BXSS.device)
        return FixedPoint(pixel if self.training else pixel.double(), fraction)
