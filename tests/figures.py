"""What is wrong with a figure, measured on its artists as they are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

SMALLEST_POINTS = 9.0
FEWEST_TICKS = 2


def flaws(figure: Figure) -> list[str]:
    """In words; none of a good figure."""
    FigureCanvasAgg(figure).draw()
    found = [f"the legend covers {what}" for what in covered(figure)]
    for number, axes in enumerate(figure.axes):
        for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
            low, high = sorted(axis.get_view_interval())
            shown = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            labels = [tick.label1 for tick in shown if tick.label1.get_text()]
            if len(labels) < FEWEST_TICKS:
                found.append(f"the {name} axis of panel {number} has {len(labels)} ticks")
            boxes = [label.get_window_extent() for label in labels]
            if any(one.overlaps(other) for one, other in pairwise(boxes)):
                found.append(f"labels of the {name} axis of panel {number} overlap")
    for text in texts(figure):
        if text.get_fontsize() < SMALLEST_POINTS:
            found.append(f"`{text.get_text()}` is set in {text.get_fontsize():g} points")
        box = text.get_window_extent()
        if not (figure.bbox.x0 - 1 <= box.x0 and box.x1 <= figure.bbox.x1 + 1):
            found.append(f"`{text.get_text()}` is cut")
    return found


def covered(figure: Figure) -> list[str]:
    """What lies under a legend: lines, bars, and text within axes."""
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
    boxes = [legend.get_window_extent() for legend in legends]
    return [
        what
        for axes in figure.axes
        for what, drawn in data(axes)
        if any(box.overlaps(drawn) for box in boxes)
    ]


def data(axes: Axes) -> Iterator[tuple[str, Bbox]]:
    """Every piece that is drawn in axes, with its place on the canvas."""
    for patch in axes.patches:
        yield "a bar", patch.get_window_extent()
    for text in axes.texts:
        yield f"`{text.get_text()}`", text.get_window_extent()
    for line in axes.lines:
        points = line.get_transform().transform(np.column_stack(line.get_data()).astype(float))
        for start, end in pairwise(points) if line.get_linestyle() not in ("None", "", " ") else ():
            for share in np.linspace(0, 1, 20):
                yield "a line", _around(start + share * (end - start))
        for point in points:
            yield "a point", _around(point)


def texts(figure: Figure) -> list[Text]:
    """What is read; ticks outside of the limits of an axis are kept by matplotlib, and not drawn."""
    hidden: set[Text] = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            hidden |= {tick.label2} if low <= tick.get_loc() <= high else {tick.label1, tick.label2}
    shown = [text for text in figure.findobj(Text) if isinstance(text, Text) and text not in hidden]
    return [text for text in shown if text.get_visible() and text.get_text().strip()]


def _around(point: np.ndarray) -> Bbox:
    return Bbox.from_bounds(point[0] - 1, point[1] - 1, 2, 2)
