"""A family of parts is a value that is complete: its part names, its cells, and what tools are told of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from measurements import array_design, unit_designs
from quweit_cli import technologies
from quweit_cli.errors import ConfigError, ToolFailed
from quweit_cli.simulators.cell_models import vendor_models
from quweit_cli.synthesizers.base import sources_for
from quweit_cli.synthesizers.cells import resources
from quweit_cli.synthesizers.yosys import script
from quweit_cli.technologies import (
    ECP5,
    ICE40,
    SERIES_7,
    TECHNOLOGIES,
    ULTRASCALE,
    ULTRASCALE_PLUS,
    Cells,
    Lut,
    Technology,
    technology_of,
)
from quweit_cli.technologies.amd import LUT6
from quweit_cli.technologies.lattice import LUT4

PARTS = {
    SERIES_7.name: ["xc7z020clg400-1", "xa7a35tcsg324-1I", "xc7vx485tffg1761-2", "xq7k325t-rf900-1"],
    ULTRASCALE.name: ["xcku040-ffva1156-2-e", "xcvu440-flga2892-2-e"],
    ULTRASCALE_PLUS.name: ["xcvu9p-flgb2104-2-i", "xck26-sfvc784-2LV-c", "xcsu35p-sbvb625-1-e", "xczu7ev-ffvc1156-2-e"],
    ECP5.name: ["LFE5U-85F-8BG381C", "LFE5U-12F-6BG256C", "LFE5UM-45F-7BG554I", "LFE5UM5G-85F-8BG756C", "LAE5UM-25F-6BG381E"],
    ICE40.name: ["iCE40UP5K-SG48", "ICE40HX8K-CT256", "iCE40LP384-CM49"],
}  # fmt: skip
UNKNOWN = ["EP4CE6E22C8", "iCE5LP4K-SG48", "iCE65L04F", "LFE3-35EA-8FN484C", "LFE5X-85F", "lfe5u-25f", "LCMXO2-7000HC", "xcvc1902-vsva2197-2MP-e-S", ""]  # fmt: skip
KINDS = {technology.cells.name: technology.cells for technology in TECHNOLOGIES}
TOO_LARGE_TO_SIMULATE = {"brams", "urams", "dsps"}  # of which a netlist of a block has none


def by_name(one: Technology | Cells) -> str:
    return one.name


@pytest.mark.parametrize("technology", TECHNOLOGIES, ids=by_name)
def test_its_parts_are_recognised_and_no_others(technology: Technology) -> None:
    for part in [technology.example, *PARTS[technology.name]]:
        matching = [one for one in TECHNOLOGIES if re.match(one.pattern, part)]
        assert matching == [technology]
        assert technology_of(part) is technology


@pytest.mark.parametrize("part", UNKNOWN)
def test_a_part_of_no_known_family_is_refused_with_those_that_are_known(part: str) -> None:
    with pytest.raises(ConfigError, match=f"`{part}` is of no family that is known") as caught:
        technology_of(part)
    for one in TECHNOLOGIES:
        assert one.name in caught.value.message and one.example in str(caught.value.hint)


def test_a_planted_family_is_recognised_and_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = replace(ECP5, name="MachXO2", pattern="LCMXO2-", example="LCMXO2-7000HC-6BG256C")
    with pytest.raises(ConfigError):
        technology_of(planted.example)
    monkeypatch.setattr(technologies, "TECHNOLOGIES", (*TECHNOLOGIES, planted))
    assert technology_of(planted.example) is planted
    with pytest.raises(ConfigError, match="UltraScale\\+, ECP5, iCE40, MachXO2"):
        technology_of("EP4CE6E22C8")


@pytest.mark.parametrize(
    ("technology", "command"),
    [
        (ULTRASCALE_PLUS, "synth_xilinx -family xcup -top t -nodsp -nobram -noiopad -noclkbuf"),
        (ECP5, "synth_ecp5 -top t -noflatten -nodsp -nobram"),
        (ICE40, "synth_ice40 -top t -noflatten -nobram"),
    ],
    ids=["AMD", "ECP5", "iCE40"],
)
def test_modules_are_mapped_one_by_one_without_dsps_block_rams_and_pads(
    technology: Technology, command: str
) -> None:
    assert technology.synthesis("t") == command


def test_a_flat_design_is_asked_for_by_the_option_of_each_command() -> None:
    assert ULTRASCALE.synthesis("t", flatten=True).startswith("synth_xilinx -family xcu -top t -flatten ")
    assert ECP5.synthesis("t", flatten=True) == "synth_ecp5 -top t -nodsp -nobram"


@pytest.mark.requires("yosys")
@pytest.mark.parametrize("cells", KINDS.values(), ids=by_name)
def test_the_vendor_has_a_model_of_every_cell_that_a_block_is_made_of(cells: Cells) -> None:
    assert without_model(cells) == []


@pytest.mark.requires("yosys")
def test_a_cell_that_the_vendor_does_not_have_is_found() -> None:
    counted = LUT4.resources._replace(ffs={"TRELLIS_FF": 1, "FDRE": 1})
    assert without_model(replace(LUT4, resources=counted)) == ["FDRE"]


def without_model(cells: Cells) -> list[str]:
    models = vendor_models(cells)
    return [
        name
        for resource, counted in cells.resources._asdict().items()
        if resource not in TOO_LARGE_TO_SIMULATE
        for name in counted
        if name not in models
    ]


@pytest.mark.parametrize("cells", KINDS.values(), ids=by_name)
def test_the_largest_lut_has_the_inputs_that_its_technology_states(cells: Cells) -> None:
    largest = max(len(lut.inputs) for lut in cells.luts.values())
    pairs = {min(lut.outputs.values()) for lut in cells.luts.values() if len(lut.outputs) > 1}
    assert largest == cells.lut_inputs
    assert pairs == ({cells.pair_inputs} if cells.pair_inputs else set())
    assert set(cells.luts) <= set(cells.resources.luts)


def test_cells_of_one_vendor_are_of_one_kind_and_those_of_two_are_not() -> None:
    assert SERIES_7.cells == ULTRASCALE.cells == ULTRASCALE_PLUS.cells == LUT6
    assert LUT6 != ECP5.cells != ICE40.cells != LUT6
    assert replace(LUT4, luts={"LUT4": Lut(("D", "C", "B", "A"), {"Z": 4})}) != LUT4


def test_a_cell_of_ecp5_takes_the_luts_of_its_slices() -> None:
    counted = resources(
        {"LUT4": 10, "PFUMX": 4, "L6MUX21": 1, "CCU2C": 3, "TRELLIS_FF": 7, "TRELLIS_DPR16X4": 2}, ECP5
    )
    assert counted == {
        "luts": 10 + 3 * 2 + 2 * 6,
        "ffs": 7,
        "carries": 3,
        "muxes": 5,
        "brams": 0,
        "dsps": 0,
        "urams": 0,
    }


@pytest.mark.parametrize(("technology", "cell"), [(ECP5, "LUT6"), (ECP5, "TRELLIS_IO"), (SERIES_7, "LUT7")])
def test_a_cell_of_another_vendor_is_never_dropped(technology: Technology, cell: str) -> None:
    with pytest.raises(ToolFailed, match=f"no resource of {technology.name}: {cell}"):
        resources({"LUT4": 1, cell: 2}, technology)


ARRAY = array_design(8)


def test_the_rendering_in_cells_of_one_vendor_is_not_taken_for_another() -> None:
    assert sources_for(ARRAY, ULTRASCALE_PLUS) == ARRAY.sources_xilinx
    assert sources_for(ARRAY, ECP5) == ARRAY.sources != ARRAY.sources_xilinx


def test_a_design_for_library_cells_has_no_rendering_for_an_fpga() -> None:
    with pytest.raises(ConfigError, match="rendered for library cells alone"):
        sources_for(ARRAY.model_copy(update={"sources_xilinx": []}), ULTRASCALE_PLUS)


def test_scripts_of_arrays_and_units_name_the_command_of_the_technology() -> None:
    text = script(ARRAY, ECP5, Path("../package"))
    assert f"\nsynth_ecp5 -top {ARRAY.top} -noflatten -nodsp -nobram\n" in text
    unit = unit_designs()[0]
    assert f"\nsynth_ecp5 -top {unit.top} -nodsp -nobram\n" in script(unit, ECP5, Path("../package"))
