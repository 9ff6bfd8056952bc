"""Which LUTs of a block become hardware, and which answer nothing new: counted from its program alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quweit_cli.ir.block import chain_of
from quweit_cli.ir.liveness import live_bits, without_constant_thresholds
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.bits import LutLayer
from quweit_cli.ir.program import Program

UNREAD = -1  # in place of a pin on which an answer does not depend


@dataclass(frozen=True, eq=False)
class LayerCensus:
    """Of the LUTs of one layer, in their order.

    rendered_J: something reads its answer, so that it becomes hardware; the others are pruned.
    constant_J: it answers the same whatever the bits are.
    passing_J: it answers its first pin as it is, which is a wire.
    first_J: the first LUT of the layer that computes the same of the same bits; most often the LUT itself.
    """

    rendered_J: NDArray[np.bool_]
    constant_J: NDArray[np.bool_]
    passing_J: NDArray[np.bool_]
    first_J: Integers

    @property
    def duplicates(self) -> NDArray[np.bool_]:
        """A LUT before it computes the same; those that are constant are counted as such."""
        duplicate_J: NDArray[np.bool_] = (self.first_J != np.arange(len(self.first_J))) & ~self.constant_J
        return duplicate_J


def census(program: Program) -> list[LayerCensus]:
    """One of each LUT layer; ValueError where the program is no weightless block."""
    if chain_of(program) is None:
        raise ValueError(f"program `{program.name}` is not a weightless block")
    simpler = without_constant_thresholds(program)
    chain = chain_of(simpler)
    assert chain is not None
    live = live_bits(simpler)
    names = [step.name for step in simpler.steps[1:-2]]
    alike_I = _first_of_thresholds(chain.thermometer.thresholds_DT)
    counted = []
    for name, layer in zip(names, chain.layers, strict=True):
        pins_JL, table_JA = _canonical(alike_I[layer.pins_JL], layer)
        rows_JB = np.concatenate([pins_JL, np.packbits(table_JA, axis=1)], axis=1)
        _, first, inverse = np.unique(rows_JB, axis=0, return_index=True, return_inverse=True)
        alike_I = first[inverse.reshape(-1)].astype(np.int64)
        constant_J = (pins_JL == UNREAD).all(axis=1)
        counted.append(LayerCensus(live[name], constant_J, layer.passing, alike_I))
    return counted


def _first_of_thresholds(thresholds_DT: Integers) -> Integers:
    """For each bit the first one that compares the same feature with the same threshold."""
    features, count = thresholds_DT.shape
    pair_I2 = np.stack([np.repeat(np.arange(features), count), thresholds_DT.reshape(-1)], axis=1)
    _, first, inverse = np.unique(pair_I2, axis=0, return_index=True, return_inverse=True)
    alike_I: Integers = first[inverse.reshape(-1)].astype(np.int64)
    return alike_I


def _canonical(pins_JL: Integers, layer: LutLayer) -> tuple[Integers, NDArray[np.uint8]]:
    """Pins in rising order, each once and UNREAD where nothing depends on it; tables over these pins.

    Two LUTs that compute the same of the same bits have the same pins and entries then.
    """
    pins_JL, table_JA = _sorted(pins_JL, layer.entries)
    address_A = np.arange(2**layer.fan_in)
    for pin in reversed(
        range(layer.fan_in - 1)
    ):  # one bit on two pins: entries where they differ are never read
        follow = (address_A & ~(2 << pin)) | ((address_A >> pin & 1) << (pin + 1))
        same_J1 = (pins_JL[:, pin] == pins_JL[:, pin + 1])[:, None]
        table_JA = np.where(same_J1, table_JA[:, follow], table_JA)
    depends = [(table_JA != table_JA[:, address_A ^ (1 << pin)]).any(axis=1) for pin in range(layer.fan_in)]
    return _sorted(np.where(np.stack(depends, axis=1), pins_JL, UNREAD), table_JA)


def _sorted(pins_JL: Integers, table_JA: NDArray[np.uint8]) -> tuple[Integers, NDArray[np.uint8]]:
    """Pins in rising order, and the entries where they then stand."""
    order_JL = np.argsort(pins_JL, axis=1, kind="stable")
    address_A = np.arange(table_JA.shape[1])
    source_JA = np.zeros(table_JA.shape, dtype=np.int64)
    for place in range(pins_JL.shape[1]):
        source_JA |= (address_A >> place & 1) << order_JL[:, place, None]
    return np.take_along_axis(pins_JL, order_JL, axis=1), np.take_along_axis(table_JA, source_JA, axis=1)
