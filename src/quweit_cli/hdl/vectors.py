"""Golden rows as text that `$readmemh` reads, and the modules of every block's bench."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from quweit_cli.documents import GoldenRows
from quweit_cli.ir.nodes.base import Integers

INPUT_BITS = 8
OUTPUT_BITS = 16
BENCH_MODULES = ("tb/quweit_row_source.sv", "tb/quweit_row_sink.sv")


def beats(inputs_RD: Integers, per_beat: int) -> str:
    lines = []
    for row in inputs_RD.tolist():
        for first in range(0, len(row), per_beat):
            lanes = row[first : first + per_beat]
            lanes += [0] * (per_beat - len(lanes))
            lines.append(packed(lanes, INPUT_BITS))
    return "\n".join(lines) + "\n"


def packed(lanes: list[int], bits: int) -> str:
    """Two's complement, lane 0 in the low digits; OverflowError for a lane that the bus would cut."""
    half = 1 << bits - 1
    if not all(-half <= lane < half for lane in lanes):
        raise OverflowError(f"a golden row holds {min(lanes)} ... {max(lanes)}, its bus {bits} bits a lane")
    if bits % 4 == 0:
        return "".join(f"{lane % (2 * half):0{bits // 4}x}" for lane in reversed(lanes))
    word = sum(lane % (2 * half) << place * bits for place, lane in enumerate(lanes))
    return f"{word:0{-(-len(lanes) * bits // 4)}x}"


def golden_rows(rows: int, texts: Mapping[str, str], inputs: str, outputs: str) -> GoldenRows:
    """What the manifest says of two of these files."""
    return GoldenRows(
        rows=rows,
        inputs=inputs,
        outputs=outputs,
        inputs_sha256=sha256(texts[inputs]),
        outputs_sha256=sha256(texts[outputs]),
    )


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
