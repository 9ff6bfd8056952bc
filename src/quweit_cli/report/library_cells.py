"""The section of blocks in cells of a library."""

from __future__ import annotations

from quweit_cli.documents import SynthesisReport
from quweit_cli.report.footnotes import sourced
from quweit_cli.report.page import Section, Table


def library_cells(synth: SynthesisReport) -> Section:
    """Area, timing and power of every design; each power with its method."""
    blocks = [(block, block.asic) for block in synth.designs if block.asic]
    rows = [
        (
            block.design, figures.area_mm2, figures.sequential_area_mm2, figures.cells, block.ffs, figures.clock_gates,
            block.slack_ns, figures.highest_clock_mhz, block.seconds,
        )
        for block, figures in blocks
    ]  # fmt: skip
    columns = (
        "design", "area, mm²", "of it flip-flops", "cells", "FFs", "clock gates", "slack, ns", "highest clock, MHz",
        "seconds",
    )  # fmt: skip
    powers: list[tuple[object, ...]] = []
    for block, figures in blocks:
        if figures.measured_mw is not None:
            measured = sourced(figures.measured_mw, "Power", [figures.measured_method or "measured activity"])
            powers.append((block.design, measured, "activity counted in simulation"))
            powers.append(
                (block.design, figures.measured_ungated_mw, "the same, were every gated clock running")
            )
        vectorless = sourced(figures.vectorless_mw, "Power", [figures.vectorless_method])
        powers.append((block.design, vectorless, "vectorless"))
    kinds = sorted({kind for _, figures in blocks for kind in figures.cells_by_type})
    by_kind = [(kind, *(figures.cells_by_type.get(kind) for _, figures in blocks)) for kind in kinds]
    one = synth.designs[0]
    return Section(
        "Synthesis",
        tables=[Table("", columns, rows), Table("Power", ("design", "power, mW", "activity"), powers)],
        details=[Table("Cells by kind", ("cell", *(block.design for block, _ in blocks)), by_kind)],
        method=f"{one.version} for {one.device} at {one.clock_mhz:g} MHz, a design at a time, thermometers, buffers and "
        "control included, before placement. Figures of two libraries are not to be compared.",
    )
