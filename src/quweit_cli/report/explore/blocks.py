"""A block as data: wiring, tables, what they answer on golden rows, and some rows step by step.

Shape suffixes as in ir/nodes/base.py; A entries of a table, B bins of a histogram.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quweit_cli.ir.block import Chain, chain_of
from quweit_cli.ir.census import LayerCensus, census
from quweit_cli.ir.nodes.base import Integers
from quweit_cli.ir.program import Program, tensor_types, trace
from quweit_cli.ir.responses import LayerResponse, entries_read, response
from quweit_cli.report.explore.inside import BlockRows
from quweit_cli.report.explore.names import feature_names
from quweit_cli.report.explore.packing import BASE64, packed, packed_bits

BINS = 32  # of the range of a feature
MOST_ROWS = 4096  # on which LUTs are counted
STEPPED_ROWS = 32  # that are shown step by step
ELEMENTS_AT_ONCE = 1 << 22  # of the widest tensor, while rows are counted: 32 MB
BLOCK_BYTES = 2_400_000  # of all blocks on the page
ROWS_SHARE = 0.3  # of the bytes of a block
SPARE_BYTES = 3_000  # of names and numbers of a block


@dataclass(frozen=True, eq=False)
class BlockStudy:
    """What is known of a block. tensors: of the `stepped_R` golden rows, by the name of the step."""

    block: BlockRows
    chain: Chain
    census: Sequence[LayerCensus]
    responses: Sequence[LayerResponse]
    histogram_DB: Integers
    rows: int  # that were counted
    stepped_R: Integers
    tensors: dict[str, Integers]

    @property
    def name(self) -> str:
        return self.block.program.name

    @property
    def steps(self) -> list[str]:
        """Names of the tensors, in the order of the chain."""
        return [self.block.program.input_name, *(step.name for step in self.block.program.steps)]

    @property
    def edges(self) -> Integers:
        """The first integer of each bin, and the one after the last."""
        kind = self.block.program.input_type
        return np.linspace(kind.low, kind.high + 1, BINS + 1).round().astype(np.int64)


def study(block: BlockRows) -> BlockStudy | None:
    """Nothing where the program is no chain of a block."""
    chain = chain_of(block.program)
    if chain is None:
        return None
    rows_RD = _evenly(block.rows_RD, MOST_ROWS)
    reads = [np.zeros((len(layer.pins_JL), 2**layer.fan_in), np.int64) for layer in chain.layers]
    sources = [step.name for step in block.program.steps]
    for part_RD in _in_parts(block.program, rows_RD):
        tensors = trace(block.program, part_RD)
        for place, layer in enumerate(chain.layers):
            reads[place] += entries_read(layer, tensors[sources[place]])
    stepped_R = np.arange(min(len(block.rows_RD), STEPPED_ROWS)) * len(block.rows_RD)
    stepped_R //= max(1, len(stepped_R))
    kind = block.program.input_type
    edges = np.linspace(kind.low, kind.high + 1, BINS + 1).round()
    return BlockStudy(
        block=block,
        chain=chain,
        census=census(block.program),
        responses=[response(layer, one) for layer, one in zip(chain.layers, reads, strict=True)],
        histogram_DB=np.stack([np.histogram(values, edges)[0] for values in rows_RD.T]),
        rows=len(rows_RD),
        stepped_R=stepped_R,
        tensors=trace(block.program, block.rows_RD[stepped_R]),
    )


def record(one: BlockStudy, most_bytes: float) -> dict[str, Any]:
    """What the page's script reads of a block, in about so many bytes.

    `shown` LUTs of each layer are there in detail, all of them where they fit.
    """
    D, T = one.chain.thermometer.thresholds_DT.shape
    left = (most_bytes - SPARE_BYTES) / BASE64 - D * (T + 2 * BINS)
    rows = _rows_within(one, ROWS_SHARE * left)
    shown = _luts_within(one, (1 - ROWS_SHARE) * left)
    first, *luts, summation, answer = one.steps[1:]
    bits = [one.tensors[first], *(one.tensors[name] for name in luts)]
    requantize = one.chain.requantize
    return {
        "name": one.name,
        "features": feature_names(D, one.block.around),
        "around": _around(one),
        "inputScale": one.block.input_scale,
        "outputScale": one.block.output_scale,
        "low": one.block.program.input_type.low,
        "high": one.block.program.input_type.high,
        "thresholds": packed(one.chain.thermometer.thresholds_DT),
        "edges": packed(one.edges),
        "histogram": packed(one.histogram_DB),
        "counted": one.rows,
        "goldenRows": len(one.block.rows_RD),
        "layers": [
            _layer(one, place, shown, bits[place + 1][:rows]) for place in range(len(one.chain.layers))
        ],
        "values": packed(one.chain.summation.values_KE[:shown]),
        "bias": packed(one.chain.summation.bias_E),
        "multiplier": requantize.multiplier,
        "shift": requantize.shift,
        "clamp": [requantize.low, requantize.high],
        "rows": {
            "number": packed(one.stepped_R[:rows]),
            "inputs": packed(one.tensors[one.steps[0]][:rows]),
            "bits": packed_bits(bits[0][:rows]),
            "sums": packed(one.tensors[summation][:rows]),
            "outputs": packed(one.tensors[answer][:rows]),
        },
    }


def _layer(one: BlockStudy, place: int, shown: int, answers_RJ: Integers) -> dict[str, Any]:
    layer, known, told = one.chain.layers[place], one.census[place], one.responses[place]
    return {
        "luts": len(layer.pins_JL),
        "shown": min(shown, len(layer.pins_JL)),
        "fanIn": layer.fan_in,
        "pins": packed(layer.pins_JL[:shown]),
        "tables": packed_bits(layer.entries[:shown]),
        "reads": packed(told.reads_JA[:shown]),
        "ones": packed(told.ones_J[:shown]),
        "swayed": packed(told.swayed_JL[:shown]),
        "swayedEntries": packed(told.swayed_entries_JL[:shown]),
        "rendered": packed_bits(known.rendered_J[:shown]),
        "constant": packed_bits(known.constant_J[:shown]),
        "passing": packed_bits(known.passing_J[:shown]),
        "first": packed(known.first_J[:shown]),
        "answers": packed_bits(answers_RJ[:, :shown]),
    }


def _around(one: BlockStudy) -> dict[str, Any] | None:
    """Where the second half of the features comes from."""
    around = one.block.around
    if around is None:
        return None
    half = one.block.program.input_type.features // 2
    parts = [[half + part.first, half + part.last, part.down, part.right] for part in around.parts(half)]
    return {"causal": around.causal, "parts": parts, "own": half}


def _rows_within(one: BlockStudy, most: float) -> int:
    """Rows step by step that take so many bytes; one at least."""
    bits = sum(kind.features for kind in tensor_types(one.block.program).values() if kind.high == 1) / 8
    row = bits + one.block.program.input_type.features + 6 * len(one.chain.summation.bias_E)
    return max(1, min(len(one.stepped_R), int(most / row)))


def _luts_within(one: BlockStudy, most: float) -> int:
    """LUTs of each layer that take so many bytes; one at least."""
    outputs, rows = len(one.chain.summation.bias_E), len(one.stepped_R)
    lut = outputs + sum(layer.fan_in * 9 + 2**layer.fan_in * 2.2 + rows / 8 + 8 for layer in one.chain.layers)
    widest = max(len(layer.pins_JL) for layer in one.chain.layers)
    return max(1, min(widest, int(most / lut)))


def _evenly(values: Integers, most: int) -> Integers:
    count = min(len(values), most)
    evenly: Integers = values[np.arange(count) * len(values) // max(1, count)]
    return evenly


def _in_parts(program: Program, rows_RD: Integers) -> list[Integers]:
    widest = max(kind.features for kind in tensor_types(program).values())
    at_once = max(1, ELEMENTS_AT_ONCE // widest)
    return [rows_RD[first : first + at_once] for first in range(0, len(rows_RD), at_once)]
