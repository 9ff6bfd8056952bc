"""What the LUTs of a layer answer on rows: how often each entry is read, and which pins matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quweit_cli.ir.liveness import flips
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.nodes.bits import LUTS_AT_ONCE, LutLayer


@dataclass(frozen=True, eq=False)
class LayerResponse:
    """Of one layer on so many rows.

    reads_JA: rows that read each entry.
    ones_J: rows on which a LUT answers 1.
    swayed_JL: rows whose answer would change with the pin alone.
    swayed_entries_JL: entries of which that is true, read or not.
    """

    rows: int
    reads_JA: Integers
    ones_J: Integers
    swayed_JL: Integers
    swayed_entries_JL: Integers


def entries_read(layer: LutLayer, bits_RI: Integers) -> Integers:
    """[J, A], how many rows of the bits that the layer reads have each LUT read each entry."""
    luts, entries = len(layer.pins_JL), 2**layer.fan_in
    reads_JA = np.zeros((luts, entries), dtype=np.int64)
    bit_IR = np.ascontiguousarray(bits_RI.T, dtype=np.int64)
    for first in range(0, luts, LUTS_AT_ONCE):
        pins_JL = layer.pins_JL[first : first + LUTS_AT_ONCE]
        address_JR = sum(bit_IR[pins_JL[:, pin]] << pin for pin in range(layer.fan_in))
        place_JR = np.arange(len(pins_JL))[:, None] * entries + address_JR
        counts = np.bincount(place_JR.reshape(-1), minlength=len(pins_JL) * entries)
        reads_JA[first : first + LUTS_AT_ONCE] = counts.reshape(len(pins_JL), entries)
    return reads_JA


def response(layer: LutLayer, reads_JA: Integers) -> LayerResponse:
    """What the layer does on the rows that read these entries; those of several batches add up."""
    flips_JLA = flips(layer)
    return LayerResponse(
        rows=int(reads_JA[0].sum()),
        reads_JA=reads_JA,
        ones_J=(reads_JA * layer.entries).sum(axis=1),
        swayed_JL=(reads_JA[:, None, :] * flips_JLA).sum(axis=2),
        swayed_entries_JL=flips_JLA.sum(axis=2),
    )
