"""Benches of a block, its wrapper, and a unit: what drives and watches them."""

from __future__ import annotations

from typing import NamedTuple

from quweit_cli.documents import BlockDesign, RowDesign, UnitDesign
from quweit_cli.templating import render


class CheckBench(NamedTuple):
    """What the self-checking bench needs to know of what it checks."""

    top: str
    testbench: str
    check: str
    instance: str
    input_beats: int
    input_bits: int  # of a beat
    output_beats: int
    output_bits: int  # of a beat
    latency: int | None
    interval: int


def render_benches(block: BlockDesign, header: str) -> dict[str, str]:
    """Name -> text of the four benches of a block."""
    axis = block.axis
    straight = axis.bytes_in == block.features_per_beat and axis.bytes_out == 2 * block.outputs_per_beat
    benches = (
        CheckBench(
            block.top,
            block.testbench,
            block.check,
            "u_block",
            block.input_beats,
            block.features_per_beat * block.input_bits,
            block.output_beats,
            block.outputs_per_beat * block.output_bits,
            block.latency_cycles,
            block.initiation_interval_cycles,
        ),
        CheckBench(
            axis.top,
            axis.testbench,
            axis.check,
            "u_axis",
            axis.input_beats,
            8 * axis.bytes_in,
            axis.output_beats,
            8 * axis.bytes_out,
            block.latency_cycles if straight else None,
            axis.initiation_interval_cycles,
        ),
    )
    files = {
        f"tb/{bench.check}.sv": render("tb/check_block.sv.mako", block=block, bench=bench, header=header)
        for bench in benches
    }
    files[f"tb/{block.testbench}.sv"] = render_bench(block, header)
    files[f"tb/{axis.testbench}.sv"] = render("tb/tb_axis.sv.mako", block=block, header=header)
    return files


def render_bench(design: RowDesign, header: str) -> str:
    """Text of the bench of a block or a unit."""
    parameters = design.parameters if isinstance(design, UnitDesign) else {}
    return render("tb/tb_rows.sv.mako", design=design, parameters=parameters, header=header)
