"""The AXI-Stream wrapper of a block or a model: beats of whole bytes, of any width, and how they become its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from quweit_cli.documents import AxisPort, PortedDesign
from quweit_cli.templating import render

GEARBOX = "quweit_gearbox.v"


class Gear(NamedTuple):
    """Parameters of one quweit_gearbox; widths count in the largest unit that divides both."""

    in_units: int
    out_units: int
    unit_bits: int
    row_in: int
    row_out: int
    last_units: int
    last_bits: int
    count_bits: int
    beat_bits: int


class RowShape(NamedTuple):
    """Bytes in, bytes out, and cycles between rows, of the design itself."""

    bytes_in: int
    bytes_out: int
    interval: int


@dataclass(frozen=True)
class Axis:
    """What the template of the wrapper sees of its buses."""

    top: str
    bytes_in: int
    bytes_out: int
    input_beats: int
    output_beats: int
    gear_in: Gear
    gear_out: Gear


def axis_port(
    top: str,
    row: RowShape,
    bytes_in: int,
    bytes_out: int,
    vectors: tuple[str, str],
) -> AxisPort:
    """The wrapper's part of the manifest; `vectors` are name and digest of golden inputs in its beats."""
    input_beats, output_beats = -(-row.bytes_in // bytes_in), -(-row.bytes_out // bytes_out)
    return AxisPort(
        top=f"{top}_axis",
        testbench=f"tb_{top}_axis",
        check=f"check_{top}_axis",
        bytes_in=bytes_in,
        bytes_out=bytes_out,
        input_beats=input_beats,
        output_beats=output_beats,
        initiation_interval_cycles=max(row.interval, input_beats, output_beats),
        inputs=vectors[0],
        inputs_sha256=vectors[1],
        sources=[f"rtl/wrapper/{GEARBOX}", f"rtl/wrapper/{top}_axis.v"],
    )


def gear(row_bytes: int, bytes_in: int, bytes_out: int, row_in: int, row_out: int) -> Gear:
    """Rows of `row_bytes` that count, in `row_in` beats, padded to `row_out` whole beats."""
    unit = math.gcd(bytes_in, bytes_out)
    last = row_out * bytes_out - (row_in - 1) * bytes_in
    return Gear(
        in_units=bytes_in // unit,
        out_units=bytes_out // unit,
        unit_bits=8 * unit,
        row_in=row_in,
        row_out=row_out,
        last_units=last // unit,
        last_bits=8 * (row_bytes - (row_in - 1) * bytes_in),
        count_bits=((2 * bytes_out + max(bytes_in, last)) // unit).bit_length(),
        beat_bits=(max(row_in, row_out) + 2).bit_length(),
    )


def render_wrapper(design: PortedDesign, header: str) -> str:
    port = design.axis
    own_in, own_out = design.input_beat_bits // 8, design.output_beat_bits // 8
    row_in, row_out = design.features * design.input_bits // 8, design.outputs * design.output_bits // 8
    described = Axis(
        port.top,
        port.bytes_in,
        port.bytes_out,
        port.input_beats,
        port.output_beats,
        gear(row_in, port.bytes_in, own_in, port.input_beats, design.input_beats),
        gear(row_out, own_out, port.bytes_out, design.output_beats, port.output_beats),
    )
    return render("package/axis.v.mako", design=design, bus=described, header=header)
