"""Benches of a block, its wrapper, a unit, and a model: what drives and watches them."""

from __future__ import annotations

from typing import NamedTuple

from quweit_cli.documents import BlockDesign, ModelDesign, RowDesign, UnitDesign
from quweit_cli.hdl.vectors import BENCH_MODULES
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


class RowBench(NamedTuple):
    """By which a design is played."""

    template: str
    modules: tuple[str, ...]  # in SystemVerilog, in compile order
    tests: tuple[str, ...]  # in Python; the first has the test
    test: str


ROWS = RowBench("tb/tb_rows.sv.mako", BENCH_MODULES, ("tb/test_block.py",), "golden_rows")
REQUESTS = RowBench(
    "tb/tb_requests.sv.mako",
    ("tb/quweit_row_sink.sv",),
    ("tb/test_requests.py", "tb/test_block.py"),
    "golden_requests",
)


def bench_of(design: RowDesign) -> RowBench:
    """Rows of one length from a memory, or requests of any length from a host."""
    return REQUESTS if isinstance(design, ModelDesign) and design.decode else ROWS


def render_bench(design: RowDesign, header: str) -> str:
    """Text of the bench of a block, a unit or a model."""
    parameters = design.parameters if isinstance(design, UnitDesign) else {}
    return render(bench_of(design).template, design=design, parameters=parameters, header=header)
