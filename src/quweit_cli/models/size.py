"""How many bits the numbers of a model take, part by part.

Every layer says by its class in which form its numbers are stored; what a new layer holds beside them counts as float32.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import nn

from quweit_cli import config
from quweit_cli.documents import ModelSize, SizePart
from quweit_cli.documents.size import Format
from quweit_cli.models import IntegerClassifier, IntegerGpt, Network, build, extension_of
from quweit_cli.models.low_bits import LowBitLinear
from quweit_cli.weightless.block import WeightlessBlock

BITS: dict[Format, int] = {
    "float32": 32,
    "int32": 32,
    "int16": 16,
    "int8": 8,
    "ternary": 2,
    "binary": 1,
    "none": 0,
}
OF_WEIGHTS: dict[config.Weights, Format] = {
    "float": "float32",
    "int8": "int8",
    "ternary": "ternary",
    "binary": "binary",
}
PLACES = (("attention", "attention"), ("mlp", "MLPs"), ("exits", "exits"), ("head", "head"), ("norm", "head"))
FEW: tuple[Format, ...] = ("int8", "few bits", "ternary", "binary")


class Numbers(NamedTuple):
    what: str
    format: Format
    amount: int
    trained: bool = True
    bits_each: int | None = None  # where the format does not say

    @property
    def bits(self) -> int:
        return self.amount * (BITS[self.format] if self.bits_each is None else self.bits_each)


def size_of(model: Network, settings: config.Model, meta: dict[str, Any]) -> ModelSize:
    """Of the model that these settings give for such a dataset."""
    parameters: Counter[tuple[str, str, Format]] = Counter()
    bits: Counter[tuple[str, str, Format]] = Counter()
    for part, one in _numbers(model):
        key = (part, one.what, one.format)
        parameters[key] += one.amount if one.trained else 0
        bits[key] += one.bits
    parts = [
        SizePart(part=key[0], what=key[1], format=key[2], parameters=parameters[key], bits=bits[key])
        for key in bits
    ]
    stored, total = sum(bits.values()), sum(parameters.values())
    by_parameters = sum(
        one.bits if one.format in FEW and one.parameters else 32 * one.parameters for one in parts
    )
    dense = None if extension_of(settings) else _dense_parameters(settings, meta)
    return ModelSize(
        parts=parts,
        parameters=total,
        bits=stored,
        bits_of_parameters=by_parameters,
        dense_parameters=dense,
        times_smaller=32 * total / stored,
        times_smaller_by_parameters=32 * total / by_parameters,
        times_smaller_than_dense=None if dense is None else 32 * dense / stored,
    )


def _dense_parameters(settings: config.Model, meta: dict[str, Any]) -> int:
    with torch.device("meta"):
        return sum(one.numel() for one in build(settings.dense_twin, meta).parameters())


def _numbers(model: nn.Module) -> Iterator[tuple[str, Numbers]]:
    """The part of the model, and numbers in it; a parameter that two modules share is trained once."""
    integers, seen = isinstance(model, IntegerClassifier | IntegerGpt), set[int]()
    blocks = [name for name, module in model.named_modules() if isinstance(module, WeightlessBlock)]
    for name, module in model.named_modules():
        if any(name.startswith(f"{block}.") for block in blocks):
            continue
        part = next((part for mark, part in PLACES if mark in name), "embedding")
        if isinstance(module, WeightlessBlock):
            for one in _of_block(module):
                yield part, one
            continue
        for own, parameter in module.named_parameters(recurse=False):
            first = id(parameter) not in seen
            seen.add(id(parameter))
            if first or integers:  # integers of an embedding and of a head that share their weights differ
                yield part, _of_parameter(module, own, parameter, integers, _kind(model, name), trained=first)
        if isinstance(module, nn.Linear) and (integers or _kind(model, name) != "float"):
            # of a step: an exponent in integers, a real number else
            yield (
                part,
                Numbers(
                    "scales of weights", "int8" if integers else "float32", module.out_features, trained=False
                ),
            )


def _kind(model: nn.Module, name: str) -> config.Weights:
    """Of the weights of a linear layer; in integers the product beside it knows."""
    module = model.get_submodule(name)
    if isinstance(module, LowBitLinear):
        return module.kind
    parent, _, own = name.rpartition(".")
    kind: config.Weights = getattr(
        getattr(model.get_submodule(parent), f"{own}_product", None), "kind", "float"
    )
    return kind


def _of_parameter(
    module: nn.Module,
    name: str,
    parameter: nn.Parameter,
    integers: bool,
    kind: config.Weights,
    *,
    trained: bool,
) -> Numbers:
    count = parameter.numel()
    if isinstance(module, nn.LayerNorm):
        return Numbers(
            "gains and biases of normalisations", "none" if integers else "float32", count, trained
        )
    if isinstance(module, nn.Linear) and name == "weight":
        stored: Format = "int8" if integers and kind == "float" else OF_WEIGHTS[kind]
        return Numbers("weights", stored, count, trained)
    if isinstance(module, nn.Linear):
        return Numbers("biases", "int32" if integers else "float32", count, trained)
    what = "vectors of tokens" if isinstance(module, nn.Embedding) else "positions and others"
    return Numbers(what, "int16" if integers else "float32", count, trained)


def _of_block(block: WeightlessBlock) -> Iterator[Numbers]:
    """As its integer program holds it; the weights of a wiring that is learned are no part of it."""
    settings, values = block.settings, block.summation.value_KE
    yield Numbers("thresholds", "int8", block.thermometer.threshold_DT.numel())
    inputs = block.features * settings.thermometer.bits
    for layer, luts in zip(block.layers, settings.lut_layers, strict=True):
        yield Numbers("tables of LUTs", "binary", layer.table_JA.numel())
        pins = luts * settings.fan_in
        yield Numbers("wiring of LUTs", "index", pins, False, max(1, (inputs - 1).bit_length()))
        inputs = luts
    formats: dict[config.ValueBits, tuple[Format, int]] = {
        8: ("int8", 8), 4: ("few bits", 4), 3: ("few bits", 3), "ternary": ("ternary", 2), "binary": ("binary", 1),
    }  # fmt: skip
    stored, bits = formats[settings.value_bits]
    yield Numbers("encoded values", stored, values.numel(), True, bits)
    yield Numbers("biases", "int32", block.summation.bias_E.numel())
    yield Numbers("scales of values", "float32", 1, trained=False)
