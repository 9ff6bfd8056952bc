"""Small drawings as inline SVG, in the colour of the text around them."""

from __future__ import annotations

from html import escape


class Drawing:
    """Lines, boxes and words on a canvas of so many units; `title` is what is read out."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self._head = (
            f'<svg viewBox="0 0 {width:g} {height:g}" role="img" class="drawing" '
            f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>'
        )
        self._parts: list[str] = []

    def words(
        self, x: float, y: float, text: str, *, size: float = 12, anchor: str = "middle", bold: bool = False
    ) -> None:
        weight = ' font-weight="600"' if bold else ""
        self._parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
        )

    def box(self, x: float, y: float, width: float, height: float, kind: str = "box") -> None:
        """kind: a class of the style sheet."""
        self._parts.append(
            f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4"></rect>'
        )

    def line(self, *points: tuple[float, float], kind: str = "line") -> None:
        joined = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._parts.append(f'<polyline class="{kind}" points="{joined}"></polyline>')

    def arrow(self, x: float, y: float, to: float) -> None:
        """From left to right."""
        self.line((x, y), (to, y))
        self.line((to - 5, y - 4), (to, y), (to - 5, y + 4))

    def path(self, steps: str, kind: str) -> None:
        self._parts.append(f'<path class="{kind}" d="{steps}"></path>')

    def svg(self) -> str:
        return f"{self._head}{''.join(self._parts)}</svg>"
