"""Figures out of Vivado's text reports, found by the names of tables, rows and columns.

A section, row or column that is not there is an error: reports change between versions, and a
figure that silently becomes 0 is the worst outcome. Every report must be of the expected design, and
routed, so that a report left from something else is refused.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from quweit_cli.errors import ToolFailed
from quweit_cli.technologies import Utilization
from quweit_cli.technologies.amd import PRIMITIVES

ROUTED = ("routed", "physopt postroute")


class Used(NamedTuple):
    luts: int
    ffs: int
    carries: int
    muxes: int
    brams: float
    dsps: int
    urams: int | None  # absent where the family has none


def utilization(text: str, top: str, places: Utilization) -> Used:
    """Resources used, from `report_utilization`; `places` says where the part's family has them.

    Raises:
        ToolFailed: another design, not routed, latches, or a figure is missing.
    """
    _check_design(text, top, "utilization")
    if (latches := _used(text, places.latches)) != 0:
        raise ToolFailed(f"`{top}` has {latches:g} latches, the RTL has none")
    return Used(
        luts=int(_used(text, places.luts)),
        ffs=int(_used(text, places.ffs)),
        carries=int(_used(text, places.carries)),
        muxes=int(sum(_used(text, muxes) for muxes in places.muxes)),
        brams=_used(text, places.brams),
        dsps=int(_used(text, places.dsps)),
        urams=_used_where_listed(text, places.urams),
    )


def worst_setup_slack_ns(text: str, top: str) -> float:
    """WNS of `report_timing_summary`; negative when the clock is missed.

    Raises:
        ToolFailed: another design, not routed, or no constrained path (`NA`): no slack is not a good slack.
    """
    _check_design(text, top, "timing summary")
    found = re.search(
        r"^\| Design Timing Summary *\n.*\n-+\n\n(?P<names>.+)\n[- ]+\n(?P<values>.+)$", text, re.MULTILINE
    )
    if found is None:
        raise ToolFailed("the timing report has no `Design Timing Summary`")
    names, values = (re.split(r" {2,}", found[line].strip()) for line in ("names", "values"))
    figures = dict(zip(names, values, strict=False))
    return _number(figures, "WNS(ns)", "the design timing summary")


def dynamic_power_mw(text: str, top: str) -> float | None:
    """Dynamic power of `report_power`, which prints steps of 1 mW; absent where it prints less than one.

    The device's static power is left out: it is that of the whole part, whatever the block, and the
    published powers (0.13 to 1.5 W on a part that draws watts when idle) cannot contain it.

    Raises:
        ToolFailed: another design, not routed, or the row is missing.
    """
    _check_design(text, top, "power")
    rows = {cells[0]: cells[1] for cells in _rows(_section(text, "Summary")) if len(cells) == 2}
    if rows.get("Dynamic (W)", "").startswith("<"):
        return None
    return 1000 * _number(rows, "Dynamic (W)", "the power summary") or None


def _check_design(text: str, top: str, kind: str) -> None:
    header = dict(re.findall(r"^\| ([A-Z][A-Za-z ]+?) +: (.+?) *$", text, re.MULTILINE))
    design, state = header.get("Design"), header.get("Design State")
    if design != top:
        raise ToolFailed(f"the {kind} report is of the design `{design}`, not of `{top}`")
    # Timing reports before 2023 do not say the state.
    if (state or "routed").lower() not in ROUTED or (state is None and kind != "timing summary"):
        raise ToolFailed(f"the {kind} report of `{top}` is not of a routed design, its state is `{state}`")


def _section(text: str, title: str) -> str:
    """The text under a numbered, underlined title, up to the next one."""
    heading = r"^[\d.]+ {}\n-+$"
    found = re.search(heading.format(re.escape(title)), text, re.MULTILINE)
    if found is None:
        raise ToolFailed(f"the report has no section `{title}`")
    rest = text[found.end() :]
    following = re.search(heading.format(".+"), rest, re.MULTILINE)
    return rest[: following.start()] if following else rest


def _rows(section: str) -> list[list[str]]:
    """Cells of the lines `| a | b |`; footnote stars after a name are dropped."""
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().rstrip("*") for cell in line.strip("|").split("|")] for line in lines]


def _used(text: str, place: tuple[str, str]) -> float:
    """Of a row in the table of a section. Primitives are listed where they are used: one that is not has none."""
    title, row = place
    table = _table(text, title)
    if table and row not in table and title == PRIMITIVES:
        return 0
    if row not in table:
        raise ToolFailed(f"the utilization report has no row `{row}`; it has: {', '.join(table)}")
    return _number(table[row], "Used", f"row `{row}`")


def _used_where_listed(text: str, place: tuple[str, str] | None) -> int | None:
    """Of a row that stands in the reports of some parts of a family; absent in those of others."""
    if place is None or place[1] not in _table(text, place[0]):
        return None
    return int(_used(text, place))


def _table(text: str, title: str) -> dict[str, dict[str, str]]:
    names, *rows = _rows(_section(text, title)) or [[]]
    if names[:1] not in (["Site Type"], ["Ref Name"]):
        raise ToolFailed(f"the section `{title}` of the utilization report has no table")
    return {cells[0]: dict(zip(names, cells, strict=True)) for cells in rows if len(cells) == len(names)}


def _number(cells: dict[str, str], name: str, where: str) -> float:
    try:
        return float(cells[name])
    except (KeyError, ValueError):
        raise ToolFailed(
            f"{where} has no figure `{name}`: {cells.get(name, 'the column is missing')}"
        ) from None
