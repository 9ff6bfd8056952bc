"""Benches of a block or a model, its wrapper, and a unit: what drives and watches them."""

from __future__ import annotations

from typing import NamedTuple

from quweit_cli.documents import ModelDesign, PortedDesign, RowDesign, UnitDesign
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
    if isinstance(design, ModelDesign) and design.decode:
        files[f"tb/{requests_bench(design)}.sv"] = render_requests_bench(design, header)
    return files


class Probe(NamedTuple):
    """Sizes of what compares the words that a model writes."""

    words: int  # of all rows
    lanes: int


def render_bench(
    design: RowDesign,
    header: str,
    *,
    clocked: bool = False,
    wrapped: bool = False,
    probe: Probe | None = None,
) -> str:
    """Text of the bench of a block, a unit or a model.

    clocked: it makes the clock itself, which a simulator of many cycles is quicker with.
    wrapped: the model is in its wrapper, which passes beats as they are.
    """
    parameters = design.parameters if isinstance(design, UnitDesign) else {}
    return render(
        "tb/tb_rows.sv.mako",
        design=design,
        parameters=parameters,
        clocked=clocked,
        wrapped=wrapped,
        probe=probe,
        header=header,
    )


def requests_bench(design: ModelDesign) -> str:
    """The module that plays requests of a decoder."""
    return f"{design.testbench}_requests"


def render_requests_bench(
    design: ModelDesign, header: str, *, wrapped: bool = False, probe: Probe | None = None
) -> str:
    """Text of the bench that plays requests. wrapped: the decoder is in its wrapper, which passes words as they are."""
    return render(
        "tb/tb_requests.sv.mako",
        name=requests_bench(design),
        design=design,
        wrapped=wrapped,
        clocked=True,
        probe=probe,
        header=header,
    )
