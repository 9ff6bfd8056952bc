"""Vivado's reports give their figures, and a report that lacks one is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from quweit_cli.errors import ToolFailed
from quweit_cli.synthesizers import vivado_reports as reports

DATA = Path(__file__).parent / "data" / "vivado"
UTILIZATION = (DATA / "utilization.rpt").read_text()
TIMING = (DATA / "timing_summary.rpt").read_text()
POWER = (DATA / "power.rpt").read_text()


def test_utilization_is_read_by_row_names() -> None:
    assert reports.utilization(UTILIZATION, "top_0") == reports.Utilization(
        luts=23_984, ffs=6_654, carries=1_152, muxes=3_456 + 1_536 + 8, brams=2.5, dsps=0
    )


def test_columns_are_found_by_name_in_versions_that_have_fewer() -> None:
    older = "\n".join(
        "|".join(cell for place, cell in enumerate(line.split("|")) if place != 4)
        if line.startswith("|") and line.count("|") == 7
        else line
        for line in UTILIZATION.splitlines()
    )
    assert "Prohibited" not in older
    assert reports.utilization(older, "top_0").luts == 23_984


def test_slack_is_the_worst_setup_slack() -> None:
    assert reports.worst_setup_slack_ns(TIMING, "top_0") == 0.421
    assert reports.worst_setup_slack_ns(TIMING.replace(" 0.421 ", "-1.337 "), "top_0") == -1.337


def test_power_is_the_dynamic_part_in_milliwatts() -> None:
    assert reports.dynamic_power_mw(POWER, "top_0") == 153.0


@pytest.mark.parametrize(
    "row", ["CLB LUTs ", "CLB Registers ", "CARRY8 ", "F7 Muxes ", "F9 Muxes ", "Block RAM Tile ", "DSPs "]
)
def test_a_missing_row_is_an_error_and_not_zero(row: str) -> None:
    without = "\n".join(line for line in UTILIZATION.splitlines() if not line.startswith(f"| {row}"))
    with pytest.raises(ToolFailed, match=row.strip()):
        reports.utilization(without, "top_0")


@pytest.mark.parametrize("section", ["1. CLB Logic", "3. BLOCKRAM", "4. ARITHMETIC"])
def test_a_missing_section_is_an_error(section: str) -> None:
    with pytest.raises(ToolFailed, match="no section"):
        reports.utilization(UTILIZATION.replace(f"{section}\n---", "9. Other\n---"), "top_0")


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (reports.utilization, UTILIZATION.replace("| Used ", "| Spent "), "Used"),
        (reports.utilization, UTILIZATION.replace("| 23984 |     0", "|   n/a |     0"), "CLB LUTs"),
        (reports.utilization, re.sub(r"(as Latch +\|     )0", r"\g<1>4", UTILIZATION), "4 latches"),
        (reports.worst_setup_slack_ns, TIMING.replace("Design Timing", "Some Other"), "Design Timing Summary"),
        (reports.worst_setup_slack_ns, TIMING.replace(" 0.421 ", "    NA "), "WNS"),
        (reports.worst_setup_slack_ns, TIMING.replace("WNS(ns)", "XNS(ns)"), "WNS"),
        (reports.dynamic_power_mw, POWER.replace("| Dynamic (W) ", "| Dynamite (W)"), "Dynamic"),
        (reports.dynamic_power_mw, POWER.replace("1. Summary\n---", "1. Other\n---"), "Summary"),
    ],
)  # fmt: skip
def test_a_missing_figure_is_an_error(read: Callable[[str, str], object], text: str, message: str) -> None:
    with pytest.raises(ToolFailed, match=message):
        read(text, "top_0")


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (reports.utilization, UTILIZATION),
        (reports.worst_setup_slack_ns, TIMING),
        (reports.dynamic_power_mw, POWER),
    ],
)
def test_the_report_of_another_design_is_refused(read: Callable[[str, str], object], text: str) -> None:
    with pytest.raises(ToolFailed, match="of the design `top_0`, not of `top_1`"):
        read(text, "top_1")


@pytest.mark.parametrize(
    ("read", "text"), [(reports.utilization, UTILIZATION), (reports.dynamic_power_mw, POWER)]
)
def test_a_design_that_is_not_routed_is_refused(read: Callable[[str, str], object], text: str) -> None:
    for state in ("Synthesized", "Fully Placed"):
        with pytest.raises(ToolFailed, match="not of a routed design"):
            read(text.replace(": Routed", f": {state}").replace(": routed", f": {state}"), "top_0")
