"""The reset is asynchronous, and every register of control that needs it has one: the bench finds each that does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from arrays import project_with_arrays, simulate
from cases import few
from programs import project_with_dump, random_block
from quweit_cli import config, toolbox
from quweit_cli.artifacts import load
from quweit_cli.documents import Form, RtlManifest, SimRun
from quweit_cli.errors import CheckFailed, Mismatch
from quweit_cli.ir.nodes.tokens import Neighbourhood
from quweit_cli.simulators import row_designs, simulator
from quweit_cli.stages import rtl

SENSITIVE = "@(posedge clk_i or negedge rst_ni)"
# Nobody sees them: a stale mark is offered with no beat.
EQUIVALENT = {"y_last_o"}


def synchronous(text: str) -> Iterator[tuple[str, str]]:
    """Every process with a reset made one that waits for the clock."""
    for found in re.finditer(re.escape(SENSITIVE), text):
        yield (
            f"synchronous, line {text[: found.start()].count(chr(10)) + 1}",
            f"{text[: found.start()]}@(posedge clk_i){text[found.end() :]}",
        )


def without_reset(text: str) -> Iterator[tuple[str, str]]:
    """Every register without its reset, at 0 in the beginning as after power-up: X would tell too soon."""
    for body in re.finditer(r"if \(!rst_ni\)( begin\n.*?\n\s*end else|\s+\w+ <= '0;\n\s*else)", text, re.S):
        for line in re.finditer(r"(\w+)\s*<= [^;]*;", body[0]):
            if line[1] not in EQUIVALENT:
                # A sentence that assigns the register to itself keeps the syntax and the value.
                kept = f"{line[1]} <= {line[1]};"
                start, end = body.start() + line.start(), body.start() + line.end()
                changed = f"{text[:start]}{kept}{text[end:]}"
                place = changed.index("always", changed.index(f"{line[1]};") if "gen_gear" in text else 0)
                yield (
                    f"no reset of {line[1]}",
                    f"{changed[:place]}initial {line[1]} = 0;\n  {changed[place:]}",
                )


def project(folder: Path, kind: str) -> Path:
    if kind == "neighbours":
        program = random_block(26, features=16, layers=(12,), outputs=8)
        made = project_with_dump(folder / "p", program, rows=18, around=Neighbourhood(9, False))
        options = config.Rtl(random_rows=0)
    elif kind == "wrapper":
        program = random_block(24, features=24, thresholds=2, layers=(12,), outputs=24)
        made = project_with_dump(folder / "p", program, rows=8)
        options = config.Rtl(random_rows=0, outputs_per_cycle=1, bus_bytes=7)
    else:
        made = project_with_dump(folder / "p", random_block(26, layers=(12,), outputs=4), rows=8)
        options = config.Rtl(random_rows=0, outputs_per_cycle=1)
    rtl.run(made, options)
    return made


def run(made: Path, form: Form, file: str, text: str | None, tool_name: str = "icarus") -> SimRun:
    """The bench with `text` in place of one file of the design; to the first difference."""
    package = (made / "rtl").resolve()
    manifest = load(RtlManifest, package / "manifest.json")
    subject = row_designs.subjects(package, manifest.blocks[0], 8)[form]
    if text is not None:
        subject = replace(subject, files={**subject.files, file: text})
    tool = simulator(tool_name)
    kept = made / "kept"
    return row_designs.run(subject, package, manifest, tool, toolbox.find(tool.tool), kept, stop_early=True)


MODULES: dict[str, tuple[str, Form, str, int]] = {
    "sequencer": ("block", "rtl", "rtl/quweit_sequencer.sv", 6),
    "bit store": ("block", "rtl", "rtl/quweit_bit_store.sv", 5),
    "memory of neighbours": ("neighbours", "rtl", "rtl/toy_block0_neighbours.sv", 12),
    "gearbox": ("wrapper", "wrapper", "rtl/wrapper/quweit_gearbox.v", 6),
}


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("module", few(MODULES, 2))
def test_a_reset_that_is_synchronous_or_lacks_a_register_is_found(module: str, tmp_path: Path) -> None:
    kind, form, file, least = MODULES[module]
    made = project(tmp_path, kind)
    assert run(made, form, file, None).bit_exact
    text = (made / "rtl" / file).read_text()
    changes = dict([*synchronous(text), *without_reset(text)])
    assert len(changes) >= least, list(changes)
    survived = [what for what, changed in changes.items() if run(made, form, file, changed).bit_exact]
    assert survived == []


@pytest.mark.requires("verilator")
def test_a_simulator_of_two_states_finds_a_synchronous_reset_too(tmp_path: Path) -> None:
    made, file = project(tmp_path, "block"), "rtl/quweit_sequencer.sv"
    changed = (made / "rtl" / file).read_text().replace(SENSITIVE, "@(posedge clk_i)")
    found = run(made, "rtl", file, changed, "verilator")
    assert not found.bit_exact and "reset" in str([*found.failures, *found.differences])


@pytest.mark.requires("icarus")
@pytest.mark.parametrize(
    ("file", "size"), [("quweit_systolic_control.sv", 8), ("quweit_operand_buffer.sv", 16)]
)
def test_an_array_that_is_reset_with_the_clock_is_found(file: str, size: int, tmp_path: Path) -> None:
    asynchronous = " or negedge rst_ni) begin\n    if (!rst_ni) begin"
    change = (f"rtl/{file}", asynchronous, ") begin\n    if (!rst_ni) begin")
    with pytest.raises((CheckFailed, Mismatch), match="while reset without a clock"):
        simulate(project_with_arrays(tmp_path / "p", 8, [(size, size, size)], change=change), "icarus")


@pytest.mark.requires("icarus")
@pytest.mark.parametrize("register", ["busy_q  ", "first_q  ", "pending_q  ", "valid_line_q  "])
def test_an_array_with_a_register_that_is_not_reset_is_found(register: str, tmp_path: Path) -> None:
    name = register.strip()
    text = (Path(__file__).parents[2] / "templates/array/quweit_systolic_control.sv").read_text()
    line = next(one for one in text.splitlines() if re.match(rf"\s+{name}\s+<= ('0|1'b.);", one))
    change = ("rtl/quweit_systolic_control.sv", line, "")
    with pytest.raises((CheckFailed, Mismatch)):
        simulate(project_with_arrays(tmp_path / "p", 8, [(8, 8, 8)], change=change), "icarus")
