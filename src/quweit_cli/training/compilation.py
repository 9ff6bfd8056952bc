"""Layers compiled by torch.compile: one graph that all layers of a model share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from quweit_cli.models import IntegerNetwork, Network


def compile_layers(model: Network) -> None:
    """Replace the forward pass of every layer by a compiled one, while it trains.

    Layers differ in their parameters alone, which are inputs of the graph, so that the first layer is compiled and
    the others take its code: the time does not grow with the depth. Evaluation is left as it is. Models in integers
    round much before and after their layers, and have both ends compiled as well.
    """
    torch._dynamo.reset()  # a twin would count as a second shape of the same layer
    for layer in model.layers:
        _compile_while_training(layer, "forward")
    if isinstance(model, IntegerNetwork):
        _compile_while_training(model, "embedded")
        _compile_while_training(model, "logits_of")


def _compile_while_training(module: nn.Module, method: str) -> None:
    plain: Callable[[Tensor], Tensor] = getattr(module, method)
    compiled = torch.compile(plain, dynamic=False)
    setattr(module, method, lambda x: compiled(x) if module.training else plain(x))
