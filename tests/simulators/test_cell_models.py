"""The cells that netlists are simulated with are the vendor's: proven for every content by Yosys, and with unknown inputs on Icarus."""

from __future__ import annotations

import itertools
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from quweit_cli import toolbox
from quweit_cli.errors import ToolFailed
from quweit_cli.simulators.cell_models import equations, simulation_text, vendor_models, vendor_with_ports
from quweit_cli.simulators.lut_primitives import Primitives, prime_implicants
from quweit_cli.technologies import Cells
from quweit_cli.technologies.amd import LUT6
from quweit_cli.technologies.lattice import LUT4

VENDORS = pytest.mark.parametrize("cells", [LUT6, LUT4], ids=lambda cells: cells.name)


@pytest.mark.requires("yosys")
@VENDORS
def test_the_equations_of_a_lut_are_the_vendors_lut_for_all_contents(cells: Cells, tmp_path: Path) -> None:
    _prove(tmp_path, {name: as_module(name, cells) for name in cells.luts}, cells)


@pytest.mark.requires("yosys")
@pytest.mark.parametrize(
    ("cells", "name", "right", "wrong"),
    [
        (LUT6, "LUT3", "{I2, I1, I0}", "{I1, I2, I0}"),
        (LUT6, "LUT6_2", "{1'h0, I4", "{I5, I4"),
        (LUT6, "LUT6_2", "{I5, ", "{1'h1, "),
        (LUT4, "LUT4", "{D, C, B, A}", "{A, B, C, D}"),
    ],
)
def test_an_equation_that_reads_another_entry_is_found(
    tmp_path: Path, cells: Cells, name: str, right: str, wrong: str
) -> None:
    assert right in as_module(name, cells)
    with pytest.raises(ToolFailed):
        _prove(tmp_path, {name: as_module(name, cells).replace(right, wrong)}, cells)
    assert "SAT proof finished - model found: FAIL!" in (tmp_path / "log").read_text()


def test_a_netlist_gets_equations_for_its_luts_and_only_the_models_that_it_names() -> None:
    netlist = (
        "module top(a, y);\n"
        "  LUT2 #(\n    .INIT(4'h8)\n  ) _1_ (\n    .I0(\\a[1] ),\n    .I1(a),\n    .O(y)\n  );\n"
        "  LUT6_2 #(\n    .INIT(64'h8)\n  ) \\u.x  (\n    .I0(a),\n    .O5(z),\n    .O6()\n  );\n"
        "  CARRY8 \\u_adder.u_carry  (\n    .CI(1'h0)\n  );\nendmodule\n"
    )
    text = simulation_text(netlist, LUT6)
    assert "  assign y = 4'h8 >> {a, \\a[1] };\n" in text
    assert "  assign z = 64'h8 >> {1'h0, 1'h0, 1'h0, 1'h0, 1'h0, a};\n" in text
    assert [line.split("(")[0] for line in text.splitlines() if line.startswith("module")] == [
        "module CARRY8",
        "module top",
    ]
    unknowns = simulation_text(netlist, LUT6, four_state=True)
    assert "  quweit_lut2_8 (y, \\a[1] , a);\n" in unknowns and "  quweit_lut1_0 (z, a);\n" in unknowns
    assert ">>" not in unknowns and unknowns.count("\nendprimitive") == 2
    with pytest.raises(ToolFailed, match="LUT9"):
        simulation_text(netlist.replace("LUT2", "LUT9"), LUT6)


def _tables(cells: Cells) -> list[tuple[str, int]]:
    """All tables of one and two inputs, and of the wider ones constants, single entries, and random ones, dense and sparse."""
    drawn = random.Random(0)
    sizes = {name: 2 ** len(lut.inputs) for name, lut in cells.luts.items()}
    tables = [(name, table) for name, size in sizes.items() if size <= 4 for table in range(2**size)]
    for name, size in sizes.items():
        if size <= 4:
            continue
        tables += [(name, table) for table in (0, 2**size - 1, 1, 1 << (size - 1))]
        tables += [(name, drawn.getrandbits(size) & drawn.getrandbits(size)) for _ in range(3)]
        tables += [(name, drawn.getrandbits(size)) for _ in range(3)]
    return tables


