"""How numbers are written for readers."""

from __future__ import annotations

from collections.abc import Iterable


def significant(value: float, digits: int = 3) -> str:
    """So many digits, without an exponent: 1,234 and 0.0123."""
    whole = len(f"{abs(value):.0f}")
    return f"{value:,.0f}" if whole >= digits else f"{value:.{digits}g}"


def span(values: Iterable[int]) -> str:
    """The smallest and the largest, or the one that all are."""
    low, high = min(values := list(values)), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def counted(number: int, noun: str) -> str:
    """1 block, 3 blocks."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
