"""What nextpnr left, in cells of the vendor's library: every form of a cell, and what is no design of ours."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from quweit_cli.errors import ToolFailed
from quweit_cli.simulators.cell_models import simulation_text, vendor_models
from quweit_cli.synthesizers.nextpnr.netlists import netlist
from quweit_cli.technologies import ECP5, ICE40, Joined, PlacedCell, Primitive, Technology

NO_FLAGS = dict.fromkeys(
    "CIN_SET CIN_CONST ASYNC_SR SET_NORESET DFF_ENABLE CARRY_ENABLE NEG_CLK".split(), "0"
)
PINS = {name: name.lower() for name in "I0 I1 I2 I3 O CLK CEN SR CIN COUT".split()}


def meaning(
    technology: Technology, kind: str, parameters: Mapping[str, str], pins: Mapping[str, str]
) -> list[Primitive | Joined]:
    assert technology.routing is not None
    return list(technology.routing.meaning(PlacedCell("c1", kind, parameters, pins)))


def logic_cell(*flags: str, without: tuple[str, ...] = ()) -> list[Primitive | Joined]:
    parameters = NO_FLAGS | {"LUT_INIT": "1" * 15 + "0"} | dict.fromkeys(flags, "1")
    return meaning(
        ICE40, "ICESTORM_LC", parameters, {pin: net for pin, net in PINS.items() if pin not in without}
    )


def test_every_flip_flop_of_an_ice40_has_a_model() -> None:
    models, names = vendor_models(ICE40.cells), set()
    for negative, at_once, sets in itertools.product((False, True), repeat=3):
        for without in ((), ("CEN",), ("SR",), ("CEN", "SR")):
            flags = [
                name
                for name, on in (("NEG_CLK", negative), ("ASYNC_SR", at_once), ("SET_NORESET", sets))
                if on
            ]
            *_, flip_flop = logic_cell("DFF_ENABLE", *flags, without=without)
            assert isinstance(flip_flop, Primitive)
            ports = models[flip_flop.cell].partition(");")[0]
            assert all(f" {pin}" in ports for pin in flip_flop.pins), flip_flop
            names.add(flip_flop.cell)
    assert names == {name for name in ICE40.cells.resources.ffs if name in models}


def test_a_carry_takes_what_comes_before_it_or_a_constant() -> None:
    carry, lut = logic_cell("CARRY_ENABLE")
    assert carry == Primitive("SB_CARRY", {}, {"I0": "i1", "I1": "i2", "CI": "cin", "CO": "cout"})
    assert lut.parameters == {"LUT_INIT": "16'hfffe"} and lut.pins["O"] == "o"  # type: ignore[union-attr]
    (carry,) = logic_cell("CARRY_ENABLE", "CIN_CONST", "CIN_SET", without=("O", "I1"))
    assert isinstance(carry, Primitive) and (carry.pins["CI"], carry.pins["I0"]) == ("1'h1", "1'h0")


def test_a_half_of_a_slice_is_a_lut_with_a_carry_or_a_multiplexer() -> None:
    pins = {name: name.lower() for name in "A B M F FCI FCO OFX F1 FXA FXB".split()}
    parameters = {"INITVAL": "1001011010101010", "MODE": "CCU2", "CCU2_INJECT1": "NO"}
    made = meaning(ECP5, "TRELLIS_COMB", parameters, {name: pins[name] for name in ("A", "FCI", "FCO", "F")})
    whole, low, answer, carry = made
    assert isinstance(whole, Primitive) and isinstance(low, Primitive)
    assert (whole.pins["A"], whole.pins["B"]) == ("a", "1'h1")  # what is open reads 1
    assert low.parameters == {"INIT": "16'h000a"}
    assert answer == Joined("f", "c1_lut ^ fci")
    assert carry == Joined("fco", "~c1_lut & c1_low | c1_lut & fci")
    five = {name: pins[name] for name in ("A", "B", "M", "OFX", "F1", "F")}
    *_, mux = meaning(ECP5, "TRELLIS_COMB", {"INITVAL": "0" * 16}, five)
    assert mux == Primitive("PFUMX", {}, {"ALUT": "f1", "BLUT": "f", "C0": "m", "Z": "ofx"})
    six = {name: pins[name] for name in ("A", "M", "OFX", "FXA", "FXB")}
    *_, mux = meaning(ECP5, "TRELLIS_COMB", {"INITVAL": "0" * 16}, six)
    assert mux == Primitive("L6MUX21", {}, {"D0": "fxa", "D1": "fxb", "SD": "m", "Z": "ofx"})


def test_a_flip_flop_takes_from_the_lut_or_from_elsewhere() -> None:
    pins = {"CLK": "clk", "CE": "ce", "DI": "di", "M": "m", "Q": "q"}
    for select, source in (("1", "di"), ("0", "m")):
        (made,) = meaning(ECP5, "TRELLIS_FF", {"SD": select, "CEMUX": "INV"}, pins)
        assert isinstance(made, Primitive)
        assert made.pins["DI"] == source and made.parameters == {"CEMUX": '"INV"'}


def written(folder: Path, cells: Any, ports: Any = None) -> Path:
    wanted = {"aclk": {"direction": "input", "bits": [2]}, "y": {"direction": "output", "bits": [3, "0"]}}
    content = {"modules": {"top": {"ports": wanted if ports is None else ports, "cells": cells}}}
    path = folder / "routed.json"
    path.write_text(json.dumps(content))
    return path


BUFFER = {"type": "SB_GB", "parameters": {}}
JOINED = BUFFER | {"connections": {"GLOBAL_BUFFER_OUTPUT": [3], "USER_SIGNAL_TO_GLOBAL_BUFFER": [2]}}


def test_names_of_nextpnr_do_not_reach_the_text(tmp_path: Path) -> None:
    assert ICE40.routing is not None
    text = netlist(written(tmp_path, {"x; initial $finish;": JOINED}), "top", ICE40.routing)
    assert text is not None and "finish" not in text
    assert "assign n3 = n2;" in text and "assign y[1] = 1'h0;" in text
    assert simulation_text(text, ICE40.cells).strip() == text.strip()


def test_a_cell_without_a_meaning_leaves_no_netlist(tmp_path: Path) -> None:
    assert ICE40.routing is not None and ECP5.routing is not None
    odd = {"type": "ICESTORM_RAM", "parameters": {}, "connections": {}}
    assert netlist(written(tmp_path, {"a": odd}), "top", ICE40.routing) is None
    memory = {"type": "TRELLIS_COMB", "parameters": {"MODE": "DPRAM"}, "connections": {}}
    assert netlist(written(tmp_path, {"a": memory}), "top", ECP5.routing) is None


@pytest.mark.parametrize(
    ("cells", "ports"),
    [
        ({}, {"x;y": {"direction": "input", "bits": [2]}}),
        ({}, {"x": {"direction": "inout", "bits": [2]}}),
        ({}, {"x": {"direction": "input", "bits": ["n2; initial"]}}),
        ({"a": BUFFER}, None),
        ({"a": BUFFER | {"connections": {}}}, None),
        ({"a": JOINED | {"type": "SB_IO"}}, None),
        ({"a": JOINED | {"type": "SB_IO", "parameters": {"PIN_TYPE": "x"}}}, None),
        ([], None),
    ],
)
def test_what_nextpnr_does_not_write_is_a_failed_tool(cells: Any, ports: Any, tmp_path: Path) -> None:
    assert ICE40.routing is not None
    with pytest.raises(ToolFailed, match=r"left no netlist of the design in `routed\.json`"):
        netlist(written(tmp_path, cells, ports), "top", ICE40.routing)


def test_no_file_is_a_failed_tool(tmp_path: Path) -> None:
    assert ICE40.routing is not None
    with pytest.raises(ToolFailed):
        netlist(tmp_path / "routed.json", "top", ICE40.routing)
