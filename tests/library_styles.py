"""The small library in the spelling of known open libraries: five files of one process, quoted names, loads in pF.

Nothing here is a foundry's: names and forms are theirs, every figure is our own.
"""

from __future__ import annotations

import re
from pathlib import Path

import cell_library

# Files of the ASAP7 kind, and which cells lie in each.
FAMILIES = {
    "AO": ("AOI21",),
    "INVBUF": ("INV", "BUF1", "BUF2", "BUF8", "DELAY"),
    "OA": ("XOR2",),
    "SEQ": ("DFF", "DFFR", "GATE"),
    "SIMPLE": ("NAND2", "NOR2", "TIE0", "TIE1"),
}
ASAP_NAMES = {"DFF": "DFFHQNx1", "DFFR": "DFFASRHQNx1", "GATE": "ICGx1", "TIE0": "TIELOx1", "TIE1": "TIEHIx1"}
IHP_NAMES = {"DFF": "dfrbp_0", "DFFR": "dfrbpq_1", "GATE": "lgcp_1", "TIE0": "tielo", "TIE1": "tiehi"}
# Its flip-flops have an inverted output alone, and one with a reset can be set as well.
INVERTED = """\
area : 4.5; cell_leakage_power : 30;
    ff (IQN,IQNN) {{ clocked_on : "CLK"; next_state : "!D"; power_down_function : "(!VDD) + (VSS)"; {more}}}
    pg_pin (VDD) {{ pg_type : primary_power; voltage_name : "VDD"; }}
    pin (CLK) {{ direction : "input"; capacitance : 1.0; clock : true; {energy} }}{pins}
    pin (D) {{ direction : "input"; capacitance : 1.0;
      timing () {{ related_pin : "CLK"; timing_type : setup_rising; {constraint} }}
      timing () {{ related_pin : "CLK"; timing_type : hold_rising; {constraint} }}
    }}
    pin (QN) {{ direction : "output"; function : "IQN"; max_capacitance : 60;
      timing () {{ related_pin : "CLK"; timing_type : rising_edge; {delay} }}{arcs}
    }}"""
CLEAR_AND_PRESET = 'clear : "!SETN"; preset : "!RESETN"; clear_preset_var1 : "L"; clear_preset_var2 : "L"; '


def asap7(folder: Path) -> tuple[Path, ...]:
    """Five files in ps and fF; complex attributes end without a semicolon."""
    cells = {name: _body(name) for name in sum(FAMILIES.values(), ())}
    cells["DFF"] = _inverted("", "", "")
    asynchronous = f"timing_sense : positive_unate; {cell_library.DELAY}"
    cells["DFFR"] = _inverted(
        CLEAR_AND_PRESET,
        "".join(
            f'\n    pin ({pin}) {{ direction : "input"; capacitance : 1.0; }}' for pin in ("RESETN", "SETN")
        ),
        f' timing () {{ related_pin : "SETN"; timing_type : clear; {asynchronous} }}'
        f' timing () {{ related_pin : "RESETN"; timing_type : preset; {asynchronous} }}',
    )
    cells["GATE"] = (
        cells["GATE"]
        .replace('"latch_posedge"', '"latch_posedge_precontrol"')
        .replace(
            "pin (GCK)",
            "pin (SE) { direction : input; capacitance : 0.9; clock_gate_test_pin : true; }\n    pin (GCK)",
        )
    )
    made = []
    for family, names in FAMILIES.items():
        header = cell_library.HEADER.replace("(tiny)", f"(asap_like_{family}_RVT_TT)")
        body = "\n".join(
            f"  cell ({ASAP_NAMES.get(name, name)}_ASAP_75t_R) {{ {cells[name]} }}" for name in names
        )
        text = in_picoseconds(f"{header}\n  voltage_map (VDD, 1.1);\n{body}\n}}\n")
        path = folder / f"asap_like_{family}.lib"
        path.write_text(re.sub(r"\)\s*;", ")\n", text))
        made.append(path)
    return tuple(made)


def sky130(folder: Path) -> Path:
    """One file, quoted names of groups, power pins, power-domain cells beside the others."""
    text = re.sub(r"cell \((\w+)\)", r'cell ("tiny_fd_sc_hd__\1_1")', cell_library.text())
    text = re.sub(r" pin \((\w+)\)", r' pin ("\1")', text).replace("direction : input", 'direction : "input"')
    pins = ' pg_pin ("VGND") { pg_type : "primary_ground"; voltage_name : "VGND"; }'
    text = re.sub(r"(area : [\d.]+);", rf"\1;{pins}", text)
    path = folder / "tiny_fd_sc_hd__tt_025C_1v80.lib"
    path.write_text(in_picofarads(text))
    return path


def ihp(folder: Path) -> Path:
    """One file with CRLF line ends, loads in pF, and a name of its own for every kind of cell."""
    names = cell_library.text()
    for old, new in IHP_NAMES.items():
        names = names.replace(f"cell ({old})", f"cell ({new})")
    text = re.sub(r"cell \((\w+)\)", r"cell (tiny13g2_\1)", names)
    path = folder / "tiny13g2_stdcell_typ_1p20V_25C.lib"
    path.write_bytes(in_picofarads(text).replace("\n", "\r\n").encode())
    return path


def in_picoseconds(text: str) -> str:
    text = re.sub(
        r"\((?:delay|constraint)\) \{ values \([^()]*\)", lambda found: scaled(found[0], 1000), text
    )
    text = text.replace('index_1 ("0.01, 0.5")', 'index_1 ("10, 500")')
    text = text.replace('index_2 ("0.01, 0.5")', 'index_2 ("10, 500")')
    return text.replace("transition : 1.0", "transition : 1000").replace('"1ns"', '"1ps"')


def in_picofarads(text: str) -> str:
    """Energies count in volts squared times the unit of loads."""
    text = re.sub(r"capacitance : [\d.]+", lambda found: scaled(found[0], 1e-3), text)
    text = re.sub(r"\(energy\) \{ values \([^()]*\)", lambda found: scaled(found[0], 1e-3), text)
    return text.replace("(1, ff)", "(1, pf)").replace('index_2 ("1, 60")', 'index_2 ("0.001, 0.06")')


def scaled(text: str, factor: float) -> str:
    return re.sub(r"\d+\.?\d*", lambda found: f"{float(found[0]) * factor:g}", text)


def _body(name: str) -> str:
    found = re.search(
        rf"^  cell \({name}\) \{{ (.*?) \}}(?=\n  cell|\n\}})", cell_library.text(), re.MULTILINE | re.DOTALL
    )
    assert found is not None
    return found[1]


def _inverted(more: str, pins: str, arcs: str) -> str:
    return INVERTED.format(
        more=more,
        pins=pins,
        arcs=arcs,
        energy=cell_library.CLOCK_ENERGY,
        constraint=cell_library.CONSTRAINT,
        delay=cell_library.DELAY,
    )
