"""Benches of a block or a model, its wrapper, and a unit: what drives and watches them."""

from __future__ import annotations

from typing import NamedTuple

from quweit_cli.documents import PortedDesign, RowDesign, UnitDesign
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


def render_benches(design: PortedDesign, header: str) -> dict[str, str]:
    """Name -> text of the four benches of a block or a model."""
    axis = design.axis
    benches = (
        CheckBench(
            design.top,
            design.testbench,
            design.check,
            f"u_{design.kind}",
            design.input_beats,
            design.input_beat_bits,
            design.output_beats,
            design.output_beat_bits,
            design.latency_cycles,
            design.initiation_interval_cycles,
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
            design.latency_cycles if design.straight else None,
            axis.initiation_interval_cycles,
        ),
    )
    files = {
        f"tb/{bench.check}.sv": render("tb/check_design.sv.mako", design=design, bench=bench, header=header)
        for bench in benches
    }
    files[f"tb/{design.testbench}.sv"] = render_bench(design, header)
    files[f"tb/{axis.testbench}.sv"] = render("tb/tb_axis.sv.mako", design=design, header=header)
    return files


class Probe(NamedTuple):
    """Sizes of what compares the words that a model writes."""

    samples: int
    words: int  # of a sample
    lanes: int


def render_bench(design: RowDesign, header: str, *, clocked: bool = False, probe: Probe | None = None) -> str:
    """Text of the bench of a block, a unit or a model.

    clocked: it makes the clock itself, which a simulator of many cycles is quicker with.
    """
    parameters = design.parameters if isinstance(design, UnitDesign) else {}
    return render(
        "tb/tb_rows.sv.mako",
        design=design,
        parameters=parameters,
        clocked=clocked,
        probe=probe,
        header=header,
    )
