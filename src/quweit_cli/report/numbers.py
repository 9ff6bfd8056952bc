"""How figures are written for readers: on the page, on the terminal and in the summary."""

from __future__ import annotations

import math
from collections.abc import Iterable

ABSENT = "–"


def significant(value: float, digits: int = 3) -> str:
    """So many digits, without an exponent: 1,234 and 0.0123; zeros that end a fraction are left out."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(digits - 1 - math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}")))), 0)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def times(value: float, sign: str = "x") -> str:
    """A ratio: 6.38x and 1,080x; `sign` × where it is set in type."""
    return f"{significant(value)}{sign}"


def percent(share: float) -> str:
    """Of a share: 12.5 %."""
    return f"{significant(100 * share)} %"


def text(cell: object, absent: str = ABSENT) -> str:
    """A cell as it is read: thousands apart, four digits of a real number, `absent` for an absent figure."""
    match cell:
        case None:
            return absent
        case bool():
            return "yes" if cell else "no"
        case int():
            return f"{cell:,}"
        case float():
            return significant(cell, 4)
        case list() | tuple():
            return ", ".join(dict.fromkeys(text(one, absent) for one in cell))
    return str(cell)


def span(values: Iterable[int]) -> str:
    """The smallest and the largest, or the one that all are."""
    low, high = min(values := list(values)), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def counted(number: int, noun: str) -> str:
    """1 block, 3 blocks."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
