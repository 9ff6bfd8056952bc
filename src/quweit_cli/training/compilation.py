"""Layers compiled by torch.compile: one graph that all layers of a model share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from quweit_cli.models import Network


def compile_layers(model: Network) -> None:
    """Replace the forward pass of every layer by a compiled one, while it trains.

    Layers differ in their parameters alone, which are inputs of the graph, so that the first layer is compiled and
    the others take its code: the time does not grow with the depth. Evaluation is left as it is.
    """
    torch._dynamo.reset()  # a twin would count as a second shape of the same layer
    for layer in model.layers:
        layer.forward = _compiled_while_training(layer)


def _compiled_while_training(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    plain = layer.forward
    compiled = torch.compile(plain, dynamic=False)
    return lambda x: compiled(x) if layer.training else plain(x)
