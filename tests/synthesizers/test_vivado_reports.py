"""Vivado's reports give their figures, and a report that lacks one is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from quweit_cli.errors import ConfigError, ToolFailed
from quweit_cli.synthesizers.vivado import reports
from quweit_cli.technologies import TECHNOLOGIES, technology_of
from quweit_cli.technologies.amd import CLBS, SLICES

DATA = Path(__file__).parent / "data" / "vivado"
UTILIZATION = (DATA / "utilization.rpt").read_text()
TIMING = (DATA / "timing_summary.rpt").read_text()
POWER = (DATA / "power.rpt").read_text()


def utilization(text: str, top: str) -> reports.Used:
    return reports.utilization(text, top, CLBS)


def test_utilization_is_read_by_row_names() -> None:
    assert utilization(UTILIZATION, "top_0") == reports.Used(
        luts=23_984, ffs=6_654, carries=1_152, muxes=3_456 + 1_536 + 8, brams=2.5, dsps=0, urams=None
    )


def of_slices() -> str:
    """The same figures as a 7-series part reports them: carries among the primitives, no F9 multiplexers."""
    names = {
        "CLB Logic": "Slice Logic", "CLB LUTs ": "Slice LUTs*", "CLB Registers": "Slice Registers",
        "BLOCKRAM": "Memory", "ARITHMETIC": "DSP", "| CARRY8    |  1152": "| CARRY4    |  2300",
    }  # fmt: skip
    text = UTILIZATION
    for old, new in names.items():
        text = text.replace(old, new)
    text = re.sub(r"^\| (?:CARRY8|F9 Muxes) .*\n", "", text, flags=re.MULTILINE)
    return re.sub(
        r"^(\d\.) (\w[\w ]+)\n-+$",
        lambda one: f"{one[0].splitlines()[0]}\n{'-' * 9}",
        text,
        flags=re.MULTILINE,
    )


def test_a_part_of_slices_names_its_sections_and_rows_its_own_way() -> None:
    found = reports.utilization(of_slices(), "top_0", SLICES)
    assert found == reports.Used(
        luts=23_984, ffs=6_654, carries=2_300, muxes=3_456 + 1_536, brams=2.5, dsps=0, urams=None
    )
    without = re.sub(r"^\| CARRY4 .*\n", "", of_slices(), flags=re.MULTILINE)
    assert (
        reports.utilization(without, "top_0", SLICES).carries == 0
    )  # primitives that are not used are not listed
    with pytest.raises(ToolFailed, match="no section `CLB Logic`"):
        utilization(of_slices(), "top_0")
    with pytest.raises(ToolFailed, match="no section `Primitives`"):
        reports.utilization(of_slices().replace("9. Primitives", "9. Cells"), "top_0", SLICES)


@pytest.mark.parametrize(
    ("device", "family"),
    [
        ("xc7z020clg400-1", "7-series and Zynq-7000"),
        ("xa7a35tcsg324-1I", "7-series and Zynq-7000"),
        ("xcku040-ffva1156-2-e", "UltraScale"),
        ("xcvu9p-flgb2104-2-i", "UltraScale+"),
        ("xqzu5ev-ffrb900-1-i", "UltraScale+"),
        ("xcsu35p-sbvb625-1-e", "UltraScale+"),
    ],
)
def test_a_part_belongs_to_one_family(device: str, family: str) -> None:
    assert technology_of(device).name == family


def test_a_part_of_another_family_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ConfigError) as caught:
        technology_of("xcvc1902-vsva2197-2MP-e-S")
    assert all(one.name in caught.value.message for one in TECHNOLOGIES)


def test_columns_are_found_by_name_in_versions_that_have_fewer() -> None:
    older = "\n".join(
        "|".join(cell for place, cell in enumerate(line.split("|")) if place != 4)
        if line.startswith("|") and line.count("|") == 7
        else line
        for line in UTILIZATION.splitlines()
    )
    assert "Prohibited" not in older
    assert utilization(older, "top_0").luts == 23_984


def test_slack_is_the_worst_setup_slack() -> None:
    assert reports.worst_setup_slack_ns(TIMING, "top_0") == 0.421
    assert reports.worst_setup_slack_ns(TIMING.replace(" 0.421 ", "-1.337 "), "top_0") == -1.337


def test_power_is_the_dynamic_part_in_milliwatts() -> None:
    assert reports.dynamic_power_mw(POWER, "top_0") == 153.0


@pytest.mark.parametrize("figure", ["0.000", "<0.001"])
def test_a_power_below_the_last_digit_is_absent_and_not_zero(figure: str) -> None:
    assert reports.dynamic_power_mw(POWER.replace("0.153 ", figure), "top_0") is None


def test_a_design_that_was_optimised_after_routing_is_routed() -> None:
    text = UTILIZATION.replace(": Routed", ": Physopt postRoute")
    assert utilization(text, "top_0") == utilization(UTILIZATION, "top_0")


@pytest.mark.parametrize(
    "row", ["CLB LUTs ", "CLB Registers ", "CARRY8 ", "F7 Muxes ", "F9 Muxes ", "Block RAM Tile ", "DSPs "]
)
def test_a_missing_row_is_an_error_and_not_zero(row: str) -> None:
    without = "\n".join(line for line in UTILIZATION.splitlines() if not line.startswith(f"| {row}"))
    with pytest.raises(ToolFailed, match=row.strip()):
        utilization(without, "top_0")


@pytest.mark.parametrize("section", ["1. CLB Logic", "3. BLOCKRAM", "4. ARITHMETIC"])
def test_a_missing_section_is_an_error(section: str) -> None:
    with pytest.raises(ToolFailed, match="no section"):
        utilization(UTILIZATION.replace(f"{section}\n---", "9. Other\n---"), "top_0")


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (utilization, UTILIZATION.replace("| Used ", "| Spent "), "Used"),
        (utilization, UTILIZATION.replace("| 23984 |     0", "|   n/a |     0"), "CLB LUTs"),
        (utilization, re.sub(r"(as Latch +\|     )0", r"\g<1>4", UTILIZATION), "4 latches"),
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
        (utilization, UTILIZATION),
        (reports.worst_setup_slack_ns, TIMING),
        (reports.dynamic_power_mw, POWER),
    ],
)
def test_the_report_of_another_design_is_refused(read: Callable[[str, str], object], text: str) -> None:
    with pytest.raises(ToolFailed, match="of the design `top_0`, not of `top_1`"):
        read(text, "top_1")


@pytest.mark.parametrize(("read", "text"), [(utilization, UTILIZATION), (reports.dynamic_power_mw, POWER)])
def test_a_design_that_is_not_routed_is_refused(read: Callable[[str, str], object], text: str) -> None:
    for state in ("Synthesized", "Fully Placed"):
        with pytest.raises(ToolFailed, match="not of a routed design"):
            read(text.replace(": Routed", f": {state}").replace(": routed", f": {state}"), "top_0")
