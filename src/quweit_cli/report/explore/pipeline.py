"""A block as its package promises it: stages with their widths, and how rows follow one another."""

from __future__ import annotations

from quweit_cli.documents import BlockDesign, Implementation
from quweit_cli.report.explore.drawing import Drawing
from quweit_cli.report.numbers import counted

WIDTH, TOP, HIGH, GAP = 940, 26, 74, 26
ROWS = 3  # that are drawn one after the other
NAMES = 110  # left of the rows
NARROWEST = 6


def pipeline(block: BlockDesign, made: Implementation | None = None) -> str:
    """made: what synthesis counted of it."""
    stages = _stages(block)
    lines = 2 if made is None else 3
    height = TOP + HIGH + 30 + 20 * lines + 26 * ROWS + 34
    drawing = Drawing(WIDTH, height, f"Stages of {block.name} and the cycles of its rows")
    drawing.words(0, 14, "Stages and widths", anchor="start", bold=True)
    wide = (WIDTH - GAP * (len(stages) - 1)) / len(stages)
    for place, (name, *words) in enumerate(stages):
        x = place * (wide + GAP)
        drawing.box(x, TOP, wide, HIGH)
        drawing.words(x + wide / 2, TOP + 20, name, bold=True, size=12)
        for line, word in enumerate(words):
            drawing.words(x + wide / 2, TOP + 40 + 17 * line, word, size=12)
        if place:
            drawing.arrow(x - GAP + 3, TOP + HIGH / 2, x - 3)
    y = float(TOP + HIGH + 30)
    drawing.words(0, y, _promise(block), anchor="start")
    if made is not None and made.luts is not None:
        y += 20
        drawing.words(0, y, _counted(made), anchor="start")
    _rows(drawing, block, y + 24)
    return drawing.svg()


def _stages(block: BlockDesign) -> list[tuple[str, ...]]:
    read = block.features * (2 if block.neighbours else 1)
    stages: list[tuple[str, ...]] = [
        ("stream in", f"{block.input_beat_bits} bits a beat", f"{block.input_beats} beats a row")
    ]
    if block.neighbours:
        stages.append(
            ("neighbours", f"{block.neighbours.kept_tokens} tokens kept", f"{block.neighbours.row_beats} beats a row")
        )  # fmt: skip
    stages.append(("thermometer", counted(block.thresholds, "comparator"), f"{read} features"))
    stages += [
        (f"LUT layer {place}", counted(luts, "LUT"), "combinational")
        for place, luts in enumerate(block.luts_by_layer)
    ]
    lanes = block.outputs_per_beat
    stages.append(
        (
            "values, adders",
            counted(block.luts_by_layer[-1], "bit") + " added",
            f"{counted(lanes, 'output')} a cycle",
        )
    )
    stages.append(
        ("stream out", f"{block.output_beat_bits} bits a beat", f"{block.output_beats} beats a row")
    )
    return stages


def _promise(block: BlockDesign) -> str:
    return (
        f"A row each {counted(block.initiation_interval_cycles, 'cycle')}, the last output "
        f"{counted(block.latency_cycles, 'cycle')} after the first input: {block.row_beats} to take it, "
        f"{_between(block)} in registers between, {block.output_beats} to give it."
    )


def _between(block: BlockDesign) -> int:
    """Cycles between the last beat in and the first beat out, waiting for neighbours included."""
    return max(0, block.latency_cycles - block.row_beats - block.output_beats)


def _counted(made: Implementation) -> str:
    parts = [f"{made.luts:,} LUTs", f"{made.ffs:,} flip-flops"]
    parts += [f"{made.carries:,} carries"] if made.carries else []
    return f"{', '.join(parts)}, counted by {made.version} for {made.device}."


def _rows(drawing: Drawing, block: BlockDesign, y: float) -> None:
    """The first rows of a stream without gaps, beside one another in time."""
    interval, between = block.initiation_interval_cycles, _between(block)
    end = (ROWS - 1) * interval + block.latency_cycles
    scale = (WIDTH - NAMES - 10) / end
    drawing.words(0, y + 4, "Rows in time", anchor="start", bold=True)
    for row in range(ROWS):
        top, first = y + 14 + 26 * row, row * interval
        drawing.words(0, top + 14, f"row {row}", anchor="start")
        cycle = first
        for kind, cycles in (("in", block.row_beats), ("between", between), ("out", block.output_beats)):
            x, wide = NAMES + cycle * scale, max(cycles * scale, 1)
            drawing.box(x, top, wide, 18, kind)
            if wide > NARROWEST * (len(kind) + 2):
                drawing.words(x + wide / 2, top + 13, kind, size=12)
            cycle += cycles
    bottom = y + 14 + 26 * ROWS
    drawing.line((NAMES, bottom), (NAMES + end * scale, bottom))
    for cycle in dict.fromkeys((0, interval, block.latency_cycles, end)):
        x = NAMES + cycle * scale
        drawing.line((x, bottom), (x, bottom + 5))
        last = cycle == end
        drawing.words(
            min(x, WIDTH), bottom + 18, f"cycle {cycle:,}" if not cycle or last else f"{cycle:,}", size=12,
            anchor="end" if last else "middle",
        )  # fmt: skip