def _compare_with_unknowns(folder: Path, cells: Cells, primitives: Callable[[str], str] = str) -> str:
    """What Icarus prints of our LUTs beside the vendor's, for every combination of 0, 1 and X at their pins."""
    made, body, checks = Primitives(), ["reg [5:0] i;"], []
    for number, (name, table) in enumerate(_tables(cells)):
        lut = cells.luts[name]
        pins = {pin: f"i[{place}]" for place, pin in enumerate(lut.inputs)}
        outputs = lut.outputs
        ours, theirs = ({one: f"{who}{number}_{one}" for one in outputs} for who in ("ours", "theirs"))
        contents = f"{2 ** len(pins)}'h{table:x}"
        ports = ", ".join(f".{port}({wire})" for port, wire in (theirs | pins).items())
        body.append(f"wire {', '.join([*ours.values(), *theirs.values()])};")
        body += [
            made.instances(lut, contents, pins | ours),
            f"{name} #(.INIT({contents})) u{number} ({ports});",
        ]
        checks += [
            f'if ({ours[one]} !== {theirs[one]}) $display("{name} {contents} %b: %b, theirs %b", i, {ours[one]}, {theirs[one]});'
            for one in outputs
        ]
    steps = [f"i = 6'b{''.join(six)}; #1 check;" for six in itertools.product("01x", repeat=6)]
    body += ["task check; begin", *checks, "end endtask", "initial begin", *steps, '$display("done");', "end"]
    vendor = vendor_models(cells)
    models = [vendor[name] for name in cells.luts]
    (folder / "bench.v").write_text(
        "\n".join([primitives("\n".join(made.texts())), *models, "module bench;", *body, "endmodule\n"])
    )
    subprocess.run(["iverilog", "-g2012", "-o", "bench.vvp", "bench.v"], cwd=folder, check=True)
    return subprocess.run(["vvp", "bench.vvp"], cwd=folder, check=True, text=True, capture_output=True).stdout


@pytest.mark.requires("icarus", "yosys")
@VENDORS
def test_primitives_are_the_vendors_luts_with_unknown_inputs_too(cells: Cells, tmp_path: Path) -> None:
    assert _compare_with_unknowns(tmp_path, cells) == "done\n"


@pytest.mark.requires("icarus", "yosys")
def test_a_primitive_that_lacks_a_prime_implicant_is_found(tmp_path: Path) -> None:
    """A table of ones that lists its two addresses apart does not answer an unknown one."""
    printed = _compare_with_unknowns(
        tmp_path, LUT6, lambda text: text.replace("\n    ? : 1;", "\n    0 : 1;\n    1 : 1;")
    )
    assert "LUT1 2'h3 xxxxxx: x, theirs 1" in printed


def test_prime_implicants_are_the_largest_cubes_of_ones() -> None:
    assert prime_implicants(0b1110, 2) == {"1?", "?1"}
    assert prime_implicants(0, 3) == set() and prime_implicants(0xFF, 3) == {"???"}
    # A multiplexer: its data inputs agree at the third, though no address needs it.
    assert prime_implicants(0b11001010, 3) == {"0?1", "11?", "?11"}


def as_module(name: str, cells: Cells) -> str:
    """A module with the ports of `vendor_with_ports` around the equations."""
    lut = cells.luts[name]
    ports = [f"output {port}" for port in lut.outputs] + [f"input {port}" for port in lut.inputs]
    body = equations(lut, "INIT", {port: port for port in (*lut.inputs, *lut.outputs)})
    return (
        f"module {name}(input [{2 ** len(lut.inputs) - 1}:0] INIT, {', '.join(ports)});\n{body}\nendmodule\n"
    )


def _prove(folder: Path, models: dict[str, str], cells: Cells) -> None:
    script = []
    for name, model in models.items():
        (folder / f"{name}_ours.v").write_text(model.replace(f"module {name}(", f"module {name}_ours("))
        (folder / f"{name}_theirs.v").write_text(
            vendor_with_ports(name, cells).replace(f"module {name}(", f"module {name}_theirs(")
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
    text = simulation_text(f"module top(a, y);\n  assign y = {{ {wide} }};\nendmodule\n", LUT6)
    assert max(map(len, text.splitlines())) < 8_000
    assert " ".join(text.split()).count(", ") == 40_000
