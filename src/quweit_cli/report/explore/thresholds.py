"""Thresholds over histograms of the integers that golden rows have, a small picture a feature."""

from __future__ import annotations

from quweit_cli.report.explore.blocks import BlockStudy
from quweit_cli.report.explore.drawing import Drawing

MOST = 48  # features drawn
ACROSS, WIDE, HIGH, BARS = 8, 118, 66, 36


def thresholds(one: BlockStudy) -> str:
    """Of the first features. Bars are rows, marks below them thresholds; a longer mark is several."""
    cut_DT = one.chain.thermometer.thresholds_DT
    drawn = min(MOST, len(cut_DT))
    lines = -(-drawn // ACROSS)
    drawing = Drawing(
        ACROSS * WIDE, lines * HIGH + 4, f"Thresholds of {one.name} over histograms of golden rows"
    )
    edges = one.edges.tolist()
    low, high = edges[0], edges[-1]
    for feature in range(drawn):
        x, y = feature % ACROSS * WIDE, feature // ACROSS * HIGH + 4
        wide, floor = WIDE - 16, y + BARS
        scale = wide / (high - low)
        counts = one.histogram_DB[feature].tolist()
        most = max(1, *counts)
        bars = "".join(
            f"M{x + (first - low) * scale:.1f} {floor}v{-BARS * count / most:.1f}h{(last - first) * scale:.1f}V{floor}z"
            for first, last, count in zip(edges[:-1], edges[1:], counts, strict=True)
            if count
        )
        drawing.path(bars, "bars")
        drawing.line((x, floor), (x + wide, floor))
        cuts = cut_DT[feature].tolist()
        marks = "".join(
            f"M{x + (min(max(cut, low), high - 1) + 1 - low) * scale:.1f} {floor + 2}v{5 + 3 * min(2, cuts.count(cut) - 1)}"
            for cut in dict.fromkeys(cuts)
        )
        drawing.path(marks, "marks")
        drawing.words(x, floor + 22, f"{feature}", size=12, anchor="start")
    return drawing.svg()
