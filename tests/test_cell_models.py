"""The cells that netlists are simulated with are the vendor's, proven for every content by Yosys."""

from __future__ import annotations

from pathlib import Path

import pytest

from quweit_cli import toolbox
from quweit_cli.errors import ToolFailed
from quweit_cli.synthesizers.cell_models import equations, simulation_text, vendor_file, vendor_with_ports

LUTS = [*(f"LUT{inputs}" for inputs in range(1, 7)), "LUT6_2"]


@pytest.mark.requires("yosys")
def test_the_equations_of_a_lut_are_the_vendors_lut_for_all_contents(tmp_path: Path) -> None:
    _prove(tmp_path, {name: as_module(name) for name in LUTS})


@pytest.mark.requires("yosys")
@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("LUT3", "{I2, I1, I0}", "{I1, I2, I0}"),
        ("LUT6_2", "{1'h0, I4", "{I5, I4"),
        ("LUT6_2", "{I5, ", "{1'h1, "),
    ],
)
def test_an_equation_that_reads_another_entry_is_found(
    tmp_path: Path, name: str, right: str, wrong: str
) -> None:
    assert right in as_module(name)
    with pytest.raises(ToolFailed, match="SAT proof finished - model found: FAIL|proof did fail"):
        _prove(tmp_path, {name: as_module(name).replace(right, wrong)})


def test_a_netlist_gets_equations_for_its_luts_and_only_the_models_that_it_names() -> None:
    netlist = (
        "module top(a, y);\n"
        "  LUT2 #(\n    .INIT(4'h8)\n  ) _1_ (\n    .I0(\\a[1] ),\n    .I1(a),\n    .O(y)\n  );\n"
        "  LUT6_2 #(\n    .INIT(64'h8)\n  ) \\u.x  (\n    .I0(a),\n    .O5(z),\n    .O6()\n  );\n"
        "  CARRY8 \\u_adder.u_carry  (\n    .CI(1'h0)\n  );\nendmodule\n"
    )
    text = simulation_text(netlist, vendor_file().read_text())
    assert "  assign y = 4'h8 >> {a, \\a[1] };\n" in text
    assert "  assign z = 64'h8 >> {1'h0, 1'h0, 1'h0, 1'h0, 1'h0, a};\n" in text
    assert [line.split("(")[0] for line in text.splitlines() if line.startswith("module")] == [
        "module CARRY8",
        "module top",
    ]
    with pytest.raises(ToolFailed, match="LUT9"):
        simulation_text(netlist.replace("LUT2", "LUT9"), vendor_file().read_text())


def as_module(name: str) -> str:
    """A module with the ports of `vendor_with_ports` around the equations."""
    inputs = [f"I{place}" for place in range(int(name[3]))]
    outputs = ["O6", "O5"] if name == "LUT6_2" else ["O"]
    ports = [f"output {port}" for port in outputs] + [f"input {port}" for port in inputs]
    body = equations(name, "INIT", {port: port for port in (*inputs, *outputs)})
    return f"module {name}(input [{2 ** len(inputs) - 1}:0] INIT, {', '.join(ports)});\n{body}\nendmodule\n"


def _prove(folder: Path, models: dict[str, str]) -> None:
    vendor, script = vendor_file().read_text(), []
    for name, model in models.items():
        (folder / f"{name}_ours.v").write_text(model.replace(f"module {name}(", f"module {name}_ours("))
        (folder / f"{name}_theirs.v").write_text(
            vendor_with_ports(name, vendor).replace(f"module {name}(", f"module {name}_theirs(")
        )
        script += [
            f"read_verilog {name}_ours.v {name}_theirs.v",
            "proc",
            f"miter -equiv -flatten -make_outputs {name}_ours {name}_theirs {name}_miter",
            f"sat -verify -prove trigger 0 {name}_miter",
        ]
    (folder / "prove.ys").write_text("\n".join(script) + "\n")
    command = [*toolbox.find(toolbox.YOSYS).command, "prove.ys"]
    toolbox.run(command, cwd=folder, log=folder / "log", name="yosys")


def test_a_line_of_more_tokens_than_a_simulator_takes_is_broken() -> None:
    wide = ", ".join(f"a[{bit}]" for bit in range(40_000))
    text = simulation_text(f"module top(a, y);\n  assign y = {{ {wide} }};\nendmodule\n", "")
    assert max(map(len, text.splitlines())) < 8_000
    assert " ".join(text.split()).count(", ") == 40_000
