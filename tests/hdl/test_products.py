"""A product is rendered three times: Yosys proves them equal, for all operands of small widths."""

from __future__ import annotations

from pathlib import Path

import pytest

from quweit_cli import toolbox
from quweit_cli.errors import ToolFailed
from quweit_cli.hdl.words import yosys_word
from quweit_cli.templating import template_root

FOLDER = template_root() / "units"
RENDERED = {
    "xilinx": ("xilinx/quweit_product_row.sv", "xilinx/quweit_product.sv"),
    "library": ("pipelined/quweit_product.sv",),
}


def prove(folder: Path, rendering: str, a_bits: int, b_bits: int, change: tuple[str, str] = ("", "")) -> None:
    """Raises ToolFailed where Yosys finds operands with another product."""
    files = []
    for place, name in enumerate(RENDERED[rendering]):
        text = (FOLDER / name).read_text()
        assert change[0] in text or place + 1 < len(RENDERED[rendering])
        (folder / f"{place}.sv").write_text(text.replace(*change) if change[0] else text)
        files.append(folder / f"{place}.sv")
    sizes = f"chparam -set ABits {a_bits} -set BBits {b_bits} quweit_product"
    lines = [
        f"read_verilog -sv {yosys_word(FOLDER / 'quweit_product.sv')}", sizes, "hierarchy -top quweit_product", "proc",
        "flatten", "rename -top plain", "design -stash plain", "read_verilog +/xilinx/cells_sim.v",
        *(f"read_verilog -sv {yosys_word(path)}" for path in files), sizes, "hierarchy -top quweit_product", "proc",
        "flatten",
        "rename -top other", "design -stash other",
        "design -copy-from plain plain", "design -copy-from other other", "miter -equiv -flatten plain other both",
        "hierarchy -top both", "sat -verify -prove trigger 0 -show-inputs",
    ]  # fmt: skip
    (folder / "prove.ys").write_text("\n".join(lines) + "\n")
    command = [*toolbox.find(toolbox.YOSYS).command, "prove.ys"]
    toolbox.run(command, cwd=folder, log=folder / "log", name="yosys")


@pytest.mark.requires("yosys")
@pytest.mark.parametrize("rendering", list(RENDERED))
@pytest.mark.parametrize(("a_bits", "b_bits"), [(5, 6), (6, 5), (4, 3), (2, 7)])
def test_a_product_is_the_product_however_it_is_rendered(
    rendering: str, a_bits: int, b_bits: int, tmp_path: Path
) -> None:
    prove(tmp_path, rendering, a_bits, b_bits)


@pytest.mark.requires("yosys")
@pytest.mark.parametrize(
    ("rendering", "change"),
    [
        ("xilinx", ("assign rest[0]   = '0;", "assign rest[0]   = '1;")),
        ("library", ("(code == 3'b011)", "(code == 3'b010)")),
    ],
)
def test_a_changed_rendering_is_no_product(rendering: str, change: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(ToolFailed):
        prove(tmp_path, rendering, 5, 6, change)
    assert "proof did fail" in (tmp_path / "log").read_text()
